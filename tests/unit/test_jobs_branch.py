"""The branch on which tasks land one by one, where a user has renamed it meanwhile."""

from pathlib import Path

from fakes.project_kit import ProjectKit
from runr.jobs import control, expansion, views
from runr.jobs.orchestrator import Orchestrator
from unit.git_trees import git


def test_a_job_whose_target_is_gone_names_how_it_is_made_again(tmp_path: Path) -> None:
    kit = ProjectKit(tmp_path)
    kit.script("a.md", "echo a > a.txt", header='verify: ["test -f a.txt"]')
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    project = kit.open()
    target = project.repo.branch()
    assert target
    files = control.create_job(project, expansion.one_by_one())
    git(kit.root, "branch", "-m", target, "trunk")
    state = Orchestrator(project, files).run()
    assert (state.result, state.tasks[0].detail) == ("failed", f"the branch {target} is gone")
    steps = views.details(project, files).next_steps
    assert steps[-2:] == [f"git branch {target}", f"runr job retry {state.id}"]
