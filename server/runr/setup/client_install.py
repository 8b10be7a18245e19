"""Install the MCP server into a client's own settings, and take exactly that out again."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runr import __version__
from runr.errors import RunrError, UsageError
from runr.next_steps import commands
from runr.setup.claude_files import ClaudeFiles, Receipt, Written
from runr.setup.clients import CLIENTS, Client, Entry
from runr.setup.install_plan import FilePreview, InstallResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlace:
    """A client's file: of the repository at `root`, or of the user where `user` is set."""

    client: Client
    files: ClaudeFiles
    name: str
    user: bool

    @classmethod
    def find(
        cls, what: str, root: Path | None, environment: Mapping[str, str], *, user: bool
    ) -> "ClientPlace":
        """Return where the client's servers are; UsageError where it has no such file."""
        client = CLIENTS[what]
        if not user and client.project is None:
            raise UsageError(
                f"{client.title} has settings for your user only",
                next_steps=[commands.install(what, "--user")],
            )
        folder = client.user_folder(environment) if user else root
        if folder is None:
            raise RunrError("not in a git repository")
        name = client.user if user or client.project is None else client.project
        if client.alternative and os.path.lexists(folder / client.alternative):
            name = client.alternative
        # The path of a folder that is the user's own may hold links of the user.
        files = ClaudeFiles(
            folder.resolve() if user else folder,
            f".runr/backup/{what}",
            by_hand=f"take {'.'.join(client.keys)} out of {name} by hand",
        )
        return cls(client=client, files=files, name=name, user=user)

    @property
    def shown(self) -> str:
        """Return the file's path as a user knows it."""
        return str(self.files.root / self.name) if self.user else self.name

    def text(self) -> str | None:
        """Return the file's text, None if it is absent; UsageError where a link is in the way."""
        path = self.files.root
        for part in Path(self.name).parts:
            path /= part
            if path.is_symlink():
                raise UsageError(
                    f"{self.shown} is a link or below one, which is not followed",
                    next_steps=[commands.program("ls", "-ld", str(path))],
                )
        return self.files.read(self.name)

    def server(self) -> Any:
        """Return the server `runr` that the file has; None where it has none."""
        text = self.text()
        return None if text is None else self.client.read(text, self.shown)

    def twin(self) -> str | None:
        """Return the other file of the repository from which the client starts our server."""
        name = None if self.user else self.client.portable
        # What cannot be read or parsed starts nothing.
        with suppress(RunrError, ValueError):
            text = self.files.read(name) if name else None
            found = json.loads(text) if text else None
            servers = found.get("mcpServers") if isinstance(found, dict) else None
            return name if isinstance(servers, dict) and "runr" in servers else None
        return None

    def options(self, entry: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the options with which `runr install` writes this server into this place."""
        if self.user:
            return ("--user",)
        return ("--required",) if entry.get("required") else ()


def install(
    place: ClientPlace, entry: Entry, *, force: bool = False, only_print: bool = False
) -> InstallResult:
    """Merge the server into the file; another server of our name is refused without `force`."""
    receipt = place.files.load_receipt()
    written = _plan(place, receipt, entry, force=force)
    if written is None:
        return InstallResult(unchanged=[place.shown])
    notes = _notes(place, entry)
    if only_print:
        preview = FilePreview(path=place.shown, text=written.after)
        return InstallResult(previews=[preview], notes=notes)
    made = [] if place.files.root.exists() else ["."]
    missing = [
        *made,
        *place.files.missing_folders(place.name),
        *place.files.missing_folders(".runr/_"),
    ]
    place.files.root.mkdir(parents=True, exist_ok=True)
    # The receipt first, so that an installation cut short can be taken back too.
    place.files.save_receipt(
        Receipt(
            files={place.name: written},
            folders=tuple(dict.fromkeys([*receipt.folders, *missing])),
            entry=entry,
            version=__version__,
        )
    )
    place.files.write(place.name, written.after)
    return InstallResult(changed=[place.shown], notes=notes)


def _plan(place: ClientPlace, receipt: Receipt, entry: Entry, *, force: bool) -> Written | None:
    current = place.text()
    text = place.client.empty() if current is None or not current.strip() else current
    existing = place.client.read(text, place.shown)
    if existing == entry:
        return None
    ours = existing is not None and existing == receipt.entry
    if existing is not None and not ours and not force:
        again = commands.install(place.client.name, *place.options(entry), "--force")
        raise UsageError(f'{place.shown} already has another server "runr"', next_steps=[again])
    old, before = receipt.files.get(place.name), current
    if old is not None and current == old.after:
        before = old.before
    elif ours:
        before = place.client.drop(text, place.shown)
    return Written(before=before, after=place.client.put(text, entry, place.shown))


def _notes(place: ClientPlace, entry: Entry) -> list[str]:
    command = entry["command"]
    program = command if isinstance(command, str) else command[0]
    shows_note = place.client.note and (not place.user or place.client.project is None)
    notes = [place.client.note] if place.client.note and shows_note else []
    if twin := place.twin():
        notes.append(f"{twin} has the server, too: {place.client.title} may start it twice")
    if entry.get("required") and not place.user:
        notes.append(f"{place.client.title} does not start here for those who have no runr")
    if Path(program).is_absolute() and not place.user:
        notes.append(f"{place.shown} names {program}, which other machines lack: do not commit it")
    return notes


def uninstall(place: ClientPlace, *, only_print: bool = False) -> InstallResult:
    """Restore the file if nothing else has changed, else take only the server out."""
    receipt = place.files.load_receipt()
    written = receipt.files.get(place.name)
    if written is None:
        left = place.server() is not None
        message = f"the server in {place.shown} was not written by an installation and is kept"
        return InstallResult(notes=[message if left else "nothing was installed here"])
    current = place.text()
    text, note = _without(place, receipt, written, current)
    changed = [place.shown] if text != current else []
    if only_print:
        previews = [FilePreview(path=place.shown, text=text or "")] if changed else []
        return InstallResult(previews=previews, notes=note)
    if changed and text is None:
        place.files.remove(place.name)
    elif changed and text is not None:
        place.files.write(place.name, text)
    place.files.drop_receipt()
    place.files.remove_empty((*receipt.folders, ".runr"))
    return InstallResult(changed=changed, notes=note)


def _without(
    place: ClientPlace, receipt: Receipt, written: Written, current: str | None
) -> tuple[str | None, list[str]]:
    """Return what the file holds without us (None: it is absent), and why it is kept."""
    if current is None:
        return None, [f"{place.shown} was deleted already"]
    if current in (written.before, written.after):
        return written.before, []
    existing = place.client.read(current, place.shown)
    if existing is None:
        return current, []
    if existing != receipt.entry:
        return current, [f'the server "runr" in {place.shown} was edited and is kept']
    return place.client.drop(current, place.shown, before=written.before), []
