"""Which tasks wait a moment, as another one has just begun with the login of their worker."""

from datetime import UTC, datetime, timedelta

from runr.config.settings import Config
from runr.jobs.trials import Trials

_CONFIG = Config.model_validate(
    {"workers": {"again": {"command": ["claude", "-p"]}, "tool": {"command": ["sh", "tool.sh"]}}}
)


class Clock:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_one_task_at_a_time_begins_until_its_account_has_answered() -> None:
    trials = Trials(_CONFIG, Clock())
    assert trials.lets_start("claude-code")
    trials.begin("claude-code")
    allowed = [trials.lets_start(name) for name in ("claude-code", "again", "codex", "tool")]
    assert allowed == [False, False, True, True]
    trials.end("claude-code")
    assert trials.lets_start("again")


def test_a_task_that_works_for_a_while_lets_the_others_begin() -> None:
    clock = Clock()
    trials = Trials(_CONFIG, clock)
    trials.begin("again")
    assert not trials.lets_start("claude-code")
    clock.now += timedelta(minutes=1)
    assert trials.lets_start("claude-code")


def test_workers_without_a_login_begin_side_by_side() -> None:
    trials = Trials(_CONFIG, Clock())
    for name in ("script", "tool", "nosuch"):
        trials.begin(name)
        assert trials.lets_start(name)
