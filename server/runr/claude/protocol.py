"""What Claude Code tells a hook, and the answers that it understands. Pure.

Nothing here needs a model library: a hook is started for every tool call.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

#: The events that runr listens to.
EVENTS = ("SessionStart", "PreToolUse", "PostToolUse", "Stop", "SessionEnd")


class HookCall(NamedTuple):
    """One event of a session; what an event does not have is empty.

    `path` is the file that a tool edits, `command` the one that it runs.
    `again` tells that a held session stops once more; `busy` that work of its
    own goes on in the background.
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
        """Read a hook's input; ValueError or TypeError for what is none."""
        raw = json.loads(data)
        if not isinstance(raw, dict):
            raise TypeError("a hook's input is an object")
        given = raw.get("tool_input")
        wanted: dict[str, Any] = given if isinstance(given, dict) else {}
        return cls(
            session_id=_text(raw, "session_id"),
            cwd=_text(raw, "cwd"),
            tool=_text(raw, "tool_name"),
            tool_use_id=_text(raw, "tool_use_id"),
            agent=_text(raw, "agent_type"),
            path=_text(wanted, "file_path") or _text(wanted, "notebook_path"),
            command=_text(wanted, "command"),
            task=_text(wanted, "task"),
            tool_input=wanted,
            again=raw.get("stop_hook_active") is True,
            busy=bool(raw.get("background_tasks")),
        )


def deny(reason: str) -> str:
    """Return the answer that keeps a tool from being used."""
    return _specific("PreToolUse", permissionDecision="deny", permissionDecisionReason=reason)


def replace_command(call: HookCall, command: str, text: str) -> str:
    """Return the answer that changes a tool's command; whether it may run is still asked."""
    changed = {**call.tool_input, "command": command}
    return _specific("PreToolUse", updatedInput=changed, additionalContext=text)


def session_context(lines: Sequence[str]) -> str:
    """Return the answer that tells the model these lines, and the user the first of them."""
    context = {"hookEventName": "SessionStart", "additionalContext": "\n".join(lines)}
    answer = {"systemMessage": lines[0], "hookSpecificOutput": context}
    return json.dumps(answer, ensure_ascii=False)


def announce(message: str) -> str:
    """Return the answer that shows the user a line."""
    return json.dumps({"systemMessage": message}, ensure_ascii=False)


def block_stop(reason: str) -> str:
    """Return the answer that lets a session go on that was about to stop."""
    return json.dumps({"decision": "block", "reason": reason}, ensure_ascii=False)


def _specific(event: str, **facts: object) -> str:
    answer = {"hookSpecificOutput": {"hookEventName": event, **facts}}
    return json.dumps(answer, ensure_ascii=False)


def _text(table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""
