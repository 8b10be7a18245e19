"""What runr puts into a repository for Claude Code, and the receipt that takes it out again."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runr import nofollow
from runr.errors import DamagedStateError, RunrError, UsageError
from runr.next_steps import commands
from runr.storage import files as storage_files

MCP = ".mcp.json"
SETTINGS = ".claude/settings.json"
SKILL = ".claude/skills/runr/SKILL.md"

_IN_PACKAGE = "skill"


class Written(BaseModel):
    """One file that runr wrote: its text before (None: there was no file) and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: str | None
    after: str


class Receipt(BaseModel):
    """What an installation changed; `entry` is the server, `hooks` are those that were written.

    `folders` are those that did not exist, outermost first. Paths are relative
    to the repository, or to the folder of the user's own settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    files: Mapping[str, Written] = Field(default_factory=dict)
    folders: tuple[str, ...] = ()
    entry: Mapping[str, Any] | None = None
    hooks: Mapping[str, list[Any]] = Field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class ClaudeFiles:
    """The files for Claude Code of one repository, or of a user.

    `place` is the path of the receipt, which contains copies of settings and so is private;
    `by_hand` says how what was installed is removed where the receipt cannot be read.
    """

    root: Path
    place: str = ".runr/backup/claude"
    by_hand: str = f"take the server `runr` out of {MCP} and delete {SKILL} by hand"

    @property
    def folder(self) -> Path:
        """Return the receipt's folder."""
        return self.root / self.place

    @property
    def receipt(self) -> Path:
        """Return the receipt's path."""
        return self.folder / "receipt.json"

    def read(self, name: str) -> str | None:
        """Return a file's text with its line ends as they are; None if it is absent."""
        path = self._inside(name)
        try:
            return path.read_bytes().decode()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise UsageError(f"{name} is not UTF-8 text (byte {error.start})") from error
        except OSError as error:
            raise UsageError(f"{name} cannot be read: {error.strerror}") from error

    def write(self, name: str, text: str) -> None:
        """Make `text` the file's content; a link inside the repository stays a link."""
        path = self._inside(name)
        try:
            storage_files.replace(path, text.encode())
        except OSError as error:
            raise RunrError(f"{name} cannot be written: {error.strerror}") from error

    def remove(self, name: str) -> None:
        """Delete a file."""
        self._inside(name).unlink(missing_ok=True)

    def missing_folders(self, name: str) -> Iterator[str]:
        """Yield the folders above a file that do not exist, outermost first."""
        above = list(Path(name).parents)[-2::-1]
        yield from (str(folder) for folder in above if not (self.root / folder).exists())

    def remove_empty(self, folders: tuple[str, ...]) -> list[str]:
        """Delete those folders that are empty, and return them, innermost first."""
        removed = []
        for folder in reversed(folders):
            with suppress(OSError):
                self._inside(folder).rmdir()
                removed.append(f"{folder}/")
        return removed

    def load_receipt(self) -> Receipt:
        """Return what was installed here; an empty receipt where nothing was."""
        try:
            return Receipt.model_validate_json(nofollow.read(self.receipt))
        except FileNotFoundError:
            return Receipt()
        except ValidationError as error:
            raise DamagedStateError(
                f"{self.receipt.relative_to(self.root)} is not what runr wrote there",
                next_steps=[
                    self.by_hand,
                    commands.program("rm", "-r", str(self.folder)),
                ],
            ) from error

    def save_receipt(self, receipt: Receipt) -> None:
        """Keep the receipt where git does not see it and other users cannot read it."""
        nofollow.make_folder(self.folder)
        handle = nofollow.open_file(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fchmod(handle, 0o700)
        finally:
            os.close(handle)
        storage_files.replace(self.folder / ".gitignore", b"*\n")
        storage_files.replace(self.receipt, receipt.model_dump_json(indent=2).encode() + b"\n")

    def drop_receipt(self) -> None:
        """Forget the installation; called when nothing of it is left."""
        for name in ("receipt.json", ".gitignore"):
            nofollow.unlink(self.folder / name, missing_ok=True)
        for folder in (self.folder, self.folder.parent):
            with suppress(OSError):  # something else is in there
                folder.rmdir()

    def _inside(self, name: str) -> Path:
        """Return where a name leads to; UsageError when a link leads out of the repository."""
        path = (self.root / name).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise UsageError(
                f"{name} leads out of the repository, to {path}",
                next_steps=["replace the link by a folder or file of this repository"],
            )
        return path


def packaged(folder: str = "") -> dict[str, str]:
    """Return what this runr ships below `folder` of its plugin, by the path in there."""
    package = Path(__file__).resolve().parents[1]
    for above in (package, package.parents[1]):
        top = above / _IN_PACKAGE / folder
        if top.is_dir():
            paths = (path for path in sorted(top.rglob("*")) if path.is_file())
            return {str(path.relative_to(top)): path.read_text(encoding="utf-8") for path in paths}
    raise RunrError(
        f"this installation of runr lacks {_IN_PACKAGE}/{folder}", next_steps=["install runr again"]
    )
