"""When the tasks of a job were worked on, and when they waited."""

from runr.jobs import timeline
from runr.jobs.events import (
    EventData,
    JobCreated,
    JobEnded,
    JobEvent,
    JobResumed,
    TaskClaimed,
    TaskEnded,
    TaskFound,
    TaskStarted,
    TimeLost,
)
from runr.jobs.model import Job
from runr.jobs.timeline import Span, TaskTimes
from runr.jobs.work import Work

_CREATED = JobCreated(Job("night"), Work((), ()), "runr/job-1", "main", "0")
_LIMIT = TaskEnded("a", "waiting", code="usage_limit", not_before="t9")


def events(*facts: EventData) -> list[JobEvent]:
    """Return a job of these events, at t1, t2 and so on; it was created at t0."""
    return [JobEvent(n, f"t{n}", fact) for n, fact in enumerate((_CREATED, *facts))]


def times(*facts: EventData) -> TaskTimes:
    return timeline.of(events(*facts))["a"]


def test_a_wait_for_a_limit_is_no_work() -> None:
    found = times(
        TaskStarted("a"),
        TaskClaimed("a", "r1"),
        _LIMIT,
        TaskStarted("a"),
        TaskClaimed("a", "r1"),
        TaskEnded("a", "completed"),
    )
    assert found.work == (Span("t1", "t3", "usage_limit"), Span("t4", "t6"))
    assert found.waits == (Span("t3", "t4", "usage_limit"),)


def test_the_time_in_which_a_job_is_stopped_is_neither_work_nor_a_wait() -> None:
    stopped = TaskEnded("a", "waiting", code="stopped")
    found = times(TaskStarted("a"), stopped, JobEnded("stopped"), JobResumed(), TaskStarted("a"))
    assert found == TaskTimes(work=(Span("t1", "t2", "stopped"), Span("t5")))


def test_a_wait_ends_with_its_job_and_goes_on_with_it_while_the_time_has_not_come() -> None:
    over, again = JobEnded("stopped"), JobResumed()
    waits = times(TaskStarted("a"), _LIMIT, over, again, TaskStarted("a")).waits
    assert waits == (Span("t2", "t3", "usage_limit"), Span("t4", "t5", "usage_limit"))
    short = _LIMIT._replace(not_before="t3")
    found = times(TaskStarted("a"), short, over, again, TaskStarted("a"))
    assert found.waits == (Span("t2", "t3", "usage_limit"),)


def test_what_lasts_has_no_end_and_what_was_completed_elsewhere_waits_no_more() -> None:
    assert times(TaskStarted("a"), TaskStarted("a")).work == (Span("t1"),)
    assert times(TaskStarted("a"), _LIMIT).waits == (Span("t2", None, "usage_limit"),)
    found = times(TaskStarted("a"), _LIMIT, TaskFound("a"), JobEnded("completed"), JobResumed())
    assert found.waits == (Span("t2", "t3", "usage_limit"),)


def test_a_job_ran_from_its_start_and_each_resume_to_its_end() -> None:
    found = timeline.of_job(events(JobEnded("stopped", code="stopped"), JobResumed()))
    assert found == (Span("t0", "t1", "stopped"), Span("t2"))
    assert Span("2025-01-08T18:00:00Z").seconds("2025-01-08T18:00:05.500Z") == 5.5


def test_a_wait_whose_time_has_come_does_not_go_on_with_the_job() -> None:
    due = _LIMIT._replace(not_before="t4")
    found = times(TaskStarted("a"), due, JobEnded("stopped"), JobResumed(), TaskStarted("a"))
    assert found.waits == (Span("t2", "t3", "usage_limit"),)


def test_a_job_runs_from_its_start_or_resume_to_its_end() -> None:
    known = events(JobEnded("stopped", code="stopped"), JobEnded("failed"), JobResumed())
    assert timeline.of_job(known) == (Span("t0", "t1", "stopped"), Span("t3"))
    assert timeline.of_job(known[1:2]) == ()
    assert timeline.of_job([known[0], *events(TaskStarted("a"))[1:]]) == (Span("t0"),)


def test_the_time_in_which_nothing_led_the_job_is_neither_its_own_nor_work() -> None:
    at = "2025-01-06T{}:00:00Z".format
    facts: dict[int, EventData] = {
        8: _CREATED,
        9: TaskStarted("a"),
        18: TimeLost(8 * 3600),
        19: JobEnded("completed"),
    }
    known = [JobEvent(n, at(f"{hour:02}"), fact) for n, (hour, fact) in enumerate(facts.items())]
    assert timeline.of_job(known) == (Span(at("08"), at("10")), Span(at("18"), at("19")))
    assert timeline.of(known)["a"].work == (Span(at("09"), at("10")), Span(at("18")))


def test_seconds_are_up_to_the_end_or_to_now_and_never_negative() -> None:
    span = Span("2025-01-06T08:00:00Z", "2025-01-06T08:00:00.500Z")
    assert span.seconds("2025-01-06T09:00:00Z") == 0.5
    assert Span("2025-01-06T08:00:00Z").seconds("2025-01-06T08:00:02Z") == 2.0
    assert Span("2025-01-06T08:00:00Z").seconds("2025-01-06T07:00:00Z") == 0.0
