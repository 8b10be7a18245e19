"""A usage limit that a run has met, and what else would use its account: real processes."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from claude.test_job_limits import Clock
from fakes.project_kit import ProjectKit
from runr.jobs import batch, control, expansion, journal, plan
from runr.jobs.events import AccountParked
from runr.jobs.model import ALL_READY, Limits
from runr.jobs.orchestrator import Orchestrator
from runr.jobs.state import JobState
from runr.lifecycle import account_limits
from unit.git_trees import git

_SETTINGS = """[run]
attempts = 1
[workers.fast]
command = ["claude", "-p", "--model", "small"]
[workers.slow]
command = ["env", "claude", "-p"]
[workers.other]
command = ["env", "CLAUDE_CONFIG_DIR=/other", "claude", "-p"]
"""
#: A client that meets its limit once, then does what it is to do.
_CLIENT = """#!/bin/sh
name=$(basename "$RUNR_TASK" .md)
echo "$name" >> "{0}/calls"
[ -e "{0}/met" ] && exec touch "$name.txt"
touch "{0}/met"
echo You hit your usage limit. Try again in 3 minutes.
exit 1
"""


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectKit:
    """Return a project in which a run of the task `first` has met the limit of its account."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "claude").write_text(_CLIENT.format(folder), encoding="utf-8")
    (folder / "claude").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    kit = ProjectKit(tmp_path)
    kit.config(_SETTINGS)
    for name, worker in (("first", "fast"), ("second", "slow"), ("third", "other")):
        kit.task(f"{name}.md", header=f'worker: {worker}\nverify: ["test -f {name}.txt"]')
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    assert kit.run("first.md").stop_reason == "usage_limit"
    return kit


def calls(kit: ProjectKit) -> list[str]:
    """Return the tasks that the client was called for, in order."""
    return (kit.root.parent / "bin" / "calls").read_text("utf-8").split()


def ran(kit: ProjectKit, clock: Clock, **settings: Any) -> JobState:
    """Run all that is ready as a job, on a clock of the test."""
    project = replace(kit.open(), clock=clock)
    job = expansion.ad_hoc("night", ALL_READY, parallel=1)._replace(**settings)
    files = control.create_job(project, job)
    return Orchestrator(project, files, pause=clock.pause, chance=lambda: 0.5).run()


def test_a_job_waits_for_the_reset_of_a_limit_that_a_single_run_has_met(kit: ProjectKit) -> None:
    clock = Clock()
    state = ran(kit, clock)
    assert state.result == "completed"
    assert timedelta(minutes=1) < clock.ahead < timedelta(minutes=5)
    # The other login is not held up.
    assert calls(kit)[:2] == ["first", "third"]
    assert sorted(calls(kit)[2:]) == ["first", "second"]
    known = [event.data for event in journal.events(kit.layout.job_run(state.id))]
    (parked,) = [each for each in known if isinstance(each, AccountParked)]
    assert "has met its limit" in parked.detail


def test_a_job_that_does_not_wait_for_a_reset_ends_without_another_call(kit: ProjectKit) -> None:
    state = ran(kit, Clock(), on_usage_limit="stop")
    assert (state.result, state.code) == ("failed", "usage_limit")
    assert "has met its limit; its limit resets at" in state.reason
    assert calls(kit) == ["first", "third"]


def test_nothing_of_the_account_is_started_with_all_that_is_ready(kit: ProjectKit) -> None:
    project = kit.open()
    answer = batch.run_ready(project)
    assert [run.task_path for run in answer.runs] == [".runr/tasks/third.md"]
    assert answer.unstarted_paths == [".runr/tasks/second.md"]
    assert "fast: the usage limit of the worker's account is reached until 2" in answer.message
    (refused,) = batch.resume_all(project).refused
    assert refused.startswith("first.md: the account of fast cannot be used until 2")
    assert calls(kit) == ["first", "third"]


@pytest.mark.parametrize(
    ("settings", "severity", "then"),
    [
        ({}, "warning", "tasks with no other worker start then"),
        ({"on_usage_limit": "stop"}, "error", "the job does not wait for that"),
        ({"wait_at_most_s": 60}, "error", "the job waits 1m 00s at most"),
        ({"limits": Limits(time_s=90)}, "error", "the time of the job, 1m 30s, is over by then"),
    ],
)
def test_what_will_happen_at_the_reset_is_said_beforehand(
    kit: ProjectKit, settings: dict[str, Any], severity: str, then: str
) -> None:
    project = kit.open()
    job = expansion.ad_hoc("night", ALL_READY, parallel=1)._replace(**settings)
    limits = [each for each in plan.find_problems(project, job) if each.rule == "limit"]
    assert [each.message[:8] for each in limits] == ["fast: ru", "slow: ru"]
    assert {each.severity for each in limits} == {severity}
    assert all(then in each.message.partition("resets at ")[2] for each in limits)


def test_work_of_the_account_shows_that_its_limit_is_over(kit: ProjectKit) -> None:
    project = kit.open()
    run_id = kit.entry("first.md").last_run_id
    assert [each.run_id for each in account_limits.reached(project).values()] == [run_id]
    batch.run_ready(project, wait_for_limit=True)
    assert kit.entry("second.md").status == "completed"
    assert account_limits.reached(project) == {}


def test_a_limit_without_a_reset_is_not_said_to_have_one(kit: ProjectKit) -> None:
    (client,) = (Path(each) / "claude" for each in os.environ["PATH"].split(os.pathsep)[:1])
    client.write_text("#!/bin/sh\necho You hit your usage limit.\nexit 1\n", encoding="utf-8")
    run = kit.run("second.md")
    assert (run.stop_reason, run.resets_at) == ("usage_limit", None)
    limit = account_limits.of_worker(kit.open(), "slow")
    assert limit
    assert (limit.run_id, limit.is_guess) == (run.id, True)
    said = (
        "has met the usage limit of its account, which named no reset: it counts as reached until"
    )
    assert limit.describe() == f"run {run.id} {said} {limit.until}"
