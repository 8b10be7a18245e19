"""Commands that are about runr itself."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from runr import __version__
from runr.cli.surface import Surface, command
from runr.core.hookcall import EVENTS


@command("mcp")
def mcp(surface: Surface) -> None:
    """Serve the tools to an MCP client over standard input and output."""
    # Only this command needs the server.
    from runr.mcpserver import front  # noqa: PLC0415 - see above

    front.serve(surface.repo, os.environ)


@command("hook")
@click.argument("event", type=click.Choice(EVENTS))
def hook(surface: Surface, event: str) -> int:
    """Answer one event of a Claude Code session, which is read from standard input."""
    # Usually started without any of this: see `runr.__main__`.
    from runr.cli import hook as door  # noqa: PLC0415 - see above

    return door.serve(event, os.environ, surface.repo)


@command("demo")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Make it here.")
def demo(surface: Surface, folder: Path | None) -> int:
    """Make a small repository and take it from task files to verified commits."""
    # Only this command needs the tour.
    from runr.cli import tour  # noqa: PLC0415 - see above

    return tour.tour(surface, folder)


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(surface: Surface, shell: str) -> None:  # noqa: ARG001 - the same everywhere
    """Print the shell's completion script, as in `eval "$(runr completion bash)"`."""
    # The group itself is imported late: this module is loaded by it.
    from runr.cli.main import cli  # noqa: PLC0415 - see above

    kind = get_completion_class(shell)
    if kind is not None:
        # A script for `eval`, so `--json` does not change it.
        click.echo(kind(cli, {}, "runr", "_RUNR_COMPLETE").source())


@command("version")
def version(surface: Surface) -> None:
    """Print the version."""
    told = f"runr {__version__}"
    if not surface.as_json:
        click.echo(told)
        return
    # The models take longer to load than all the rest of this command.
    from runr.app.answers import Done  # noqa: PLC0415 - see above

    click.echo(Done(message=told).model_dump_json(indent=2))
