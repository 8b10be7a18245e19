"""The demo: the real commands, on a small real repository."""

import os
import shlex
import sys
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

import click

from runr.app import demo, runs
from runr.app.answers import Done
from runr.app.project import Project
from runr.cli import render
from runr.cli.surface import Surface
from runr.errors import ExitCode
from runr.git.repo import Repo

_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What is there to do?", ("list-tasks",)),
    (
        "Run every automated task that is ready, each in a worktree of its own.",
        ("run", "--auto-only"),
    ),
    (
        "A hybrid task: the worker does its part, then a person is asked.",
        ("run", "--task", "02-german"),
    ),
    (
        "The person has looked.",
        ("complete-task", "02-german", "--by", "Ada", "--reason", "read it, the German is right"),
    ),
    (
        "A manual task is completed on somebody's word, and is shown as that.",
        (
            "complete-task",
            "03-tell-the-team",
            "--by",
            "Ada",
            "--reason",
            "told them in the channel",
        ),
    ),
    ("Where does everything stand?", ("status", "--tasks")),
)


def tour(surface: Surface, folder: Path | None) -> int:
    """Walk through the demo and say what to type next."""
    root = demo.make(folder).layout.root
    surface.say(f"A demo repository: {root}")
    for told, words in _STEPS:
        _heading(surface, told, f"runr {shlex.join(words)}")
        _perform(surface, root, words)
    log = ("log", "--graph", "--format=%h %s%n%(trailers:only)")
    _heading(surface, "The commits carry the record.", shlex.join(("git", *log)))
    surface.say(Repo(root).text(*log).rstrip())
    surface.show(_farewell(root), render.done)
    return ExitCode.DONE


def _farewell(root: Path) -> Done:
    """Return what to type next: the demo's folder, then the way on from the run that stopped."""
    known = runs.list_runs(Project.open(root, os.environ), limit=None).runs
    stopped = next(run for run in known if run.status == "stopped")
    name = stopped.task.removeprefix(".runr/tasks/")
    steps = [f"cd {shlex.quote(str(root))}", *stopped.next, "runr doctor"]
    told = f"\nThat was it. {name} is still stopped: look at it, mend it, take it up again."
    return Done(message=told, next=steps)


def _heading(surface: Surface, told: str, command: str) -> None:
    surface.say(f"\n{click.style(told, bold=True)}\n{click.style('$ ' + command, fg='cyan')}")


def _perform(surface: Surface, root: Path, words: tuple[str, ...]) -> None:
    # The group imports this module when `runr demo` is called.
    from runr.cli.main import cli  # noqa: PLC0415 - see above

    with chdir(root), redirect_stdout(StringIO() if surface.as_json else sys.stdout):
        cli.main(list(words), prog_name="runr", standalone_mode=False)
