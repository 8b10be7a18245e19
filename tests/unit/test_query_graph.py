from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.query.graph import Graph, edges
from runr.status.model import Entry, State
from runr.tasks.model import Task
from runr.tasks.names import Resolver

TASKS = ".runr/tasks/"
NAMES = [f"{letter}.md" for letter in "abcdefg"]
Links = Mapping[str, tuple[str, ...]]


def task(name: str, *depends_on: str) -> Task:
    return Task(path=TASKS + name, title=name, depends_on=depends_on)


def paths(*names: str) -> tuple[str, ...]:
    return tuple(TASKS + name for name in names)


RESOLVER = Resolver.of(
    task(name)
    for name in (
        "00-setup.md",
        "a.md",
        "api/a.md",
        "api/b.md",
        "api/deep/c.md",
        "web/b.md",
        "web/home.md",
        "odd name.md",
    )
)


@pytest.mark.parametrize(
    ("name", "beside", "expected"),
    [
        ("00-setup.md", None, ["00-setup.md"]),
        ("00-setup", None, ["00-setup.md"]),
        (" 00-setup ", None, ["00-setup.md"]),
        ("00-setup", "api/b.md", ["00-setup.md"]),
        (".runr/tasks/00-setup.md", "api/b.md", ["00-setup.md"]),
        (".runr/tasks/00-setup", None, ["00-setup.md"]),
        ("./00-setup.md", None, ["00-setup.md"]),
        ("../00-setup.md", "api/b.md", ["00-setup.md"]),
        ("../../00-setup", "api/deep/c.md", ["00-setup.md"]),
        ("../web/home.md", "api/b.md", ["web/home.md"]),
        ("deep/c", "api/b.md", ["api/deep/c.md"]),
        ("api/deep/c", None, ["api/deep/c.md"]),
        ("api\\deep\\c", None, ["api/deep/c.md"]),
        ("c", None, ["api/deep/c.md"]),
        ("home", "api/b.md", ["web/home.md"]),
        ("odd name", None, ["odd name.md"]),
        # The nearest comes first: beside the task, then at the top.
        ("a", "api/b.md", ["api/a.md"]),
        ("a", None, ["a.md"]),
        ("a", "web/b.md", ["a.md"]),
        ("b", "api/a.md", ["api/b.md"]),
        ("b", None, ["api/b.md", "web/b.md"]),
        ("b", "a.md", ["api/b.md", "web/b.md"]),
        ("missing", None, []),
        ("", None, []),
        ("../../../../etc/passwd", None, []),
        ("api", None, []),
        ("00-SETUP", None, []),
    ],
)
def test_a_name_is_resolved_to_a_task(name: str, beside: str | None, expected: list[str]) -> None:
    found = RESOLVER.find(name, beside=TASKS + beside if beside else None)
    assert list(found) == [TASKS + path for path in expected]


def test_unknown_and_ambiguous_names_and_self_references_are_problems() -> None:
    known = [task("x/t.md", "gone", "b", "t", "./t.md", "a"), task("y/b.md"), task("z/b.md")]
    known.append(task("a.md"))
    found = edges(known[0], Resolver.of(known))
    assert found.paths == paths("a.md")
    assert found.problems == (
        "gone (no such task)",
        f"b (ambiguous: {TASKS}y/b.md, {TASKS}z/b.md)",
        "t (the task itself)",
        "./t.md (the task itself)",
    )


def test_a_dependency_that_is_named_twice_counts_once() -> None:
    known = [task("t.md", "a", "a.md", f"{TASKS}a.md"), task("a.md")]
    assert edges(known[0], Resolver.of(known)).paths == paths("a.md")


def test_open_dependencies_bad_names_and_cycles_block_a_task() -> None:
    graph = Graph.of([task("t.md", "a", "b", "gone"), task("a.md"), task("b.md", "t")])
    done = {TASKS + "a.md": Entry(status=State.COMPLETED)}
    assert graph.blockers(TASKS + "t.md", done) == (
        TASKS + "b.md",
        "gone (no such task)",
        f"cycle: {TASKS}t.md → {TASKS}b.md → {TASKS}t.md",
    )
    assert graph.blockers(TASKS + "a.md", {}) == ()
    assert graph.blockers("not a task", {}) == ()


