"""The `runr` command: a group whose commands are loaded when they are called."""

import importlib
import json
import os
import sys
import traceback

import click

from runr import __version__
from runr.core.near import closest
from runr.errors import ExitCode, RunrError

#: name → module and function; the order is the order of `runr --help`.
COMMANDS = {
    "init": "setup:init",
    "new": "setup:new",
    "list-tasks": "tasks:list_tasks",
    "status": "tasks:status",
    "task-status": "tasks:task_status",
    "run": "runs:run",
    "complete-task": "tasks:complete_task",
    "runs": "runs:runs",
    "follow": "runs:follow",
    "report": "runs:report",
    "stop": "runs:stop",
    "resume": "runs:resume",
    "rebuild": "setup:rebuild",
    "doctor": "setup:doctor",
    "install": "setup:install",
    "mcp": "serve:mcp",
    "demo": "serve:demo",
    "completion": "serve:completion",
    "version": "serve:version",
}


class Commands(click.Group):
    """A group that imports a command only when it is wanted, and offers the near match."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of a user's day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
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
            near = closest(args[0], COMMANDS)
            offer = f"did you mean `runr {near}`?" if near else "see `runr --help`"
            raise click.UsageError(f"there is no command {args[0]!r}; {offer}")
        return super().resolve_command(ctx, args)


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
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # a TextIOWrapper
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
        if os.environ.get("RUNR_DEBUG"):
            traceback.print_exc()
        told = f"internal error: {type(error).__name__}: {error}"
        return _refuse("internal", told, ["RUNR_DEBUG=1 runr …", "runr doctor"], ExitCode.FAILED)
    return code if isinstance(code, int) else ExitCode.DONE


def _refuse(code: str, message: str, steps: tuple[str, ...] | list[str], exit_code: int) -> int:
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
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        message = f"no such option {error.option_name}; did you mean {error.possibilities[0]}?"
    context = getattr(error, "ctx", None)
    help_line = [f"{context.command_path} --help"] if context is not None else []
    return _refuse("usage", message, help_line, ExitCode.USAGE)
