"""The `runr` command: a group whose commands are loaded when they are called."""

import importlib
import json
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper

import click
from click.exceptions import NoArgsIsHelpError

from runr import __version__
from runr.errors import ExitCode, RunrError
from runr.text import closest_match

#: name → module and function; the order is the order of `runr --help`.
COMMANDS = {
    "init": "setup:init",
    "new": "setup:new",
    "list-tasks": "tasks:list_tasks",
    "next": "tasks:next_task",
    "graph": "graph:graph",
    "status": "status:status",
    "task-status": "tasks:task_status",
    "why": "status:why",
    "accept": "status:accept",
    "run": "runs:run",
    "complete-task": "decisions:complete_task",
    "approve": "decisions:approve",
    "reject": "decisions:reject",
    "runs": "runs:runs",
    "follow": "runs:follow",
    "note": "runs:note",
    "report": "runs:report",
    "stop": "runs:stop",
    "resume": "runs:resume",
    "continue": "runs:continue_",
    "submit": "provenance:submit",
    "clean": "provenance:clean",
    "intervene": "provenance:intervene",
    "audit": "provenance:audit",
    "verify": "lint:verify",
    "verify-tasks": "lint:verify",
    "import": "interchange:import_",
    "export": "interchange:export",
    "rebuild": "setup:rebuild",
    "merge-status": "status:merge_status",
    "doctor": "setup:doctor",
    "workers": "setup:workers",
    "install": "setup:install",
    "mcp": "system:mcp",
    "hook": "system:hook",
    "demo": "system:demo",
    "completion": "system:completion",
    "version": "system:version",
}


class Commands(click.Group):
    """A group that imports a command only when it is wanted, and offers the near match."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of a user's day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return the command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(f"runr.cli.{module}"), function)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Fail for an unknown command with the one that was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = closest_match(args[0], COMMANDS)
            offer = f"did you mean `runr {near}`?" if near else "see `runr --help`"
            raise click.UsageError(f"there is no command {args[0]!r}; {offer}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its first sentence, whole."""
        commands = [(name, self.get_command(ctx, name)) for name in COMMANDS]
        rows = [(name, command.get_short_help_str(200)) for name, command in commands if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--repo", metavar="DIR", help="Work in this repository.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.version_option(__version__, "--version", message="runr %(version)s")
@click.pass_context
def cli(ctx: click.Context, repo: str | None, *, as_json: bool) -> None:
    """Keep the record of what coding agents really finished."""
    ctx.obj = {"repo": repo, "as_json": as_json}
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def run() -> int:
    """Run the command line and return its exit code; whatever happens, no traceback."""
    for stream in (sys.stdout, sys.stderr):
        # File names need not be valid in the terminal's encoding; showing one must not fail.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(prog_name="runr", standalone_mode=False)
    except RunrError as error:
        return _refuse(error.code, error.message, error.next_steps, error.exit_code)
    except click.ClickException as error:
        return _usage(error)
    except (click.Abort, KeyboardInterrupt):
        click.echo("runr: interrupted", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe left, as `head` does: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the last door: a fault of ours is told in one line
        return _fault(error)
    return code if isinstance(code, int) else ExitCode.DONE


def _refuse(code: str, message: str, steps: Sequence[str], exit_code: int) -> int:
    if "--json" in sys.argv:
        error = {"code": code, "message": message, "next": list(steps), "exit_code": int(exit_code)}
        click.echo(json.dumps({"error": error}, ensure_ascii=False))
        return exit_code
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(click.style("runr: ", fg="red") + message, err=True, color=color)
    for step in steps:
        click.echo(f"  {step}", err=True)
    return exit_code


def _usage(error: click.ClickException) -> int:
    message = error.format_message()
    if isinstance(error, NoArgsIsHelpError):
        click.echo(message)
        return ExitCode.DONE
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        message = f"no such option {error.option_name}; did you mean {error.possibilities[0]}?"
    context = error.ctx if isinstance(error, click.UsageError) else None
    named = next((word for word in sys.argv[1:] if word in COMMANDS), None)
    path = context.command_path if context else f"runr {named}" if named else "runr"
    return _refuse("usage", message, [f"{path} --help"], ExitCode.USAGE)


def _fault(error: Exception) -> int:
    if os.environ.get("RUNR_DEBUG"):
        traceback.print_exc()
    if isinstance(error, OSError) and error.filename is not None:
        # A full disk, a folder that may not be written: the system's words say it best.
        text = f"{error.filename}: {error.strerror}"
        return _refuse("files", text, ["runr doctor"], ExitCode.FAILED)
    text = f"internal error: {type(error).__name__}: {error}"
    again = f"RUNR_DEBUG=1 runr {shlex.join(sys.argv[1:])}"
    return _refuse("internal", text, [again, "runr doctor"], ExitCode.FAILED)
