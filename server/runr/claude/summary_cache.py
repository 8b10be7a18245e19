"""The cached overview of all tasks, and what has changed since it was computed.

The start of a session waits for it, so it is read without the models: changes of the status file
are applied, and other changes are named.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runr import nofollow
from runr.claude.summary import Overview
from runr.errors import RunrError
from runr.runs import session_index
from runr.runs.model import RunState
from runr.storage import files
from runr.storage.layout import TASKS, Layout

if TYPE_CHECKING:
    from runr.project import Project

#: The time and size of every file that the overview depends on; a missing file has none.
_Fingerprints = dict[str, list[int]]


class CachedSummary(NamedTuple):
    """An overview; `pending_changes` names what it does not take into account."""

    overview: Overview
    pending_changes: tuple[str, ...] = ()


def load(layout: Layout) -> CachedSummary | None:
    """Return the cached summary; None where there is none."""
    current = _fingerprints(layout)
    if not any(name.startswith(TASKS) for name in current):
        return CachedSummary(Overview())
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        cached = json.loads(nofollow.read(layout.greeting))
        if cached["clone"] != _clone(layout):
            return None
        overview = Overview.from_json(cached["overview"])
        changed = _changed(cached["fingerprints"], current)
        if "status" in changed:
            entries = json.loads(nofollow.read(layout.status))["tasks"]
            overview = overview.with_entries(
                {name: entries[name] for name in entries if name in current}
            )
        runs = {run_id: session_index.find(layout, run_id) for _, run_id in overview.in_progress}
        if any(run is None and _is_dead(layout, run_id) for run_id, run in runs.items()):
            changed.append("a run that died")
        return CachedSummary(_without_stopped(overview, runs), tuple(changed))
    return None


def refresh(layout: Layout, project: "Project") -> CachedSummary:
    """Compute the overview with the models, and cache it for the next start."""
    # Only a repository in which something has changed pays for this.
    from runr.claude import summary_builder  # noqa: PLC0415 - see above

    current, found = _fingerprints(layout), summary_builder.summarize(project)
    if _fingerprints(layout) != current:
        # Another process has changed something, or computing the overview has ended a run that
        # died. Further changes are found by the next start, from the fingerprints before them.
        current, found = _fingerprints(layout), summary_builder.summarize(project)
    overview = found._asdict()
    cached = {"clone": _clone(layout), "fingerprints": current, "overview": overview}
    with suppress(OSError):
        files.replace(layout.greeting, json.dumps(cached).encode() + b"\n")
    return CachedSummary(found)


def refresh_if_cached(root: str, environment: Mapping[str, str]) -> None:
    """Refresh the cache where sessions have used it; errors are left to them."""
    from runr.project import Project  # noqa: PLC0415 - see `refresh`

    layout = Layout(Path(root))
    with suppress(OSError, RunrError):
        if nofollow.exists(layout.greeting):
            refresh(layout, Project.open(layout.root, environment))


def _clone(layout: Layout) -> int:
    """Return the inode of `.git`, which whoever commits a cache for others cannot know."""
    return (layout.root / ".git").stat().st_ino


def _changed(before: _Fingerprints, now: _Fingerprints) -> list[str]:
    """Return readable names of what differs, each once."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return list(dict.fromkeys(_label(name) for name in names))


def _label(name: str) -> str:
    words = {".runr/task-status.json": "status", ".runr/config.toml": "settings"}
    if name.startswith(".git/"):
        return "commits"
    return words.get(name, name.removeprefix(f"{TASKS}/"))


def _without_stopped(overview: Overview, runs: Mapping[str, RunState | None]) -> Overview:
    """Count runs that a hook has just stopped: their status is written after its response."""
    stopped = [run for run in runs.values() if run and run.result == "stopped"]
    ids = {run.id for run in stopped}
    return overview._replace(
        in_progress=tuple(task for task in overview.in_progress if task[1] not in ids),
        stopped=(
            *overview.stopped,
            *((run.task_name, run.id, run.stop_reason or "") for run in stopped),
        ),
    )


def _is_dead(layout: Layout, run_id: str) -> bool:
    """Tell whether a run's process has died, so that the entry of its task is outdated."""
    return not files.is_held(layout.run(run_id).lock)


def _fingerprints(layout: Layout) -> _Fingerprints:
    """Return the fingerprints of everything that the overview depends on."""
    git = layout.root / ".git"
    others = (
        layout.status,
        layout.config,
        git / "HEAD",
        git / "logs" / "HEAD",
        git / "packed-refs",
    )
    root = f"{layout.root}/"
    paths = [*map(str, others), *_task_files(layout.tasks)]
    found = ((path.removeprefix(root), _fingerprint(path)) for path in paths)
    return {name: fingerprint for name, fingerprint in found if fingerprint}


def _fingerprint(path: str) -> list[int]:
    try:
        state = os.stat(path)  # noqa: PTH116 - ten thousand paths
    except OSError:
        return []
    return [state.st_mtime_ns, state.st_size]


def _task_files(folder: Path) -> Iterator[str]:
    root, top = (os.path.realpath(path) for path in (folder.parents[1], folder))
    if not top.startswith(f"{root.rstrip('/')}/"):
        return  # a link out of the repository
    for above, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(above, name) for name in sorted(names) if name.endswith(".md"))  # noqa: PTH118 - ten thousand paths
