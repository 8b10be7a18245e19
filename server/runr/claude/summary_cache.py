"""How the tasks stood when somebody last looked, and what has changed since.

A session's start waits for this, so it is found without the models: what the
status file and the clock tell is brought up to date, and the rest is named.
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
from runr.runs.session_index import OpenRun
from runr.storage import files
from runr.storage.layout import TASKS, Layout

if TYPE_CHECKING:
    from runr.project import Project

_Marks = dict[str, list[int]]


class CachedSummary(NamedTuple):
    """An overview; `uncounted` names what it does not take into account."""

    overview: Overview
    uncounted: tuple[str, ...] = ()


def load(layout: Layout) -> CachedSummary | None:
    """Return the last look; None where nobody has looked yet."""
    marks = _marks(layout)
    if not any(name.startswith(TASKS) for name in marks):
        return CachedSummary(Overview())
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = json.loads(nofollow.read(layout.greeting))
        overview = Overview.from_json(kept["overview"])
        changed = _changed(kept["marks"], marks)
        if "status" in changed:
            entries = json.loads(nofollow.read(layout.status))["tasks"]
            overview = overview.brought_up(
                {name: entries[name] for name in entries if name in marks}
            )
        runs = {
            run_id: session_index.read(layout.run(run_id)) for _, run_id in overview.in_progress
        }
        if any(run is None and _is_dead(layout, run_id) for run_id, run in runs.items()):
            changed.append("a run that died")
        return CachedSummary(_left(overview, runs), tuple(changed))
    return None


def refresh(layout: Layout, project: "Project") -> CachedSummary:
    """Look at the tasks with the models, and keep what was found for the next start."""
    # Only a repository in which something has changed pays for this.
    from runr.claude import summary_builder  # noqa: PLC0415 - see above

    marks, found = _marks(layout), summary_builder.summarize(project)
    if _marks(layout) != marks:
        # Somebody is at work, or the look itself has ended a run that died. What changes now is
        # not counted, and the marks from before it tell the next start so.
        marks, found = _marks(layout), summary_builder.summarize(project)
    kept = {"marks": marks, "overview": found._asdict()}
    with suppress(OSError):
        files.replace(layout.greeting, json.dumps(kept).encode() + b"\n")
    return CachedSummary(found)


def refresh_if_cached(root: str, environment: Mapping[str, str]) -> None:
    """Look again, if sessions work in this repository at all; what goes wrong is left to them."""
    from runr.project import Project  # noqa: PLC0415 - see `renew`

    layout = Layout(Path(root))
    with suppress(OSError, RunrError):
        if nofollow.exists(layout.greeting):
            refresh(layout, Project.open(layout.root, environment))


def _changed(before: _Marks, now: _Marks) -> list[str]:
    """Name what differs, as people call it, each once."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return list(dict.fromkeys(_called(name) for name in names))


def _called(name: str) -> str:
    words = {".runr/task-status.json": "status", ".runr/config.toml": "settings"}
    if name.startswith(".git/"):
        return "commits"
    return words.get(name, name.removeprefix(f"{TASKS}/"))


def _left(overview: Overview, runs: Mapping[str, OpenRun | None]) -> Overview:
    """Count as stopped what a session has just left: its status is written behind the answer."""
    left = [run for run in runs.values() if run and run.ended == "stopped"]
    gone = {run.id for run in left}
    return overview._replace(
        in_progress=tuple(work for work in overview.in_progress if work[1] not in gone),
        stopped=(*overview.stopped, *((run.name, run.id, run.stop or "") for run in left)),
    )


def _is_dead(layout: Layout, run_id: str) -> bool:
    """Tell whether a run's process is gone, so that its task stands otherwise by now."""
    return not files.is_held(layout.run(run_id).lock)


def _marks(layout: Layout) -> _Marks:
    """Return, for everything that a look goes by, what changes with it."""
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
    marked = ((path.removeprefix(root), _mark(path)) for path in paths)
    return {name: mark for name, mark in marked if mark}


def _mark(path: str) -> list[int]:
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
