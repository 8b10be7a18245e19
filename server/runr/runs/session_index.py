"""The run that a session has open, found without the models: a hook has no time for them."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from runr import nofollow
from runr.scope.rules import Lockfiles
from runr.storage.files import lines
from runr.storage.layout import Layout, RunFiles

#: How many of the latest runs may be this session's.
_LATEST = 50


class OpenRun(NamedTuple):
    """What a hook needs to know of a session's run; `ended` is None while it is open."""

    files: RunFiles
    task: str
    workdir: str
    owns: tuple[str, ...]
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    lockfiles: Lockfiles
    holder: str
    failed: tuple[str, ...]
    violations: tuple[str, ...]
    judged: bool
    ended: str | None
    stop: str | None
    settled: bool

    @property
    def id(self) -> str:
        """The run's id."""
        return self.files.id

    @property
    def name(self) -> str:
        """The task as people call it."""
        return self.task.removeprefix(".runr/tasks/")

    def is_of(self, session_id: str) -> bool:
        """Tell whether the session works on it, or was the last that did."""
        return bool(session_id) and session_id == self.holder


def of_session(layout: Layout, session_id: str) -> OpenRun | None:
    """Return the run that the session has open."""
    mine = (run for run in open_runs(layout) if run.is_of(session_id) and run.ended is None)
    return next(mine, None)


def open_runs(layout: Layout) -> Iterator[OpenRun]:
    """Yield the runs by sessions of the tasks that the status file has in progress."""
    with suppress(OSError, ValueError, AttributeError):
        data = nofollow.read(layout.status)
        if b'"in_progress"' not in data:
            return
        for entry in json.loads(data)["tasks"].values():
            run_id = entry.get("last_run_id")
            if entry.get("status") == "in_progress" and isinstance(run_id, str):
                run = read(layout.run(run_id))
                if run is not None:
                    yield run


def latest(layout: Layout, session_id: str) -> Iterator[OpenRun]:
    """Yield the runs that the session had, newest first, of the latest of all."""
    with suppress(OSError):
        for name in sorted(nofollow.names(layout.runs), reverse=True)[:_LATEST]:
            run = read(layout.run(name))
            if run is not None and run.is_of(session_id):
                yield run


def read(run: RunFiles) -> OpenRun | None:
    """Return where a session's run stands; None for every other run, and for none."""
    state = _state(run)
    start = state.get("start", {})
    if start.get("worker") != "session":
        return None
    return OpenRun(
        files=run,
        task=start["task"],
        workdir=start["workdir"],
        owns=tuple(start.get("owns", ())),
        allow=tuple(start.get("allow", ())),
        deny=tuple(start.get("deny", ())),
        lockfiles=start.get("lockfiles", "follow"),
        holder=(state.get("sessions") or [start.get("session_id") or ""])[-1],
        failed=tuple(check["command"] for check in state.get("checks", ()) if _failed(check)),
        violations=tuple(state.get("violations", ())),
        judged=bool(state.get("judged")),
        ended=state.get("ended"),
        stop=state.get("stop"),
        settled=bool(state.get("ended_at")) and state.get("settled_until") == state["ended_at"],
    )


def _failed(check: dict[str, Any]) -> bool:
    """Tell whether a check was run and did not pass, as `core.runstate.CheckResult` does."""
    return check.get("runs", 1) > 0 and check.get("exit_code") != 0


def _state(run: RunFiles) -> dict[str, Any]:
    try:
        kept = json.loads(nofollow.read(run.state))
        if kept["bytes"] == nofollow.stat(run.timeline).st_size:
            return dict(kept["state"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # it is only a copy
    if not lines(run.timeline):
        return {}
    # A writer was killed between the event and the copy: that rare run is worth the models.
    from runr.runs import journal  # noqa: PLC0415 - see above

    return journal.require(run).model_dump(mode="json")
