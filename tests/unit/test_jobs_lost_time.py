"""The time in which nothing led a job: real processes, and a clock of the test."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from claude.test_job_limits import Clock
from fakes.project_kit import ProjectKit, until
from runr.execution import process
from runr.jobs import control, expansion, journal, receipt
from runr.jobs.engine import LocalEngine, LostRun
from runr.jobs.model import ALL_READY, Job, Limits, Retries
from runr.jobs.orchestrator import Orchestrator
from runr.project import Project
from runr.runs.model import RunState
from unit.git_trees import git

_HOURS = timedelta(hours=9)


class Asleep(Clock):
    """A clock of a machine that sleeps for hours during the first wait."""

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        if self.ahead < _HOURS:
            self.ahead += _HOURS


class Gone(LocalEngine):
    """The process of the job ends while it waits for a run."""

    def wait(self, run_ids: Sequence[str], seconds: float) -> Sequence[RunState | LostRun]:
        raise KeyboardInterrupt(f"{run_ids} after {seconds}s")


def prepared(kit: ProjectKit, script: str) -> tuple[Project, Job]:
    kit.script("a.md", script, header='verify: ["test -f a.txt"]')
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    job = expansion.ad_hoc("night", ALL_READY, parallel=1)
    return kit.open(), job._replace(limits=Limits(time_s=3600))


def test_the_hours_in_which_a_machine_slept_do_not_use_up_the_time_of_a_job(
    tmp_path: Path,
) -> None:
    kit, clock = ProjectKit(tmp_path), Asleep()
    go = kit.root / ".runr" / "go"
    project, job = prepared(kit, f'[ -e "{go}" ] || {{ touch "{go}"; exit 1; }}; echo a > a.txt')
    (track,) = job.tracks
    again = track.steps[0]._replace(retries=Retries(times=1, wait_s=10))
    job = job._replace(tracks=(track._replace(steps=(again,)),))
    project = replace(project, clock=clock)
    files = control.create_job(project, job)
    state = Orchestrator(project, files, pause=clock.pause).run()
    assert (state.result, state.reason) == ("completed", "")
    assert clock.ahead > _HOURS
    assert receipt.build(project, files, state).seconds < timedelta(minutes=30).total_seconds()


def test_the_hours_between_a_crash_and_a_resume_do_not_use_up_the_time_of_a_job(
    tmp_path: Path,
) -> None:
    kit, clock = ProjectKit(tmp_path), Clock()
    go = kit.root / ".runr" / "go"
    project, job = prepared(kit, f'until [ -e "{go}" ]; do sleep 0.05; done; echo a > a.txt')
    files = control.create_job(project, job)
    with pytest.raises(KeyboardInterrupt):
        Orchestrator(project, files, engine=Gone(project)).run()
    clock.ahead = _HOURS
    go.touch()
    control.resume_job(replace(project, clock=clock), files.id)
    state = control.wait_for_job(project, files.id)
    assert (state.status, state.reason) == ("completed", None)
    lost = timedelta(seconds=journal.require(files).lost_s)
    assert abs(lost - _HOURS) < timedelta(minutes=5)
    until(lambda: not process.is_alive(files), "the end of its process")
