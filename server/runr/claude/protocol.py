"""The input of Claude Code's hooks, and the responses that it understands. Pure.

Nothing here needs a model library: a hook is started for every tool call.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

#: The events that runr has hooks for.
EVENTS = ("SessionStart", "PreToolUse", "PostToolUse", "Stop", "SessionEnd")


class HookCall(NamedTuple):
    """One event of a session; fields that it does not have are empty.

    `path` is the file that a tool edits, `command` the one that it runs.
    `again` tells that a reminded session stops once more; `busy` that it has
    tasks in the background.
    """

    session_id: str
    cwd: str
    tool: str = ""
    tool_use_id: str = ""
    agent: str = ""
    path: str = ""
    command: str = ""
    task: str = ""
    tool_input: dict[str, Any] = {}  # noqa: RUF012 - only ever read
    again: bool = False
    busy: bool = False

    @classmethod
    def parse(cls, data: bytes) -> "HookCall":
        """Parse a hook's input; ValueError or TypeError where it is invalid."""
        raw = json.loads(data)
        if not isinstance(raw, dict):
            raise TypeError("a hook's input is an object")
        given = raw.get("tool_input")
        tool_input: dict[str, Any] = given if isinstance(given, dict) else {}
        return cls(
            session_id=_text(raw, "session_id"),
            cwd=_text(raw, "cwd"),
            tool=_text(raw, "tool_name"),
            tool_use_id=_text(raw, "tool_use_id"),
            agent=_text(raw, "agent_type"),
            path=_text(tool_input, "file_path") or _text(tool_input, "notebook_path"),
            command=_text(tool_input, "command"),
            task=_text(tool_input, "task"),
            tool_input=tool_input,
            again=raw.get("stop_hook_active") is True,
            busy=bool(raw.get("background_tasks")),
        )


def deny(reason: str) -> str:
    """Return the response that denies the use of a tool."""
    return _specific("PreToolUse", permissionDecision="deny", permissionDecisionReason=reason)


def replace_command(call: HookCall, command: str, text: str) -> str:
    """Return the response that changes a tool's command; its permission is still checked."""
    changed = {**call.tool_input, "command": command}
    return _specific("PreToolUse", updatedInput=changed, additionalContext=text)


def session_context(lines: Sequence[str]) -> str:
    """Return the response that gives the model these lines, and the user the first of them."""
    context = {"hookEventName": "SessionStart", "additionalContext": "\n".join(lines)}
    answer = {"systemMessage": lines[0], "hookSpecificOutput": context}
    return json.dumps(answer, ensure_ascii=False)


def announce(message: str) -> str:
    """Return the response that shows the user a line."""
    return json.dumps({"systemMessage": message}, ensure_ascii=False)


def block_stop(reason: str) -> str:
    """Return the response that keeps a session from stopping."""
    return json.dumps({"decision": "block", "reason": reason}, ensure_ascii=False)


def _specific(event: str, **facts: object) -> str:
    answer = {"hookSpecificOutput": {"hookEventName": event, **facts}}
    return json.dumps(answer, ensure_ascii=False)


def _text(table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""
