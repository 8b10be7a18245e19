"""Plan how each file changes when the Claude Code integration is installed or removed."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runr.errors import UsageError
from runr.next_steps import commands
from runr.query.models import Result
from runr.setup import json_edit
from runr.setup.claude_files import MCP, SETTINGS, SKILL, ClaudeFiles, Receipt, Written, packaged

Hooks = dict[str, list[Any]]

_IN_PLUGIN = re.compile(r'sh "\$\{CLAUDE_PLUGIN_ROOT\}/hooks/runr\.sh" (\w+)')


def for_project(plugin: str, command: Sequence[str]) -> Hooks:
    """Return the hooks of the plugin's `hooks.json` with what starts runr here.

    `command` is runr itself. Where it is not installed, a hook ends at once and
    says nothing, for the settings may be shared with people who do not have it.
    """
    there = f"command -v {shlex.quote(command[0])} >/dev/null 2>&1 || exit 0"
    hooks: Hooks = json.loads(plugin)["hooks"]
    for hook in (hook for groups in hooks.values() for group in groups for hook in group["hooks"]):
        event = _IN_PLUGIN.fullmatch(hook["command"])
        if event is None:
            raise ValueError(f"a hook of the plugin runs something else: {hook['command']}")
        hook["command"] = f"{there}; exec {shlex.join(command)} hook {event[1]}"
    return hooks


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePreview:
    """A file as an installation would leave it."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallResult(Result):
    """What was written, what stood already, and what to do now.

    `previews` are only there where nothing was to be written.
    """

    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    previews: list[FilePreview] = field(default_factory=list)


Json = dict[str, Any]

