"""The rows of the history that the events of one run lead to. Pure.

They follow from these events alone, so that one journal can be read again without the others.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from runr.runs.events import (
    Event,
    IntegrateFinished,
    PhaseStarted,
    PlanFinished,
    ReviewFinished,
    RunApproved,
    RunCompleted,
    RunRejected,
    RunResumed,
    RunStopped,
    SubmitFinished,
    VerifyFinished,
    WorkFinished,
)
from runr.runs.model import Candidate, CheckResult, Phase, RunCreated, RunState, Usage
from runr.runs.reducers import apply, begin
from runr.runs.session_events import UsageRecorded
from runr.status import model
from runr.status.model import UNTOUCHED, State

#: What a journal proves.
Record = Literal["confirmed", "foreign", "damaged"]
Cause = Literal[
    "started", "resumed", "stopped", "completed", "approved", "rejected", "acknowledged", "reset"
]
#: Returns the model that the settings of the run name for a worker; empty where they name none.
ModelOf = Callable[[str], str]

_NO_USAGE = Usage()


class RunRow(NamedTuple):
    """A run as a whole; `active_seconds` leaves out the time between a stop and a resume."""

    id: str
    journal: str
    record: Record
    kind: str
    task: str
    title: str
    task_type: str
    task_sha256: str
    worker: str
    job_run_id: str | None
    base_sha: str
    branch: str | None
    target: str | None
    created_at: str
    ended_at: str | None
    active_seconds: float
    result: str | None
    stop_reason: str | None
    verification: str
    attempt_count: int
    first_verified_at: str | None
    first_verification: str | None
    #: Who made the first attempt.
    first_worker: str
    first_model: str


class StatusRow(NamedTuple):
    """A change of a task's status, or a decision about it: when, by whom, on what evidence."""

    run_id: str
    seq: int
    task: str
    time: str
    status: str
    cause: Cause
    actor: str
    evidence: str | None = None
    stop_reason: str | None = None
    reason: str | None = None
    commit_sha: str | None = None


class AttemptRow(NamedTuple):
    """One pass of work; without an end it was interrupted, without a model nothing was used."""

    run_id: str
    number: int
    worker: str
    session_id: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    outcome: str | None = None
    detail: str | None = None
    model: str = ""


class UsageRow(NamedTuple):
    """What a phase used, or the sessions of a run."""

    run_id: str
    seq: int
    time: str
    phase: Literal["plan", "work", "review", "session"]
    worker: str
    model: str
    cost_usd: float | None
    input_tokens: int
    output_tokens: int
    turns: int


class VerificationRow(NamedTuple):
    """A verification; `tree` is the one that was checked.

    `repeated_checks` counts those that passed only when they were repeated.
    """

    run_id: str
    seq: int
    number: int
    attempt: int
    phase: Literal["verify", "integrate"]
    time: str
    result: str
    outcome: str
    place: str | None
    tree: str | None
    failed_checks: int
    repeated_checks: int


class CheckRow(NamedTuple):
    """One check of a verification."""

    run_id: str
    seq: int
    number: int
    tier: str
    command: str
    exit_code: int | None
    seconds: float
    runs: int


class LandingRow(NamedTuple):
    """Work that got into a branch."""

    run_id: str | None
    job_run_id: str | None
    seq: int
    task: str
    time: str
    target: str
    how: str
    commit_sha: str
    actor: str
    reason: str | None = None


class RunRows(NamedTuple):
    """All rows of one run."""

    run: RunRow
    statuses: tuple[StatusRow, ...]
    attempts: tuple[AttemptRow, ...]
    usages: tuple[UsageRow, ...]
    verifications: tuple[VerificationRow, ...]
    checks: tuple[CheckRow, ...]
    landings: tuple[LandingRow, ...]


