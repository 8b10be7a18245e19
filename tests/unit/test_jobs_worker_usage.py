"""What each worker of a run used."""

from runr.jobs.worker_usage import by_worker, is_shared
from runr.runs.events import (
    Event,
    EventData,
    PlanFinished,
    ReviewFinished,
    WorkerFallback,
    WorkFinished,
)
from runr.runs.model import RunCreated, RunSpec, RunState, Usage

_START = RunCreated("t.md", "claude", "there", "base", "tree", branch="runr/t-1")


def run(worker: str, usage: Usage, review: str | None = None) -> RunState:
    state = RunState("1", _START, RunSpec(review=review), "then", "then")
    return state._replace(worker=worker, usage=usage)


def events(*found: EventData) -> list[Event]:
    return [Event(seq, "then", data) for seq, data in enumerate(found, 1)]


def test_a_run_of_one_worker_is_not_shared() -> None:
    assert not is_shared(run("claude", Usage()))
    assert not is_shared(run("claude", Usage(), review="claude"))
    assert is_shared(run("claude", Usage(), review="codex"))
    assert is_shared(run("codex", Usage()))


def test_a_fallback_is_not_charged_for_the_worker_before_it() -> None:
    found = by_worker(
        run("codex", Usage(0.5, 120, 30, 3)),
        events(
            WorkerFallback("missing", "claude", "", "worker_unavailable"),
            WorkerFallback("claude", "codex", "", "usage_limit", usage=Usage(0.5, 100, 20, 2)),
            WorkFinished("failed", worker="codex", usage=Usage(0.5, 110, 25, 2)),
            WorkFinished("ok", worker="codex", usage=Usage(None, 10, 5, 1)),
        ),
    )
    assert found == {"claude": Usage(0.5, 100, 20, 2), "codex": Usage(None, 20, 10, 1)}


def test_planner_and_reviewer_are_charged_for_what_they_did() -> None:
    found = by_worker(
        run("claude", Usage(1.0, 60)),
        events(
            PlanFinished("ok", planner="planner", usage=Usage(0.25, 10)),
            WorkFinished("ok", usage=Usage(0.5, 20)),
            ReviewFinished("changes", reviewer="reviewer", usage=Usage(0.1, 10)),
            ReviewFinished("ok", reviewer="reviewer", usage=Usage(0.15, 20)),
        ),
    )
    assert found == {
        "planner": Usage(0.25, 10),
        "reviewer": Usage(0.25, 30),
        "claude": Usage(0.5, 20),
    }


def test_the_work_of_a_worker_that_a_resume_replaced_stays_its_own() -> None:
    done = events(WorkFinished("failed", usage=Usage(0.5, 20)), WorkFinished("ok", worker="codex"))
    assert by_worker(run("codex", Usage(0.5, 30)), done) == {
        "claude": Usage(0.5, 20),
        "codex": Usage(None, 10),
    }
