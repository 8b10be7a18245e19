"""A job run as an answer."""

from runr.jobs.events import AccountParked, JobCreated, JobEvent
from runr.jobs.model import Job
from runr.jobs.state import apply, begin
from runr.jobs.views import waits_until
from runr.jobs.work import Work


def test_a_wait_that_is_over_is_not_shown() -> None:
    then, until = "2025-01-08T12:00:00.000Z", "2025-01-08T12:30:00Z"
    created = JobCreated(Job(name="night"), Work((), ()), "runr/job-night-1", "main", "0" * 40)
    state = begin("1", JobEvent(1, then, created))
    state = apply(state, JobEvent(2, then, AccountParked("claude-code", "usage_limit", until, "")))
    state = apply(state, JobEvent(3, then, AccountParked("codex", "worker_auth", None, "")))
    assert waits_until(state, "2025-01-08T12:29:59.000Z") == {"claude-code": until}
    assert waits_until(state, "2025-01-08T12:30:01.000Z") == {}
