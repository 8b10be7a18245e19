"""The plugin's hooks, as a project wires them that has no plugin: the same file says both."""

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

Hooks = dict[str, list[Any]]

_IN_PLUGIN = re.compile(r'sh "\$\{CLAUDE_PLUGIN_ROOT\}/hooks/runr\.sh" (\w+)')


def for_project(plugin: str, command: Sequence[str]) -> Hooks:
    """Return the hooks of the plugin's `hooks.json` with what starts runr here.

    `command` is runr itself. Where it is not installed, a hook ends at once and
    says nothing, for the settings may be shared with people who do not have it.
    """
    there = f"command -v {shlex.quote(command[0])} >/dev/null 2>&1 || exit 0"
    hooks: Hooks = json.loads(plugin)["hooks"]
    for hook in (hook for groups in hooks.values() for group in groups for hook in group["hooks"]):
        event = _IN_PLUGIN.fullmatch(hook["command"])
        if event is None:
            raise ValueError(f"a hook of the plugin runs something else: {hook['command']}")
        hook["command"] = f"{there}; exec {shlex.join(command)} hook {event[1]}"
    return hooks