@pytest.mark.parametrize("state", [state for state in State if state is not State.COMPLETED])
def test_only_a_completed_dependency_does_not_block(state: State) -> None:
    graph = Graph.of([task("t.md", "a"), task("a.md")])
    entries = {TASKS + "a.md": Entry(status=state)}
    assert graph.blockers(TASKS + "t.md", entries) == paths("a.md")


links = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4).map(tuple)
)


@given(links)
def test_cycles_are_found_exactly_where_there_are_some(links: Links) -> None:
    known = {name: links.get(name, ()) for name in NAMES}
    graph = Graph.of(task(name, *known[name]) for name in NAMES)
    # A task that depends on itself is reported as a problem of its own, not as a cycle.
    others = {name: {n for n in known[name] if n != name} for name in NAMES}
    round_trips = {name for name in NAMES if name in reachable(name, others)}
    assert bool(graph.cycles) == bool(round_trips)
    for path, way in graph.cycles.items():
        names = [place.removeprefix(TASKS) for place in way]
        assert path in way
        assert names[0] == names[-1]
        assert len(set(names)) == len(names) - 1 > 1
        assert all(b in others[a] for a, b in pairwise(names))
    # Without the reported tasks there is no cycle left.
    reported = {path.removeprefix(TASKS) for path in graph.cycles}
    rest = {name: others[name] - reported for name in NAMES if name not in reported}
    assert not any(name in reachable(name, rest) for name in rest)


@given(links)
def test_no_task_on_a_cycle_is_ever_ready(links: Links) -> None:
    graph = Graph.of(task(name, *links.get(name, ())) for name in NAMES)
    others = {name: {n for n in links.get(name, ()) if n != name} for name in NAMES}
    for name in NAMES:
        if name in reachable(name, others):
            assert graph.blockers(TASKS + name, {})


def reachable(name: str, links: Mapping[str, set[str]]) -> set[str]:
    """Return where the links lead from `name`, in the plainest way."""
    found: set[str] = set()
    while True:
        more = {end for start in (*found, name) for end in links.get(start, ())}
        if more <= found:
            return found
        found |= more


def test_a_chain_of_twenty_thousand_tasks_is_supported() -> None:
    size = 20_000
    chain = [task(f"{n:05}.md", f"{n + 1:05}") for n in range(size)] + [task(f"{size:05}.md")]
    assert Graph.of(chain).cycles == {}
    chain[-1] = task(f"{size:05}.md", "00000")
    cycles = Graph.of(chain).cycles
    assert len(cycles) == size + 1
    assert len(cycles[chain[0].path]) == size + 2


def test_ten_thousand_cycles_are_reported_as_one() -> None:
    size = 10_000
    chain = [task(f"{n:05}.md", f"{n + 1:05}", "00000") for n in range(size)]
    cycles = Graph.of([*chain, task(f"{size:05}.md", "00000")]).cycles
    assert len(cycles) == size + 1
    assert len({id(way) for way in cycles.values()}) == 1


def test_a_dense_graph_without_a_cycle_is_searched_once() -> None:
    size = 400  # with a search of every path it would take longer than the universe has
    known = [task(f"{n:03}.md", *(f"{m:03}" for m in range(n))) for n in range(size)]
    assert Graph.of(known).cycles == {}


def test_a_bad_name_that_is_written_twice_blocks_once() -> None:
    assert edges(task("a.md", "x", "x", "a.md", "a.md"), RESOLVER).problems == (
        "x (no such task)",
        "a.md (the task itself)",
    )


def test_every_task_of_two_cycles_that_meet_says_so() -> None:
    known = [task("a.md", "b"), task("b.md", "a", "c"), task("c.md", "b")]
    cycles = Graph.of(known).cycles
    assert set(cycles) == set(paths("a.md", "b.md", "c.md"))
    assert cycles[TASKS + "c.md"] == paths("b.md", "c.md", "b.md")


def test_a_cycle_is_found_behind_tasks_that_others_led_to() -> None:
    known = [task("a.md", "b"), task("b.md"), task("c.md", "d"), task("d.md", "c")]
    assert set(Graph.of(known).cycles) == set(paths("c.md", "d.md"))
