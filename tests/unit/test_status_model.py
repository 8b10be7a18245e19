"""How a run changes the status entry of its task."""

from typing import Any

import pytest

from runr.runs.model import (
    Approval,
    Decision,
    Integration,
    RunCreated,
    RunSpec,
    RunState,
    Verification,
)
from runr.status.model import UNTOUCHED, Entry, Evidence, State, fold
from unit.status_entries import LATER, NOW, RUN, SHA, A, completed


def run(**facts: Any) -> RunState:
    start = RunCreated(
        task=A,
        worker=facts.pop("worker", "script"),
        workdir="/repo",
        base_sha="0" * 40,
        base_tree="1" * 40,
        spec=RunSpec(task_sha256="3" * 64),
        branch="runr/a",
    )
    known: dict[str, Any] = {
        "id": RUN,
        "start": start,
        "spec": start.spec,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return RunState(**(known | facts))


DONE: dict[str, Any] = {
    "result": "completed",
    "ended_at": "2025-01-08T14:35:22.123Z",
    "verification": Verification("passed"),
    "checkpoint_sha": SHA,
}


def test_a_run_that_passed_its_checks_makes_a_verified_completion() -> None:
    begun = fold(UNTOUCHED, run(), NOW)
    assert (begun.status, begun.run_count, begun.revision) == (State.IN_PROGRESS, 1, 1)
    assert fold(begun, run(**DONE), NOW) == completed()


def test_the_same_run_in_the_same_state_changes_nothing() -> None:
    once = fold(UNTOUCHED, run(**DONE), NOW)
    assert fold(once, run(**DONE), "2026-01-01T00:00:00Z") is once


def test_an_attestation_is_recorded_with_name_and_reason() -> None:
    entry = fold(
        UNTOUCHED,
        run(
            worker="person",
            decision=Decision(approval=Approval(by="Ada", reason="I looked")),
            **DONE,
        ),
        NOW,
    )
    assert (entry.evidence, entry.completed_by, entry.reason) == (
        Evidence.ATTESTED,
        "person:Ada",
        "I looked",
    )


def test_a_refused_attestation_changes_nothing() -> None:
    for before in (UNTOUCHED, completed()):
        refused = run(
            id=LATER, worker="person", result="stopped", stop_reason="verification_failed"
        )
        assert fold(before, refused, NOW) is before
        assert fold(before, run(id=LATER, worker="person"), NOW) is before


def test_a_new_run_counts_as_an_attempt_and_takes_back_the_completion() -> None:
    again = fold(
        completed(reason="x", pending_branch="runr/a"), run(id=LATER), "2025-02-01T00:00:00Z"
    )
    assert (again.status, again.last_run_id, again.run_count) == (State.IN_PROGRESS, LATER, 2)
    assert (again.revision, again.updated_at) == (3, "2025-02-01T00:00:00Z")
    assert (again.completed_at, again.completed_by, again.evidence) == (None, None, None)
    assert (again.checkpoint_sha, again.reason, again.pending_branch) == (None, None, None)


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("interrupted", State.STOPPED),
        ("verification_failed", State.STOPPED),
        ("error", State.FAILED),
        ("a code of a later version", State.FAILED),
    ],
)
def test_a_stop_that_can_be_resumed_is_stopped_and_any_other_failed(
    stop: str, expected: State
) -> None:
    entry = fold(UNTOUCHED, run(result="stopped", stop_reason=stop, detail="why"), NOW)
    assert (entry.status, entry.stop_reason, entry.stop_detail) == (expected, stop, "why")


def test_a_resumed_and_completed_run_leaves_no_reason_of_its_stop() -> None:
    stopped = fold(UNTOUCHED, run(result="stopped", stop_reason="interrupted", detail="why"), NOW)
    entry = fold(stopped, run(**DONE), NOW)
    assert (entry.status, entry.stop_reason, entry.stop_detail) == (State.COMPLETED, None, None)
    assert entry.run_count == 1


def test_a_checkpoint_is_on_record_as_soon_as_there_is_one() -> None:
    stopped = run(result="stopped", stop_reason="needs_human", checkpoint_sha=SHA)
    assert fold(UNTOUCHED, stopped, NOW).checkpoint_sha == SHA


def test_a_branch_is_named_only_where_the_checkpoint_waits_on_it() -> None:
    waiting = fold(UNTOUCHED, run(result="stopped", stop_reason="land_blocked"), NOW)
    assert waiting.pending_branch == "runr/a"
    landed = fold(waiting, run(integration=Integration("merge"), **DONE), NOW)
    assert landed.pending_branch is None


def test_keys_of_others_stay_when_a_run_changes_the_entry() -> None:
    before = Entry(extra={"estimate": 3})
    assert fold(before, run(**DONE), NOW).extra == {"estimate": 3}
