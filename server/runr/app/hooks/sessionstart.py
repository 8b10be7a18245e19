"""A session starts: it is told what is open, stale and ready, as long as there is something."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from runr.app.hooks.scene import Scene
from runr.core import greeting, hookcall
from runr.core.greeting import Open, Overview
from runr.store import files, openrun
from runr.store.layout import Layout


def answer(scene: Scene) -> str | None:
    """Return the lines for the model, the first of them for the user too."""
    overview = known(scene.layout) or find_out(scene)
    at_work = _at_work(scene, overview)
    told = greeting.lines(overview, at_work)
    return hookcall.greet(told) if told else None


def known(layout: Layout) -> Overview | None:
    """Return how the tasks stand: what was found out the last time, if nothing has changed."""
    if not next(_task_files(layout.tasks), None):
        return Overview()
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(layout.greeting.read_bytes())
        overview = Overview.from_json(kept["overview"])
        if kept["key"] == _fingerprint(layout) and not _died(layout, overview.in_progress):
            return overview
    return None


def find_out(scene: Scene) -> Overview:
    """Look at the tasks with the models, and keep what was found for the next start."""
    # Only a repository in which something has changed pays for this.
    from runr.app.hooks import looking  # noqa: PLC0415 - see above

    found = looking.look(scene.project())
    # The look itself may have ended a run that died, so the mark is of what stands behind it.
    kept = {"key": _fingerprint(scene.layout), "overview": found._asdict()}
    with suppress(OSError):
        files.replace(scene.layout.greeting, json.dumps(kept).encode() + b"\n")
    return found


def _at_work(scene: Scene, overview: Overview) -> list[Open]:
    sessions = {run.id: run for run in openrun.open_runs(scene.layout)}
    found = []
    for name, run_id in overview.in_progress:
        run = sessions.get(run_id)
        holder = f"session {run.holder[:8]}" if run else "a run of its own"
        mine = run is not None and run.is_of(scene.call.session_id)
        found.append(Open(name, run_id, holder, mine, run.owns if run else ()))
    return found


def _died(layout: Layout, in_progress: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a run's process is gone, so that its task stands otherwise by now."""
    runs = [layout.run(run_id) for _, run_id in in_progress]
    return any(openrun.read(run) is None and not files.is_held(run.lock) for run in runs)


def _fingerprint(layout: Layout) -> list[list[str | int]]:
    """Return what changes with everything that a look at the tasks goes by."""
    git = layout.root / ".git"
    others = (
        layout.status,
        layout.config,
        git / "HEAD",
        git / "logs" / "HEAD",
        git / "packed-refs",
    )
    marks = [_mark(path) for path in others]
    return marks + [_mark(Path(entry)) for entry in _task_files(layout.tasks)]


def _mark(path: Path) -> list[str | int]:
    try:
        state = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), state.st_mtime_ns, state.st_size]


def _task_files(folder: Path) -> Iterator[str]:
    for above, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(above, name) for name in sorted(names) if name.endswith(".md"))  # noqa: PTH118 - ten thousand paths
