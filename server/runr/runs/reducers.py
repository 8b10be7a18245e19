"""How each event changes a run's state. Pure."""

from collections.abc import Iterable

from runr.runs.codec import CodecError
from runr.runs.events import (
    CheckpointFinished,
    Event,
    EventData,
    FinishedPhase,
    InputsChanged,
    IntegrateFinished,
    PhaseFinished,
    PhaseStarted,
    PlanFinished,
    ReviewFinished,
    RunApproved,
    RunCompleted,
    RunRejected,
    RunResumed,
    RunStopped,
    VerifyFinished,
    WorkFinished,
)
from runr.runs.hook_events import HookFinished, WorkRestored, WorkReverted
from runr.runs.machine import FOLLOWS
from runr.runs.model import (
    BASE_GONE,
    MOVES,
    Approval,
    Integration,
    Phase,
    Rework,
    RunCreated,
    RunState,
    Verification,
    VerificationResult,
)
from runr.runs.session_events import SessionAttached, SessionReminded, UsageRecorded
from runr.text import join_names

#: The outcomes of VERIFY that are results; after a scope violation there is none.
_RESULTS: dict[str, VerificationResult] = {
    "passed": "passed",
    "no_changes": "passed",
    "failed": "failed",
    "skipped": "skipped",
}

#: The outcomes of VERIFY after which a resume verifies again, unless a person has approved.
_UNDECIDED = ("none", "no_changes", "scope_violation", "mixed_changes")

#: The phases after which the last checkpoint is on record.
_COMMITTED = (Phase.CHECKPOINT, Phase.INTEGRATE)


def begin(run_id: str, event: Event) -> RunState:
    """Return the state of a run of which only the first event is known."""
    if not isinstance(event.data, RunCreated):
        raise CodecError(f"its first event is {event.type}, not run.created")
    return RunState(
        id=run_id,
        start=event.data,
        spec=event.data.spec,
        seq=event.seq,
        sequence=event.data.sequence,
        created_at=event.time,
        updated_at=event.time,
    )


def apply(state: RunState, event: Event) -> RunState:
    """Return `state` after `event`; an event of an unknown type changes only the time."""
    return _reduce(state, event.data, event.time)._replace(seq=event.seq, updated_at=event.time)


def fold(run_id: str, events: Iterable[Event]) -> RunState:
    """Return the state after all `events`; the first one opens the run."""
    first, *rest = events
    state = begin(run_id, first)
    for event in rest:
        state = apply(state, event)
    return state


def _reduce(state: RunState, data: EventData, time: str) -> RunState:
    match data:
        case PhaseStarted():
            return _started(state, data)
        case InputsChanged() | HookFinished() | WorkRestored() | WorkReverted():
            return _noticed(state, data)
        case RunStopped() | RunCompleted():
            return _ended(state, data, time)
        case RunResumed():
            return _resumed(state, data)
        case RunApproved() | RunRejected():
            return _decided(state, data)
        case SessionAttached() | SessionReminded() | UsageRecorded():
            return _session_changed(state, data)
        case _ if isinstance(data, FinishedPhase):
            return _finished(state, data)
        case _:
            return state


def _noticed(
    state: RunState, data: InputsChanged | HookFinished | WorkRestored | WorkReverted
) -> RunState:
    match data:
        case HookFinished():
            failed = (data.message,) if data.failed else ()
            return state._replace(failed_hooks=(*state.failed_hooks, *failed))
        case WorkRestored():
            return state._replace(restored=data.ref, stopped_tree=data.tree)
        case WorkReverted():
            return state._replace(reverted=data.commit_sha)
        case InputsChanged():
            detail = data.detail or join_names(data.paths)
            return state if data.put_back else state._replace(inputs_changed=detail)


def _ended(state: RunState, data: RunStopped | RunCompleted, time: str) -> RunState:
    if isinstance(data, RunCompleted):
        return state._replace(result="completed", ended_at=time, phase_open=False)
    return state._replace(
        result="stopped",
        ended_at=time,
        stop_reason=data.code,
        detail=data.detail or None,
        stopped_tree=data.tree,
        resets_at=data.resets_at or state.resets_at,
    )


def _session_changed(
    state: RunState, data: SessionAttached | SessionReminded | UsageRecorded
) -> RunState:
    match data:
        case SessionAttached(session_id):
            others = (known for known in state.sessions if known != session_id)
            return state._replace(sessions=(*others, session_id))
        case SessionReminded():
            return state._replace(reminded=True)
        case UsageRecorded(usage, until):
            return state._replace(usage=usage.bounded(), usage_until=until)