def of_run(
    run_id: str, events: Sequence[Event], journal: str, record: Record, model_of: ModelOf
) -> RunRows:
    """Return the rows of a run; CodecError where its events lead to no state."""
    reader = _Reader(begin(run_id, events[0]), model_of)
    for event in events:
        reader.read(event)
    state, first = reader.state, next(iter(reader.verifications), None)
    models = {usage.worker: usage.model for usage in reader.usages}
    first_worker = reader.attempts[1].worker if 1 in reader.attempts else state.last_worker
    run = RunRow(
        id=run_id,
        journal=journal,
        record=record,
        kind=state.start.kind,
        task=state.start.task,
        title=state.spec.title,
        task_type=state.spec.task_type,
        task_sha256=state.spec.task_sha256,
        worker=state.last_worker,
        job_run_id=state.start.job.job_run_id if state.start.job else None,
        base_sha=state.start.base_sha,
        branch=state.start.branch,
        target=state.start.target,
        created_at=state.created_at,
        ended_at=state.ended_at,
        active_seconds=reader.active_seconds(),
        result=state.result,
        stop_reason=state.stop_reason if state.result == "stopped" else None,
        verification=state.verification.result,
        attempt_count=len(reader.attempts),
        first_verified_at=first.time if first else None,
        first_verification=first.result if first else None,
        first_worker=first_worker,
        first_model=models.get(first_worker, ""),
    )
    return RunRows(
        run=run,
        statuses=tuple(reader.statuses),
        attempts=tuple(
            row._replace(model=models.get(row.worker, "")) for row in reader.attempts.values()
        ),
        usages=tuple(reader.usages),
        verifications=tuple(reader.verifications),
        checks=tuple(reader.checks),
        landings=tuple(reader.landings),
    )


class _Reader:
    """Reads the events of a run in order, and collects its rows."""

    def __init__(self, state: RunState, model_of: ModelOf) -> None:
        self.state = state
        self.model_of = model_of
        self.statuses: list[StatusRow] = []
        self.attempts: dict[int, AttemptRow] = {}
        self.usages: list[UsageRow] = []
        self.verifications: list[VerificationRow] = []
        self.checks: list[CheckRow] = []
        self.landings: list[LandingRow] = []
        self._spans: list[tuple[str, str]] = []
        self._since: str | None = None

    def read(self, event: Event) -> None:
        """Take in the next event."""
        if event.seq > self.state.seq:
            self.state = apply(self.state, event)
        self._time(event)
        made = status_row(self.state, event)
        if made is not None:
            self.statuses.append(made)
        match event.data:
            case PhaseStarted(phase=Phase.WORK):
                self._attempt_started(event)
            case WorkFinished() | PlanFinished() | ReviewFinished() | UsageRecorded():
                self._used(event, event.data)
            case VerifyFinished():
                self._verification(event, "verify", event.data.checks, event.data.candidate)
            case IntegrateFinished():
                self._integrated(event, event.data)
            case SubmitFinished():
                self._submitted(event, event.data)

    def active_seconds(self) -> float:
        """Return how long the run worked, without the time between a stop and a resume."""
        spans = [*self._spans]
        if self._since is not None:
            spans.append((self._since, self.state.updated_at))
        return round(sum(max(0.0, seconds_between(*span)) for span in spans), 3)

    @property
    def _run(self) -> str:
        return f"run:{self.state.id}"

    def _time(self, event: Event) -> None:
        if isinstance(event.data, RunCreated | RunResumed):
            self._since = event.time
        elif isinstance(event.data, RunStopped | RunCompleted) and self._since is not None:
            self._spans.append((self._since, event.time))
            self._since = None

    def _attempt_started(self, event: Event) -> None:
        number = self.state.attempt
        if number and number not in self.attempts:
            worker = self.state.last_worker
            self.attempts[number] = AttemptRow(self.state.id, number, worker, started_at=event.time)

    def _attempt_finished(self, event: Event, data: WorkFinished) -> None:
        number = max(self.state.attempt, 1)
        known = self.attempts.get(number, AttemptRow(self.state.id, number, ""))
        self.attempts[number] = known._replace(
            worker=self.state.last_worker,
            session_id=data.session_id or known.session_id,
            ended_at=event.time,
            outcome=data.outcome,
            detail=data.detail,
        )

    def _used(
        self, event: Event, data: WorkFinished | PlanFinished | ReviewFinished | UsageRecorded
    ) -> None:
        match data:
            case WorkFinished():
                self._attempt_finished(event, data)
                self._usage(event, "work", self.state.last_worker, data.usage)
            case PlanFinished():
                self._usage(event, "plan", data.planner or "", data.usage)
            case ReviewFinished():
                self._usage(event, "review", data.reviewer or "", data.usage)
            case UsageRecorded():
                self.usages.clear()
                self._usage(event, "session", self.state.last_worker, data.usage)

    def _usage(
        self,
        event: Event,
        phase: Literal["plan", "work", "review", "session"],
        worker: str,
        usage: Usage,
    ) -> None:
        used = usage.bounded()
        if used != _NO_USAGE:
            model_name = self.model_of(worker)
            self.usages.append(
                UsageRow(self.state.id, event.seq, event.time, phase, worker, model_name, *used)
            )

    def _verification(
        self,
        event: Event,
        phase: Literal["verify", "integrate"],
        checks: Sequence[CheckResult],
        candidate: Candidate | None,
    ) -> None:
        state = self.state
        self.verifications.append(
            VerificationRow(
                run_id=state.id,
                seq=event.seq,
                number=len(self.verifications) + 1,
                attempt=state.attempt,
                phase=phase,
                time=event.time,
                result=state.verification.result,
                outcome=state.outcome or "",
                place=candidate.where if candidate else None,
                tree=candidate.tree if candidate else state.verification.tree,
                failed_checks=sum(check.runs > 0 and check.exit_code != 0 for check in checks),
                repeated_checks=sum(check.runs > 1 and check.exit_code == 0 for check in checks),
            )
        )
        for number, check in enumerate(checks, 1):
            facts = check.tier, check.command, check.exit_code, check.seconds, check.runs
            self.checks.append(CheckRow(state.id, event.seq, number, *facts))

    def _integrated(self, event: Event, data: IntegrateFinished) -> None:
        if data.candidate is not None:
            self._verification(event, "integrate", data.checks, data.candidate)
        if data.outcome == "ok" and data.commit_sha and data.target:
            how = data.strategy or "fast-forward"
            landed = self._landing(event, data.target, how)
            self.landings.append(landed._replace(commit_sha=data.commit_sha))

    def _submitted(self, event: Event, data: SubmitFinished) -> None:
        actor = f"person:{data.by}" if data.by else self._run
        landed = self._landing(event, data.to, data.strategy)
        self.landings.append(
            landed._replace(commit_sha=data.commit_sha, actor=actor, reason=data.override_reason)
        )

    def _landing(self, event: Event, target: str, how: str) -> LandingRow:
        return LandingRow(
            run_id=self.state.id,
            job_run_id=None,
            seq=event.seq,
            task=self.state.start.task,
            time=event.time,
            target=target,
            how=how,
            commit_sha="",
            actor=self._run,
        )


