"""Set a repository up for Claude Code, and take exactly that out again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runr.app.installed import Installed
from runr.core import jsonedit
from runr.errors import UsageError
from runr.store.layout import Layout
from runr.store.skillfiles import (
    MCP,
    SKILL,
    ClaudeFiles,
    Receipt,
    Written,
    packaged_skill,
)

Json = dict[str, Any]

_SERVERS = "mcpServers"
_NAME = "runr"
_FORCE = "runr install claude --force"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What becomes of one file; `written` is None where it stays as it is."""

    name: str
    written: Written | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What an uninstalled file holds (`text` None: it is absent), or why it is kept."""

    name: str
    text: str | None = None
    note: str | None = None


def install(root: Path, *, command: Sequence[str], force: bool = False) -> Installed:
    """Write the skill and merge the MCP server into what is there.

    `command` starts the server. A skill that a user edited is kept, and another
    server of our name refused, unless `force` is given.
    """
    here = ClaudeFiles(root)
    receipt = here.load_receipt()
    entry = {"command": command[0], "args": [*command[1:]], "alwaysLoad": True}
    plans = [_plan_skill(here, receipt, force=force), _plan_server(here, receipt, entry, force)]
    changes = {plan.name: plan.written for plan in plans if plan.written is not None}
    if changes:
        # The receipt first, so that an installation cut short can be taken back too.
        here.save_receipt(_extended(here, receipt, changes, entry))
        for name, written in changes.items():
            here.write(name, written.after)
    notes = [plan.note for plan in plans if plan.note is not None]
    if Path(command[0]).is_absolute() and MCP in changes:
        notes.append(f"{MCP} names {command[0]}, which other machines lack: do not commit it")
    return Installed(
        changed=list(changes),
        unchanged=[plan.name for plan in plans if plan.written is None],
        notes=notes,
        next=_next(root),
    )


def uninstall(root: Path) -> Installed:
    """Take out what `install` wrote; what was edited since keeps the edits."""
    here = ClaudeFiles(root)
    receipt = here.load_receipt()
    outcomes = [
        _outcome(name, here.read(name), written, receipt) for name, written in receipt.files.items()
    ]
    changed = [outcome.name for outcome in outcomes if _applied(here, outcome)]
    here.drop_receipt()
    here.remove_empty(receipt.folders)
    notes = [outcome.note for outcome in outcomes if outcome.note is not None]
    return Installed(changed=changed, notes=notes or _not_ours(here, receipt))


def _plan_skill(here: ClaudeFiles, receipt: Receipt, *, force: bool) -> _Plan:
    current, wanted, old = here.read(SKILL), packaged_skill(), receipt.files.get(SKILL)
    if current == wanted:
        return _Plan(name=SKILL)
    if old is not None and current == old.after:
        return _Plan(name=SKILL, written=Written(before=old.before, after=wanted))
    if current is None or force:
        return _Plan(name=SKILL, written=Written(before=current, after=wanted))
    return _Plan(name=SKILL, note=f"{SKILL} was edited and is kept; to replace it: {_FORCE}")


def _plan_server(here: ClaudeFiles, receipt: Receipt, entry: Json, force: bool) -> _Plan:
    current, old = here.read(MCP), receipt.files.get(MCP)
    text = current if current is not None else "{}\n"
    existing = _servers(text).get(_NAME)
    if existing == entry:
        return _Plan(name=MCP)
    ours = existing is not None and existing == receipt.entry
    if existing is not None and not ours and not force:
        raise UsageError(f'{MCP} already has another server named "{_NAME}"', next_steps=[_FORCE])
    before = current
    if old is not None and current == old.after:
        before = old.before
    elif ours:
        before = jsonedit.drop(text, (_SERVERS, _NAME))
    after = jsonedit.put(text, (_SERVERS, _NAME), entry)
    return _Plan(name=MCP, written=Written(before=before, after=after))


def _extended(
    here: ClaudeFiles, receipt: Receipt, changes: dict[str, Written], entry: Json
) -> Receipt:
    """Return the receipt with these changes added."""
    missing = [folder for name in (".runr/_", *changes) for folder in here.missing_folders(name)]
    return receipt.model_copy(
        update={
            "files": {**receipt.files, **changes},
            "folders": tuple(dict.fromkeys([*receipt.folders, *missing])),
            "entry": entry if MCP in changes else receipt.entry,
        }
    )


def _outcome(name: str, current: str | None, written: Written, receipt: Receipt) -> _Outcome:
    if current is None:
        return _Outcome(name=name, note=f"{name} was deleted already")
    if current in (written.before, written.after):
        return _Outcome(name=name, text=written.before)
    if name == SKILL:
        return _Outcome(name=name, note=f"{name} was edited and is kept")
    return _without_server(current, written, receipt)


def _without_server(current: str, written: Written, receipt: Receipt) -> _Outcome:
    """Take our server out of a file that was edited since."""
    existing = _servers(current).get(_NAME)
    if existing is None:
        return _Outcome(name=MCP, text=current)
    if existing != receipt.entry:
        return _Outcome(name=MCP, note=f'the server "{_NAME}" in {MCP} was edited and is kept')
    earlier = json.loads(written.before or "{}")
    replaced = earlier.get(_SERVERS, {}).get(_NAME)
    if replaced is not None:
        return _Outcome(name=MCP, text=jsonedit.put(current, (_SERVERS, _NAME), replaced))
    text = jsonedit.drop(current, (_SERVERS, _NAME))
    if _SERVERS not in earlier and not _servers(text):
        text = jsonedit.drop(text, (_SERVERS,))
    empty = written.before is None and not json.loads(text)
    return _Outcome(name=MCP, text=None if empty else text)


def _applied(here: ClaudeFiles, outcome: _Outcome) -> bool:
    """Write or delete the file, and tell whether that changed anything."""
    if outcome.note is not None or outcome.text == here.read(outcome.name):
        return False
    if outcome.text is None:
        here.remove(outcome.name)
    else:
        here.write(outcome.name, outcome.text)
    return True


def _servers(text: str) -> Json:
    """Return the table of servers; UsageError when the file cannot be merged into."""
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{MCP} line {error.lineno} is not valid JSON: {error.msg}",
            next_steps=[f"mend {MCP}, then: runr install claude"],
        ) from error
    servers = parsed.get(_SERVERS, {}) if isinstance(parsed, dict) else None
    if not isinstance(servers, dict):
        where = f'"{_SERVERS}"' if isinstance(parsed, dict) else "the top level"
        raise UsageError(f"{where} in {MCP} is not an object", next_steps=[f"mend {MCP}"])
    return servers


def _not_ours(here: ClaudeFiles, receipt: Receipt) -> list[str]:
    """Say what is left where nothing was installed from here."""
    if receipt.files:
        return []
    left = [name for name in (SKILL, MCP) if here.read(name) is not None]
    told = [f"{name} was not written by an installation here and is kept" for name in left]
    return told or ["nothing was installed here"]


def _next(root: Path) -> list[str]:
    begin = [] if Layout(root).tasks.is_dir() else ["runr init"]
    return [*begin, "start `claude` here, approve the server `runr` and type: /runr status"]
