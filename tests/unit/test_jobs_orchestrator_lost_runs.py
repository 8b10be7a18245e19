"""Runs that end without their job: their record is gone, or a person completes them."""

from collections.abc import Sequence
from pathlib import Path

from fakes.project_kit import DEADLINE_S, ProjectKit, kill
from runr.jobs import control, expansion
from runr.jobs.engine import LocalEngine, LostRun
from runr.jobs.model import ALL_READY
from runr.jobs.orchestrator import Orchestrator
from runr.lifecycle import follow, runs
from runr.lint import rules
from runr.project import Project
from runr.runs.model import RunState
from unit.git_trees import git


def prepared(kit: ProjectKit) -> Project:
    """Commit everything, and open the project."""
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    return kit.open()


class PowerCut(LocalEngine):
    """Loses the process of the first run, and what it had written."""

    kit: ProjectKit
    lost: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def wait(self, run_ids: Sequence[str], seconds: float) -> Sequence[RunState | LostRun]:
        if not self.lost:
            self.lost = tuple(run_ids)
            files = self.kit.layout.run(run_ids[0])
            kill(self.kit.runner(files))
            files.timeline.write_bytes(files.timeline.read_bytes()[:40])
            files.state.unlink(missing_ok=True)
            (self.kit.root / ".runr" / "go").touch()
            found = rules.lint_tasks(self.kit.open()).diagnostics
            self.warnings = tuple(each.message for each in found)
        return super().wait(run_ids, seconds)


def test_a_task_whose_run_left_no_record_is_run_again(tmp_path: Path) -> None:
    kit = ProjectKit(tmp_path)
    go = kit.root / ".runr" / "go"
    wait = f'for n in $(seq 600); do [ -e "{go}" ] && break; sleep 0.1; done'
    kit.script("a.md", f"{wait}; echo a > a.txt", header='verify: ["test -f a.txt"]')
    project = prepared(kit)
    files = control.create_job(project, expansion.ad_hoc("all", ALL_READY, parallel=1))
    engine = PowerCut(project)
    engine.kit = kit
    state = Orchestrator(project, files, engine=engine).run()
    (task,) = state.tasks
    assert (state.result, task.status, task.interrupts) == ("completed", "completed", 1)
    assert task.runs[:-1] == engine.lost
    gone = f"run {engine.lost[0]} has ended, and the record of its run is gone"
    assert gone in engine.warnings


def test_a_run_without_a_record_has_ended_and_need_not_be_stopped(tmp_path: Path) -> None:
    engine = LocalEngine(ProjectKit(tmp_path).open())
    engine.stop("20260101-000000-gone", "why")
    lost = LostRun("20260101-000000-gone", "the record of its run is gone")
    assert engine.wait([lost.id], 0) == [lost]


def test_a_task_that_waits_for_a_reset_counts_once_a_person_has_resumed_its_run(
    tmp_path: Path,
) -> None:
    kit = ProjectKit(tmp_path)
    reset = kit.root / ".runr" / "reset"
    text = f"""cat > /dev/null
[ -e {reset} ] && {{ echo x > a.txt; exit 0; }}
echo "Claude AI usage limit reached|$(($(date +%s)+7200))" >&2; exit 1
"""
    tool = kit.root / "tool.sh"
    tool.write_text(text, encoding="utf-8")
    kit.config('[run]\nworker = "w"\n[workers.w]\ncommand = ["sh", "tool.sh"]\n')
    kit.task("a.md", header='verify: ["test -f a.txt"]')
    project = prepared(kit)
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        assert len(looks) == 1, "what the person did was not seen"
        reset.touch()
        resumed = runs.resume_run(project, "a")
        follow.wait_for_run(project, resumed.run.id, DEADLINE_S)

    files = control.create_job(project, expansion.ad_hoc("all", ALL_READY, parallel=1))
    state = Orchestrator(project, files, pause=pause).run()
    (task,) = state.tasks
    assert (state.result, task.status, len(task.runs)) == ("completed", "completed", 1)
    assert task.commit_sha
    assert looks
