"""What is open: its order, its root causes, what it unblocks, and the longest chain of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runr.query.backlog import Backlog, groups, linked_pairs, reached
from runr.query.graph import Graph
from runr.query.task_state import TaskState, explain_first, explain_later, rank_tasks
from runr.status.model import Entry, State
from runr.tasks.model import Task
from runr.tasks.parser import parse

NAMES = [f"{letter}.md" for letter in "abcdefgh"]
CHAIN: Mapping[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",)}
Links = Mapping[str, Sequence[str]]

links = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4, unique=True)
)
#: Each name without a cycle: nothing depends on what comes later in the alphabet.
acyclic = links.map(lambda found: {n: [m for m in found.get(n, ()) if m < n] for n in NAMES})
spellings = st.sampled_from(["{stem}", "{stem}.md", "./{stem}.md", ".runr/tasks/{stem}.md"])


def board(known: Links, done: Sequence[str] = ()) -> tuple[Backlog, dict[str, TaskState]]:
    tasks = [
        Task(path=f".runr/tasks/{name}", title=name, depends_on=tuple(known.get(name, ())))
        for name in NAMES
    ]
    graph = Graph.of(tasks)
    entries = {f".runr/tasks/{name}": Entry(status=State.COMPLETED) for name in done}
    task_states = {
        task.path: TaskState(
            task=task,
            entry=entries.get(task.path, Entry()),
            blocked_by=graph.blockers(task.path, entries),
        )
        for task in tasks
    }
    return Backlog.of(graph, task_states), task_states


def short(path: str) -> str:
    return path.removeprefix(".runr/tasks/")


def behind(known: Links, name: str) -> set[str]:
    """Return what waits for a task, in the plainest way."""
    found: set[str] = set()
    while True:
        more = {n for n in NAMES if {name, *found} & set(known.get(n, ()))}
        if more <= found:
            return found - {name}
        found |= more


@given(links, st.data())
def test_any_set_of_headers_gives_an_order_or_the_exact_cycle(
    known: Links, data: st.DataObject
) -> None:
    tasks = []
    for name in NAMES:
        ends = [data.draw(spellings).format(stem=end[:-3]) for end in known.get(name, ())]
        header = f"---\ndepends_on: {ends}\n---\n# {name}\n"
        tasks.append(parse(f".runr/tasks/{name}", header.encode()))
    assert not any(task.problems for task in tasks)
    graph = Graph.of(tasks)
    needs = {path: edges.paths for path, edges in graph.edges.items()}
    order = [path for group in groups(needs) for path in group]
    if graph.cycles:
        for way in graph.cycles.values():
            assert way[0] == way[-1]
            assert all(second in needs[first] for first, second in pairwise(way))
    else:
        place = {path: number for number, path in enumerate(order)}
        assert all(place[need] < place[path] for path in needs for need in needs[path])
    assert sorted(order) == sorted(needs)


@given(links)
def test_tasks_share_a_group_exactly_when_they_wait_for_each_other(known: Links) -> None:
    full = {name: [n for n in known.get(name, ()) if n != name] for name in NAMES}
    group_of = {name: group for group in groups(full) for name in group}
    for one in NAMES:
        for other in NAMES:
            mutual = one in reached(other, full) and other in reached(one, full)
            assert (group_of[one] is group_of[other]) == mutual


@given(links, st.sets(st.sampled_from(NAMES)))
def test_what_a_task_unblocks_is_counted_through_open_tasks_only(
    known: Links, done: set[str]
) -> None:
    backlog, _ = board(known, sorted(done))
    left = {name: [n for n in known.get(name, ()) if n != name] for name in NAMES}
    left = {n: [m for m in ends if m not in done] for n, ends in left.items() if n not in done}
    expected = {name: len(behind(left, name)) for name in left}
    assert {short(path): count for path, count in backlog.reach().items()} == expected


@given(acyclic)
def test_the_critical_path_is_a_longest_chain(known: Links) -> None:
    @cache
    def depth(name: str) -> int:
        return 1 + max(map(depth, known[name]), default=0)

    chain = [short(path) for path in board(known)[0].longest()]
    assert len(chain) == max(map(depth, NAMES))
    assert all(first in known[second] for first, second in pairwise(chain))


@given(acyclic, st.sets(st.sampled_from(NAMES)))
def test_the_root_causes_of_a_blocked_task_are_tasks_that_can_be_started(
    known: Links, done: set[str]
) -> None:
    backlog, task_states = board(known, sorted(done))
    for name in set(NAMES) - done:
        causes = backlog.causes(f".runr/tasks/{name}", task_states)
        waits = bool(task_states[f".runr/tasks/{name}"].blocked_by)
        assert bool(causes) == waits
        assert all(task_states[path].ready and reason == "" for path, reason in causes)


@given(links, st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))))
@example({"a.md": ["c.md"], "b.md": ["c.md"]}, [("a.md", "b.md")])
@example(
    {"a.md": ["b.md"], "b.md": ["a.md"], "c.md": ["d.md"], "d.md": ["c.md"]}, [("a.md", "c.md")]
)
def test_two_tasks_are_linked_where_one_leads_to_the_other(
    known: Links, asked: list[tuple[str, str]]
) -> None:
    full = {name: known.get(name, ()) for name in NAMES}
    expected = {
        (one, other)
        for one, other in asked
        if other in reached(one, full) or one in reached(other, full)
    }
    assert linked_pairs(full, asked) == expected


def test_what_is_on_a_cycle_or_waits_for_one_is_not_on_the_critical_path() -> None:
    known = {"a.md": ["b"], "b.md": ["a"], "c.md": ["b"], "e.md": ["d"], "f.md": ["e"]}
    assert [short(path) for path in board(known)[0].longest()] == ["d.md", "e.md", "f.md"]


def test_a_part_of_the_backlog_knows_nothing_of_the_rest() -> None:
    tasks = [Task(f"{name}.md", "", depends_on=needs) for name, needs in CHAIN.items()]
    task_states = {task.path: TaskState(task=task) for task in tasks}
    part = Backlog.of(Graph.of(tasks), task_states, among={"a.md", "b.md", "d.md"})
    assert part.reach() == {"a.md": 1, "b.md": 0, "d.md": 0}
    assert part.needs == {"a.md": (), "b.md": ("a.md",), "d.md": ()}


def test_an_unknown_name_and_a_cycle_are_root_causes_listed_once() -> None:
    known = {"a.md": ["b"], "b.md": ["c", "gone"], "c.md": ["d"], "d.md": ["c"], "e.md": ["a"]}
    backlog, task_states = board(known)
    causes = backlog.causes(".runr/tasks/e.md", task_states)
    assert [(short(path), reason) for path, reason in causes] == [
        ("b.md", "gone (no such task)"),
        ("c.md", "cycle: .runr/tasks/c.md → .runr/tasks/d.md → .runr/tasks/c.md"),
    ]


@pytest.mark.parametrize("size", [9_000, pytest.param(50_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("shape", ["chain", "fan", "ring"])
def test_thousands_of_tasks_are_counted_exactly(shape: str, size: int) -> None:
    shapes: dict[str, Callable[[int], int]] = {
        "chain": lambda n: n - 1,
        "fan": lambda n: (n - 1) // 2,
        "ring": lambda n: (n - 1) % size,
    }
    before = shapes[shape]
    tasks = [
        Task(
            path=f".runr/tasks/{n:05}.md",
            title="",
            depends_on=(f"{before(n):05}",) if before(n) >= 0 else (),
        )
        for n in range(size)
    ]
    backlog = Backlog.of(Graph.of(tasks), {task.path: TaskState(task=task) for task in tasks})
    behind = [size - 1 if shape == "ring" else 0] * size
    for n in range(size - 1, 0, -1):
        behind[before(n)] += behind[n] + 1 if shape != "ring" else 0
    counted = backlog.reach()
    assert [counted[task.path] for task in tasks] == behind
    assert len(backlog.longest()) == {"chain": size, "fan": size.bit_length(), "ring": 0}[shape]


def test_the_order_is_priority_then_unblocked_tasks_then_name() -> None:
    tasks = [
        TaskState(task=Task(path=f".runr/tasks/{name}.md", title="", priority=priority))
        for name, priority in [("d", 0), ("c", 0), ("b", 0), ("a", 3)]
    ]
    reach = {".runr/tasks/a.md": 0, ".runr/tasks/b.md": 1, ".runr/tasks/c.md": 2}
    reach[".runr/tasks/d.md"] = 1
    ordered = rank_tasks(tasks, reach)
    assert [short(task.path) for task in ordered] == ["a.md", "c.md", "b.md", "d.md"]
    assert explain_first(ordered, reach) == "its priority 3 is the highest of 4 that are ready"
    assert (
        explain_first(ordered[1:], reach) == "of 3 ready tasks with priority 0 it unblocks the most"
    )
    assert explain_first(ordered[2:], reach).endswith(
        "none unblocks more, and its name comes first"
    )
    assert explain_first(ordered[3:], reach) == "it is the only one that is ready"
    assert explain_later(ordered[1], ordered[0], reach) == "ready, with priority 0 instead of 3"
    assert explain_later(ordered[2], ordered[1], reach) == "ready, and unblocks 1 instead of 2"
    assert (
        explain_later(ordered[3], ordered[2], reach)
        == "ready, with the same priority and a later name"
    )
