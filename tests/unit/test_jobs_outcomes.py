"""What the end of a run means for its task, and for the account of its worker."""

from datetime import UTC, datetime
from typing import Any

import pytest

from runr.jobs.model import Job, Retries
from runr.jobs.outcomes import MOST_INTERRUPTS, Outcome, assess, backoff_s, earlier, total
from runr.jobs.state import TaskProgress
from runr.jobs.work import Item
from runr.runs import stop_reasons
from runr.runs.model import (
    Candidate,
    CheckResult,
    RunCreated,
    RunSpec,
    RunState,
    Usage,
    Verification,
)

_NOW = datetime(2025, 1, 8, 12, 0, tzinfo=UTC)
_JOB = Job(name="night")
_NO_RETRIES = Retries()
_FIRST = TaskProgress("t.md")
_START = RunCreated("t.md", "claude-code", "there", "base", "tree", branch="runr/t-1")


def run(code: str | None, **known: Any) -> RunState:
    """Return a run that ended with this stop reason, or completed its task."""
    state = RunState("1", _START, RunSpec(), "then", "then", stop_reason=code)
    return state._replace(result="stopped" if code else "completed", **known)


def assessed(
    code: str | None,
    *,
    job: Job = _JOB,
    retries: Retries = _NO_RETRIES,
    before: TaskProgress = _FIRST,
    **known: Any,
) -> Outcome:
    item = Item("t.md", "a/1", retries=retries)
    return assess(job, item, before, run(code, **known), now=_NOW, chance=0.5)


def test_completed_work_is_completed() -> None:
    found = assessed(None, checkpoint_sha="abc", detail="all is well")
    assert (found.ended.outcome, found.ended.commit_sha) == ("completed", "abc")
    assert (found.ended.code, found.ended.detail) == ("", "")


def test_a_failure_has_the_detail_of_its_run() -> None:
    assert assessed("worker_failed", detail="it crashed").ended.detail == "it crashed"
    assert assessed("worker_failed").ended.detail == ""


@pytest.mark.parametrize("code", ["usage_limit", "worker_outage", "worker_auth"])
@pytest.mark.parametrize("detail", ["ask again later", None])
def test_a_parked_account_says_what_the_worker_said(code: str, detail: str | None) -> None:
    found = assessed(code, detail=detail)
    assert found.parked is not None
    assert (found.parked.worker, found.parked.code) == ("claude-code", code)
    assert found.parked.detail == (detail or "")


def test_a_usage_limit_without_a_reset_is_asked_again_after_a_while() -> None:
    found = assessed("usage_limit")
    assert found.ended.not_before == "2025-01-08T12:15:30Z"
    past = assessed("usage_limit", resets_at="2025-01-08T11:00:00Z")
    assert past.ended.not_before == "2025-01-08T12:00:30Z"


def test_a_limit_that_is_met_again_at_its_reset_is_asked_less_and_less_often() -> None:
    before, waits = _FIRST, []
    for _ in range(9):
        ended = assessed("usage_limit", before=before, resets_at="2025-01-08T11:00:00Z").ended
        assert ended.not_before
        waits.append((datetime.fromisoformat(ended.not_before) - _NOW).total_seconds())
        before = before._replace(limits=ended.limits)
    assert waits == [30, 90, 150, 270, 510, 990, 1830, 1830, 1830]
    later = assessed("usage_limit", before=before, resets_at="2025-01-08T14:00:00Z")
    assert later.ended.not_before == "2025-01-08T14:00:30Z"
    assert assessed("worker_outage", before=before).ended.limits == 0


@pytest.mark.parametrize(("most", "outcome"), [(3630, "waiting"), (3629, "failed")])
def test_a_usage_limit_is_waited_for_as_long_as_the_job_allows(most: int, outcome: str) -> None:
    job = _JOB._replace(wait_at_most_s=most)
    found = assessed("usage_limit", job=job, resets_at="2025-01-08T13:00:00Z")
    assert found.ended.outcome == outcome


def test_a_usage_limit_parks_the_account_until_the_reset_and_counts_no_failure() -> None:
    found = assessed("usage_limit", resets_at="2025-01-08T17:00:00Z")
    assert found.ended.outcome == "waiting"
    assert found.ended.failures == found.ended.interrupts == 0
    assert found.parked is not None
    # And half a minute, so that not every task begins in the same second.
    assert found.parked.until == found.ended.not_before == "2025-01-08T17:00:30Z"


