"""The bars of a job that is watched: on a terminal they are drawn again, so no line may wrap."""

import click
import pytest

from runr.cli.render_jobs import Bars
from runr.jobs.events import EventData, JobCreated, JobEvent, TaskClaimed, TaskEnded
from runr.jobs.model import Job
from runr.jobs.state import JobState, fold
from runr.jobs.work import Item, StepOrder, Work
from runr.text import display_width

_NAME = ".runr/tasks/the-{:03}-task-with-a-long-name.md"


def watched(tasks: int, track: str = "code") -> JobState:
    """Return a job in which the last task failed, one is completed and two are running."""
    items = tuple(Item(_NAME.format(n), f"{track}/1") for n in range(tasks))
    created = JobCreated(Job("night"), Work(items, (StepOrder(f"{track}/1"),)), "b", "main", "0")
    facts: list[EventData] = [
        created,
        TaskEnded(items[0].task, "completed"),
        TaskEnded(items[-1].task, "failed"),
        *(TaskClaimed(item.task, "1") for item in items[1:3]),
    ]
    return fold("1", [JobEvent(n, "2025-01-08T12:00:00Z", f) for n, f in enumerate(facts, 1)])


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("state", [watched(4), watched(300), watched(30, "a" * 90)])
def test_no_bar_is_wider_than_the_terminal(state: JobState, width: int) -> None:
    said: list[str] = []
    Bars(said.append, lambda: width).show(state)
    (line,) = click.unstyle(said[0]).splitlines()
    assert display_width(line) < width
    assert f"1/{len(state.tasks)}" in line
    assert line.count("✗") == 1


def test_bars_replace_the_last_ones_on_a_terminal_and_are_repeated_nowhere_else() -> None:
    said: list[str] = []
    bars = Bars(said.append, lambda: 80)
    bars.show(watched(4))
    bars.show(watched(4))
    assert [each.startswith("\x1b[1A\x1b[J") for each in said] == [False, True]
    said.clear()
    bars = Bars(said.append, lambda: None)
    bars.show(watched(4))
    bars.show(watched(4))
    assert len(said) == 1
