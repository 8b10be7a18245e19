"""What a run is held to that was asked of it when it was started."""

import pytest

from runr.config.settings import Config, RunSettings
from runr.lifecycle.leases import as_started
from runr.runs.model import JobTerms
from runr.runs.spec import apply_overrides
from runr.tasks.model import Task, WorkerOptions


@pytest.mark.parametrize(
    ("setting", "own", "share", "held_to"),
    [
        (None, 5.0, 0.5, 0.5),
        (None, 0.25, 0.5, 0.25),
        (1.0, None, 0.5, 0.5),
        (1.0, 5.0, None, 5.0),
        (1.0, 5.0, 2.0, 2.0),
    ],
)
def test_no_task_may_spend_more_than_its_share_of_the_job(
    setting: float | None, own: float | None, share: float | None, held_to: float
) -> None:
    task = Task(path=".runr/tasks/a.md", title="A", worker_options=WorkerOptions(budget_usd=own))
    config = Config(run=RunSettings(budget_usd=setting))
    terms = JobTerms("1", budget_usd=share)
    asked, held = as_started(config, task, terms, wait_for_limit=False)
    assert apply_overrides(asked, held, "claude-code").run.budget_usd == held_to
