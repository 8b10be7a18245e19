"""The version, the shell completion, and the commands that other programs call."""

import os
from typing import Any

import click
from click.shell_completion import get_completion_class

from runr import __version__
from runr.claude.protocol import EVENTS
from runr.cli.answers import document
from runr.cli.app import Invocation, command
from runr.cli.console import Choice
from runr.next_steps import commands


@command("mcp")
@click.option("--http", is_flag=True, help="Listen on 127.0.0.1 instead; needs a token.")
@click.option("--port", type=click.IntRange(1, 65535), default=8787, help="With --http.")
def mcp(invocation: Invocation, *, http: bool, port: int) -> None:
    """Serve MCP over standard input and output.

    With --http every request needs a token: RUNR_MCP_TOKEN, else one that is printed at the start.
    """
    # Only this command needs the server.
    from runr.mcp_server import bootstrap  # noqa: PLC0415 - see above

    if not http:
        bootstrap.serve(invocation.repo, os.environ)
    # Only here is a web server loaded.
    from runr.mcp_server import http as over_http  # noqa: PLC0415 - see above

    over_http.serve(bootstrap.start_folder(invocation.repo, os.environ), os.environ, port)


class _Event(Choice):
    """An event of Claude Code; those who look for hooks of the settings are sent there."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return the error for a word that is none of them."""
        looked_for = commands.list_hooks().shell()
        return f"{super().get_invalid_choice_message(value, ctx)} Lifecycle hooks: `{looked_for}`."


@command("hook")
@click.argument("event", type=_Event(EVENTS))
def hook(invocation: Invocation, event: str) -> int:
    """Answer a Claude Code hook event.

    The event is read from standard input.
    """
    # Usually started without any of this: see `runr.__main__`.
    from runr.cli.hook import serve  # noqa: PLC0415 - see above

    return serve(event, os.environ, invocation.repo)


@command("completion")
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
def completion(invocation: Invocation, shell: str) -> None:
    """Print a shell completion script.

    Use it as in `eval "$(runr completion bash)"`.
    """
    # The group itself is imported late: this module is loaded by it.
    from runr.cli.main import cli  # noqa: PLC0415 - see above

    kind = get_completion_class(shell)
    if kind is None:
        return
    script = kind(cli, {}, "runr", "_RUNR_COMPLETE").source()
    if invocation.as_json:
        script = document("shell_completion", {"shell": shell, "script": script})
    click.echo(script)


@command("version")
def version(invocation: Invocation) -> None:
    """Print the version."""
    text = f"runr {__version__}"
    click.echo(document("version", __version__) if invocation.as_json else text)
