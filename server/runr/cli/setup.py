"""Commands that set a repository up and look after it."""

import os
import shutil
import sys

import click

from runr.app import doctor as health
from runr.app import init as initial
from runr.app import restore, share
from runr.app.doctor import Health
from runr.app.install import claude, git_hooks
from runr.app.install import claude_places as places
from runr.app.install.installed import Installed
from runr.cli import render
from runr.cli.surface import Surface, command
from runr.errors import ExitCode, UsageError
from runr.git.repo import Repo


@command("init")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--shared", is_flag=True, help="Put the status file into git, merged task by task.")
def init(surface: Surface, *, dry_run: bool, shared: bool) -> None:
    """Set this repository up: folders, settings with detected checks, an example task."""
    answer = initial.init(surface.project(), dry_run=dry_run, shared=shared)
    surface.show(answer, render.done)


@command("rebuild")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def rebuild(surface: Surface, *, dry_run: bool) -> None:
    """Make the status file again from runs and commits, and the cache from the task files."""
    surface.show(restore.restore(surface.project(), dry_run=dry_run), render.done)


@command("doctor")
def doctor(surface: Surface) -> int:
    """Look whether everything that runr needs is there."""
    answer = health.examine(surface.project())
    surface.show(answer, _health)
    return ExitCode.DONE if answer.well else ExitCode.FAILED


@command("install")
@click.argument("what", type=click.Choice(["claude", "git-hooks", "merge-driver"]))
@click.option("--project", "where", flag_value="project", help="In this repository (the default).")
@click.option("--user", "where", flag_value="user", help="For you, in every repository.")
@click.option("--print", "only_print", is_flag=True, help="Show what would be written; write none.")
@click.option("--uninstall", is_flag=True, help="Take out exactly what was put in.")
@click.option("--force", is_flag=True, help="Replace what is there and is not runr's own.")
def install(
    surface: Surface,
    what: str,
    *,
    where: str | None,
    only_print: bool,
    uninstall: bool,
    force: bool,
) -> None:
    """Set up Claude Code, or the git hooks that say where a commit came from."""
    if what == "git-hooks" and where == "user":
        raise UsageError("git hooks are installed in one repository, not for a user")
    if what == "merge-driver":
        project = surface.project()
        done = share.uninstall(project) if uninstall else share.install(project, dry_run=only_print)
        surface.show(done, render.done)
        return
    if what == "git-hooks":
        answer = _git_hooks(surface.project().repo, only_print=only_print, uninstall=uninstall)
    elif where == "user":
        answer = _for_user(only_print=only_print, uninstall=uninstall, force=force)
    elif uninstall:
        answer = claude.uninstall_project(surface.project())
    else:
        root = surface.project().layout.root
        own = _own_command()
        answer = claude.install(root, command=own, force=force, only_print=only_print)
    surface.show(answer, _installed)


def _git_hooks(repo: Repo, *, only_print: bool, uninstall: bool) -> Installed:
    if only_print:
        return git_hooks.preview(repo, python=sys.executable)
    if uninstall:
        return git_hooks.uninstall(repo)
    return git_hooks.install(repo, python=sys.executable)


def _for_user(*, only_print: bool, uninstall: bool, force: bool) -> Installed:
    config = places.user_folder(os.environ)
    if uninstall:
        return claude.uninstall_user(config)
    found = shutil.which("runr")
    return claude.install_user(config, found=found, force=force, only_print=only_print)


def _own_command() -> list[str]:
    """Return how this very runr is started, from any folder."""
    return ["runr"] if shutil.which("runr") else [sys.executable, "-m", "runr"]


def _installed(answer: Installed) -> str:
    if answer.previews:
        shown = [line for each in answer.previews for line in (f"# {each.path}", each.text)]
        return "\n".join([*shown, *(f"note: {note}" for note in answer.notes)])
    lines = [f"  {path}" for path in answer.changed]
    head = "changed:" if lines else "Nothing to do."
    notes = [f"  note: {note}" for note in answer.notes]
    steps = ["Next:", *(f"  {step}" for step in answer.next)] if answer.next else []
    return "\n".join([head, *lines, *notes, *steps])


def _health(answer: Health) -> str:
    signs = {"ok": ("✓", "green"), "note": ("•", "yellow"), "bad": ("✗", "red")}
    lines = []
    for found in answer.findings:
        sign, colour = signs[found.state]
        lines.append(f"{click.style(sign, fg=colour)} {found.name}: {found.told}")
        if found.advice:
            lines.append(f"    {found.advice}")
    return "\n".join(lines)
