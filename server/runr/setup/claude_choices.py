"""What a user has chosen in the dialogs of Claude Code about the server of a repository.

It asks once, at the first start, and the refusing answer is preselected. From then on the
tools are missing, and nothing says why.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runr.errors import RunrError
from runr.setup.claude_plugin import user_folder
from runr.workers.program import read_json

#: The server in `.mcp.json`, and where Claude Code keeps which ones are refused.
_SERVER = "runr"
_REFUSED = ("disabledMcpjsonServers", "disabledMcpServers")


def refused_in(root: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the file that says that the user has refused the server, None where none does."""
    for file, choices in _choices(root, environment):
        lists = (choices.get(name) for name in _REFUSED)
        if any(isinstance(names, list) and _SERVER in names for names in lists):
            return file
    return None


def _choices(root: Path, environment: Mapping[str, str]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the files that can have a choice, each with what may hold it."""
    for name in ("settings.local.json", "settings.json"):
        file = root / ".claude" / name
        yield file, read_json(file)
    try:
        user = user_folder(environment)
    except RunrError:
        return
    yield user / "settings.json", read_json(user / "settings.json")
    # Beside the folder, unless the folder was chosen.
    file = (user if environment.get("CLAUDE_CONFIG_DIR") else user.parent) / ".claude.json"
    projects = read_json(file).get("projects")
    known = projects.get(str(root)) if isinstance(projects, dict) else None
    yield file, known if isinstance(known, dict) else {}
