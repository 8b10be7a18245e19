"""The state of a job run: what each event changes, and what a resume begins again."""

from typing import Any

import pytest

from runr.jobs.events import (
    AccountParked,
    BaseChecked,
    BranchMerged,
    EventData,
    JobCreated,
    JobEnded,
    JobEvent,
    JobLanded,
    JobResumed,
    JobStopRequested,
    Left,
    TaskClaimed,
    TaskEnded,
    TaskFound,
    TaskLeftOut,
    TaskReopened,
    TaskSkipped,
    TaskStarted,
    TaskWaits,
    UnknownEvent,
)
from runr.jobs.model import Job
from runr.jobs.state import JobState, TaskProgress, fold
from runr.jobs.work import Item, StepOrder, Work
from runr.runs.codec import CodecError
from runr.runs.model import Usage

_WORK = Work(tuple(Item(name, "t/1") for name in "abc"), (StepOrder("t/1"),))
_CREATED = JobCreated(Job("night"), _WORK, "runr/job-1", "main", "0", ("c",), "the morning")


def after(*facts: EventData) -> JobState:
    """Return the state after these events, at 1, 2 and so on; the job was created at 0."""
    return fold("job-1", [JobEvent(n, str(n), fact) for n, fact in enumerate((_CREATED, *facts))])


def progress(*facts: EventData) -> TaskProgress:
    return after(*facts).task("a")


def test_a_job_begins_with_its_tasks_and_with_those_that_were_completed_before() -> None:
    assert after() == JobState(
        id="job-1",
        start=_CREATED,
        tasks=(TaskProgress("a"), TaskProgress("b"), TaskProgress("c", "completed")),
        created_at="0",
        updated_at="0",
        since="0",
        ends_at="the morning",
    )
    assert after().name == "night"
    assert (after().stopping, after().killing, after().task("b").afresh) == (False, False, False)
    with pytest.raises(CodecError, match=r"its first event is task\.started, not job\.created"):
        fold("job-1", [JobEvent(1, "0", TaskStarted("a"))])


@pytest.mark.parametrize(
    ("facts", "changed"),
    [
        ([TaskStarted("a")], {"status": "starting", "started_at": "1"}),
        ([TaskStarted("a"), TaskStarted("a")], {"status": "starting", "started_at": "1"}),
        (
            [TaskClaimed("a", "r1", "codex")],
            {"status": "running", "run_id": "r1", "runs": ("r1",), "worker": "codex"},
        ),
        (
            [TaskClaimed("a", "r1"), TaskClaimed("a", "r2"), TaskClaimed("a", "r1")],
            {"status": "running", "run_id": "r1", "runs": ("r1", "r2")},
        ),
        ([TaskEnded("a", "waiting", afresh=True)], {"afresh": True, "ended_at": "1"}),
        (
            [TaskEnded("a", "waiting", afresh=True), TaskClaimed("a", "r1")],
            {"status": "running", "run_id": "r1", "runs": ("r1",), "ended_at": "1"},
        ),
        ([TaskSkipped("a", "why")], {"status": "skipped", "detail": "why", "ended_at": "1"}),
        ([TaskLeftOut("a", "why")], {"status": "left_out", "detail": "why", "ended_at": "1"}),
        ([TaskWaits("a", "why", "r9")], {"waits_for": "why", "awaited_run_id": "r9"}),
        ([TaskWaits("a", "why", "r9"), TaskWaits("a", "sign")], {"waits_for": "sign"}),
        ([TaskWaits("a", "why", "r9"), JobResumed()], {}),
        ([TaskFound("a", "person:Ada"), TaskReopened("a")], {}),
        (
            [TaskWaits("a", "why", None, "j9", on_target=True)],
            {"waits_for": "why", "unlanded_job_id": "j9", "unmerged": True},
        ),
        ([TaskWaits("a", "why"), TaskStarted("a")], {"status": "starting", "started_at": "2"}),
        (
            [TaskFound("a", "person:Ada")],
            {"status": "completed", "found_by": "person:Ada", "ended_at": "1"},
        ),
        (
            [TaskClaimed("a", "r1", "codex"), TaskEnded("a", "held", "r1", "no_checks", "why")],
            {
                "status": "held",
                "run_id": "r1",
                "runs": ("r1",),
                "worker": "codex",
                "code": "no_checks",
                "detail": "why",
                "ended_at": "2",
            },
        ),
        (
            [TaskEnded("a", "failed", failures=1, conflicts=2, interrupts=3, worker="claude")],
            {
                "status": "failed",
                "failures": 1,
                "conflicts": 2,
                "interrupts": 3,
                "worker": "claude",
                "ended_at": "1",
            },
        ),
    ],
)
def test_what_happens_to_a_task_changes_it_alone(
    facts: list[EventData], changed: dict[str, Any]
) -> None:
    state = after(*facts)
    assert state.task("a") == TaskProgress("a")._replace(**changed)
    assert state.tasks[1:] == after().tasks[1:]
    assert (state.seq, state.updated_at) == (len(facts), str(len(facts)))


