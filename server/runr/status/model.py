"""What is recorded of a task: its status, the evidence, how a run changes both. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from runr.runs import stop_reasons

if TYPE_CHECKING:
    from runr.runs.model import RunState


class State(StrEnum):
    """The stored status of a task."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


class Verification(StrEnum):
    """The result of the checks; no checks is `none`, never `passed`."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NONE = "none"


class Evidence(StrEnum):
    """What a completion rests on: the stronger first.

    `WORKSPACE` says that the checks passed among files that may be in no commit, `RELAYED`
    that a program passed on what no person has confirmed.
    """

    VERIFIED = "verified"
    WORKSPACE = "verified_in_workspace"
    ATTESTED = "attested"
    RELAYED = "relayed"
    INFERRED = "inferred"

    @property
    def label(self) -> str:
        """The evidence in words."""
        return "verified in the workspace" if self is Evidence.WORKSPACE else self.value

    @property
    def is_statement(self) -> bool:
        """Whether it rests on what was declared, and on no check."""
        return self in (Evidence.ATTESTED, Evidence.RELAYED)

    def is_at_least(self, other: "Evidence") -> bool:
        """Tell whether this evidence is as strong as the other, or stronger."""
        order = list(Evidence)
        return order.index(self) <= order.index(other)


class Entry(NamedTuple):
    """One task in the status file.

    Times are ISO 8601 in UTC. `revision` counts changes, `run_count` runs. What has
    the greater `sequence` came later, of all tasks: clocks may go back.
    `pending_branch` has verified work that has not landed. `stop_detail` tells more
    of `stop_reason`.
    `confidence` and `basis` say how surely, and from what, a completion was
    inferred; `override_reason` what was overridden by force; `acknowledged_*` that
    a person confirmed it after a change. `reset_*` say who took a completion back,
    in which run: `reset_of` is the run that had given it, and no commit up to
    `reset_commit` counts any more. `extra` holds unknown keys.
    """

    status: State = State.PENDING
    last_run_id: str | None = None
    updated_at: str | None = None
    completed_at: str | None = None
    completed_by: str | None = None
    checkpoint_sha: str | None = None
    task_sha256: str | None = None
    verification: Verification = Verification.NONE
    evidence: Evidence | None = None
    run_count: int = 0
    revision: int = 0
    sequence: int = 0
    stop_reason: str | None = None
    stop_detail: str | None = None
    reason: str | None = None
    pending_branch: str | None = None
    override_reason: str | None = None
    confidence: float | None = None
    basis: str | None = None
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None
    acknowledged_run: str | None = None
    acknowledged_commit: str | None = None
    acknowledged_sequence: int = 0
    reset_at: str | None = None
    reset_by: str | None = None
    reset_run: str | None = None
    reset_of: str | None = None
    reset_commit: str | None = None
    extra: Mapping[str, Any] = MappingProxyType({})

    @property
    def client(self) -> str:
        """The client that relayed the completion; empty where none did."""
        by = self.completed_by or ""
        return by.removeprefix("client:") if by.startswith("client:") else ""


#: Facts about one completion, which the next run of the task clears.
_NO_COMPLETION: Mapping[str, Any] = {
    **dict.fromkeys(("completed_at", "completed_by", "checkpoint_sha", "evidence", "reason")),
    **dict.fromkeys(("pending_branch", "confidence", "basis", "override_reason")),
    **dict.fromkeys(("acknowledged_at", "acknowledged_by", "acknowledged_run")),
    "acknowledged_commit": None,
    "acknowledged_sequence": 0,
}

#: Facts about a reset, which the next completion clears.
OF_A_RESET = ("reset_at", "reset_by", "reset_run", "reset_of", "reset_commit")

#: The entry of a task without a record.
UNTOUCHED = Entry()


def next_sequence(entries: Iterable[Entry]) -> int:
    """Return the sequence of what is recorded after all of these."""
    return 1 + max((max(each.sequence, each.acknowledged_sequence) for each in entries), default=0)


def fold(entry: Entry, run: "RunState", now: str) -> Entry:
    """Return `entry` after `run`; the same run in the same state changes nothing."""
    if run.start.kind == "manual_commit" or (
        run.start.worker == "person" and run.result != "completed"
    ):
        return entry  # a manual commit and a rejected attestation leave a task as it was
    if run.start.kind == "acknowledgement":
        return _acknowledged(entry, run, now)
    if run.start.kind == "reset":
        return _reset(entry, run, now)
    if entry.reset_of == run.id:
        return entry  # its completion was taken back
    fresh = entry.last_run_id != run.id
    changes: dict[str, Any] = dict(_NO_COMPLETION) if fresh else {}
    changes |= {
        "status": _state(run),
        "last_run_id": run.id,
        "sequence": run.sequence,
        "run_count": entry.run_count + 1 if fresh else entry.run_count,
        "verification": Verification(run.verification.result),
        "checkpoint_sha": run.checkpoint_sha,
        "stop_reason": run.stop_reason,
        "stop_detail": run.detail if run.stop_reason else None,
        "pending_branch": _pending_branch(run),
    }
    if run.result == "completed":
        changes |= _completion(run, now)
        if entry.acknowledged_run and not fresh:
            del changes["task_sha256"]  # it was confirmed with a later text
    if all(getattr(entry, key) == value for key, value in changes.items()):
        return entry
    return entry._replace(**changes, updated_at=now, revision=entry.revision + 1)


def is_failed_rerun(run: "RunState") -> bool:
    """Tell whether the run says nothing against the completion that its task had before.

    It does where its checks failed on the files that it began with; where it waits for a
    person or to land, the task waits with it.
    """
    start, verification = run.start, run.verification
    if not start.was_completed or start.was_stale or run.result in (None, "completed"):
        return False
    if run.stop_reason in stop_reasons.FOR_A_PERSON | stop_reasons.LANDABLE:
        return False
    return verification.result != "failed" or verification.tree != start.base_tree


def replay(runs: Iterable[tuple[str, "RunState"]]) -> Entry:
    """Return the entry after a task's runs, each given with the time when it last took the lease.

    The order in which they are given does not matter: a task has one run at a
    time, so the one that took it last decides, by its sequence. The time only orders
    runs of earlier versions, which have none.
    """
    entry = UNTOUCHED
    for _, run in sorted(runs, key=lambda each: (each[1].sequence, each[0], each[1].id)):
        entry = fold(entry, run, f"{run.ended_at or run.updated_at:.19}Z")
    return entry


def _acknowledged(entry: Entry, run: "RunState", now: str) -> Entry:
    """Confirm a completion for the task's text and the commit that the run saw."""
    approval = run.decision.approval
    if run.result != "completed" or entry.status is not State.COMPLETED or approval is None:
        return entry
    if entry.acknowledged_run == run.id:
        return entry
    return entry._replace(
        task_sha256=run.spec.task_sha256,
        acknowledged_at=f"{run.ended_at[:19]}Z" if run.ended_at else now,
        acknowledged_by=approval.author,
        acknowledged_run=run.id,
        acknowledged_commit=run.start.base_sha or None,
        acknowledged_sequence=run.sequence,
        updated_at=now,
        revision=entry.revision + 1,
    )


