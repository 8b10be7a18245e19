"""The status file shared through git: seen by it, and merged task by task by a driver of runr's."""

import shlex
import shutil
import sys
from pathlib import Path

from runr import nofollow
from runr.errors import ConfigError, DamagedStateError
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import CommandResult
from runr.status import merge, store
from runr.status.store import Contents, DamagedStatusError
from runr.storage import files, state_dir
from runr.storage.layout import Layout


def merge_status(base: Path, ours: Path, theirs: Path) -> None:
    """Write into `ours` what both sides say; DamagedStateError where a newer runr wrote one.

    Of a damaged side, the entries that are valid are used.
    """
    whole = [_read(path) for path in (base, ours, theirs)]
    if any(contents.read_only for contents in whole):
        raise DamagedStateError(
            "one side of the status file was written by a newer runr, so it is not merged here",
            next_steps=[commands.upgrade()],
        )
    entries = [contents.tasks for contents in whole]
    extra = [contents.extra for contents in whole]
    merged = Contents(tasks=merge.tasks(*entries), extra=merge.others(*extra))
    files.replace(ours, store.render(merged))


def _read(path: Path) -> Contents:
    data = path.read_bytes()
    if not data.strip():
        return Contents()  # the file is new on both sides
    try:
        return store.parse(data, path)
    except DamagedStatusError as damage:
        return Contents(tasks=damage.salvaged)


#: What git calls the driver.
DRIVER = "runr-status"

_ATTRIBUTE = f".runr/task-status.json merge={DRIVER}"
_TABLE = "[status]\nshared = true"


def share_status(project: Project, *, dry_run: bool = False) -> CommandResult:
    """Share the status file from now on: settings, ignore file, attribute and driver."""
    layout, notes, changed = project.layout, [], []
    if nofollow.exists(layout.config) and not state_dir.is_shared(layout):
        text = nofollow.read(layout.config).decode()
        if "[status]" in text:
            raise ConfigError(
                ".runr/config.toml has a table [status] already",
                next_steps=["write shared = true below [status]", commands.init("--shared")],
            )
        changed.append(".runr/config.toml")
        if not dry_run:
            files.replace(layout.config, f"{text.rstrip()}\n\n{_TABLE}\n".encode())
    installed = install(project, dry_run=dry_run)
    if not dry_run and _is_ignored(project):
        notes.append("another ignore file of yours hides .runr/task-status.json from git")
    return CommandResult(
        message="", changed=[*changed, *installed.changed], notes=[*installed.notes, *notes]
    )


def install(project: Project, *, dry_run: bool = False) -> CommandResult:
    """Set up what merges the status file; every clone needs the driver once."""
    layout, changed = project.layout, []
    if "!task-status.json" not in _lines(
        nofollow.read(layout.ignore).decode() if nofollow.exists(layout.ignore) else ""
    ):
        changed.append(".runr/.gitignore")
        if not dry_run:
            state_dir.share_status_file(layout)
    if _ATTRIBUTE not in _lines(_attributes(layout)):
        changed.append(".gitattributes")
        if not dry_run:
            text = _attributes(layout)
            gap = "" if not text or text.endswith("\n") else "\n"
            _write_attributes(layout, f"{text}{gap}{_ATTRIBUTE}\n")
    command = f"{shlex.join(_own_command())} merge-status %O %A %B"
    if _setting(project, "driver") != command:
        changed.append(f"setting merge.{DRIVER}.driver of git")
        if not dry_run:
            name = "runr's status file, task by task"
            project.repo.run("config", "--local", f"merge.{DRIVER}.name", name)
            project.repo.run("config", "--local", f"merge.{DRIVER}.driver", command)
    message = "The merge driver is set up:" if changed else "The merge driver is in place."
    return CommandResult(message=message, changed=changed)


def uninstall(project: Project) -> CommandResult:
    """Take the driver and the attribute out again; the status file stays in git."""
    layout, changed = project.layout, []
    lines = _attributes(layout).splitlines(keepends=True)
    kept = "".join(line for line in lines if line.strip() != _ATTRIBUTE)
    if kept != "".join(lines):
        changed.append(".gitattributes")
        _write_attributes(layout, kept)
    if _setting(project, "driver") is not None:
        changed.append(f"setting merge.{DRIVER} of git")
        project.repo.run("config", "--local", "--remove-section", f"merge.{DRIVER}")
    message = "The merge driver is gone:" if changed else "Nothing to do."
    return CommandResult(message=message, changed=changed)


def is_installed(project: Project) -> bool:
    """Tell whether this clone has the driver."""
    return _setting(project, "driver") is not None


def _setting(project: Project, name: str) -> str | None:
    found = project.repo.answer("config", "--local", "--get", f"merge.{DRIVER}.{name}")
    return None if found is None else found.decode().rstrip("\n")


def _own_command() -> list[str]:
    return ["runr"] if shutil.which("runr") else [sys.executable, "-P", "-m", "runr"]


def _is_ignored(project: Project) -> bool:
    args = ("check-ignore", "-q", "--no-index", ".runr/task-status.json")
    return project.repo.answer(*args) is not None


def _attributes(layout: Layout) -> str:
    try:
        return layout.attributes.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _write_attributes(layout: Layout, text: str) -> None:
    if text:
        files.replace(layout.attributes, text.encode())
    else:
        layout.attributes.unlink()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]
