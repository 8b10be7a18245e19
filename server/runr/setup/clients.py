"""The MCP clients that runr is installed into: where each keeps its servers, and in which form."""

import json
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runr.errors import RunrError, UsageError
from runr.setup import json_edit, toml_edit

_HERE = "${workspaceFolder}"

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client; `project` and `user` are the files of its servers, relative to their folders.

    `workspace` stands for the open folder in what the client starts; `title` is its own name.
    `alternative` is a file that is used instead of `project` and `user` where it exists; `schema`
    is what the client itself writes as `$schema` into a file that has none. `portable` is the
    file of several clients, with `mcpServers`, that it reads besides.
    """

    name: str
    title: str
    program: str | None
    keys: tuple[str, ...]
    project: str | None
    user: str
    user_folder: Callable[[Mapping[str, str]], Path]
    comments: bool = True
    workspace: str | None = None
    alternative: str | None = None
    schema: str | None = None
    portable: str | None = None
    note: str | None = None

    def entry(self, command: Sequence[str], *, root: Path | None, required: bool = False) -> Entry:
        """Return what starts the server; `root` is the repository where the client names none.

        With `required`, Codex does not start without the server.
        """
        place = self.workspace or (str(root) if root and not self.project else None)
        words = [*command, "mcp", *(("--repo", place) if place else ())]
        if self.name == "opencode":
            return {"type": "local", "command": words, "enabled": True}
        begin: Entry = {"type": "stdio"} if self.name in ("vscode", "cursor") else {}
        end: Entry = {"required": True} if required else {}
        return {**begin, "command": words[0], "args": words[1:], **end}

    def empty(self) -> str:
        """Return the text of a file without settings."""
        if self.schema:
            return json.dumps({"$schema": self.schema}, indent=2) + "\n"
        return "" if self.is_toml else "{}\n"

    @property
    def is_toml(self) -> bool:
        """Tell whether the file is TOML, else JSON."""
        return self.project is not None and self.project.endswith(".toml")

    def read(self, text: str, name: str) -> Any:
        """Return the server that is there; UsageError where the file cannot be merged into."""
        try:
            if self.is_toml:
                return toml_edit.get(text, self.keys)
            return self._member(text, self.keys)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(
                f"{name} is not valid TOML: {error}", next_steps=[f"fix {name}"]
            ) from error
        except json.JSONDecodeError as error:
            raise UsageError(
                f"{name} line {error.lineno} is not valid JSON: {error.msg}",
                next_steps=[f"fix {name}"],
            ) from error
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{name} cannot be merged into: {error}", next_steps=[f"fix {name}"]
            ) from error

    def put(self, text: str, entry: Entry, name: str) -> str:
        """Return the text with the server."""
        edit = toml_edit.put if self.is_toml else json_edit.put
        try:
            return edit(text, self.keys, entry)
        except ValueError as error:
            raise UsageError(
                f"{name} cannot be merged into: {error}",
                next_steps=[f"write {'.'.join(self.keys)} as a table of its own in {name}"],
            ) from error

    def drop(self, text: str, name: str, *, before: str | None = None) -> str:
        """Return the text without the server, and without its table if `before` had none."""
        edit = toml_edit.drop if self.is_toml else json_edit.drop
        table = self.keys[:-1]
        try:
            left = edit(text, self.keys)
            if self.is_toml or self._member(left, table) != {}:
                return left
            had = self._member(before or self.empty(), table)
            return json_edit.drop(left, table) if had is None else left
        except ValueError as error:
            raise UsageError(
                f"{name} cannot be changed: {error}",
                next_steps=[f"take {'.'.join(self.keys)} out of {name} by hand"],
            ) from error

    def _member(self, text: str, keys: Sequence[str]) -> Any:
        return _member(json.loads(json_edit.blank_comments(text) if self.comments else text), keys)


def _member(document: Any, keys: Sequence[str]) -> Any:
    found = document
    for depth, key in enumerate(keys):
        if not isinstance(found, dict):
            name = f'"{keys[depth - 1]}"' if depth else "the top level"
            raise ValueError(f"{name} is not an object")  # noqa: TRY004 -- about the text
        if key not in found:
            return None
        found = found[key]
    return found


def _home(environment: Mapping[str, str]) -> Path:
    home = environment.get("HOME")
    if not home:
        raise RunrError("HOME is not set: cannot locate your settings")
    return Path(home)


def _below_home(name: str, variable: str | None = None) -> Callable[[Mapping[str, str]], Path]:
    def folder(environment: Mapping[str, str]) -> Path:
        chosen = environment.get(variable) if variable else None
        return Path(chosen) if chosen else _home(environment) / name

    return folder


def _application(name: str) -> Callable[[Mapping[str, str]], Path]:
    """Return where an application with a window keeps its settings."""

    def folder(environment: Mapping[str, str]) -> Path:
        if sys.platform == "darwin":
            return _home(environment) / "Library/Application Support" / name
        return _settings_folder(environment) / name

    return folder


def _settings_folder(environment: Mapping[str, str]) -> Path:
    chosen = environment.get("XDG_CONFIG_HOME")
    return Path(chosen) if chosen and Path(chosen).is_absolute() else _home(environment) / ".config"


_ALL = (
    Client(
        name="codex",
        title="Codex",
        program="codex",
        keys=("mcp_servers", "runr"),
        project=".codex/config.toml",
        user="config.toml",
        user_folder=_below_home(".codex", "CODEX_HOME"),
        note="Codex reads .codex/config.toml only in a folder that you trust",
    ),
    Client(
        name="gemini",
        title="Gemini CLI",
        program="gemini",
        keys=("mcpServers", "runr"),
        project=".gemini/settings.json",
        user="settings.json",
        user_folder=_below_home(".gemini"),
        note="Gemini CLI reads .gemini/settings.json only at the top of a folder that you trust",
    ),
    Client(
        name="opencode",
        title="OpenCode",
        program="opencode",
        keys=("mcp", "runr"),
        project="opencode.json",
        user="opencode.json",
        user_folder=lambda environment: _settings_folder(environment) / "opencode",
        alternative="opencode.jsonc",
        schema="https://opencode.ai/config.json",
    ),
    Client(
        name="vscode",
        title="VS Code",
        program="code",
        keys=("servers", "runr"),
        project=".vscode/mcp.json",
        user="mcp.json",
        user_folder=_application("Code/User"),
        workspace=_HERE,
        portable=".mcp.json",
        note="VS Code starts the server only in a workspace that you trust",
    ),
    Client(
        name="cursor",
        title="Cursor",
        program="cursor",
        keys=("mcpServers", "runr"),
        project=".cursor/mcp.json",
        user="mcp.json",
        user_folder=_below_home(".cursor"),
        workspace=_HERE,
    ),
    Client(
        name="claude-desktop",
        title="Claude Desktop",
        program=None,
        keys=("mcpServers", "runr"),
        project=None,
        user="claude_desktop_config.json",
        user_folder=_application("Claude"),
        comments=False,
        note="restart Claude Desktop; it knows one repository at a time",
    ),
)

#: The clients by their names.
CLIENTS: Mapping[str, Client] = {client.name: client for client in _ALL}