@pytest.mark.parametrize(
    "job", [_JOB._replace(on_usage_limit="stop"), _JOB._replace(wait_at_most_s=3600)]
)
def test_a_usage_limit_that_may_not_be_waited_for_closes_the_account(job: Job) -> None:
    found = assessed("usage_limit", job=job, resets_at="2025-01-08T17:00:00Z")
    assert found.ended.outcome == "failed"
    assert found.parked is not None
    assert found.parked.until is None
    assert found.parked.detail == "its limit resets at 2025-01-08T17:00:30Z"
    unknown = assessed("usage_limit", job=job._replace(wait_at_most_s=60))
    assert unknown.parked is not None
    assert unknown.parked.detail == "its reset is not known"


@pytest.mark.parametrize("code", ["worker_auth", "worker_billing", "worker_unavailable"])
def test_what_a_person_has_to_settle_closes_the_account(code: str) -> None:
    found = assessed(code, retries=Retries(times=5))
    assert found.ended.outcome == "failed"
    assert found.parked is not None
    assert found.parked.until is None


def test_an_outage_waits_longer_each_time_and_not_for_ever() -> None:
    first = assessed("worker_outage")
    later = assessed("worker_outage", before=TaskProgress("t.md", interrupts=3))
    assert first.parked is not None
    assert later.parked is not None
    assert "2025-01-08T12:01" in (first.parked.until or "")
    assert "2025-01-08T12:09" in (later.parked.until or "")
    asked = assessed("worker_outage", resets_at="2025-01-08T13:00:00Z")
    assert asked.ended.not_before == "2025-01-08T13:00:00Z"
    closed = assessed("worker_outage", resets_at="2026-01-08T13:00:00Z")
    assert closed.ended.outcome == "failed"
    assert closed.parked
    assert (closed.parked.until, closed.parked.detail[-20:]) == (None, "2026-01-08T13:00:00Z")
    short = assessed("worker_outage", job=_JOB._replace(wait_at_most_s=20))
    assert short.ended.not_before == "2025-01-08T12:00:20Z"
    last = assessed("worker_outage", before=TaskProgress("t.md", interrupts=MOST_INTERRUPTS))
    assert last.ended.outcome == "failed"


def test_a_dead_process_is_resumed_at_once_and_not_for_ever() -> None:
    found = assessed("interrupted", before=TaskProgress("t.md", failures=2))
    assert (found.ended.outcome, found.ended.not_before) == ("waiting", None)
    assert (found.ended.failures, found.parked) == (2, None)
    again = assessed("interrupted", before=TaskProgress("t.md", interrupts=MOST_INTERRUPTS - 1))
    assert (again.ended.outcome, again.ended.interrupts) == ("waiting", MOST_INTERRUPTS)
    last = assessed("interrupted", before=TaskProgress("t.md", interrupts=MOST_INTERRUPTS))
    assert (last.ended.outcome, last.ended.interrupts) == ("failed", MOST_INTERRUPTS + 1)


def test_a_task_that_another_run_has_taken_is_begun_again_and_not_for_ever() -> None:
    before = TaskProgress("t.md", interrupts=MOST_INTERRUPTS - 1)
    again = assessed("superseded", before=before).ended
    assert (again.outcome, again.afresh) == ("waiting", True)
    assert again.interrupts == MOST_INTERRUPTS
    last = assessed("superseded", before=before._replace(interrupts=MOST_INTERRUPTS)).ended
    assert (last.outcome, last.afresh) == ("failed", False)


@pytest.mark.parametrize("code", sorted(stop_reasons.FOR_A_PERSON))
def test_a_decision_is_left_to_a_person_unless_the_job_leaves_such_tasks_out(code: str) -> None:
    assert assessed(code).ended.outcome == "held"
    assert assessed(code, job=_JOB._replace(on_manual="skip")).ended.outcome == "failed"


_MERGED = Verification("failed", candidate=Candidate("tree", "own", onto="tip"))
_CHECK = CheckResult("tier1", "make test", 1, 2.0, tail="two fail\n")


