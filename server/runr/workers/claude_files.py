"""The files in which Claude Code keeps its own settings and state."""

import json
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """Return what a file holds; one that cannot be read says nothing."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
