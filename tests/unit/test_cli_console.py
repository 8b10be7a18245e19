"""What is said of a step that takes its time."""

import pytest

from fakes.project_kit import until
from runr.cli import console


def test_a_step_that_takes_longer_than_a_moment_is_named() -> None:
    said: list[str] = []
    with console.announce_after("reading the history", delay_s=0, echo=said.append):
        until(lambda: said, "a word about the step")
    assert said == ["runr: reading the history …"]


def test_a_step_that_is_done_at_once_is_not() -> None:
    said: list[str] = []
    with (
        pytest.raises(ZeroDivisionError),
        console.announce_after("counting", delay_s=3600, echo=said.append),
    ):
        _ = 1 / 0
    assert said == []