def _started(state: RunState, data: PhaseStarted) -> RunState:
    attempt = state.attempt if data.attempt is None else data.attempt
    after = state._replace(phase=data.phase, phase_open=True, outcome=None, attempt=attempt)
    if data.phase is Phase.VERIFY:
        verification = state.verification._replace(result="none", checks=())
        return after._replace(verification=verification, violations=(), detail=None)
    if data.phase is not Phase.WORK:
        return after
    after = after._replace(
        verification=state.verification._replace(retries=0),
        decision=state.decision._replace(rejected=False),
        rework=state.rework._replace(unchanged=False),
    )
    if state.phase is not Phase.CHECKPOINT:
        return after
    # The next milestone: attempts, reviews and approvals of the last one do not count.
    return after._replace(
        attempts_from=attempt,
        review=state.review._replace(feedback=()),
        decision=after.decision._replace(approved=False),
    )


def _finished(state: RunState, data: FinishedPhase) -> RunState:
    after = state._replace(
        phase=data.phase,
        phase_open=False,
        outcome=data.outcome,
        is_retry=False,
        # What failed on the way to a completion is no part of its end.
        detail=data.detail if data.phase is Phase.RECORD else data.detail or state.detail,
    )
    match data:
        case PhaseFinished(onto=str(onto)):
            return _reworked(after, onto, data.files)
        case PlanFinished():
            return _planned(after, data)
        case WorkFinished():
            return _worked(after, data)
        case VerifyFinished():
            return _verified(after, data)
        case ReviewFinished():
            return _reviewed(after, data)
        case CheckpointFinished():
            return _committed(after, data)
        case IntegrateFinished():
            return _integrated(after, data)
        case _:
            return after


def _reworked(state: RunState, onto: str, files: tuple[str, ...]) -> RunState:
    """The work has another base from now on."""
    moved, before = state.rework.why in MOVES, state.rework
    return state._replace(
        start=state.start._replace(base_sha=onto, base_tree=onto),
        rework=Rework(
            onto=onto,
            files=files,
            times=state.rework.times + 1,
            moves=state.rework.moves + moved,
            unchanged=moved,
            committed=state.is_committed or (before.unchanged and before.committed),
            lost_base=state.rework.lost_base or state.rework.why == BASE_GONE,
        ),
        milestones=_left_of_plan(state),
        checkpoints=(),
        checkpoint_sha=None,
    )


def _left_of_plan(state: RunState) -> tuple[str, ...]:
    """Return the milestones that are left, with those before the current one as part of it."""
    now = len(state.checkpoints) + 1
    if now >= len(state.milestones):
        return ()
    return ("; ".join(state.milestones[:now]), *state.milestones[now:])


def _planned(state: RunState, data: PlanFinished) -> RunState:
    after = state._replace(usage=state.usage.plus(data.usage))
    if data.outcome != "ok":
        return after._replace(violations=data.violations)
    return after._replace(milestones=data.milestones, violations=())


def _worked(state: RunState, data: WorkFinished) -> RunState:
    sessions = (*state.sessions, data.session_id) if data.session_id else state.sessions
    start = state.start
    if data.base_sha is not None and data.base_tree is not None:
        start = start._replace(base_sha=data.base_sha, base_tree=data.base_tree)
    return state._replace(
        start=start,
        # A worker that could not begin has still to hear of it.
        restored=state.restored if data.outcome == "worker_unavailable" else "",
        usage=state.usage.plus(data.usage),
        sessions=tuple(dict.fromkeys(sessions)),
        worker=data.worker or state.worker,
        denied=data.denied,
        resets_at=data.resets_at,
        last_message=data.summary,
    )


def _verified(state: RunState, data: VerifyFinished) -> RunState:
    verification = Verification(
        result=_RESULTS.get(data.outcome, "none"),
        checks=data.checks,
        attempt=state.attempt,
        tree=data.tree,
        retries=state.verification.retries,
        candidate=data.candidate,
    )
    # Checks that failed on the merge with a newer commit may have failed because of that.
    checked = data.candidate
    merged = checked is not None and checked.tree != checked.commit_tree
    why = "verification_failed" if merged and data.outcome == "failed" else ""
    why = data.outcome if data.outcome in MOVES else why
    rework = state.rework._replace(why=why)
    return state._replace(verification=verification, violations=data.violations, rework=rework)


def _reviewed(state: RunState, data: ReviewFinished) -> RunState:
    after = state._replace(usage=state.usage.plus(data.usage), violations=data.violations)
    if data.outcome == "ok":
        return after._replace(review=state.review._replace(approved_by=data.reviewer))
    if data.outcome == "changes":
        feedback = (*state.review.feedback, data.feedback or "")
        return after._replace(review=state.review._replace(feedback=feedback))
    return after


