"""The demo: the real commands, on a small real repository."""

import os
import shlex
from pathlib import Path

import click

from runr.app import demo
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
    click.echo(f"A demo repository: {root}")
    for told, words in _STEPS:
        _heading(surface, told, f"runr {shlex.join(words)}")
        _perform(root, words)
    log = ("log", "--graph", "--format=%h %s%n%(trailers:only)")
    _heading(surface, "The commits carry the record.", shlex.join(("git", *log)))
    click.echo(Repo(root).text(*log).rstrip())
    click.echo(f"\nGo on from here:\n  cd {shlex.quote(str(root))}\n  runr runs\n  runr doctor")
    return ExitCode.DONE


def _heading(surface: Surface, told: str, command: str) -> None:
    surface.say(f"\n{click.style(told, bold=True)}\n{click.style('$ ' + command, fg='cyan')}")


def _perform(root: Path, words: tuple[str, ...]) -> None:
    # The group imports this module when `runr demo` is called.
    from runr.cli.main import cli  # noqa: PLC0415

    before = Path.cwd()
    os.chdir(root)
    try:
        cli.main(list(words), prog_name="runr", standalone_mode=False)
    finally:
        os.chdir(before)
