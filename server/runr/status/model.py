"""Whether a task is done: the stored states, the evidence, and the legal changes. Pure."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from runr.runs import stop_reasons
from runr.runs.model import RunState


class State(StrEnum):
    """What the status file may say of a task."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


class Verification(StrEnum):
    """What the checks said; no checks is `none`, never `passed`."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NONE = "none"


class Evidence(StrEnum):
    """Why a completion is believed."""

    VERIFIED = "verified"
    ATTESTED = "attested"
    INFERRED = "inferred"


class Entry(BaseModel):
    """One task's line in the status file.

    Times are ISO 8601 in UTC. `revision` counts changes, `attempts` runs.
    `branch` names where a checkpoint waits that could not be brought in, or where
    a session made it.
    `confidence` and `basis` tell how surely, and from what, a completion was
    inferred; `accepted_*` that a person kept it after something had changed.
    Unknown keys are kept, for newer versions and other tools.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    status: State = State.PENDING
    last_run_id: str | None = None
    updated_at: str | None = None
    completed_at: str | None = None
    completed_by: str | None = None
    checkpoint_sha: str | None = None
    task_sha256: str | None = None
    verification: Verification = Verification.NONE
    evidence: Evidence | None = None
    attempts: int = 0
    revision: int = 0
    stop_reason: str | None = None
    error: str | None = None
    reason: str | None = None
    branch: str | None = None
    confidence: float | None = None
    basis: str | None = None
    accepted_at: str | None = None
    accepted_by: str | None = None
    accepted_run: str | None = None
    accepted_commit: str | None = None


#: What another run of the task does away with.
_OF_ONE_COMPLETION = (
    *("completed_at", "completed_by", "checkpoint_sha", "evidence", "reason", "branch"),
    *("confidence", "basis", "accepted_at", "accepted_by", "accepted_run", "accepted_commit"),
)

#: What is recorded of a task that nothing is recorded of.
UNTOUCHED = Entry()


def fold(entry: Entry, run: RunState, now: str) -> Entry:
    """Return what `run` makes of `entry`; the same run in the same state changes nothing."""
    if run.start.kind == "intervention" or (
        run.start.worker == "person" and run.result != "completed"
    ):
        return entry  # manual work and a refused word leave a task as it was
    if run.start.kind == "acknowledgement":
        return _accepted(entry, run, now)
    fresh = entry.last_run_id != run.id
    changes: dict[str, object] = dict.fromkeys(_OF_ONE_COMPLETION) if fresh else {}
    changes |= {
        "status": _state(run),
        "last_run_id": run.id,
        "attempts": entry.attempts + 1 if fresh else entry.attempts,
        "verification": Verification(run.verification.result),
        "stop_reason": run.stop_reason,
        "error": run.detail if run.stop_reason else None,
    }
    if run.result == "completed":
        changes |= _completion(run, now)
        if entry.accepted_run and not fresh:
            del changes["task_sha256"]  # somebody has kept it with a later text
    if run.result != "completed" and run.checkpoint_sha:
        changes["checkpoint_sha"] = run.checkpoint_sha
    if all(getattr(entry, key) == value for key, value in changes.items()):
        return entry
    return entry.model_copy(update=changes | {"updated_at": now, "revision": entry.revision + 1})


def replay(runs: Iterable[tuple[str, RunState]]) -> Entry:
    """Return what a task's runs make of it, each given with the time when it last took the task.

    The order in which they are given does not matter: a task has one run at a
    time, so the one that took it last decides.
    """
    entry = UNTOUCHED
    for _, run in sorted(runs, key=lambda each: (each[0], each[1].id)):
        entry = fold(entry, run, f"{run.ended_at or run.updated_at:.19}Z")
    return entry


def _accepted(entry: Entry, run: RunState, now: str) -> Entry:
    """Keep a completion as it is, for the task's text and the commit that the run saw."""
    word = run.decision.approval
    if run.result != "completed" or entry.status is not State.COMPLETED or word is None:
        return entry
    if entry.accepted_run == run.id:
        return entry
    changes = {
        "task_sha256": run.spec.task_sha256,
        "accepted_at": f"{run.ended_at[:19]}Z" if run.ended_at else now,
        "accepted_by": f"person:{word.by}",
        "accepted_run": run.id,
        "accepted_commit": run.start.base_sha or None,
        "updated_at": now,
        "revision": entry.revision + 1,
    }
    return entry.model_copy(update=changes)


def _state(run: RunState) -> State:
    if run.result is None:
        return State.IN_PROGRESS
    if run.result == "completed":
        return State.COMPLETED
    stop = stop_reasons.find(run.stop_reason or "error")
    return State.STOPPED if stop.resumable else State.FAILED


def _waits_on(run: RunState) -> str | None:
    """Return the branch with the work: a session's own may be checked out in another worktree."""
    if run.by_session:
        return run.start.target
    return run.start.branch if run.integration.strategy == "pending" else None


def _completion(run: RunState, now: str) -> dict[str, object]:
    approval = run.decision.approval
    return {
        "completed_at": f"{run.ended_at[:19]}Z" if run.ended_at else now,
        "completed_by": f"person:{approval.by}" if approval else f"run:{run.id}",
        "checkpoint_sha": run.checkpoint_sha,
        "task_sha256": run.spec.task_sha256,
        "evidence": Evidence.ATTESTED if approval else Evidence.VERIFIED,
        "reason": approval.reason if approval else None,
        "branch": _waits_on(run),
    }
