"""What a task is shown as, who can take it further, and why one comes before another."""

from typing import Any

import pytest

from runr.query.graph import Graph, describe_cycle, leads
from runr.query.task_state import TaskState, explain_first, explain_later, rank_tasks
from runr.status.model import Entry, State
from runr.status.staleness import StaleReason, StaleTrigger
from runr.tasks.model import Task, TaskType

TEXT = StaleReason(cause=StaleTrigger.TEXT, message="its text has changed since")
UPSTREAM = StaleReason(cause=StaleTrigger.UPSTREAM, message="it builds on b.md")
DONE = Entry(status=State.COMPLETED)
STALE: dict[str, Any] = {"entry": DONE, "stale": True, "stale_reasons": (TEXT,)}
ASKED = Entry(status=State.STOPPED, stop_reason="needs_human")


def state(name: str = "a", kind: TaskType = TaskType.AUTOMATED, **facts: Any) -> TaskState:
    priority = facts.pop("priority", 0)
    task = Task(path=f".runr/tasks/{name}.md", title=name, type=kind, priority=priority)
    return TaskState(task, **facts)


@pytest.mark.parametrize(
    ("shown", "status", "ready", "by_person"),
    [
        (state(), "ready", True, False),
        (state(blocked_by=("b",)), "blocked", False, False),
        (state(kind=TaskType.MANUAL), "waiting", False, True),
        (state(kind=TaskType.MANUAL, blocked_by=("b",)), "blocked", False, False),
        (state(kind=TaskType.HYBRID), "ready", True, False),
        (state(entry=Entry(status=State.IN_PROGRESS)), "in_progress", False, False),
        (state(entry=Entry(status=State.STOPPED)), "stopped", True, False),
        (state(entry=Entry(status=State.FAILED)), "failed", True, False),
        (state(entry=DONE), "completed", False, False),
        (state(entry=DONE, kind=TaskType.MANUAL), "completed", False, False),
        (state(**STALE), "stale", True, False),
        (state(**STALE, kind=TaskType.MANUAL), "stale", False, True),
        (state(**STALE, rerun=False), "stale", False, False),
        (state(**STALE, blocked_by=("b",)), "stale", False, False),
        (state(entry=DONE, stale=True, stale_reasons=(TEXT, UPSTREAM)), "stale", False, False),
        (state(entry=ASKED), "waiting", False, True),
        (state(entry=ASKED, blocked_by=("b",)), "waiting", False, True),
        (state(entry=ASKED._replace(status=State.IN_PROGRESS)), "in_progress", False, False),
        (state(entry=ASKED._replace(status=State.COMPLETED)), "completed", False, False),
        (state(orphaned=True), "blocked", False, False),
    ],
)
def test_a_task_is_shown_as_what_can_be_done_with_it(
    shown: TaskState, status: str, ready: bool, by_person: bool
) -> None:
    assert (shown.display_status, shown.ready, shown.needs_human) == (status, ready, by_person)


def test_a_task_is_open_until_it_is_completed_or_its_file_is_gone() -> None:
    assert state().open
    assert not state(entry=DONE).open
    assert not state(orphaned=True).open


@pytest.mark.parametrize("status", list(State))
def test_only_a_run_that_stopped_can_be_resumed(status: State) -> None:
    stopped = status in (State.STOPPED, State.FAILED)
    assert state(entry=Entry(status=status)).interrupted is stopped


def ready(*tasks: tuple[str, int]) -> list[TaskState]:
    return [state(name, priority=priority) for name, priority in tasks]


def reach(**counts: int) -> dict[str, int]:
    return {f".runr/tasks/{name}.md": count for name, count in counts.items()}


def test_the_highest_priority_comes_first_then_what_unblocks_most_then_the_name() -> None:
    known = ready(("d", 0), ("c", 0), ("a", 0), ("b", 2))
    assert [each.task.title for each in rank_tasks(known, reach(c=3))] == ["b", "c", "a", "d"]


@pytest.mark.parametrize(
    ("tasks", "counts", "reason"),
    [
        (ready(("a", 0)), reach(a=0), "it is the only one that is ready"),
        (
            ready(("a", 2), ("b", 1), ("c", 1)),
            reach(a=0, b=0, c=0),
            "its priority 2 is the highest of 3 that are ready",
        ),
        (
            ready(("a", 1), ("b", 1), ("c", 0)),
            reach(a=2, b=1, c=0),
            "of 2 ready tasks with priority 1 it unblocks the most",
        ),
        (
            ready(("a", 1), ("b", 1), ("c", 0)),
            reach(a=1, b=1, c=0),
            "of 2 ready tasks with priority 1 none unblocks more, and its name comes first",
        ),
    ],
)
def test_why_a_task_is_first(tasks: list[TaskState], counts: dict[str, int], reason: str) -> None:
    assert explain_first(tasks, counts) == reason


def test_why_a_task_comes_later() -> None:
    first, second, third, fourth = ready(("a", 1), ("b", 0), ("c", 1), ("d", 1))
    counts = reach(a=2, b=0, c=1, d=2)
    assert explain_later(second, first, counts) == "ready, with priority 0 instead of 1"
    assert explain_later(third, first, counts) == "ready, and unblocks 1 instead of 2"
    assert explain_later(fourth, first, counts) == "ready, with the same priority and a later name"


def test_what_is_completed_on_another_branch_still_blocks() -> None:
    a, b, c = (f".runr/tasks/{name}.md" for name in "abc")
    tasks = [
        Task(path=a, title="a", depends_on=("b", "c")),
        *(Task(path=p, title=p) for p in (b, c)),
    ]
    entries = {b: DONE, c: DONE}
    graph = Graph.of(tasks)
    assert graph.blockers(a, entries) == ()
    assert graph.blockers(a, entries, {b: "it is gone"}) == (f"{b} (it is gone)",)
    assert graph.dependents() == {a: [], b: [a], c: [a]}


def test_of_a_long_cycle_the_first_tasks_are_named() -> None:
    names = [str(number) for number in range(9)]
    assert describe_cycle([*names[:8], "0"]) == "cycle: 0 → 1 → 2 → 3 → 4 → 5 → 6 → 7 → 0"
    assert (
        describe_cycle([*names, "0"]) == "cycle of 9 tasks: 0 → 1 → 2 → 3 → 4 → 5 → 6 → 7 → … → 0"
    )


def test_a_task_waits_for_what_its_dependencies_wait_for() -> None:
    needs = {"a": ["b", "c"], "b": ["b"], "c": ["d"], "d": []}
    assert [leads(needs.__getitem__, "a", wanted) for wanted in "bcd"] == [True, True, True]
    assert not leads(needs.__getitem__, "d", "a")
    assert not leads(needs.__getitem__, "b", "a")
