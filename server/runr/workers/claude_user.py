"""What of the user's own settings of Claude Code a worker needs: how they reach a model.

Only the project's settings are loaded by a worker. A login, or a gateway, that is in those of the
user, as `env` or `apiKeyHelper`, is given to it; their hooks, servers and permissions are not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from runr.workers.program import read_json

#: Variables with these names say where a run works, and are never the user's.
_OF_RUNS = ("RUNR_", "GIT_")


class UserSettings(NamedTuple):
    """The variables that the user's settings set, and the command that prints their key."""

    path: Path
    variables: Mapping[str, str]
    key_helper: str | None = None

    def applied(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the environment with the user's variables, which count more, as in a session."""
        return {**environment, **self.variables}


def config_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the user's settings of Claude Code."""
    chosen = environment.get("CLAUDE_CONFIG_DIR")
    return Path(chosen) if chosen else Path(environment.get("HOME", "/nowhere")) / ".claude"


def read(environment: Mapping[str, str]) -> UserSettings:
    """Return what the user's settings say; nothing where there are none, or they are damaged."""
    path = config_folder(environment) / "settings.json"
    settings = read_json(path)
    given, helper = settings.get("env"), settings.get("apiKeyHelper")
    variables = given.items() if isinstance(given, dict) else ()
    return UserSettings(
        path,
        {
            name: str(value)
            for name, value in variables
            if isinstance(value, str | int) and not name.startswith(_OF_RUNS)
        },
        helper if isinstance(helper, str) and helper else None,
    )
