"""The demo, the shell completion, and the commands that other programs call."""

import os
import shlex
import sys
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from runr import __version__
from runr.claude.protocol import EVENTS
from runr.cli import console
from runr.cli.app import Invocation, command
from runr.errors import ExitCode
from runr.git.repo import Repo
from runr.lifecycle import runs
from runr.project import Project
from runr.query.encoding import to_json
from runr.query.models import CommandResult
from runr.setup.demo import make

_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("List the tasks.", ("list-tasks",)),
    (
        "Run every automated task that is ready, each in its own worktree.",
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


def tour(invocation: Invocation, folder: Path | None) -> int:
    """Run the demo's commands, then print the next steps."""
    root = make(folder).layout.root
    invocation.say(f"A demo repository: {root}")
    for message, words in _STEPS:
        _heading(invocation, message, f"runr {shlex.join(words)}")
        _perform(invocation, root, words)
    log = ("log", "--graph", "--format=%h %s%n%(trailers:only)")
    _heading(invocation, "The record is in the commit trailers.", shlex.join(("git", *log)))
    invocation.say(Repo(root).text(*log).rstrip())
    invocation.show(_farewell(root), console.render_result)
    return ExitCode.DONE


def _farewell(root: Path) -> CommandResult:
    """Return what to type next: the demo's folder, then the way on from the run that stopped."""
    known = runs.list_runs(Project.open(root, os.environ), limit=None).runs
    stopped = next(run for run in known if run.status == "stopped")
    name = stopped.task_path.removeprefix(".runr/tasks/")
    steps = [f"cd {shlex.quote(str(root))}", *stopped.next_steps, "runr doctor"]
    message = f"\nThat was it. {name} is still stopped: look at it, mend it, take it up again."
    return CommandResult(message=message, next_steps=steps)


def _heading(invocation: Invocation, message: str, command: str) -> None:
    invocation.say(f"\n{click.style(message, bold=True)}\n{click.style('$ ' + command, fg='cyan')}")


def _perform(invocation: Invocation, root: Path, words: tuple[str, ...]) -> None:
    # The group imports this module when `runr demo` is called.
    from runr.cli.main import cli  # noqa: PLC0415 - see above

    with chdir(root), redirect_stdout(StringIO() if invocation.as_json else sys.stdout):
        cli.main(list(words), prog_name="runr", standalone_mode=False)


@command("mcp")
def mcp(invocation: Invocation) -> None:
    """Serve MCP over standard input and output."""
    # Only this command needs the server.
    from runr.mcp_server import bootstrap  # noqa: PLC0415 - see above

    bootstrap.serve(invocation.repo, os.environ)


@command("hook")
@click.argument("event", type=click.Choice(EVENTS))
def hook(invocation: Invocation, event: str) -> int:
    """Answer a Claude Code hook event.

    The event is read from standard input.
    """
    # Usually started without any of this: see `runr.__main__`.
    from runr.cli.hook import serve  # noqa: PLC0415 - see above

    return serve(event, os.environ, invocation.repo)


@command("demo")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="Create the repository in this empty directory.",
)
def demo(invocation: Invocation, folder: Path | None) -> int:
    """Show runr at work in a small repository."""
    return tour(invocation, folder)


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(invocation: Invocation, shell: str) -> None:  # noqa: ARG001 - the same everywhere
    """Print a shell completion script.

    Use it as in `eval "$(runr completion bash)"`.
    """
    # The group itself is imported late: this module is loaded by it.
    from runr.cli.main import cli  # noqa: PLC0415 - see above

    kind = get_completion_class(shell)
    if kind is not None:
        # A script for `eval`, so `--json` does not change it.
        click.echo(kind(cli, {}, "runr", "_RUNR_COMPLETE").source())


@command("version")
def version(invocation: Invocation) -> None:
    """Print the version."""
    message = f"runr {__version__}"
    if not invocation.as_json:
        click.echo(message)
        return
    # The models take longer to load than all the rest of this command.
    from runr.query.models import CommandResult  # noqa: PLC0415 - see above

    click.echo(to_json(CommandResult(message=message)))
