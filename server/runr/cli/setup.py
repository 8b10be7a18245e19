"""Commands that set a repository up and look after it."""

import shutil
import sys

import click

from runr.app import claude_install, git_hooks, restore
from runr.app import doctor as health
from runr.app import init as initial
from runr.app.doctor import Health
from runr.app.installed import Installed
from runr.cli import render
from runr.cli.surface import Surface, command
from runr.errors import ExitCode
from runr.git.repo import Repo


@command("init")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
def init(surface: Surface, *, dry_run: bool) -> None:
    """Set this repository up: folders, settings with detected checks, an example task."""
    surface.show(initial.init(surface.project(), dry_run=dry_run), render.done)


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
@click.argument("what", type=click.Choice(["claude", "git-hooks"]))
@click.option("--print", "only_print", is_flag=True, help="Show what would be written; write none.")
@click.option("--uninstall", is_flag=True, help="Take out exactly what was put in.")
@click.option("--force", is_flag=True, help="Replace an entry `runr` that is not runr's own.")
def install(surface: Surface, what: str, *, only_print: bool, uninstall: bool, force: bool) -> None:
    """Set up Claude Code in this repository, or the git hooks that say where a commit came from."""
    if what == "git-hooks":
        answer = _git_hooks(surface.project().repo, only_print=only_print, uninstall=uninstall)
    elif uninstall:
        answer = claude_install.uninstall(surface.project().layout.root)
    else:
        root = surface.project().layout.root
        answer = claude_install.install(root, command=_own_command(), force=force)
    surface.show(answer, _installed)


def _git_hooks(repo: Repo, *, only_print: bool, uninstall: bool) -> Installed:
    if only_print:
        return git_hooks.preview(repo, python=sys.executable)
    if uninstall:
        return git_hooks.uninstall(repo)
    return git_hooks.install(repo, python=sys.executable)


def _own_command() -> list[str]:
    """Return how this very runr serves MCP, started from any folder."""
    return ["runr", "mcp"] if shutil.which("runr") else [sys.executable, "-m", "runr", "mcp"]


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
