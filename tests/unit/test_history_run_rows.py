"""What a journal says becomes rows, each with its cause and its author."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runr.history import run_rows
from runr.history.run_rows import RunRows
from runr.runs import journal
from runr.runs.events import (
    EventData,
    RunApproved,
    RunRejected,
    RunResumed,
    RunStopped,
    SubmitFinished,
)
from runr.runs.model import Phase, Usage
from runr.runs.session_events import UsageRecorded
from runr.storage.layout import Layout
from unit.git_trees import make
from unit.journals_of_runs import (
    COMMIT,
    COMPLETED,
    FAILING,
    PASSING,
    TREE,
    Journals,
    completed,
    finished,
    landed,
    stopped,
    verified,
    worked,
)

APPROVED = RunApproved("Ada", "looked at it")
REJECTED = RunRejected("Bo", "wrong file")
SUBMITTED = SubmitFinished("main", "squash", "0" * 40, "e" * 40)


@pytest.fixture
def journals(tmp_path: Path) -> Journals:
    return Journals(Layout(make(tmp_path / "repo")))


def rows(journals: Journals, events: Sequence[EventData]) -> RunRows:
    run = journals.run("t", events)
    return run_rows.of_run(run.id, journal.events(run), "t", "confirmed", lambda worker: worker)


def landings(found: RunRows) -> list[tuple[str, str, str, str | None]]:
    return [(each.how, each.commit_sha, each.actor, each.reason) for each in found.landings]


def test_the_run_is_the_author_of_its_stop_and_its_worker_of_its_start(journals: Journals) -> None:
    found = rows(journals, [*stopped(), RunResumed(), *worked(2), verified(PASSING), *landed()])
    run = f"run:{found.run.id}"
    assert [(each.cause, each.actor, each.stop_reason) for each in found.statuses] == [
        ("started", "worker:script", None),
        ("stopped", run, "verification_failed"),
        ("resumed", "worker:script", None),
    ]
    assert found.run.stop_reason is None


def test_a_stop_reason_is_that_of_a_run_that_is_stopped(journals: Journals) -> None:
    assert rows(journals, stopped()).run.stop_reason == "verification_failed"


def test_a_decision_has_the_person_and_the_reason(journals: Journals) -> None:
    waiting = [*worked(), verified(FAILING), RunStopped("needs_review", "a person decides")]
    found = rows(journals, [*waiting, APPROVED, *landed(), COMPLETED])
    assert [(each.cause, each.actor, each.reason) for each in found.statuses[2:]] == [
        ("approved", "person:Ada", "looked at it"),
        ("completed", "person:Ada", "looked at it"),
    ]
    refused = rows(journals, [*waiting, REJECTED]).statuses[-1]
    assert (refused.cause, refused.actor, refused.reason) == ("rejected", "person:Bo", "wrong file")


def test_only_a_completion_has_a_commit(journals: Journals) -> None:
    found = rows(journals, [*worked(), verified(PASSING), *landed(), COMPLETED])
    assert [each.commit_sha for each in found.statuses] == [None, COMMIT]
    checkpoint = finished(Phase.CHECKPOINT, "ok", commit_sha="e" * 40, changed=1)
    alone = rows(journals, [*worked(), verified(PASSING), checkpoint, COMPLETED])
    assert [each.commit_sha for each in alone.statuses] == [None, "e" * 40]


def test_only_what_got_into_a_branch_is_a_landing(journals: Journals) -> None:
    found = rows(journals, completed())
    assert landings(found) == [("fast-forward", COMMIT, f"run:{found.run.id}", None)]
    refused = finished(Phase.INTEGRATE, "conflict", commit_sha=COMMIT, target="main")
    assert landings(rows(journals, [*worked(), verified(PASSING), refused])) == []


@pytest.mark.parametrize("strategy", ["merge", ""])
def test_a_landing_says_how(journals: Journals, strategy: str) -> None:
    done = finished(
        Phase.INTEGRATE, "ok", commit_sha=COMMIT, target="main", strategy=strategy or None
    )
    found = rows(journals, [*worked(), verified(PASSING), done])
    assert [each.how for each in found.landings] == [strategy or "fast-forward"]


def test_submitted_work_was_landed_by_the_run_or_by_the_person_who_overrode(
    journals: Journals,
) -> None:
    mine = rows(journals, [*completed(), SUBMITTED])
    assert landings(mine)[-1] == ("squash", "e" * 40, f"run:{mine.run.id}", None)
    theirs = SUBMITTED._replace(by="Ada", override_reason="urgent")
    assert landings(rows(journals, [*completed(), theirs]))[-1][2:] == ("person:Ada", "urgent")


def test_an_attempt_that_starts_again_keeps_its_first_start(journals: Journals) -> None:
    begun, ended = worked()
    found = rows(journals, [begun, begun, ended, verified(FAILING), *worked(2)])
    assert [(each.number, each.started_at is not None) for each in found.attempts] == [
        (1, True),
        (2, True),
    ]
    assert found.attempts[0].started_at == found.statuses[0].time.replace(":01:", ":02:")


def test_the_time_between_a_stop_and_a_resume_does_not_count(journals: Journals) -> None:
    run = journals.run("t", stopped())
    journals.now += timedelta(days=1)
    journals.append(run, [RunResumed()])
    events = journal.events(run)
    found = run_rows.of_run(run.id, events, "t", "confirmed", str)
    assert found.run.active_seconds == len(stopped()) * journals.step.total_seconds()


def test_a_clock_that_goes_back_takes_no_time_away(journals: Journals) -> None:
    run = journals.run("t", worked())
    journals.now -= timedelta(days=1)
    journals.append(run, [RunStopped("interrupted", "")])
    found = run_rows.of_run(run.id, journal.events(run), "t", "confirmed", str)
    assert found.run.active_seconds == 0


def test_each_attempt_has_its_verification_with_the_checks(journals: Journals) -> None:
    first = [*worked(session_id="s1", detail="half done"), verified(PASSING, FAILING)]
    found = rows(journals, [*first, *worked(2), verified(PASSING, tree="b" * 40), *landed()])
    assert [(each.session_id, each.outcome, each.detail) for each in found.attempts] == [
        ("s1", "ok", "half done"),
        (None, "ok", None),
    ]
    assert [
        (each.number, each.attempt, each.phase, each.result, each.outcome, each.place, each.tree)
        for each in found.verifications
    ] == [
        (1, 1, "verify", "failed", "failed", "checkout", TREE),
        (2, 2, "verify", "passed", "passed", "checkout", "b" * 40),
    ]
    assert [(each.number, each.command, each.exit_code) for each in found.checks] == [
        (1, "make test", 0),
        (2, "make test", 1),
        (1, "make test", 0),
    ]


def test_without_a_candidate_what_was_verified_is_the_tree_of_the_run(journals: Journals) -> None:
    passed = finished(Phase.VERIFY, "passed", checks=[PASSING], tree=TREE)
    (found,) = rows(journals, [*worked(), passed]).verifications
    assert (found.place, found.tree) == (None, TREE)


@pytest.mark.parametrize(
    ("facts", "causes"),
    [
        ({"kind": "manual_commit"}, []),
        ({"kind": "acknowledgement", "worker": "person"}, [("acknowledged", "completed")]),
        ({"kind": "reset", "worker": "person"}, [("reset", "pending")]),
        ({"worker": "person"}, [("completed", "completed")]),
    ],
)
def test_what_a_person_records_is_one_change(
    journals: Journals, facts: dict[str, Any], causes: list[tuple[str, str]]
) -> None:
    run = journals.run("t", [COMPLETED], **facts)
    found = run_rows.of_run(run.id, journal.events(run), "t", "confirmed", str)
    assert [(each.cause, each.status) for each in found.statuses] == causes


def test_what_phases_used_is_counted_and_a_session_counts_as_a_whole(journals: Journals) -> None:
    plan = finished(Phase.PLAN, "ok", planner="planner", usage={"cost_usd": 0.5})
    review = finished(Phase.REVIEW, "approved", reviewer="reviewer", usage={"cost_usd": 0.25})
    phases = [plan, *worked(usage={"cost_usd": 1.0}), review]
    found = rows(journals, phases)
    assert [(each.phase, each.worker, each.model, each.cost_usd) for each in found.usages] == [
        ("plan", "planner", "planner", 0.5),
        ("work", "script", "script", 1.0),
        ("review", "reviewer", "reviewer", 0.25),
    ]
    whole = rows(journals, [*phases, UsageRecorded(Usage(2.0, 1, 1, 1))])
    assert [(each.phase, each.cost_usd) for each in whole.usages] == [("session", 2.0)]


def test_a_task_stays_completed_when_it_runs_again_and_fails(journals: Journals) -> None:
    run = journals.run("t", stopped(), was_completed=True)
    found = run_rows.of_run(run.id, journal.events(run), "t", "confirmed", str)
    assert (found.statuses[-1].cause, found.statuses[-1].status) == ("stopped", "completed")
