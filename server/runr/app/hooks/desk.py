"""Which module answers which event."""

import importlib
from collections.abc import Mapping
from pathlib import Path

from runr.app.hooks.scene import Scene
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


def answer(root: str, event: str, data: bytes, environment: Mapping[str, str]) -> str | None:
    """Return what Claude Code is to be told; None where there is nothing to say.

    Raises what a damaged input or record makes of it: the caller lets that pass.
    """
    module = importlib.import_module(f"runr.app.hooks.{ANSWERS[event]}")
    call = HookCall.parse(event, data)
    found = module.answer(Scene(Layout(Path(root)), call, environment, utc_now))
    return found if isinstance(found, str) else None
