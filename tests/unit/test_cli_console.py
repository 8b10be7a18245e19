"""The display of slow steps."""

import pytest

from fakes.project_kit import until
from runr.cli import console


def test_a_slow_step_is_shown() -> None:
    said: list[str] = []
    with console.announce_after("reading the history", delay_s=0, echo=said.append):
        until(lambda: said, "a word about the step")
    assert said == ["runr: reading the history …"]


def test_a_fast_step_is_not_shown() -> None:
    said: list[str] = []
    with (
        pytest.raises(ZeroDivisionError),
        console.announce_after("counting", delay_s=3600, echo=said.append),
    ):
        _ = 1 / 0
    assert said == []
