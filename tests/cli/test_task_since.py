"""Tasks that are changed, completed or reset while their own run works: the work does not land."""

import json
from typing import Any

import pytest

from cli.terminal import Place
from cli.test_jobs import ended, started, statuses
from fakes.project_kit import until

_EDIT = "echo 'One thing more.' >> ../../tasks/a.md"


def completed_elsewhere(place: Place, task: str) -> None:
    """Complete a task that is running in the status file, as a merge from another clone does."""
    contents: Any = json.loads(place.read(".runr/task-status.json"))
    entry = contents["tasks"][f".runr/tasks/{task}"]
    entry |= {"status": "completed", "last_run_id": "20200101-000000-aaaa", "evidence": "attested"}
    entry |= {"completed_by": "person:Grace", "completed_at": "2025-01-08T12:00:00Z"}
    entry["sequence"] += 1
    place.write(".runr/task-status.json", json.dumps(contents) + "\n")


def test_work_for_a_task_whose_text_was_changed_lands_only_when_that_is_accepted(
    place: Place,
) -> None:
    place.script("a.md", f"echo a > a.txt; {_EDIT}")
    before = place.commit("Task")
    stopped = place.runr("run", "a", code=11)
    assert "its task file was changed while the run worked" in stopped.out
    assert place.git("rev-parse", "main").strip() == before
    log, accept, again = stopped.steps
    assert "a.txt" in place.paste(log).out
    assert again == "runr run --task a.md"
    assert place.paste(accept).code == 0
    assert place.read("a.txt") == "a\n"
    (task,) = place.runr("list-tasks", "--json", code=0).json["tasks"]
    assert (task["status"], task["stale"]) == ("completed", True)


def test_a_task_that_is_gone_is_not_completed_unless_that_is_accepted(place: Place) -> None:
    place.script("a.md", "echo a > a.txt; rm ../../tasks/a.md")
    before = place.commit("Task")
    stopped = place.runr("run", "a", code=11)
    assert place.git("rev-parse", "main").strip() == before
    assert place.paste(stopped.steps[1]).code == 0
    assert place.read("a.txt") == "a\n"


def changed_by_the_user(place: Place, theirs: str) -> str:
    """Run a task during whose work the user changes the last commit; return where it stops."""
    place.write("f", "0\n")
    place.commit("File")
    clean = f'(cd ../../.. && env -i PATH="$PATH" HOME="$HOME" sh -c "{theirs}")'
    place.script("a.md", f"echo a > a.txt; {clean}")
    place.commit("Task")
    stopped = place.runr("run", "a", code=11)
    assert "its task file was changed while the run worked" in stopped.out
    assert place.git("ls-tree", "--name-only", "main", "a.txt") == ""
    return stopped.steps[1]


_AMEND = "echo More. >> .runr/tasks/a.md; git commit -q -a --amend -m Amended"
_RESET = "git reset -q --hard HEAD~1"
_AWAY = "git switch -q --detach HEAD~1"


@pytest.mark.parametrize(
    "theirs",
    [
        f"{_AMEND}; {_AWAY}",
        f"{_RESET}; git switch -q --detach",
        f"{_AWAY}; mkdir -p .runr/tasks; echo Mine. > .runr/tasks/a.md",
    ],
    ids=["amended and left", "reset and left", "left and written"],
)
def test_a_task_is_compared_where_the_branch_lost_the_base_of_the_run(
    place: Place, theirs: str
) -> None:
    accept = changed_by_the_user(place, theirs)
    assert place.paste(accept).code == 0
    assert place.git("show", "main:a.txt") == "a\n"


def test_work_for_a_task_that_was_completed_meanwhile_does_not_land(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"until [ -e {go} ]; do sleep 0.05; done; echo a > a.txt")
    before = place.commit("Task")
    run = place.runr("run", "a", "--detach", "--json", code=0).json["id"]
    place.await_phase(run, "work")
    completed_elsewhere(place, "a.md")
    go.touch()
    shown = place.await_end(run)
    assert shown["stop_reason"] == "superseded"
    assert "a.md was completed meanwhile (by person:Grace)" in shown["detail"]
    assert place.status("a.md")["completed_by"] == "person:Grace"
    assert place.git("rev-parse", "main").strip() == before
    assert len(place.branches()) == 2


def test_a_job_counts_a_task_as_completed_that_was_so_while_its_run_worked(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"until [ -e {go} ]; do sleep 0.05; done; echo a > a.txt")
    place.commit("Task")
    job = started(place, "--all-ready")
    journal = f".runr/job-runs/{job}/timeline.jsonl"
    until(lambda: "task.claimed" in place.read(journal), "a to start")
    completed_elsewhere(place, "a.md")
    go.touch()
    done = place.runr("job", "status", job, "--watch", "--json", code=0).json
    assert (done["status"], statuses(done)) == ("completed", {"a": "completed"})
    assert "a.txt" not in place.git("ls-tree", "--name-only", done["branch"])


