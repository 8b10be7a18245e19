"""What a run is held to, its settings and its task, and whether a worker has changed them.

A run has copies of both, whose digests are in its journal. The files that they were made from are
compared before and after the work of each worker. What changes later is the user's.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from runr import nofollow
from runr.errors import ChangedInputsError
from runr.execution.context import RunContext
from runr.runs import journal
from runr.runs.events import InputsChanged
from runr.runs.model import RunSpec, RunState
from runr.storage import files
from runr.storage.layout import RunFiles

#: The sections that a run is held to.
_SECTIONS = ("run", "workers", "phases", "verify", "scope", "hooks")


def digest(path: Path) -> str:
    """Return the digest of a file; empty where there is none."""
    try:
        return sha256(nofollow.read(path)).hexdigest()
    except FileNotFoundError:
        return ""


def ensure_unchanged(run: RunFiles, spec: RunSpec) -> None:
    """Raise ChangedInputsError unless the run's copies are those that were made for it."""
    copies = (
        (run.config, spec.config_sha256),
        (run.task, spec.copy_sha256),
        (run.refs, spec.refs_sha256),
    )
    changed = [path.name for path, known in copies if known and digest(path) != known]
    if changed:
        raise ChangedInputsError(
            f"what run {run.id} keeps of its settings, its task or the refs was changed: "
            f"{' and '.join(changed)} in {run.folder}"
        )


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return which settings of a run differ, each with its old and its new value."""
    before, after = dict(_flat(old)), dict(_flat(new))
    keys = sorted(before.keys() | after.keys())
    return [
        f"{key}: {_shown(before.get(key))} → {_shown(after.get(key))}"
        for key in keys
        if before.get(key) != after.get(key)
    ]


def _flat(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section in _SECTIONS:
        values = settings.get(section)
        for key, value in (values if isinstance(values, dict) else {}).items():
            yield f"{section}.{key}", value


def _shown(value: Any) -> str:
    text = "unset" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - as much as a line holds


@contextmanager
def kept_copies(run: RunFiles, held_to: RunSpec) -> Iterator[None]:
    """Put back the copies of settings and task where the run is not held to new ones in the end.

    Otherwise a command that is refused would leave a run that cannot be resumed any more.
    """
    before = {path: nofollow.read(path) for path in (run.config, run.task) if nofollow.exists(path)}
    try:
        yield
    except BaseException:
        if journal.require(run).spec == held_to:
            for path, content in before.items():
                files.replace(path, content)
        raise


class InputsGuard:
    """The settings and the task in the user's working tree, before the work of a worker."""

    def __init__(self, context: RunContext, state: RunState) -> None:
        layout = context.layout
        self._files, self._in_place = context.files, state.start.in_place
        self._root = layout.root
        watched = (layout.config, layout.root / state.start.task)
        self._before = {path: _read(path) for path in watched}

    def finish(self) -> InputsChanged | None:
        """Return what has changed; where the worker had the tree for itself, it is put back."""
        changed = {path: now for path in self._before if (now := _read(path)) != self._before[path]}
        if not changed:
            return None
        details = [self._describe(path, now) for path, now in changed.items()]
        if self._in_place:
            for path, now in changed.items():
                self._put_back(path, now)
        paths = tuple(str(path.relative_to(self._root)) for path in changed)
        return InputsChanged(paths, "; ".join(details), put_back=self._in_place)

    def _describe(self, path: Path, now: bytes | None) -> str:
        name = str(path.relative_to(self._root))
        known = differences(_settings(self._before[path]), _settings(now))
        return f"{name} ({', '.join(known)})" if known and path.suffix == ".toml" else name

    def _put_back(self, path: Path, now: bytes | None) -> None:
        if now is not None:
            files.replace(self._files.folder / f"changed-{path.name}", now)
        before = self._before[path]
        if before is None:
            nofollow.unlink(path, missing_ok=True)
        else:
            files.replace(path, before)


def _read(path: Path) -> bytes | None:
    try:
        return nofollow.read(path)
    except OSError:
        return None


def _settings(data: bytes | None) -> Mapping[str, Any]:
    with suppress(ValueError):
        return tomllib.loads((data or b"").decode())
    return {}
