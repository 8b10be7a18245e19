"""The entry point of the command line: the options of every command, and how errors are shown."""

import os
import sys
from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from runr import __version__
from runr.cli import streams
from runr.cli.commands import ALIASES, COMMANDS, CommandGroup
from runr.errors import ExitCode, RunrError
from runr.next_steps import commands
from runr.next_steps.step import NextStep


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--repo", metavar="DIR", help="Use the repository at DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.version_option(__version__, "--version", message="runr %(version)s")
@click.pass_context
def cli(ctx: click.Context, repo: str | None, *, as_json: bool) -> None:
    """Run markdown tasks with coding agents and record what was verified."""
    ctx.obj = {"repo": repo, "as_json": as_json}
    ctx.color = streams.wants_color(os.environ)


def run() -> int:
    """Run the command line and return its exit code; never a traceback."""
    streams.prepare()
    try:
        code = _main()
        streams.flush()
    except streams.PipeClosedError:
        streams.discard()
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        return _system_error(error)
    return code


def _main() -> int:
    """Run the command; only what the operating system reports is raised."""
    try:
        code = cli.main(prog_name="runr", standalone_mode=False)
    except RunrError as error:
        return _fail(error.code, error.message, error.next_steps, error.exit_code, error.warnings)
    except click.ClickException as error:
        return _usage_error(error)
    except (click.Abort, KeyboardInterrupt):
        streams.complain("runr: interrupted")
        return ExitCode.INTERRUPTED
    except (OSError, streams.PipeClosedError):
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is reported in one line
        return _internal_error(error)
    return code if isinstance(code, int) else ExitCode.DONE


def _fail(
    code: str,
    message: str,
    next_steps: Sequence[NextStep],
    exit_code: int,
    warnings: Sequence[str] = (),
) -> int:
    steps = [str(step) for step in next_steps]
    if "--json" in sys.argv:
        # Only an error in JSON pays for this import.
        from runr.cli.answers import error_document  # noqa: PLC0415 - see above

        click.echo(error_document(code, message, steps, exit_code, warnings))
        return exit_code
    color = streams.wants_color(os.environ)
    streams.complain(click.style("runr: ", fg="red") + message, color=color)
    for step in steps:
        streams.complain(f"  {step}")
    return exit_code


def _usage_error(error: click.ClickException) -> int:
    message = error.format_message()
    if isinstance(error, NoArgsIsHelpError):
        click.echo(message)
        return ExitCode.DONE
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        message = f"no such option {error.option_name}; did you mean {error.possibilities[0]}?"
    context = error.ctx if isinstance(error, click.UsageError) else None
    named = next((word for word in sys.argv[1:] if word in COMMANDS or word in ALIASES), None)
    path = context.command_path if context else f"runr {named}" if named else "runr"
    return _fail("usage", message, [commands.help_of(*path.split()[1:])], ExitCode.USAGE)


def _system_error(error: OSError) -> int:
    """Report a failed system call in the words of the system."""
    _print_traceback_to_debug()
    if isinstance(error, streams.OutputError):
        streams.discard()
        streams.complain(f"runr: standard output: {error.strerror}")
        return ExitCode.FAILED
    text = ": ".join(part for part in (error.filename, error.strerror or str(error)) if part)
    return _fail("files", text, [commands.doctor()], ExitCode.FAILED)


def _internal_error(error: Exception) -> int:
    _print_traceback_to_debug()
    text = f"internal error: {type(error).__name__}: {error}"
    steps = [commands.debug(*sys.argv[1:]), commands.doctor()]
    return _fail("internal", text, steps, ExitCode.FAILED)


def _print_traceback_to_debug() -> None:
    if os.environ.get("RUNR_DEBUG"):
        import traceback  # noqa: PLC0415 - only an error pays for this import

        traceback.print_exc()