_SERVERS = "mcpServers"
_HOOKS = "hooks"
_NAME = "runr"
_FORCE = commands.install("claude", "--force")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What an installation puts in: the server's entry and the hooks by their events."""

    entry: Json
    hooks: Hooks

    @classmethod
    def of(cls, command: Sequence[str]) -> "Desired":
        """Return what is wanted where `command` is runr itself."""
        entry: Json = {"command": command[0], "args": [*command[1:], "mcp"], "alwaysLoad": True}
        plugin = packaged("hooks")["hooks.json"]
        return cls(entry=entry, hooks=for_project(plugin, command))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """The change of one file; `written` is None if it is unchanged."""

    name: str
    written: Written | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What an uninstalled file holds (`text` None: it is absent), or why it is kept."""

    name: str
    text: str | None = None
    note: str | None = None


def plan_changes(
    here: ClaudeFiles, receipt: Receipt, wanted: Desired, *, force: bool
) -> list[FileChange]:
    """Return what an installation does with each file; UsageError where it cannot."""
    folder = SKILL.rpartition("/")[0]
    texts = {f"{folder}/{name}": text for name, text in packaged("skills/runr").items()}
    return [
        *(plan_text(here, receipt, name, text, force=force) for name, text in texts.items()),
        _plan_server(here, receipt, wanted.entry, force=force),
        _plan_hooks(here, receipt, wanted.hooks),
    ]


def plan_text(
    here: ClaudeFiles, receipt: Receipt, name: str, wanted: str, *, force: bool
) -> FileChange:
    """Return the change of a file that runr wrote whole; an edited one is kept."""
    current, old = here.read(name), receipt.files.get(name)
    if current == wanted:
        return FileChange(name=name)
    if old is not None and current == old.after:
        return FileChange(name=name, written=Written(before=old.before, after=wanted))
    if current is None or force:
        return FileChange(name=name, written=Written(before=current, after=wanted))
    return FileChange(name=name, note=f"{name} was edited and is kept; to replace it: {_FORCE}")


def change_result(here: ClaudeFiles, receipt: Receipt, name: str) -> ChangeResult:
    """Return what an uninstallation makes of a file; edits that were made since are kept."""
    current, written = here.read(name), receipt.files[name]
    if current is None:
        return ChangeResult(name=name, note=f"{name} was deleted already")
    if current in (written.before, written.after):
        return ChangeResult(name=name, text=written.before)
    if name == MCP:
        return _without_server(current, written, receipt)
    if name == SETTINGS:
        return _without_hooks(current, written, receipt)
    return ChangeResult(name=name, note=f"{name} was edited and is kept")


def _plan_server(here: ClaudeFiles, receipt: Receipt, entry: Json, *, force: bool) -> FileChange:
    current, old = here.read(MCP), receipt.files.get(MCP)
    text = current if current is not None else "{}\n"
    existing = _table(text, MCP, _SERVERS).get(_NAME)
    if existing == entry:
        return FileChange(name=MCP)
    ours = existing is not None and existing == receipt.entry
    if existing is not None and not ours and not force:
        raise UsageError(f'{MCP} already has another server named "{_NAME}"', next_steps=[_FORCE])
    before = current
    if old is not None and current == old.after:
        before = old.before
    elif ours:
        before = json_edit.drop(text, (_SERVERS, _NAME))
    after = json_edit.put(text, (_SERVERS, _NAME), entry)
    return FileChange(name=MCP, written=Written(before=before, after=after))


def _plan_hooks(here: ClaudeFiles, receipt: Receipt, wanted: Hooks) -> FileChange:
    current, old = here.read(SETTINGS), receipt.files.get(SETTINGS)
    text = current if current is not None else "{}\n"
    table = _table(text, SETTINGS, _HOOKS)
    if any(not isinstance(groups, list) for groups in table.values()):
        raise UsageError(f'an event under "{_HOOKS}" in {SETTINGS} is not a list')
    if all(group in table.get(event, []) for event in wanted for group in wanted[event]):
        return FileChange(name=SETTINGS)
    clean = _cleared(text, receipt.hooks, {} if old is None else _known(old.before))
    before = old.before if old is not None and current == old.after else clean
    after = clean
    for event, groups in wanted.items():
        for group in groups:
            after = json_edit.append(after, (_HOOKS, event), group)
    if current is None:
        before = None
    return FileChange(name=SETTINGS, written=Written(before=before, after=after))


def _without_hooks(current: str, written: Written, receipt: Receipt) -> ChangeResult:
    """Take our hooks out of settings that were edited since."""
    _table(current, SETTINGS, _HOOKS)
    text = _cleared(current, receipt.hooks, _known(written.before))
    empty = written.before is None and not json.loads(text)
    return ChangeResult(name=SETTINGS, text=None if empty else text)


def _known(before: str | None) -> Json:
    """Return the settings as they were before the installation."""
    known: Json = json.loads(before or "{}")
    return known


def _cleared(text: str, hooks: Mapping[str, Sequence[Any]], earlier: Json) -> str:
    """Return the settings without these hooks, and without the lists that were made for them."""
    there = earlier.get(_HOOKS, {})
    for event, groups in hooks.items():
        for group in groups:
            text = json_edit.remove(text, (_HOOKS, event), group)
        if event not in there and json.loads(text).get(_HOOKS, {}).get(event) == []:
            text = json_edit.drop(text, (_HOOKS, event))
    if hooks and _HOOKS not in earlier and json.loads(text).get(_HOOKS) == {}:
        text = json_edit.drop(text, (_HOOKS,))
    return text


def _without_server(current: str, written: Written, receipt: Receipt) -> ChangeResult:
    """Take our server out of a file that was edited since."""
    existing = _table(current, MCP, _SERVERS).get(_NAME)
    if existing is None:
        return ChangeResult(name=MCP, text=current)
    if existing != receipt.entry:
        return ChangeResult(name=MCP, note=f'the server "{_NAME}" in {MCP} was edited and is kept')
    earlier = json.loads(written.before or "{}")
    replaced = earlier.get(_SERVERS, {}).get(_NAME)
    if replaced is not None:
        return ChangeResult(name=MCP, text=json_edit.put(current, (_SERVERS, _NAME), replaced))
    text = json_edit.drop(current, (_SERVERS, _NAME))
    if _SERVERS not in earlier and not _table(text, MCP, _SERVERS):
        text = json_edit.drop(text, (_SERVERS,))
    empty = written.before is None and not json.loads(text)
    return ChangeResult(name=MCP, text=None if empty else text)


def _table(text: str, name: str, key: str) -> Json:
    """Return the table under `key`; UsageError when the file cannot be merged into.

    Claude Code itself reads neither file where there are comments in it.
    """
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{name} line {error.lineno} is not valid JSON: {error.msg}",
            next_steps=[f"fix {name}", commands.install("claude")],
        ) from error
    table = parsed.get(key, {}) if isinstance(parsed, dict) else None
    if not isinstance(table, dict):
        where = f'"{key}"' if isinstance(parsed, dict) else "the top level"
        raise UsageError(f"{where} in {name} is not an object", next_steps=[f"fix {name}"])
    return table