def _reset(entry: Entry, run: "RunState", now: str) -> Entry:
    """Take back the completion that the run names; a later one stays."""
    approval, of = run.decision.approval, run.start.resets
    done = entry.status is State.COMPLETED
    if run.result != "completed" or approval is None or entry.reset_run == run.id:
        return entry
    if entry.last_run_id != of if done else entry.status is not State.PENDING:
        return entry
    cleared: dict[str, Any] = dict(_NO_COMPLETION)
    return entry._replace(
        **cleared | {"reason": approval.reason},
        status=State.PENDING,
        last_run_id=run.id,
        sequence=run.sequence,
        task_sha256=None,
        verification=Verification.NONE,
        stop_reason=None,
        stop_detail=None,
        reset_at=f"{run.ended_at[:19]}Z" if run.ended_at else now,
        reset_by=approval.author,
        reset_run=run.id,
        reset_of=of,
        reset_commit=run.start.base_sha or None,
        updated_at=now,
        revision=entry.revision + 1,
    )


def _state(run: "RunState") -> State:
    if run.result is None:
        return State.IN_PROGRESS
    if run.result == "completed":
        return State.COMPLETED
    stop = stop_reasons.find(run.stop_reason or "error")
    return State.STOPPED if stop.resumable else State.FAILED


def _pending_branch(run: "RunState") -> str | None:
    """Return the branch with verified work that has not landed."""
    return run.start.branch if run.stop_reason in stop_reasons.LANDING else None


def evidence_of(run: "RunState") -> Evidence:
    """Return what the completion by this run rests on."""
    if run.decision.approval:
        return Evidence.RELAYED if run.is_relayed else Evidence.ATTESTED
    candidate = run.verification.candidate
    is_clean = candidate is None or candidate.where == "checkout"
    return Evidence.VERIFIED if is_clean else Evidence.WORKSPACE


def evidence_of_rewritten(run: "RunState", tree: str | None) -> Evidence:
    """Return it once the commit of the run is another one, with this tree.

    A statement stays what it is: it is about the work, not about a tree.
    """
    level = evidence_of(run)
    return level if level.is_statement or is_verified_tree(run, tree) else Evidence.INFERRED


def is_verified_tree(run: "RunState", tree: str | None) -> bool:
    """Tell whether the checks passed on this tree; nothing was claimed of any without checks."""
    candidate = run.verification.candidate
    passed = run.verification.result == "passed"
    return candidate is None or not passed or candidate.tree == tree


def _completion(run: "RunState", now: str) -> dict[str, Any]:
    approval = run.decision.approval
    return {
        "completed_at": f"{run.ended_at[:19]}Z" if run.ended_at else now,
        "completed_by": approval.author if approval else f"run:{run.id}",
        "task_sha256": run.spec.task_sha256,
        "evidence": evidence_of(run),
        "reason": approval.reason if approval else None,
        "override_reason": run.start.override_reason,
        **dict.fromkeys(OF_A_RESET),
    }
