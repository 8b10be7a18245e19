"""Whether a worker's program is logged in, seen from its own files: no model is asked."""

from collections.abc import Mapping
from pathlib import Path

from runr.workers import claude_files

_CLAUDE_KEYS = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    *("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"),
)
_CODEX_KEYS = ("CODEX_API_KEY", "OPENAI_API_KEY")


def sign(name: str, environment: Mapping[str, str]) -> str | None:
    """Return what speaks for a login; empty where nothing does, None where nobody can tell."""
    match name:
        case "claude-code":
            return _variable(_CLAUDE_KEYS, environment) or _claude(environment)
        case "codex":
            return _variable(_CODEX_KEYS, environment) or _codex(environment)
        case _:
            return None


def _variable(names: tuple[str, ...], environment: Mapping[str, str]) -> str:
    return next((name for name in names if environment.get(name)), "")


def _claude(environment: Mapping[str, str]) -> str:
    home = Path(environment.get("HOME", "/nowhere"))
    chosen = environment.get("CLAUDE_CONFIG_DIR")
    folder = Path(chosen) if chosen else home / ".claude"
    if (folder / ".credentials.json").exists():
        return str(folder / ".credentials.json")
    if claude_files.read(folder / "settings.json").get("apiKeyHelper"):
        return "apiKeyHelper"
    # Where the system keeps passwords, only the name of the account is in a file.
    account = claude_files.read((folder if chosen else home) / ".claude.json")
    return "its account" if account.get("oauthAccount") else ""


def _codex(environment: Mapping[str, str]) -> str:
    home = Path(environment.get("HOME", "/nowhere"))
    file = Path(environment.get("CODEX_HOME") or home / ".codex") / "auth.json"
    return str(file) if file.exists() else ""
