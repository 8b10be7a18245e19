"""The order of a job's tasks: how long the chain behind each of them is, and what is on a cycle."""

import pytest

from runr.jobs.work import Item, StepOrder, Work, ordering

_STEPS = (StepOrder("t/1"), StepOrder("t/2", previous="t/1"), StepOrder("u/1", after=("t/1",)))


@pytest.mark.parametrize(
    ("items", "steps", "remaining"),
    [
        # Without an estimate each is as long as any other.
        ((Item("a", "t/1"), Item("b", "t/1")), _STEPS, {"a": 1, "b": 1}),
        ((Item("a", "t/1"), Item("b", "t/1", needs=("a",))), _STEPS, {"a": 2, "b": 1}),
        (
            (Item("a", "t/1"), Item("b", "t/2"), Item("c", "u/1", needs=("b",))),
            _STEPS,
            {"a": 3, "b": 2, "c": 1},
        ),
        # What is needed but no task of the job does not count.
        ((Item("a", "t/1", needs=("x",)),), _STEPS, {"a": 1}),
        # The longest of the chains, and the mean of the known for what is not known.
        (
            (
                Item("a", "t/1", estimate_s=10.0),
                Item("b", "t/1"),
                Item("c", "t/2", estimate_s=20.0),
                Item("d", "u/1"),
            ),
            _STEPS,
            {"a": 30, "b": 35, "c": 20, "d": 15},
        ),
        # A step without tasks passes on the order.
        (
            (Item("a", "t/1", estimate_s=2.0), Item("b", "t/3", estimate_s=5.0)),
            (*_STEPS, StepOrder("t/3", previous="t/2")),
            {"a": 7, "b": 5},
        ),
    ],
)
def test_the_chain_behind_a_task_is_as_long_as_its_tasks_take(
    items: tuple[Item, ...], steps: tuple[StepOrder, ...], remaining: dict[str, float]
) -> None:
    found = ordering(Work(items, steps))
    assert found.remaining == remaining
    assert found.cycles == {}


def test_what_is_behind_a_cycle_is_named_with_it() -> None:
    steps = (
        StepOrder("t/1", after=("u/1",)),
        StepOrder("u/1", after=("t/1",)),
        StepOrder("v/1", after=("u/1",)),
        StepOrder("w/1"),
    )
    behind = ordering(Work((Item("a", "v/1"), Item("b", "w/1")), steps))
    assert behind.cycles == {"a": "cycle: t/1 → u/1 → t/1"}
    several = (Item("a", "t/1", needs=("b",)), Item("b", "t/1", needs=("a",)), Item("c", "t/2"))
    found = ordering(Work((*several, Item("d", "w/1")), (*_STEPS, steps[-1])))
    assert found.cycles == dict.fromkeys("abc", "cycle: a → b → a")


def test_each_task_is_named_with_a_cycle_of_its_own() -> None:
    needs = {"a": "b", "b": "a", "c": "d", "d": "c", "e": "df", "f": "d", "g": "ae", "h": "g"}
    items = (Item(task, "w/1", needs=tuple(before)) for task, before in needs.items())
    found = ordering(Work((*items, Item("i", "w/1")), (StepOrder("w/1"),))).cycles
    first, second = "cycle: a → b → a", "cycle: c → d → c"
    assert found == dict.fromkeys("abgh", first) | dict.fromkeys("cdef", second)
    joined = (Item("a", "w/1", needs=("b", "c")), Item("b", "w/1", needs=("a",)))
    both = Work((*joined, Item("c", "w/1", needs=("a",))), (StepOrder("w/1"),))
    assert ordering(both).cycles == {"a": first, "b": first, "c": "cycle: c → a → c"}


def test_a_task_belongs_to_the_track_of_its_step() -> None:
    assert Item("a", "api/1").track == "api"
    assert Item("a", "api/deploy/pages").track == "api"
    assert not Item("a", "api/1").manual


def test_tasks_between_two_cycles_are_kept_by_the_one_before_them() -> None:
    def needing(task: str, *needs: str) -> Item:
        return Item(task, "w/1", needs=needs)

    ring = (needing("a", "b"), needing("b", "a"), needing("c", "d", "m"), needing("d", "c"))
    between = (needing("z", "a"), needing("m", "z"), needing("e", "c"), needing("f"))
    found = ordering(Work((*ring, *between), (StepOrder("w/1"),))).cycles
    assert found == dict.fromkeys("abzm", "cycle: a → b → a") | dict.fromkeys(
        "cde", "cycle: c → d → c"
    )
