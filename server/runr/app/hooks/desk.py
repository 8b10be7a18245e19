"""Which module answers which event."""

import importlib
from collections.abc import Mapping
from pathlib import Path

from runr.app.hooks.scene import Reply, Scene
from runr.core.hookcall import HookCall
from runr.engine.clock import utc_now
from runr.store.layout import Layout

ANSWERS = {
    "SessionStart": "sessionstart",
    "PreToolUse": "pretool",
    "PostToolUse": "posttool",
    "Stop": "stop",
    "SessionEnd": "sessionend",
}


def answer(root: str, event: str, data: bytes, environment: Mapping[str, str]) -> Reply:
    """Return what Claude Code is to be told, and what is left to do behind that.

    Raises what a damaged input or record makes of it: the caller lets that pass.
    """
    module = importlib.import_module(f"runr.app.hooks.{ANSWERS[event]}")
    call = HookCall.parse(data)
    reply: Reply = module.answer(Scene(Layout(Path(root)), call, environment, utc_now))
    return reply
