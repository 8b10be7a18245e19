"""Our hooks given to git by environment variables: no repository and no setting changes.

Light enough for a session's start, which waits for it.
"""

import os
from collections.abc import Mapping
from pathlib import Path

KEY = "core.hooksPath"

_SOURCE = Path(__file__).with_name("hook.sh")
_MARK = ".filled"


def folder(common: Path) -> Path:
    """Return where our hooks lie in a git directory."""
    return common / "runr" / "hooks"


def variables(hooks: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what makes git look for hooks in `hooks`; none where it does so already."""
    counted = environment.get("GIT_CONFIG_COUNT", "")
    count = int(counted) if counted.isdecimal() else 0
    last = str(count - 1)
    if environment.get(f"GIT_CONFIG_VALUE_{last}") == str(hooks):
        return {}
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": KEY,
        f"GIT_CONFIG_VALUE_{count}": str(hooks),
    }


def is_filled(hooks: Path, python: str) -> bool:
    """Tell whether the folder holds what this very runr would write into it."""
    try:
        return (hooks / _MARK).read_bytes() == _mark(python)
    except OSError:
        return False


def mark_filled(hooks: Path, python: str) -> None:
    """Note that it does."""
    (hooks / _MARK).write_bytes(_mark(python))


def _mark(python: str) -> bytes:
    return os.fsencode(f"{_SOURCE.stat().st_mtime_ns} {python}")
