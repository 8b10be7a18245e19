"""`[status] shared = true`: the status file in git, merged task by task."""

import json
from typing import Any

import pytest

from cli.terminal import Place, Prepare

STATUS = ".runr/task-status.json"


@pytest.fixture
def shared(prepared: Prepare) -> Place:
    """Return a repository that shares its status, with three manual tasks and a first status."""
    return prepared(_shared)


def _shared(place: Place) -> None:
    for name in ("a", "b", "c"):
        place.task(f"{name}.md", "type: manual")
    place.runr("init", "--shared", code=0)
    place.commit("Tasks")
    said(place, "a", "Ada")
    place.commit("A is done")


def said(place: Place, name: str, by: str, *words: str) -> None:
    place.runr("complete-task", name, "--reason", "did it", "--by", by, *words, code=0)


def other(place: Place) -> Place:
    """Return a second clone with the driver, on its own branch of the work."""
    there = place.clone()
    there.runr("install", "merge-driver", code=0)
    return there


def tasks(place: Place) -> dict[str, Any]:
    known = json.loads(place.read(STATUS))["tasks"]
    return {path[12:]: entry["completed_by"] for path, entry in known.items()}


def test_init_puts_the_status_file_into_git_with_its_driver(shared: Place) -> None:
    listed = shared.git("ls-files", ".runr", ".gitattributes").split()
    assert {STATUS, ".runr/.gitignore", ".gitattributes", ".runr/config.toml"} <= set(listed)
    assert not [name for name in listed if "runs/" in name or "runr.db" in name]
    assert f"{STATUS} merge=runr-status" in shared.read(".gitattributes")
    assert shared.git("config", "merge.runr-status.driver").endswith(" merge-status %O %A %B\n")
    again = shared.runr("init", "--shared", code=0)
    assert "all is in place" in again.out
    assert shared.git("status", "--porcelain") == ""


def test_the_attributes_of_the_user_stay(place: Place) -> None:
    place.write(".gitattributes", "*.bin binary")
    place.runr("install", "merge-driver", code=0)
    assert place.read(".gitattributes") == f"*.bin binary\n{STATUS} merge=runr-status\n"
    assert "in place" in place.runr("install", "merge-driver", code=0).out
    place.runr("install", "merge-driver", "--uninstall", code=0)
    assert place.read(".gitattributes") == "*.bin binary\n"
    assert "merge.runr-status" not in place.git("config", "--list")


def test_a_clone_sees_what_was_done_elsewhere(shared: Place) -> None:
    there = shared.clone()
    shown = there.runr("status", "--tasks", code=0).out
    assert "≈ a.md  completed" in shown
    assert "inferred from person:Ada" in shown
    assert there.git("status", "--porcelain") == ""


def test_two_clones_that_completed_different_tasks_merge_without_a_conflict(shared: Place) -> None:
    there = other(shared)
    said(shared, "b", "Ada")
    shared.commit("B is done")
    said(there, "c", "Bob")
    there.commit("C is done")
    there.git("pull", "-q", "--no-rebase", "--no-edit", str(shared.root), "main")
    assert tasks(there) == {"a.md": "person:Ada", "b.md": "person:Ada", "c.md": "person:Bob"}
    shared.git("pull", "-q", "--no-rebase", "--no-edit", str(there.root), "HEAD")
    assert shared.read(STATUS) == there.read(STATUS)
    assert there.runr("list-tasks", code=0).err == ""


@pytest.mark.parametrize("how", ["merge", "rebase"])
def test_the_same_task_completed_twice_is_no_conflict(shared: Place, how: str) -> None:
    there = other(shared)
    said(shared, "b", "Ada")
    shared.commit("B is done here")
    known = json.loads(shared.read(STATUS))
    known["tasks"][".runr/tasks/b.md"]["updated_at"] = "2000-01-01T00:00:00Z"
    shared.write(STATUS, json.dumps(known))
    shared.commit("B was done long ago")
    said(there, "b", "Bob")
    there.commit("B is done there")
    mode = "--rebase" if how == "rebase" else "--no-rebase"
    there.git("pull", "-q", mode, "--no-edit", str(shared.root), "main")
    assert tasks(there)["b.md"] == "person:Bob"
    assert there.git("status", "--porcelain") == ""


def test_verified_work_takes_precedence_over_a_later_attestation(shared: Place) -> None:
    shared.script("d.md", "echo d > d.txt")
    shared.commit("D")
    there = other(shared)
    shared.run("d")
    shared.commit("D is done")
    said(there, "d", "Bob", "--force")
    there.commit("D is said to be done")
    there.git("pull", "-q", "--no-rebase", "--no-edit", str(shared.root), "main")
    assert tasks(there)["d.md"].startswith("run:")
    assert there.status("d.md")["evidence"] == "verified"


def test_rebuild_keeps_what_was_done_elsewhere(shared: Place) -> None:
    there = other(shared)
    said(there, "b", "Bob")
    assert "Everything is as recorded" in there.runr("rebuild", "--dry-run", code=0).out
    there.runr("rebuild", code=0)
    assert tasks(there) == {"a.md": "person:Ada", "b.md": "person:Bob"}


def test_a_repository_that_has_settings_already_can_begin_to_share(place: Place) -> None:
    place.task("a.md", "type: manual")
    place.runr("complete-task", "a", "--reason", "did it", code=0)
    dry = place.runr("init", "--shared", "--dry-run", code=0)
    assert ".gitattributes" in dry.out
    assert not (place.root / ".gitattributes").exists()
    place.runr("init", "--shared", code=0)
    assert place.read(".runr/config.toml").endswith("\n\n[status]\nshared = true\n")
    place.commit("Share")
    assert STATUS in place.git("ls-files").split()
    place.config("[status]\nwrite_frontmatter = false\n")
    refused = place.runr("init", "--shared", code=2)
    assert "has a table [status] already" in refused.err


def test_doctor_reports_a_clone_without_the_merge_driver(shared: Place) -> None:
    there = shared.clone()
    answer = there.runr("doctor").out
    assert "runr install merge-driver" in answer
    there.runr("install", "merge-driver", code=0)
    assert "runr install merge-driver" not in there.runr("doctor").out
