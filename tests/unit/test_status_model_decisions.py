"""How acknowledgements and resets by a person change the status entry of a task."""

from typing import Any

import pytest

from runr.runs.model import (
    Approval,
    Candidate,
    Decision,
    RunCreated,
    RunKind,
    RunSpec,
    RunState,
    Verification,
)
from runr.status.model import Entry, Evidence, State, fold, replay
from unit.status_entries import LATER, NOW, RUN, SHA, A, completed

BASE = "5" * 40
AFTER = "2025-01-09T08:00:00Z"
NEW_TEXT = RunSpec(task_sha256="4" * 64)
ADA = Decision(approval=Approval("Ada", "I looked"))


def decided(
    kind: RunKind, base_sha: str = BASE, resets: str | None = None, **facts: Any
) -> RunState:
    """Return a run of this kind, later than `completed()`, in which Ada decided."""
    start = RunCreated(A, "person", "/repo", base_sha, "", kind=kind, resets=resets)
    known: dict[str, Any] = {
        "id": LATER,
        "start": start,
        "spec": NEW_TEXT,
        "created_at": NOW,
        "updated_at": NOW,
        "result": "completed",
        "ended_at": "2025-01-09T07:00:00.123Z",
        "decision": ADA,
    }
    return RunState(**(known | facts))


def test_an_acknowledgement_confirms_a_completion_for_the_present_text_and_commit() -> None:
    entry = fold(completed(), decided("acknowledgement"), AFTER)
    assert entry == completed(
        task_sha256="4" * 64,
        acknowledged_at="2025-01-09T07:00:00Z",
        acknowledged_by="person:Ada",
        acknowledged_run=LATER,
        acknowledged_commit=BASE,
        updated_at=AFTER,
        revision=3,
    )
    assert fold(entry, decided("acknowledgement"), "2026-01-01T00:00:00Z") is entry


def test_a_run_that_is_recorded_again_keeps_the_text_that_was_acknowledged() -> None:
    acknowledged = fold(completed(), decided("acknowledgement"), AFTER)
    start = RunCreated(A, "script", "/repo", BASE, "")
    run = decided("attempt", id=RUN, start=start, spec=RunSpec(task_sha256="3" * 64))
    assert fold(acknowledged, run, AFTER).task_sha256 == "4" * 64


def test_without_commits_an_acknowledgement_names_none() -> None:
    assert fold(completed(), decided("acknowledgement", ""), AFTER).acknowledged_commit is None
    assert fold(completed(), decided("reset", "", RUN), AFTER).reset_commit is None


@pytest.mark.parametrize("kind", ["acknowledgement", "reset"])
@pytest.mark.parametrize(
    "facts", [{"result": None}, {"result": "stopped"}, {"decision": Decision()}], ids=str
)
def test_a_decision_counts_when_a_person_made_it_and_its_run_is_completed(
    kind: RunKind, facts: dict[str, Any]
) -> None:
    before = completed()
    assert fold(before, decided(kind, resets=RUN, **facts), AFTER) is before


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED])
def test_what_is_not_completed_cannot_be_acknowledged(state: State) -> None:
    before = Entry(status=state)
    assert fold(before, decided("acknowledgement"), AFTER) is before


def test_a_reset_takes_back_a_completion_and_says_who_and_why() -> None:
    before = completed(reason="was right", acknowledged_run="x", extra={"estimate": 3})
    entry = fold(before, decided("reset", resets=RUN), AFTER)
    assert entry == Entry(
        last_run_id=LATER,
        updated_at=AFTER,
        reason="I looked",
        run_count=1,
        revision=3,
        reset_at="2025-01-09T07:00:00Z",
        reset_by="person:Ada",
        reset_run=LATER,
        reset_of=RUN,
        reset_commit=BASE,
        extra={"estimate": 3},
    )
    assert fold(entry, decided("reset", resets=RUN), "2026-01-01T00:00:00Z") is entry


def test_a_reset_of_an_earlier_completion_leaves_a_later_one() -> None:
    before = completed(last_run_id="20250108-144500-aaaa")
    assert fold(before, decided("reset", resets=RUN), AFTER) is before


def test_a_reset_leaves_a_task_that_another_run_works_on() -> None:
    before = completed(status=State.IN_PROGRESS)
    assert fold(before, decided("reset", resets=RUN), AFTER) is before
    assert fold(Entry(), decided("reset", resets=RUN), AFTER).reset_of == RUN


@pytest.mark.parametrize(
    ("candidate", "evidence"),
    [
        (None, Evidence.VERIFIED),
        (Candidate("t", "c"), Evidence.VERIFIED),
        (Candidate("t", "c", where="workspace"), Evidence.WORKSPACE),
    ],
)
def test_checks_among_files_of_the_workspace_are_weaker_evidence(
    candidate: Candidate | None, evidence: Evidence
) -> None:
    start = RunCreated(A, "script", "/repo", BASE, "")
    passed = Verification("passed", candidate=candidate)
    run = decided("attempt", start=start, decision=Decision(), verification=passed)
    entry = fold(Entry(), run._replace(checkpoint_sha=SHA), AFTER)
    assert (entry.evidence, entry.checkpoint_sha) == (evidence, SHA)


def test_evidence_has_an_order_and_words() -> None:
    order = [Evidence.VERIFIED, Evidence.WORKSPACE, Evidence.ATTESTED, Evidence.INFERRED]
    assert [each for each in order if each.is_at_least(Evidence.WORKSPACE)] == order[:2]
    assert [each.label for each in order[:3]] == [
        *("verified", "verified in the workspace", "attested"),
    ]


def test_runs_without_a_sequence_count_in_the_order_of_their_leases() -> None:
    start = RunCreated(A, "script", "/repo", BASE, "")
    later = decided("attempt", id="a", start=start, result="stopped", stop_reason="error")
    earlier = later._replace(id="b")
    for order in ([later, earlier], [earlier, later]):
        times = {"a": "2025-01-09T08:00:00Z", "b": "2025-01-09T07:00:00Z"}
        assert replay((times[run.id], run) for run in order).last_run_id == "a"
