"""Everything that happened to one task: when, by whom or which run, on what evidence, and why."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from runr.errors import UnknownNameError
from runr.history import database, hook_calls, index
from runr.history.hook_calls import HookCall
from runr.history.run_rows import Cause, Record
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.status.model import Evidence, State
from runr.storage.layout import TASKS
from runr.tasks.model import Task
from runr.text import pluralize

if TYPE_CHECKING:
    import sqlite3

#: What can happen to a task; only an inferred completion is in no journal.
What = Cause | Literal["landed", "inferred"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChange:
    """One change; `by` is a kind with a name, such as `person:Ada`, `run:ID` or `worker:script`.

    `status` is that of the task afterwards. `record` says what the journal of the run proves:
    only a `confirmed` one is evidence. `target` is the branch on which work landed.
    """

    time: str
    what: What
    by: str
    status: str | None = None
    run_id: str | None = None
    record: Record = "confirmed"
    evidence: str | None = None
    stop_reason: str | None = None
    reason: str | None = None
    commit_sha: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHistory(Result):
    """The changes of a task, oldest first; status and evidence are those of now.

    `hooks` are the lifecycle hooks that its runs have called.
    """

    task_path: str
    status: str
    evidence: str | None = None
    stale: bool = False
    unmerged: bool = False
    run_count: int
    changes: list[TaskChange]
    hooks: list[HookCall] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_history(project: Project, name: str) -> TaskHistory:
    """Return what happened to a task, also to one whose file is gone."""
    snapshot = Snapshot.of(project)
    found = index.ask(project, lambda rows: _found(project, snapshot, rows, name))
    path, changes, confirmed_runs, run_count, unconfirmed = found
    state = snapshot.task_states().get(path) or TaskState(task=Task(path=path, title=path))
    changes += _inferred(state)
    entry = state.entry
    last = [change.run_id for change in changes if change.run_id][-1:]
    steps = [*map(commands.report, last), *([] if state.orphaned else [commands.why(path)])]
    return TaskHistory(
        task_path=path,
        status=entry.status.value,
        evidence=entry.evidence.value if entry.evidence else None,
        stale=state.stale,
        unmerged=state.unmerged,
        run_count=run_count,
        changes=sorted(changes, key=lambda change: change.time),
        hooks=hook_calls.of_runs(project.layout, confirmed_runs),
        notes=_notes(state, unconfirmed),
        next_steps=project.surface.lines(steps if path in snapshot.task_states() else []),
    )


class _Found(NamedTuple):
    path: str
    changes: list[TaskChange]
    confirmed_runs: list[str]
    run_count: int
    unconfirmed: int


def _found(
    project: Project, snapshot: Snapshot, connection: "sqlite3.Connection", name: str
) -> _Found:
    path = _path(project, snapshot, connection, name)
    counts = connection.execute(database.queries()["task_run_counts"], (path,)).fetchone()
    runs = connection.execute(database.queries()["confirmed_runs_of_task"], (path,)).fetchall()
    return _Found(path, _changes(connection, path), [run for (run,) in runs], *counts)


def _path(project: Project, snapshot: Snapshot, connection: "sqlite3.Connection", name: str) -> str:
    try:
        return project.find_task(name, snapshot.tasks).path
    except UnknownNameError:
        stem = name.removeprefix(f"{TASKS}/").removesuffix(".md")
        path = f"{TASKS}/{stem}.md"
        count = connection.execute(database.queries()["task_run_counts"], (path,)).fetchone()[0]
        if count or path in snapshot.task_states():
            return path
        raise


def _changes(connection: "sqlite3.Connection", path: str) -> list[TaskChange]:
    found = []
    for row in connection.execute(database.queries()["task_changes"], (path,)):
        time, _, status, what, actor, evidence, stop_reason, reason, sha, run_id, record = row
        found.append(
            TaskChange(
                time=time,
                what=what,
                by=actor,
                status=status,
                run_id=run_id,
                record=record,
                evidence=evidence,
                stop_reason=stop_reason,
                reason=reason,
                commit_sha=sha,
            )
        )
    for row in connection.execute(database.queries()["task_landings"], (path,)):
        time, _, target, _, sha, actor, reason, run_id, record = row
        found.append(
            TaskChange(
                time=time,
                what="landed",
                by=actor,
                run_id=run_id,
                record=record,
                reason=reason,
                commit_sha=sha,
                target=target,
            )
        )
    return found


def _inferred(state: TaskState) -> list[TaskChange]:
    """Return the completion that only commits show."""
    entry = state.entry
    if entry.status is not State.COMPLETED or entry.evidence is not Evidence.INFERRED:
        return []
    sha = entry.checkpoint_sha
    return [
        TaskChange(
            time=entry.completed_at or entry.updated_at or "",
            what="inferred",
            by=f"commit:{sha}" if sha else "status file",
            status=State.COMPLETED.value,
            evidence=Evidence.INFERRED.value,
            reason=entry.basis,
            commit_sha=sha,
        )
    ]


def _notes(state: TaskState, unconfirmed: int) -> list[str]:
    notes = [f"the status file says completed, which is not proved: {state.unproved}"]
    notes = notes if state.unproved else []
    if state.orphaned:
        notes.append("its task file is gone")
    if unconfirmed:
        runs = pluralize(unconfirmed, "run")
        notes.append(f"{runs} of other clones or with damaged journals: no evidence here")
    return notes