@pytest.mark.parametrize(
    ("code", "known"),
    [
        ("merge_conflict", {}),
        ("fails_on_target", {}),
        ("verification_failed", {"verification": _MERGED}),
    ],
)
def test_what_newer_work_caused_gives_one_more_attempt_from_the_new_tip(
    code: str, known: dict[str, Any]
) -> None:
    first = assessed(code, **known)
    assert (first.ended.outcome, first.ended.afresh) == ("waiting", True)
    assert first.ended.conflicts == 1
    second = assessed(code, before=TaskProgress("t.md", conflicts=1), **known)
    assert second.ended.outcome == "failed"


def test_the_next_attempt_gets_the_failing_output_and_where_the_work_is() -> None:
    verification = _MERGED._replace(checks=(_CHECK,))
    text = earlier(run("fails_on_target", verification=verification, detail="it fails"))
    for part in ("runr/t-1", "it fails", "make test", "two fail"):
        assert part in text
    assert earlier(run("worker_failed")) == ""


_ALONE = Verification("failed", candidate=Candidate("tree", "own"))


@pytest.mark.parametrize(
    ("code", "verification"),
    [
        ("verification_failed", Verification("failed")),
        ("verification_failed", _ALONE),
        ("worker_failed", _MERGED),
        ("worker_failed", Verification()),
    ],
)
def test_a_failure_without_newer_work_has_no_further_attempt(
    code: str, verification: Verification
) -> None:
    assert assessed(code, verification=verification).ended.outcome == "failed"
    assert earlier(run(code, verification=verification)) == ""


def test_the_next_attempt_gets_the_commit_and_only_the_checks_that_failed() -> None:
    passed = CheckResult("tier1", "make lint", 0, 2.0, tail="all is well")
    verification = _MERGED._replace(checks=(_CHECK, passed))
    text = earlier(run("fails_on_target", verification=verification, checkpoint_sha="abc"))
    assert "on the branch runr/t-1 (commit abc); `git show` shows it. Do" in text
    assert text.endswith("`make test` printed:\n\n```\ntwo fail\n```")
    assert "What went wrong: fails_on_target\n" in text
    uncommitted = earlier(run("fails_on_target", verification=verification))
    assert "on the branch runr/t-1. Do" in uncommitted
    # Its checks ran before the merge, and say nothing about it.
    conflict = earlier(run("merge_conflict", verification=verification, detail="in a.txt"))
    assert conflict.endswith("What went wrong: in a.txt")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("merge_conflict", "An earlier attempt does not fit together with what has landed"),
        ("fails_on_target", "An earlier attempt does not fit together with what has landed"),
        ("task_changed", "The task was changed while an earlier attempt worked. You"),
        ("superseded", "The task was reset, or taken by another run, while an earlier"),
    ],
)
def test_the_next_attempt_gets_the_reason_why_there_is_another_one(code: str, why: str) -> None:
    assert earlier(run(code)).splitlines()[2].startswith(why)


def test_the_usage_of_a_task_is_that_of_all_its_runs() -> None:
    runs = tuple(run(None, usage=Usage(input_tokens=number)) for number in (1, 20, 300))
    assert total(runs).input_tokens == 321
    assert total(()) == Usage()


def test_other_stops_are_retried_as_often_as_the_step_says() -> None:
    retries = Retries(times=2, backoff="exponential", wait_s=60, max_wait_s=100)
    first = assessed("worker_failed", retries=retries)
    assert (first.ended.outcome, first.ended.not_before) == ("waiting", "2025-01-08T12:01:00Z")
    second = assessed("worker_failed", retries=retries, before=TaskProgress("t.md", failures=1))
    assert second.ended.not_before == "2025-01-08T12:01:40Z"
    third = assessed("worker_failed", retries=retries, before=TaskProgress("t.md", failures=2))
    assert third.ended.outcome == "failed"
    assert assessed("scope_violation", retries=retries).ended.outcome == "failed"


def test_waits_grow_as_asked_up_to_their_maximum() -> None:
    def waits(**known: Any) -> list[float]:
        retries = Retries(times=9, wait_s=10, max_wait_s=35, **known)
        return [backoff_s(retries, failures, 0.5) for failures in (1, 2, 3, 4)]

    assert waits() == [10, 10, 10, 10]
    assert waits(backoff="linear") == [10, 20, 30, 35]
    assert waits(backoff="exponential") == [10, 20, 35, 35]
    assert waits(jitter=0.2) == [11, 11, 11, 11]
