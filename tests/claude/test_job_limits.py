"""A job whose worker meets the limit of its account: the real `claude`, and a clock of the test."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import ClaudePlace, write
from claude.test_failures import BUSY, GOOD, used_up
from fakes.model_api import FakeModel
from runr.jobs import control, expansion, journal, receipt, receipt_page, views
from runr.jobs.events import AccountParked, JobStopRequested, TaskClaimed
from runr.jobs.journal import JobJournal
from runr.jobs.model import ALL_READY, Job, Limits, Track
from runr.jobs.orchestrator import Orchestrator
from runr.jobs.outcomes import MOST_INTERRUPTS
from runr.jobs.state import JobState
from runr.project import Project
from runr.runs import journal as run_journal
from runr.runs.hook_events import HookFinished
from unit.git_trees import git


class Clock:
    """A clock that waits take no time on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pause(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def place(tmp_path: Path, claude_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClaudePlace:
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "0")
    place = ClaudePlace(tmp_path, claude_path)
    place.login = "sk-ant-oat01-test"
    return place


def ran(place: ClaudePlace, model: FakeModel, clock: Clock, job: Job) -> JobState:
    """Run a job in this process, on this clock."""
    config = {"CLAUDE_CONFIG_DIR": str(place.home / ".claude")}
    project = Project.open(place.root, place.environment(model, **config))
    project = replace(project, clock=clock)
    files = control.create_job(project, job)
    return Orchestrator(project, files, pause=clock.pause, chance=lambda: 0.5).run()


def ready(**settings: Any) -> Job:
    return expansion.ad_hoc("night", ALL_READY, parallel=1)._replace(**settings)


def test_a_used_up_limit_is_waited_out_in_the_same_run_and_uses_no_attempt(
    place: ClaudePlace,
) -> None:
    place.kit.config('[run]\nworker = "claude-code"\nattempts = 1\n')
    clock = Clock()
    with FakeModel([used_up(7200), *GOOD]) as model:
        state = ran(place, model, clock, ready())
        asked = len(model.main_requests())
    assert (state.result, asked) == ("completed", 3)
    assert timedelta(hours=1, minutes=55) < clock.ahead < timedelta(hours=2, minutes=2)
    known = [event.data for event in journal.events(place.kit.layout.job_run(state.id))]
    (parked,) = [each for each in known if isinstance(each, AccountParked)]
    assert (parked.worker, parked.code) == ("claude-code", "usage_limit")
    claimed = [each.run_id for each in known if isinstance(each, TaskClaimed)]
    assert len(claimed) == 2
    assert len(set(claimed)) == 1
    assert state.tasks[0].failures == 0
    assert git(place.root, "show", f"{state.start.branch}:a.txt") == "good"


def test_a_used_up_limit_calls_the_hooks_of_a_failure_and_rolls_nothing_back(
    place: ClaudePlace,
) -> None:
    hooks = 'on_failure = [{ rollback = "restore" }]\non_needs_human = ["exit 1"]\n'
    place.kit.config(f'[run]\nworker = "claude-code"\nattempts = 1\n\n[hooks]\n{hooks}')
    with FakeModel([used_up(7200), *GOOD]) as model:
        state = ran(place, model, Clock(), ready())
    (run,) = [place.kit.layout.run(path.name) for path in place.kit.layout.runs.iterdir()]
    called = [
        event.data for event in run_journal.events(run) if isinstance(event.data, HookFinished)
    ]
    assert [(each.point, each.detail) for each in called] == [
        ("on_failure", "left as it is: a resume continues its work")
    ]
    assert state.result == "completed"


@pytest.mark.long
def test_no_other_task_of_the_account_starts_before_the_reset(place: ClaudePlace) -> None:
    header = 'owns: [b.txt]\nverify: ["grep -q good b.txt"]'
    place.kit.task("bar.md", header=header, body="Write b.txt.")
    place.commit()
    clock = Clock()
    script = [used_up(7200), write("b.txt", "good\n"), {"text": "Written."}, *GOOD]
    with FakeModel(script) as model:
        state = ran(place, model, clock, ready())
        asked = len(model.main_requests())
    assert (state.result, asked) == ("completed", 5)
    assert [len(each.runs) for each in state.tasks] == [1, 1]


def test_a_stop_during_a_wait_holds(place: ClaudePlace) -> None:
    stops: list[str] = []

    class Impatient(Clock):
        def pause(self, seconds: float) -> None:
            super().pause(seconds)
            shown = views.details(place.kit.open(), journal.find(place.kit.layout, "night"))
            stops.extend(shown.waits_until.values())
            log = JobJournal(journal.find(place.kit.layout, "night"), self, str)
            log.append(JobStopRequested(kill=False, by="Ada"))

    with FakeModel([used_up(7200), *GOOD]) as model:
        state = ran(place, model, Impatient(), ready())
        asked = len(model.main_requests())
    assert (state.result, asked, len(stops)) == ("stopped", 1, 1)


def test_a_reset_after_the_end_of_the_window_is_not_waited_for(place: ClaudePlace) -> None:
    clock = Clock()
    with FakeModel([used_up(7200)]) as model:
        job = ready(limits=ready().limits._replace(time_s=1800))
        state = ran(place, model, clock, job)
    assert state.result == "failed"
    assert clock.ahead < timedelta(minutes=30)
    assert "after the end of the job" in state.reason


def test_a_reset_that_is_too_far_away_stops_the_job_once(place: ClaudePlace) -> None:
    place.kit.task("bar.md", header="owns: [b.txt]", body="Write b.txt.")
    place.commit()
    clock = Clock()
    with FakeModel([used_up(7200)]) as model:
        state = ran(place, model, clock, ready(wait_at_most_s=3600))
        asked = len(model.main_requests())
    assert (state.result, state.code, asked) == ("failed", "usage_limit", 1)
    assert clock.ahead == timedelta()
    (first,) = [each for each in state.tasks if each.run_id]
    assert (
        run_journal.require(place.kit.layout.run(first.run_id or "")).stop_reason == "usage_limit"
    )


@pytest.mark.long
def test_an_outage_is_waited_out_in_the_same_run_and_uses_no_attempt(place: ClaudePlace) -> None:
    place.kit.config('[run]\nworker = "claude-code"\nattempts = 1\nbackoff_max_wait = 0\n')
    clock = Clock()
    with FakeModel([BUSY, BUSY, *GOOD]) as model:
        state = ran(place, model, clock, ready())
        asked = len(model.main_requests())
    assert (state.result, asked) == ("completed", 4)
    assert timedelta(minutes=3) < clock.ahead < timedelta(minutes=5)
    known = [event.data for event in journal.events(place.kit.layout.job_run(state.id))]
    parked = [each for each in known if isinstance(each, AccountParked)]
    assert [each.code for each in parked] == ["worker_outage"] * 2
    assert len(state.tasks[0].runs) == 1
    assert state.tasks[0].failures == 0


@pytest.mark.long
def test_an_outage_without_an_end_fails_the_job_and_keeps_the_run(place: ClaudePlace) -> None:
    place.kit.config('[run]\nworker = "claude-code"\nbackoff_max_wait = 0\n')
    clock = Clock()
    with FakeModel([{**BUSY, "repeat": -1}]) as model:
        state = ran(place, model, clock, ready())
        asked = len(model.main_requests())
    assert (state.result, state.code, asked) == ("failed", "worker_outage", 1 + MOST_INTERRUPTS)
    (task,) = state.tasks
    stopped = run_journal.require(place.kit.layout.run(task.run_id or ""))
    assert stopped.stop_reason == "worker_outage"


@pytest.mark.long
def test_a_step_that_ran_into_its_time_limit_leaves_its_work_its_report_and_its_use(
    place: ClaudePlace,
) -> None:
    script = [write("a.txt", "half\n"), {"text": "late", "delay": 60}]
    with FakeModel(script) as model:
        job = ready()
        step = job.tracks[0].steps[0]._replace(timeout_s=8)
        state = ran(place, model, Clock(), job._replace(tracks=(Track("night", (step,)),)))
    assert (state.result, state.code) == ("failed", "time_limit")
    (task,) = receipt.read(place.kit.open(), state.id).tasks
    assert task.input_tokens > 0
    run = place.kit.layout.run(task.run_ids[0])
    assert (place.root / ".runr" / "worktrees" / run.id / "a.txt").read_text("utf-8") == "half\n"
    assert (run.folder / "report.md").exists()


class Halted(Clock):
    """A clock that only waits move."""

    def __init__(self) -> None:
        super().__init__()
        self._began = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self._began + self.ahead


def test_what_a_worker_used_before_another_took_over_is_its_own_on_the_receipt(
    place: ClaudePlace,
) -> None:
    other = 'command = ["sh", "-c", "echo good > a.txt"]'
    place.kit.config(
        f'[run]\nworker = "claude-code"\nfallback = ["other"]\n[workers.other]\n{other}\n'
    )
    with FakeModel([write("a.txt", "half\n"), used_up(7200)]) as model:
        state = ran(place, model, Clock(), ready(on_usage_limit="fallback"))
    assert state.result == "completed"
    used = {each.worker: each for each in receipt.read(place.kit.open(), state.id).workers}
    assert {name: each.tasks for name, each in used.items()} == {"claude-code": 1, "other": 1}
    assert used["claude-code"].input_tokens == state.usage.input_tokens > 0
    assert (used["other"].input_tokens, used["other"].cost_usd) == (0, None)


def test_a_login_that_expired_stops_the_job_once(place: ClaudePlace) -> None:
    for name in ("bar", "baz"):
        place.kit.task(f"{name}.md", header=f"owns: [{name}.txt]", body="Write it.")
    place.commit()
    with FakeModel([{"error": {"status": 401}, "repeat": -1}]) as model:
        state = ran(place, model, Halted(), ready(max_parallel=3))
    assert (state.result, state.code) == ("failed", "worker_auth")
    assert [each.status for each in state.tasks].count("failed") == 1
    assert sum(len(each.runs) for each in state.tasks) == 1
    assert "not logged in" in state.reason


@pytest.mark.long
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_tokens=10), "of 10 tokens are used"),
        (Limits(budget_usd=0.0001), "of the budget of the job, $0.00, is spent"),
    ],
)
def test_a_job_that_has_used_its_limit_starts_nothing_more(
    place: ClaudePlace, limits: Limits, reason: str
) -> None:
    place.kit.task("bar.md", header="owns: [b.txt]", body="Write b.txt.")
    place.commit()
    with FakeModel([*GOOD, *GOOD]) as model:
        state = ran(place, model, Clock(), ready(limits=limits))
    assert (state.result, reason in state.reason) == ("failed", True)
    assert [len(each.runs) for each in state.tasks] == [1, 0]
    page = receipt_page.render(receipt.read(place.kit.open(), state.id))
    assert f"## Not started\n\n- foo.md: {state.reason}\n" in page
