"""A repository with tasks only, and a `claude` with the plugin."""

from pathlib import Path
from typing import Any

from claude.claude_place import ClaudePlace, Turn

PLUGIN = Path(__file__).parents[2] / "skill"
TOOLS = "mcp__plugin_runr_runr"


class PluginPlace(ClaudePlace):
    """The plugin is installed, and nothing in the repository."""

    options: tuple[str, ...] = ("--plugin-dir", str(PLUGIN), "--allowedTools", f"{TOOLS},Bash")

    def install(self) -> None:
        """Leave the repository as it is: the plugin comes with `claude`."""


def call(tool: str, **arguments: Any) -> Turn:
    """Return a turn in which the model calls one of the plugin's tools."""
    return {"tools": [{"name": f"{TOOLS}__{tool}", "input": arguments}]}


def bash(command: str) -> Turn:
    """Return a turn in which the model runs a command."""
    return {"tools": [{"name": "Bash", "input": {"command": command}}]}
