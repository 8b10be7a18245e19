"""The Python API gives the answers of the command line."""

import subprocess
import sys

import pytest

import runr
from cli.terminal import Place
from runr import Project, RunrError
from runr.query.encoding import to_plain


def test_the_version_is_read_without_what_the_api_imports() -> None:
    probe = "import runr, sys; print(runr.__version__, 'runr.api' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == f"{runr.__version__} False\n"


def test_the_package_offers_nothing_else() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Repository'"):
        runr.Repository  # type: ignore[attr-defined]  # noqa: B018 - the look-up is the test


def test_the_answers_are_those_of_json(place: Place) -> None:
    project = Project.open(place.root, environment={})
    project.register("a", type="manual")
    project.register("b", depends_on=("a",), tags=("late",))
    listed = place.runr("list-tasks", "tag:late is:blocked", "--json").json
    assert to_plain(project.tasks("tag:late is:blocked"))["tasks"] == listed["tasks"]
    graph = place.runr("graph", "--json").json
    assert (
        graph["order"]
        == project.dependencies().order
        == [
            ".runr/tasks/a.md",
            ".runr/tasks/b.md",
        ]
    )
    assert project.complete("a", reason="done", by="Ada").task.evidence == "attested"
    assert project.verify("a", at_least="attested").passed
    assert not project.verify("a", at_least="verified").passed


def test_tasks_in_a_cycle_and_behind_it_have_no_order(place: Place) -> None:
    place.task("a.md", "depends_on: [c]")
    place.task("b.md", "depends_on: [a]")
    place.task("c.md", "depends_on: [a]")
    place.task("d.md")
    assert Project.open(place.root, environment={}).dependencies().order == [".runr/tasks/d.md"]


def test_what_an_agent_passes_on_is_not_recorded_as_a_person_s_decision(place: Place) -> None:
    place.task("a.md", "type: manual")
    project = Project.open(place.root, environment={"CLAUDECODE": "1"})
    with pytest.raises(RunrError, match="no person has confirmed this"):
        project.complete("a", reason="done", by="Ada")
    assert project.task("a").task.status == "pending"
