"""Commands that set up a repository and check the installation."""

import os
import shutil
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from runr.cli import console
from runr.cli.app import Invocation, command, task_names
from runr.cli.console import Choice, style
from runr.errors import ExitCode, RepositoryError, UsageError
from runr.git.repo import Repo
from runr.history import rebuild as history_rebuild
from runr.maintenance import merge_driver
from runr.next_steps import commands
from runr.next_steps.setup import after_install_preview
from runr.query.models import Kind
from runr.setup import claude_plugin, client_install, git_hooks
from runr.setup import init as setup_init
from runr.setup import new_task as setup_new_task
from runr.setup.claude_plugin import user_folder
from runr.setup.client_install import ClientPlace
from runr.setup.clients import CLIENTS
from runr.setup.doctor import check_health
from runr.setup.doctor_checks import DoctorReport
from runr.setup.install_plan import InstallResult
from runr.setup.new_task import NewRequest, TemplateList
from runr.setup.workers import WorkerList, WorkerSummary, add_worker, list_workers
from runr.tasks.templates import MEANINGS


@command("new")
@click.argument("name", metavar="TASK", required=False)
@click.option(
    "--template",
    metavar="NAME",
    default="feature",
    help=f"{', '.join(MEANINGS)}, or one of your own.",
)
@click.option("--title", help="Title; used for the file name if TASK is omitted.")
@click.option("--type", "type", type=Choice(get_args(Kind)), help="Task type.")
@click.option(
    "--depends-on",
    metavar="TASK",
    multiple=True,
    shell_complete=task_names,
    help="Task that must be completed first; repeatable.",
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag to add; repeatable.")
@click.option("--edit", is_flag=True, help="Open the file in $VISUAL or $EDITOR, then check it.")
@click.option("--list-templates", is_flag=True, help="List the templates.")
def new(invocation: Invocation, *, list_templates: bool, **options: object) -> None:
    """Create a task file from a template."""
    project = invocation.project()
    if list_templates:
        invocation.show(setup_new_task.templates(project), _templates)
    else:
        invocation.show(
            setup_new_task.new_task(project, NewRequest.model_validate(options)),
            console.render_result,
        )


def _templates(answer: TemplateList) -> str:
    width = max(len(row.name) for row in answer.templates)
    rows = [f"  {row.name:<{width}}  {row.meaning}" for row in answer.templates]
    use = commands.new("first-task", "--template", answer.templates[0].name)
    return "\n".join(["Templates:", *rows, *console.render_next_steps(console.written([use]))])


@command("init")
@click.option("--dry-run", is_flag=True, help="Show what would be written, without writing it.")
@click.option(
    "--shared",
    is_flag=True,
    help="Commit the status file, with a merge driver that merges it task by task.",
)
def init(invocation: Invocation, *, dry_run: bool, shared: bool) -> None:
    """Set up this repository.

    Creates .runr with settings, the checks that were detected, and an example task.
    """
    answer = setup_init.init(invocation.project(), dry_run=dry_run, shared=shared)
    invocation.show(answer, console.render_result)


@command("rebuild")
@click.option("--dry-run", is_flag=True, help="Show what would change, without changing it.")
def rebuild(invocation: Invocation, *, dry_run: bool) -> None:
    """Rebuild the status file, the cache and the history.

    The status file is rebuilt from runs and commits, the cache from the task files, the history
    from the journals.
    """
    invocation.show(
        history_rebuild.rebuild(invocation.project(), dry_run=dry_run), console.render_result
    )


@command("doctor", reports_settings=True)
def doctor(invocation: Invocation) -> int:
    """Check the installation and the settings."""
    answer = check_health(invocation.project())
    invocation.show(answer, _health)
    return ExitCode.DONE if answer.passed else ExitCode.FAILED


@command("install")
@click.argument("what", type=Choice(["claude", *CLIENTS, "git-hooks", "merge-driver"]))
@click.option(
    "--project", "where", flag_value="project", help="Install for this repository (the default)."
)
@click.option(
    "--user", "where", flag_value="user", help="Install for your user, in every repository."
)
@click.option(
    "--print",
    "--dry-run",
    "only_print",
    is_flag=True,
    help="Show what would be written, without writing it.",
)
@click.option("--uninstall", is_flag=True, help="Remove exactly what was installed.")
@click.option("--force", is_flag=True, help="Replace files that were not installed by runr.")
@click.option(
    "--required",
    is_flag=True,
    help="Codex does not start without runr. With --user it never does.",
)
def install(
    invocation: Invocation,
    what: str,
    *,
    where: str | None,
    only_print: bool,
    uninstall: bool,
    force: bool,
    required: bool,
) -> None:
    """Install runr into an MCP client, or git hooks.

    Claude Code gets a skill, hooks and the MCP server, the other clients the server. The git hooks
    add the run's trailers to commits; the merge driver merges the status file.
    """
    _refuse_options(what, for_user=where == "user", required=required)
    if only_print and uninstall and what not in CLIENTS:
        raise UsageError(f"what is removed of {what} is not shown before: omit --print")
    if not only_print:
        _refuse_inside(invocation)
    steps = (
        after_install_preview(what, force=force, where=where, required=required)
        if only_print and not uninstall
        else ()
    )
    again = console.written(steps)
    if what == "merge-driver":
        project = invocation.project()
        done = (
            merge_driver.uninstall(project)
            if uninstall
            else merge_driver.install(project, dry_run=only_print)
        )
        again = again if done.changed else []
        invocation.show(replace(done, next_steps=again), console.render_result)
        return
    if what in CLIENTS:
        answer = _client(
            invocation,
            what,
            user=where == "user",
            only_print=only_print,
            uninstall=uninstall,
            force=force,
            required=required,
        )
    elif what == "git-hooks":
        answer = _git_hooks(invocation.project().repo, only_print=only_print, uninstall=uninstall)
    elif where == "user":
        answer = _for_user(only_print=only_print, uninstall=uninstall, force=force)
    elif uninstall:
        answer = claude_plugin.uninstall_project(invocation.project())
    else:
        root = invocation.project().layout.root
        own = _own_command()
        answer = claude_plugin.install(root, command=own, force=force, only_print=only_print)
    if answer.previews and again:
        answer = replace(answer, next_steps=again)
    invocation.show(answer, _installed)


def _refuse_options(what: str, *, for_user: bool, required: bool) -> None:
    if what == "git-hooks" and for_user:
        raise UsageError("git hooks are installed for one repository, not for a user")
    if required and what != "codex":
        raise UsageError("--required is for codex: no other client has such a setting")


def _refuse_inside(invocation: Invocation) -> None:
    # For a user, runr is installed anywhere.
    with suppress(RepositoryError):
        invocation.project().refuse_inside("a run does not change what is installed")


def _git_hooks(repo: Repo, *, only_print: bool, uninstall: bool) -> InstallResult:
    if only_print:
        return git_hooks.preview(repo, python=sys.executable)
    if uninstall:
        return git_hooks.uninstall(repo)
    return git_hooks.install(repo, python=sys.executable)


def _for_user(*, only_print: bool, uninstall: bool, force: bool) -> InstallResult:
    config = user_folder(os.environ)
    if uninstall:
        return claude_plugin.uninstall_user(config)
    found = shutil.which("runr")
    return claude_plugin.install_user(config, found=found, force=force, only_print=only_print)


def _client(
    invocation: Invocation,
    what: str,
    *,
    user: bool,
    only_print: bool,
    uninstall: bool,
    force: bool,
    required: bool,
) -> InstallResult:
    root = None
    if not user or CLIENTS[what].project is None:
        root = invocation.project().layout.root
    place = ClientPlace.find(what, root, os.environ, user=user)
    if uninstall:
        return client_install.uninstall(place, only_print=only_print)
    # The repository's settings are also for those who have no runr.
    required = required or (user and what == "codex")
    entry = place.client.entry(_own_command(absolute=user), root=root, required=required)
    return client_install.install(place, entry, force=force, only_print=only_print)


def _own_command(*, absolute: bool = False) -> list[str]:
    """Return the command that starts this installation from any directory.

    Settings of the user stay on this machine: with `absolute` they name the path, since
    applications with a window have another PATH than a shell.
    """
    found = shutil.which("runr")
    if found and absolute:
        return [str(Path(found).absolute())]
    return ["runr"] if found else [sys.executable, "-P", "-m", "runr"]


def _installed(answer: InstallResult) -> str:
    if answer.previews:
        shown = [line for each in answer.previews for line in (f"# {each.path}", each.text)]
        notes = [f"note: {note}" for note in answer.notes]
        return "\n".join([*shown, *notes, *console.render_next_steps(answer.next_steps)])
    lines = [f"  {path}" for path in answer.changed]
    head = "changed:" if lines else "Nothing to do."
    notes = [f"  note: {note}" for note in answer.notes]
    steps = console.render_next_steps(answer.next_steps)
    return "\n".join([head, *lines, *notes, *steps])


def _health(answer: DoctorReport) -> str:
    signs = {"ok": ("✓", "green"), "note": ("•", "yellow"), "bad": ("✗", "red")}
    lines = []
    for found in answer.health_checks:
        sign, colour = signs[found.state]
        lines.append(f"{style(sign, fg=colour)} {found.name}: {found.message}")
        if found.advice:
            lines.append(f"    {found.advice}")
    return "\n".join(lines)


@command("workers")
@click.argument("words", nargs=-1, metavar="[add NAME -- PROGRAM ARGUMENT...]")
def workers(invocation: Invocation, words: tuple[str, ...]) -> None:
    """List or register workers.

    Shows version and login of each worker, without a model call.
    """
    match words:
        case ():
            invocation.show(list_workers(invocation.project()), _list)
        case ("add", name, *program):
            invocation.show(add_worker(invocation.project(), name, program), console.render_result)
        case _:
            raise UsageError(
                f"unknown argument {words[0]!r}: `runr workers` lists them, `workers add` adds one",
                next_steps=[commands.workers(), commands.add_worker("my-agent")],
            )


def _list(answer: WorkerList) -> str:
    width = max(len(row.name) for row in answer.workers)
    return "\n".join(_line(row, width) for row in answer.workers)


def _line(row: WorkerSummary, width: int) -> str:
    steps = "".join(f"\n    {step}" for step in row.next_steps)
    if not row.installed:
        return f"{style('✗', fg='red')} {row.name:<{width}}  {row.message}{steps}"
    facts = [row.version or "", row.path or " ".join(row.command)]
    if row.login is not None:
        facts.append(f"logged in ({row.login})" if row.login else "not logged in")
    facts.append("default" if row.default else "fallback" if row.fallback else "")
    known = row.login != ""
    sign = style("✓", fg="green") if known else style("•", fg="yellow")
    return f"{sign} {row.name:<{width}}  {'; '.join(fact for fact in facts if fact)}{steps}"
