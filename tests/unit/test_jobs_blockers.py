"""Which tasks of a job keep another one from starting."""

import pytest

from runr.jobs.blockers import Blockers
from runr.jobs.events import EventData, JobCreated, JobEvent, TaskEnded, TaskLeftOut, TaskSkipped
from runr.jobs.model import Job, OnFailure
from runr.jobs.state import JobState, apply, fold
from runr.jobs.work import Item, StepOrder, Work

_ITEMS = (
    Item("a", "t/1"),
    Item("b", "t/1", needs=("a",)),
    Item("c", "t/1", needs=("b", "a")),
    Item("d", "t/2"),
    Item("e", "u/1"),
    Item("f", "v/1"),
)
_STEPS = (
    StepOrder("t/1"),
    StepOrder("t/2", previous="t/1"),
    StepOrder("u/1", after=("t/1",)),
    StepOrder("v/1"),
)


def after(on_failure: OnFailure, *skipped: str) -> JobState:
    """Return a job in which `a` has failed, and these were skipped for it."""
    job = Job("night", on_failure=on_failure)
    created = JobCreated(job, Work(_ITEMS, _STEPS), "runr/job", "main", "0")
    facts: tuple[EventData, ...] = (
        created,
        TaskEnded("a", "failed"),
        *(TaskSkipped(task, "why") for task in skipped),
    )
    return fold("1", [JobEvent(n, str(n), fact) for n, fact in enumerate(facts)])


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [
        ("stop_track", {"b": ["a"], "c": ["b", "a"], "d": ["a"], "e": ["a"], "f": []}),
        ("stop_job", {"b": ["a"], "c": ["b", "a"], "d": ["a"], "e": ["a"], "f": ["a"]}),
        ("continue", {"b": ["a"], "c": ["b", "a"], "d": ["a"], "e": ["a"], "f": []}),
    ],
)
def test_a_skipped_task_names_what_it_depends_on_or_else_what_has_failed(
    on_failure: OnFailure, expected: dict[str, list[str]]
) -> None:
    state = after(on_failure, *"bcdef")
    blockers = Blockers(state)
    assert {each.task: blockers.of(each) for each in state.tasks} == {"a": [], **expected}


def test_a_task_behind_one_that_is_left_out_names_that() -> None:
    state = after("continue", "c")
    left_out = JobEvent(9, "9", TaskLeftOut("b", "nothing before it failed"))
    found = Blockers(apply(state, left_out))
    assert {each.task: found.of(each) for each in state.tasks}["c"] == ["b", "a"]


def test_a_waiting_task_names_only_what_it_depends_on() -> None:
    state = after("stop_track")
    blockers = Blockers(state)
    found = {each.task: blockers.of(each) for each in state.tasks if each.status == "waiting"}
    assert found == {"b": ["a"], "c": ["b", "a"], "d": [], "e": [], "f": []}