def _committed(state: RunState, data: CheckpointFinished) -> RunState:
    if data.outcome == "altered":
        retries = state.verification.retries + 1
        return state._replace(verification=state.verification._replace(retries=retries))
    if data.outcome != "ok":
        return state
    if data.commit_sha is None:
        raise CodecError("phase.finished: a checkpoint without commit_sha")
    return state._replace(
        checkpoint_sha=data.commit_sha,
        checkpoints=tuple(dict.fromkeys((*state.checkpoints, data.commit_sha))),
        changed=data.changed,
        left_dirty=data.left_dirty,
    )


def _integrated(state: RunState, data: IntegrateFinished) -> RunState:
    if data.candidate is not None:
        passed = all(check.passed for check in data.checks)
        verification = state.verification._replace(
            result="passed" if passed else "failed", checks=data.checks, candidate=data.candidate
        )
        state = state._replace(verification=verification)
    if data.outcome == "hook_refused":
        return state
    if data.outcome != "ok":
        rework = state.rework._replace(why=data.outcome)
        return state._replace(rework=rework, integration=Integration(look=data.look))
    done = Integration(data.strategy, data.commit_sha, data.target, data.dropped)
    return state._replace(integration=done)


def _decided(state: RunState, data: RunApproved | RunRejected) -> RunState:
    """A resume of rejected work begins another attempt."""
    statement = Approval(*data)
    if isinstance(data, RunApproved):
        decision = state.decision._replace(approval=statement, approved=True, rejected=False)
        return state._replace(decision=decision)
    decision = state.decision._replace(rejection=statement, rejected=True, approved=False)
    stop = "rejected" if state.result == "stopped" else state.stop_reason
    return state._replace(decision=decision, stop_reason=stop)


def _resumed(state: RunState, data: RunResumed) -> RunState:
    """Continue where the run stopped; a phase that was interrupted is repeated."""
    after = state._replace(
        spec=data.spec or state.spec,
        sequence=data.sequence or state.sequence,
        result=None,
        ended_at=None,
        stop_reason=None,
        detail=None,
        attempts_from=state.attempt + 1,
        continued=state.continued + _is_continued(state, data),
        is_retry=state.phase_open,
        verification=state.verification._replace(retries=0),
        reminded=False,
        inputs_changed="",
        stopped_tree=None,
        failed_hooks=(),
    )
    if data.target is not None:
        after = after._replace(start=after.start._replace(target=data.target))
    if data.base_tree is not None:
        after = after._replace(start=after.start._replace(base_tree=data.base_tree))
    if data.from_phase is None:
        return _repositioned(after)
    if data.from_phase is Phase.CHECKPOINT and state.phase in _COMMITTED and state.outcome == "ok":
        # It is searched after the one before: a commit that exists is found, not made twice.
        after = after._replace(checkpoints=state.checkpoints[:-1])
    return _at(after, data.from_phase)


#: What ends an attempt early though nothing is wrong with its work.
_CUT_SHORT = frozenset({"usage_limit", "worker_outage", "stopped", "interrupted"})


def _is_continued(state: RunState, data: RunResumed) -> bool:
    """Tell whether the attempt that was made last ended early and goes on as the next one."""
    works = state.phase is Phase.WORK and state.outcome != "ok" and not state.restored
    return works and data.from_phase in (None, Phase.WORK) and state.stop_reason in _CUT_SHORT


def _at(state: RunState, phase: Phase) -> RunState:
    """Return the state in which `phase` is performed next."""
    if phase is Phase.WORK:
        # Another attempt begins with an event of its own.
        return state._replace(phase=Phase.PLAN, phase_open=False, outcome="ok")
    return state._replace(phase=phase, phase_open=True, outcome=None)


def _repositioned(state: RunState) -> RunState:
    """Return where a resume that names no phase continues."""
    phase, outcome = state.phase, state.outcome
    # Files without the work are nothing to verify.
    again = state.decision.rejected or (state.restored and state.attempt > 0)
    if again or (phase is Phase.WORK and outcome != "ok"):
        return _at(state, Phase.WORK)
    if phase is Phase.REVIEW and not state.phase_open and outcome != "ok":
        # The work may have been fixed by hand since, so it is verified first.
        return _at(state._replace(review=state.review._replace(feedback=())), Phase.VERIFY)
    unlanded = (phase, outcome) == (Phase.VERIFY, "failed") and state.rework.unchanged
    if unlanded or (phase, outcome) == (Phase.PREPARE, "conflict"):
        # The work is on top of the branch, and a person may have changed it there.
        return _at(state, Phase.VERIFY)
    # Checks and scope may have changed since, so the verification is repeated.
    unverified = outcome in _UNDECIDED and not state.decision.approved
    kept = phase is Phase.INTEGRATE and outcome != "ok"
    if phase is not None and (unverified or kept or (phase, outcome) not in FOLLOWS):
        return state._replace(phase_open=True, outcome=None)
    return state
