"""The demo: runr's own commands, run in a small repository."""

import os
import shlex
import shutil
import sys
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

import click

from runr.cli import console
from runr.cli.app import Invocation, command
from runr.errors import ExitCode
from runr.git.repo import Repo
from runr.lifecycle import runs
from runr.next_steps import commands
from runr.next_steps.setup import export_path
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.models import CommandResult
from runr.setup.demo import make
from runr.tasks.model import short_name

_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("List the tasks.", ("list-tasks",)),
    (
        "Run the automated tasks; a false done of 01-french is caught in the clean checkout.",
        ("run", "--auto-only"),
    ),
    (
        "Run a hybrid task: after the worker, a person has to review it.",
        ("run", "--task", "02-german"),
    ),
    (
        "Complete it after the review.",
        (
            "complete-task",
            "02-german",
            "--by",
            "Ada",
            "--reason",
            "reviewed, the German is correct",
        ),
    ),
    (
        "Complete a manual task: it is recorded as attested.",
        (
            "complete-task",
            "03-tell-the-team",
            "--by",
            "Ada",
            "--reason",
            "posted it in the channel",
        ),
    ),
    ("Show the status of all tasks.", ("status", "--tasks")),
)


@command("demo")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="Create the repository in this empty directory.",
)
def demo(invocation: Invocation, folder: Path | None) -> int:
    """Try runr in a small repository."""
    root = make(folder).layout.root
    invocation.say(f"A demo repository: {root}")
    for message, words in _STEPS:
        _heading(invocation, message, f"runr {shlex.join(words)}")
        _perform(invocation, root, words)
    log = ("log", "--graph", "--format=%h %s%n%(trailers:only)")
    _heading(invocation, "The record is in the commit trailers.", shlex.join(("git", *log)))
    invocation.say(Repo(root).text(*log).rstrip())
    invocation.show(_next_steps(root), console.render_result)
    return ExitCode.DONE


def _next_steps(root: Path) -> CommandResult:
    """Return the commands that lead on from the run that stopped."""
    known = runs.list_runs(Project.open(root, os.environ), limit=None).runs
    stopped = next(run for run in known if run.status == "stopped")
    name = short_name(stopped.task_path)
    begin = [*_put_on_path(), commands.program("cd", str(root))]
    steps = [*map(str, begin), *stopped.next_steps, str(commands.doctor())]
    message = f"\nThe run of {name} is still stopped: look at it, fix it, resume it."
    return CommandResult(message=message, next_steps=steps)


def _put_on_path() -> list[NextStep]:
    """Return the command without which the shell does not find `runr`; none where it does."""
    if shutil.which("runr"):
        return []
    script = Path(sys.executable).with_name("runr")
    if script.exists():
        return [export_path(str(script.parent))]
    return [commands.program("alias", f"runr={shlex.join([sys.executable, '-m', 'runr'])}")]


def _heading(invocation: Invocation, message: str, command: str) -> None:
    invocation.say(f"\n{click.style(message, bold=True)}\n{click.style('$ ' + command, fg='cyan')}")


def _perform(invocation: Invocation, root: Path, words: tuple[str, ...]) -> None:
    # The group imports this module when `runr demo` is called.
    from runr.cli.main import cli  # noqa: PLC0415 - see above

    with chdir(root), redirect_stdout(StringIO() if invocation.as_json else sys.stdout):
        cli.main(list(words), prog_name="runr", standalone_mode=False)