def test_a_retried_job_begins_a_changed_task_from_its_new_text(place: Place) -> None:
    place.script("a.md", f"{_EDIT}; echo a > a.txt")
    place.commit("Task")
    failed = ended(place, "run", "--all-ready", code=11)
    assert statuses(failed) == {"a": "failed"}
    place.script("a.md", "echo new > a.txt")
    done = ended(place, "retry")
    assert statuses(done) == {"a": "completed"}
    assert place.git("show", f"{done['branch']}:a.txt") == "new\n"
    assert done["tasks"][0]["run_id"] != failed["tasks"][0]["run_id"]


def test_the_work_of_a_task_that_was_reset_does_not_land_with_its_job(place: Place) -> None:
    place.script("a.md", "echo a >> a.txt")
    place.script("b.md", "echo b > b.txt")
    before = place.commit("Tasks")
    ended(place, "run", "--all-ready")
    place.runr("reset", "a", "--reason", "by mistake", "--by", "Ada", code=0)
    refused = place.runr("job", "land", code=1)
    assert "nothing landed on main: a.md was reset since (by person:Ada: by mistake)" in refused.err
    assert place.git("rev-parse", "main").strip() == before
    place.runr("job", "land", "--dry-run", code=1)
    again = place.paste(refused.steps[0])
    assert again.code == 0
    place.runr("job", "land", code=0)
    assert place.read("a.txt") == "a\n"
    assert 'Revert "a"' in place.git("log", "--format=%s", "main")


def test_a_task_that_is_reset_while_its_job_runs_is_not_completed_by_it(place: Place) -> None:
    go = place.root / ".runr" / "go"
    wait = f"until [ -e {go} ]; do sleep 0.05; done"
    place.script("a.md", f"test ! -e {go} || exit 1; echo a > a.txt")
    place.script("b.md", f"{wait}; echo b > b.txt")
    place.commit("Tasks")
    job = started(place, "--all-ready")
    until(lambda: "task.ended" in place.read(f".runr/job-runs/{job}/timeline.jsonl"), "a to land")
    place.runr("reset", "a", "--reason", "by mistake", "--by", "Ada", code=0)
    go.touch()
    done = place.runr("job", "status", job, "--watch", "--json", code=0).json
    assert (done["status"], statuses(done)) == ("failed", {"a": "failed", "b": "completed"})
    assert "a.md: was reset since (by person:Ada: by mistake)" in done["reason"]
    page = place.runr("job", "receipt", code=0).out
    assert "FAILED: 1 of 2 tasks" in page
    assert "job land" not in page
    assert "a.md was reset since" in place.runr("job", "land", code=1).err
    # Its worker fails now: what was rejected is not on the branch any more, and the rest lands.
    assert statuses(ended(place, "retry", code=1)) == {"a": "failed", "b": "completed"}
    place.runr("job", "land", code=0)
    assert place.git("ls-files", "*.txt").split() == ["b.txt"]


def test_rejected_work_that_later_work_builds_on_is_reverted_by_a_person(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", "echo b >> a.txt; sed -i s/a/c/ a.txt", "depends_on: [a]")
    place.commit("Tasks")
    ended(place, "run", "--all-ready")
    place.runr("reset", "a", "--reason", "by mistake", "--by", "Ada", code=0)
    before = place.read(f".runr/job-runs/{ended(place, 'status')['id']}/timeline.jsonl")
    refused = place.runr("job", "retry", code=1)
    assert "its work cannot be reverted" in refused.err
    assert "later work changed a.txt" in refused.err
    assert refused.steps[1].startswith("git revert ")
    assert place.read(f".runr/job-runs/{ended(place, 'status')['id']}/timeline.jsonl") == before


@pytest.mark.parametrize(
    "theirs",
    [f"{_EDIT}; {{}} commit -q -a --amend -m Amended", "{} reset -q --hard HEAD~1"],
    ids=["amended", "reset"],
)
def test_a_task_that_is_changed_with_the_commit_of_the_run_is_not_completed(
    place: Place, theirs: str
) -> None:
    place.commit("Before")
    user = f'env -i PATH="$PATH" HOME="$HOME" git -C {place.root}'
    place.script("a.md", f"echo a > a.txt; {theirs.format(user)}")
    place.commit("Task")
    stopped = place.run("a", code=11)
    assert stopped["stop_reason"] == "task_changed"
    assert place.git("ls-tree", "HEAD", "a.txt") == ""


def test_a_task_that_another_branch_lacks_is_completed_where_the_run_began(place: Place) -> None:
    place.git("branch", "earlier")
    user = f'env -i PATH="$PATH" HOME="$HOME" git -C {place.root}'
    place.script("a.md", f"echo a > a.txt; {user} switch -q earlier")
    place.commit("Task")
    place.runr("run", "a", code=0)
    assert place.git("show", "main:a.txt") == "a\n"
