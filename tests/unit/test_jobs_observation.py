"""Workers of a job that share an account, and outages: real processes, and a clock of the test."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from claude.test_job_limits import Clock
from fakes.project_kit import ProjectKit
from runr.config.settings import Config, WorkerSettings
from runr.jobs import control, expansion, journal, observation, views
from runr.jobs.events import AccountParked
from runr.jobs.model import ALL_READY, Limits
from runr.jobs.orchestrator import Orchestrator
from runr.jobs.planner import Decision
from runr.jobs.state import JobState, TaskProgress
from runr.runs.model import JobTerms, Usage
from runr.workers import registry
from unit.git_trees import git

_SETTINGS = """[run]
backoff_max_wait = 0
[workers.fast]
command = ["claude", "-p", "--model", "small"]
[workers.slow]
command = ["env", "claude", "-p"]
[workers.other]
command = ["env", "CLAUDE_CONFIG_DIR=/other", "claude", "-p"]
"""


def ran(kit: ProjectKit, clock: Clock, program: str) -> JobState:
    """Run all that is ready with a program in place of `claude`; its calls are counted."""
    folder = kit.root.parent / "bin"
    folder.mkdir()
    file = folder / "claude"
    count = f'echo "$CLAUDE_CONFIG_DIR" >> {folder}/calls; n=$(wc -l < {folder}/calls)'
    file.write_text(f"#!/bin/sh\n{count}\n{program}\n", encoding="utf-8")
    file.chmod(0o755)
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    project = kit.open(PATH=f"{folder}{os.pathsep}{os.environ['PATH']}", CLAUDE_CONFIG_DIR="")
    project = replace(project, clock=clock)
    files = control.create_job(project, expansion.ad_hoc("night", ALL_READY, parallel=1))
    return Orchestrator(project, files, pause=clock.pause, chance=lambda: 0.5).run()


def task(kit: ProjectKit, name: str, worker: str) -> None:
    header = f'worker: {worker}\nverify: ["test -f {name}.txt"]'
    kit.task(f"{name}.md", header=header, body="Work.")


@pytest.mark.long
def test_a_usage_limit_of_one_worker_parks_all_that_use_its_login(tmp_path: Path) -> None:
    kit, clock = ProjectKit(tmp_path), Clock()
    kit.config(_SETTINGS)
    task(kit, "a", "fast")
    task(kit, "b", "slow")
    task(kit, "c", "other")
    limit = "echo You hit your usage limit. Try again in 2 hours."
    work = 'echo x > "$(basename "$RUNR_TASK" .md).txt"'
    state = ran(kit, clock, f'[ "$n" = 1 ] && {{ {limit}; exit 1; }}\n{work}')
    assert state.result == "completed"
    # The task with another login runs at once, and no other is tried before the reset.
    calls = (tmp_path / "bin" / "calls").read_text("utf-8").splitlines()
    assert calls == ["", "/other", "", ""]
    known = [event.data for event in journal.events(kit.layout.job_run(state.id))]
    assert [each.worker for each in known if isinstance(each, AccountParked)] == ["fast"]


def test_a_program_that_is_missing_under_one_name_parks_no_other(tmp_path: Path) -> None:
    kit, clock = ProjectKit(tmp_path), Clock()
    kit.config(_SETTINGS.replace('["claude", "-p", "--model"', '["/none/claude", "-p", "--model"'))
    task(kit, "a", "fast")
    task(kit, "b", "slow")
    state = ran(kit, clock, "echo x > b.txt")
    assert [each.status for each in state.tasks] == ["failed", "completed"]


@pytest.mark.parametrize(
    ("command", "account"),
    [
        (("claude", "-p", "--model", "small"), "claude"),
        (("/opt/bin/claude", "-p"), "claude"),
        (("env", "claude"), "claude"),
        (("env", "CLAUDE_CONFIG_DIR=/b", "claude"), "CLAUDE_CONFIG_DIR=/b claude"),
        (("sh", "tools/agent.sh"), "mine"),
        ((), "mine"),
    ],
)
def test_workers_that_start_the_same_client_have_the_same_account(
    command: tuple[str, ...], account: str
) -> None:
    config = Config(workers={"mine": WorkerSettings(command=command)})
    assert registry.account("mine", config) == account
    assert registry.account("claude-code", config) == "claude"


def test_a_run_gets_what_is_left_of_the_limits_of_its_job(tmp_path: Path) -> None:
    kit = ProjectKit(tmp_path)
    kit.config('[run]\nworker = "script"\nmax_tokens = 700\n')
    kit.script("a.md", "echo a > a.txt", header='verify: ["test -f a.txt"]')
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    project = kit.open()
    job = expansion.ad_hoc("night", ALL_READY, parallel=1)
    limits = Limits(budget_usd=1.0, max_tokens=1000)
    files = control.create_job(project, job._replace(limits=limits))
    state = Orchestrator(project, files).run()
    run_id = state.tasks[0].run_id
    assert (state.result, state.reason, bool(run_id)) == ("completed", "", True)
    config = json.loads(kit.layout.run(run_id or "").config.read_text("utf-8"))
    assert (config["run"]["budget_usd"], config["run"]["max_tokens"]) == (1.0, 700)
    usage = Usage(input_tokens=900, output_tokens=200, cost_usd=0.75)
    used = state._replace(tasks=(state.tasks[0]._replace(usage=usage),))
    assert observation.left_of_limits(used) == {"budget_usd": 0.25, "max_tokens": 1}
    two = state.start._replace(job=state.start.job._replace(max_parallel=2))
    waits = tuple(TaskProgress(name) for name in "ab")
    fresh = state._replace(start=two, tasks=waits)
    assert observation.left_of_limits(fresh) == {"budget_usd": 0.5, "max_tokens": 500}
    running = [JobTerms(state.id, budget_usd=0.5, max_tokens=500)]
    beside = fresh._replace(tasks=(waits[0]._replace(status="running"), waits[1]))
    assert observation.left_of_limits(beside, running) == {"budget_usd": 0.5, "max_tokens": 500}
    last = beside._replace(tasks=(waits[0]._replace(status="completed", usage=usage), waits[1]))
    assert observation.left_of_limits(last) == {"budget_usd": 0.25, "max_tokens": 1}
    decision = Decision((), {}, {}, {}, {}, {}, None, over=True)
    passed = ("completed", "1,100 of 1,000 tokens are used", "")
    assert observation.verdict(used, decision, project.clock()) == passed
    # What would keep the limits is no step towards the rest.
    steps = views.next_steps(project, used, "failed")
    assert "retry" not in str(project.surface.lines(steps))
