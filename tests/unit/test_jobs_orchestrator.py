"""How often a job looks at its tasks, with real runs."""

from collections.abc import Sequence
from pathlib import Path
from threading import Barrier

from fakes.project_kit import ProjectKit
from runr.jobs import control, expansion
from runr.jobs.engine import LocalEngine, LostRun
from runr.jobs.events import JobStopRequested
from runr.jobs.journal import JobJournal
from runr.jobs.model import ALL_READY
from runr.jobs.orchestrator import Orchestrator
from runr.project import Project
from runr.runs.model import RunState
from unit.git_trees import git


class Impatient(LocalEngine):
    """Looks twice before a run has ended; `compared` are the runs whose changes were looked at."""

    compared: tuple[str, ...] = ()
    looks = 0

    def wait(self, run_ids: Sequence[str], seconds: float) -> Sequence[RunState | LostRun]:
        self.looks += 1
        return super().wait(run_ids, 60 * seconds) if self.looks % 3 == 0 else ()

    def touched(self, run_id: str) -> tuple[str, ...]:
        self.compared = (*self.compared, run_id)
        return super().touched(run_id)


def test_a_job_that_is_full_compares_no_tasks_until_a_run_ends(tmp_path: Path) -> None:
    kit = ProjectKit(tmp_path)
    kit.config('[run]\nworker = "script"\n')
    for name in ("a", "b"):
        header = f'owns: [{name}.txt]\nverify: ["test -f {name}.txt"]'
        kit.script(f"{name}.md", f"echo x > {name}.txt", header=header)
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    project = kit.open()
    files = control.create_job(project, expansion.ad_hoc("all", ALL_READY, parallel=1))
    engine = Impatient(project)
    state = Orchestrator(project, files, engine=engine).run()
    assert state.result == "completed"
    assert engine.looks == 6
    assert not engine.compared


class Killed(LocalEngine):
    """Is asked to stop all runs once they work; a stop ends only beside that of another run."""

    def __init__(self, project: Project, log: JobJournal) -> None:
        super().__init__(project)
        self._log = log
        self._both = Barrier(2, timeout=60)

    def wait(self, run_ids: Sequence[str], seconds: float) -> Sequence[RunState | LostRun]:
        if len(run_ids) == 2 and not self._log.state().killing:
            self._log.append(JobStopRequested(kill=True, by="Ada"))
        return super().wait(run_ids, seconds)

    def stop(self, run_id: str, why: str) -> None:
        self._both.wait()
        super().stop(run_id, why)


def test_the_runs_of_a_killed_job_are_stopped_side_by_side(tmp_path: Path) -> None:
    kit = ProjectKit(tmp_path)
    kit.config('[run]\nworker = "script"\n')
    for name in ("a", "b"):
        kit.script(f"{name}.md", "sleep 600", header='verify: ["test -d ."]')
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    project = kit.open()
    files = control.create_job(project, expansion.ad_hoc("all", ALL_READY, parallel=2))
    engine = Killed(project, JobJournal(files, project.clock, str))
    state = Orchestrator(project, files, engine=engine).run()
    assert (state.result, [each.status for each in state.tasks]) == ("stopped", ["waiting"] * 2)
    assert {each.detail for each in state.tasks} == {"stopped by Ada, with the job all"}