def status_row(state: RunState, event: Event) -> StatusRow | None:
    """Return the change that an event made, after which the run is in `state`; None for none."""
    cause = _cause(state, event)
    if cause is None:
        return None
    after = model.fold(UNTOUCHED, state, event.time)
    kept = model.is_failed_rerun(state)
    statement = state.decision.statement
    decided = cause in ("approved", "rejected", "acknowledged", "reset")
    completed = cause == "completed"
    why = (after.reason or after.override_reason) if completed else after.stop_detail
    return StatusRow(
        run_id=state.id,
        seq=event.seq,
        task=state.start.task,
        time=event.time,
        status=_OF_CAUSE.get(cause) or (State.COMPLETED if kept else after.status).value,
        cause=cause,
        actor=_actor(state, cause),
        evidence=after.evidence.value if completed and after.evidence else None,
        stop_reason=state.stop_reason if cause in ("stopped", "rejected") else None,
        reason=(statement.reason if decided and statement else why) or None,
        commit_sha=(state.integration.commit_sha or state.checkpoint_sha) if completed else None,
    )


#: The status after what a person decides about a completion.
_OF_CAUSE = {"acknowledged": State.COMPLETED.value, "reset": State.PENDING.value}

#: What a record of a person does to its task when it is completed.
_DECISIONS: Mapping[str, Cause] = {"acknowledgement": "acknowledged", "reset": "reset"}

_CAUSES: Mapping[type, Cause] = {
    RunCreated: "started",
    RunResumed: "resumed",
    RunStopped: "stopped",
    RunApproved: "approved",
    RunRejected: "rejected",
}


def _cause(state: RunState, event: Event) -> Cause | None:
    kind = state.start.kind
    if kind == "manual_commit" or not state.start.task:
        return None
    if isinstance(event.data, RunCompleted):
        return _DECISIONS.get(kind, "completed")
    # What a person states and does not complete leaves a task as it was.
    if kind in _DECISIONS or state.start.worker == "person":
        return None
    return _CAUSES.get(type(event.data))


def _actor(state: RunState, cause: Cause) -> str:
    statement = state.decision.statement
    if cause in ("approved", "rejected", "acknowledged", "reset", "completed") and statement:
        return statement.author
    if cause in ("started", "resumed"):
        job = state.start.job
        return f"job:{job.job_run_id}" if job else f"worker:{state.start.worker}"
    return f"run:{state.id}"


def seconds_between(begin_: str, end: str) -> float:
    """Return the seconds between two times of a journal; ValueError for what is no time."""
    first, last = map(datetime.fromisoformat, (begin_, end))
    return (last - first).total_seconds()