def test_the_usage_of_a_job_is_that_of_its_tasks() -> None:
    ends = [TaskEnded(name, "failed", usage=Usage(input_tokens=5)) for name in "ab"]
    assert after(*ends).usage == Usage(input_tokens=10)


def test_a_worker_is_parked_until_the_last_time_that_was_said() -> None:
    first, other = (
        AccountParked("codex", "usage_limit", "5"),
        AccountParked("claude", "worker_auth"),
    )
    later = first._replace(until="9")
    assert after(first, other, later).parked == (other, later)


@pytest.mark.parametrize(
    ("kills", "killing"), [([False], False), ([True], True), ([True, False], True)]
)
def test_a_job_that_is_stopped_hard_stays_so(kills: list[bool], *, killing: bool) -> None:
    asked = [JobStopRequested(kill, f"person:{n}") for n, kill in enumerate(kills, 1)]
    state = after(*asked)
    assert (state.stopping, state.killing, state.stopped_by) == (
        True,
        killing,
        f"person:{len(kills)}",
    )


def test_the_end_of_a_job_says_why_tasks_are_left() -> None:
    state = after(
        BaseChecked(("make test fails",)),
        TaskEnded("b", "failed", detail="it crashed"),
        JobEnded("failed", "1 of 3 failed", "worker_failed", (Left("a", "b comes first"),)),
        JobLanded("main", "merge", "abc"),
    )
    assert state.base_failures == ("make test fails",)
    assert (state.result, state.reason, state.code) == ("failed", "1 of 3 failed", "worker_failed")
    assert (state.ended_at, state.landed_on, state.landed_sha) == ("3", "main", "abc")
    assert [task.detail for task in state.tasks] == ["b comes first", "it crashed", ""]


@pytest.mark.parametrize("fact", [BranchMerged("abc"), UnknownEvent("job.renamed", {"name": "x"})])
def test_an_event_that_means_nothing_for_the_state_changes_its_time_only(fact: EventData) -> None:
    assert after(fact) == after()._replace(seq=1, updated_at="1")


def test_a_resume_begins_again_with_what_failed_and_what_was_skipped() -> None:
    closed, parked = AccountParked("codex", "worker_auth"), AccountParked("claude", "x", "9")
    failed = TaskEnded("a", "failed", "r1", "worker_failed", "why", "9", 1, 2, 3)
    state = after(
        TaskClaimed("a", "r1"),
        failed,
        TaskSkipped("b", "a failed"),
        closed,
        parked,
        BaseChecked(("make test fails",)),
        JobStopRequested(kill=True, by="person:Ada"),
        JobEnded("stopped", "by Ada", "stopped"),
        JobLanded("main", "merge", "abc"),
        JobResumed(("a",), "the evening"),
    )
    assert state == after()._replace(
        tasks=(
            TaskProgress("a", run_id="r1", runs=("r1",)),
            TaskProgress("b"),
            TaskProgress("c", "completed"),
        ),
        parked=(parked,),
        since="10",
        updated_at="10",
        seq=10,
        ends_at="the evening",
    )
    kept = after(failed, JobResumed()).task("a")
    assert (kept.status, kept.failures) == ("failed", 1)


@pytest.mark.parametrize(
    ("ended", "afresh"),
    [
        (TaskEnded("a", "failed", code="worker_failed"), False),
        (TaskEnded("a", "failed", code="worker_failed", afresh=True), True),
        (TaskEnded("a", "failed", code="task_changed"), True),
    ],
)
def test_work_for_an_earlier_text_of_a_task_is_not_continued(
    ended: TaskEnded, *, afresh: bool
) -> None:
    assert progress(ended, JobResumed(("a",))).afresh is afresh
