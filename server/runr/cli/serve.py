"""Commands that are about runr itself."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from runr import __version__
from runr.app.answers import Done
from runr.cli import render
from runr.cli.surface import Surface, command


@command("mcp")
def mcp(surface: Surface) -> None:
    """Serve the tools to an MCP client over standard input and output."""
    # The protocol's library costs most of a second: only this command pays for it.
    from runr.mcpserver import front  # noqa: PLC0415

    front.serve(surface.mcp_start(os.environ), os.environ)


@command("demo")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Make it here.")
def demo(surface: Surface, folder: Path | None) -> int:
    """Make a small repository and take it from task files to verified commits."""
    # Only this command needs the tour.
    from runr.cli import tour  # noqa: PLC0415

    return tour.tour(surface, folder)


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(surface: Surface, shell: str) -> None:  # noqa: ARG001 - the same everywhere
    """Print the shell's completion script: `eval "$(runr completion bash)"`."""
    # The group itself is imported late: this module is loaded by it.
    from runr.cli.main import cli  # noqa: PLC0415

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(cli, {}, "runr", "_RUNR_COMPLETE").source())


@command("version")
def version(surface: Surface) -> None:
    """Print the version."""
    surface.show(Done(message=f"runr {__version__}"), render.done)
