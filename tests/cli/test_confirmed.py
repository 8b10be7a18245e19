"""A completed task that is run again: checks that pass confirm it if nothing has changed."""

import pytest

from cli.terminal import Place


@pytest.fixture
def done(place: Place) -> Place:
    """Return a repository with a task that is completed, and whose worker then changes nothing."""
    place.config('[run]\nworker = "script"\nattempts = 1\n')
    place.script("a.md", "echo 1 > a.txt", "verify: ['grep -q 1 a.txt']")
    place.commit("Task")
    place.run("a")
    return place


def test_a_forced_run_that_changes_nothing_confirms_the_completion(done: Place) -> None:
    before = done.status("a.md")["checkpoint_sha"]
    run = done.run("a", "--force")
    assert (run["status"], run["verification"]) == ("completed", "passed")
    entry = done.status("a.md")
    assert (entry["evidence"], entry["completed_by"]) == ("verified", f"run:{run['id']}")
    assert entry["checkpoint_sha"] == done.git("rev-parse", "HEAD").strip() != before
    assert done.git("diff", "--stat", before, "HEAD") == ""
    assert done.git("log", "-1", "--format=%s").strip() == "Confirm: a"
    assert "nothing was changed" in done.runr("report", run["id"]).out
    assert "1 verified" in done.runr("verify", code=0).out
    there = done.clone()
    there.runr("rebuild", code=0)
    assert there.status("a.md")["checkpoint_sha"] == entry["checkpoint_sha"]


def test_a_forced_run_that_fails_leaves_the_completion(place: Place) -> None:
    place.config('[run]\nworker = "script"\nattempts = 1\n')
    place.script("a.md", "mkdir d; echo 1 > d/a", "verify: ['test -f d/a']")
    place.script("b.md", "echo b > b", "depends_on: [a]")
    place.commit("Tasks")
    first = place.run("a")
    again = place.run("a", "--force", code=1)
    assert again["stop_reason"] == "worker_failed"
    for _ in range(2):
        entry = place.status("a.md")
        assert (entry["status"], entry["last_run_id"]) == ("completed", first["id"])
        assert place.runr("show", "b", "--json", code=0).json["task"]["ready"]
        place.runr("verify", code=0)
        (place.root / ".runr/task-status.json").unlink()
        place.runr("rebuild", code=0)
    assert again["id"] in place.runr("runs").out
    resumed = place.runr("resume", again["id"], "--json", code=1).json
    assert resumed["stop_reason"] == "worker_failed"
    assert place.status("a.md")["status"] == "completed"


def test_a_task_whose_text_has_changed_is_confirmed_too(done: Place) -> None:
    task = done.root / ".runr/tasks/a.md"
    task.write_text(task.read_text() + "\nIn other words.\n")
    done.commit("Words")
    assert "stale" in done.runr("list-tasks").out
    assert done.run("a")["status"] == "completed"
    assert "stale" not in done.runr("list-tasks").out


def test_a_check_that_fails_confirms_nothing(done: Place) -> None:
    done.write("a.txt", "2\n")
    done.script("a.md", ":", "verify: ['grep -q 1 a.txt']")
    done.commit("Broken")
    assert done.run("a", "--force", code=4)["stop_reason"] == "verification_failed"
    assert done.status("a.md")["status"] == "stopped"
    done.runr("rebuild", code=0)
    assert done.status("a.md")["status"] == "stopped"


def test_a_task_whose_commit_is_not_on_the_branch_is_not_confirmed(done: Place) -> None:
    done.git("reset", "-q", "--hard", "HEAD~1")
    done.write("a.txt", "1\n")
    done.write("b.txt", "another change\n")
    done.commit("The same by hand, with more")
    assert done.run("a", code=9)["stop_reason"] == "no_changes"


def test_a_revert_of_a_confirmed_completion_takes_the_work_back(done: Place) -> None:
    work = done.status("a.md")["checkpoint_sha"]
    done.run("a", "--force")
    assert not done.runr("reset", "a", "--revert", "--reason", "wrong", code=0).err
    assert not (done.root / "a.txt").exists()
    assert f"This reverts commit {work}." in done.git("log", "-1", "--format=%B")
    done.runr("rebuild", code=0)
    assert done.status("a.md")["status"] == "pending"
