"""The branch of a job: what of others it has, and how long it is there."""

import subprocess

import pytest

from cli.terminal import Place
from cli.test_jobs import ended, finished, started, statuses
from fakes.project_kit import until


def test_a_task_whose_commit_only_another_job_has_is_not_completed_here(place: Place) -> None:
    place.script("model.md", "echo model > model.txt")
    place.script("b.md", "echo b > b.txt")
    place.write(".runr/jobs/first.yaml", "tracks: {t: [{task: model}]}\n")
    place.write(".runr/jobs/second.yaml", "tracks: {t: [{tasks: [model, b]}]}\n")
    place.commit("Tasks")
    first = ended(place, "run", "first")
    branch = first["branch"]
    again = place.runr("job", "run", "first", code=2)
    assert "all of its tasks are completed, model.md not on this branch" in again.err
    paused = ended(place, "run", "second", code=9)
    assert statuses(paused) == {"model": "waiting", "b": "completed"}
    where = f"model.md: it is completed, and its commit is on {branch} only"
    assert paused["reason"] == where
    assert place.runr("job", "land", "second", "--json", code=0).json["task_count"] == 1
    assert f"runr job land {first['id']}" in paused["next_steps"]
    place.runr("job", "land", "first", code=0)
    assert set(statuses(ended(place, "resume", "second")).values()) == {"completed"}


def test_the_branch_of_a_job_stays_while_a_person_has_to_decide(place: Place) -> None:
    place.script("a.md", "echo a > a.txt", "verify: ['test -f a.txt']")
    place.script("b.md", "cat a.txt > b.txt", "depends_on: [a]")
    place.config('[run]\nworker = "script"\n')
    place.commit("Tasks")
    assert statuses(ended(place, "run", "--all-ready", code=9)) == {"a": "completed", "b": "held"}
    place.runr("job", "land", code=0)
    place.runr("approve", "b", "--reason", "seen", code=0)
    assert set(statuses(ended(place, "resume")).values()) == {"completed"}
    place.runr("job", "land", code=0)
    assert place.read("b.txt") == "a\n"
    assert place.branches() == ["main"]
    assert "(2 tasks) was already on main" in place.runr("job", "land", code=0).out


def test_what_git_has_merged_has_landed_and_a_branch_that_is_lost_can_be_made_again(
    place: Place,
) -> None:
    place.script("a.md", "echo a > a.txt")
    place.commit("Tasks")
    branch = ended(place, "run", "--all-ready")["branch"]
    tip = place.git("rev-parse", branch).strip()
    place.git("branch", "-D", branch)
    lost = place.runr("job", "land", code=1).err
    assert f"nothing landed on main: the branch {branch} is gone" in lost
    assert f"git branch {branch} {tip}" in lost
    place.git("merge", "-q", tip)
    assert "(1 task) was already on main" in place.runr("job", "land", code=0).out


TAKING = {
    "merge": (
        "git merge -q -s ours --no-edit {branch}",
        "a.md: the merge {by} left its changes out",
    ),
    "undone": (
        "git merge -q --no-edit {branch}; git rm -q a.txt; git commit -qm Less",
        "a.md: its work was undone by {by}",
    ),
    "reverted": (
        "git merge -q --no-edit {branch}; git revert --no-edit HEAD^2",
        "a.md: its commit was reverted by {by}",
    ),
}


@pytest.mark.parametrize("has_branch", [True, False], ids=["branch", "no-branch"])
@pytest.mark.parametrize("taking", TAKING)
def test_work_that_the_target_has_lost_does_not_count_as_landed(
    place: Place, taking: str, has_branch: bool
) -> None:
    place.script("a.md", "echo a > a.txt")
    place.commit("Tasks")
    branch = ended(place, "run", "--all-ready")["branch"]
    work = place.git("rev-parse", branch).strip()
    place.write("other.txt", "other\n")
    place.commit("Other")
    how, why = TAKING[taking]
    subprocess.run(["sh", "-ec", how.format(branch=branch)], cwd=place.root, check=True)
    by = place.git("rev-parse", "--short=12", "HEAD").strip()
    if not has_branch:
        place.git("branch", "-D", branch)
    refused = place.runr("job", "land", code=1)
    assert f"nothing landed on main: {why.format(by=by)}" in refused.err
    assert refused.steps == [f"git cherry-pick {work}", "runr acknowledge a.md"]
    subprocess.run(["sh", "-ec", refused.steps[0]], cwd=place.root, check=True)
    place.runr("job", "land", code=0)


def test_a_job_that_was_squashed_by_git_has_landed(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.commit("Tasks")
    branch = ended(place, "run", "--all-ready")["branch"]
    place.write("other.txt", "other\n")
    place.commit("Other")
    place.git("merge", "-q", "--squash", branch)
    place.git("commit", "-q", "-m", "Night")
    place.git("branch", "-D", branch)
    assert "(1 task) was already on main" in place.runr("job", "land", code=0).out
    place.git("rm", "-q", "a.txt")
    place.git("commit", "-q", "-m", "Less")
    assert f"the branch {branch} is gone" in place.runr("job", "land", code=1).err


def test_a_task_that_another_job_runs_is_waited_for_and_one_without_a_file_is_skipped(
    place: Place,
) -> None:
    go, mark = place.root / ".runr" / "go", place.root / ".runr" / "mark"
    wait = f"touch {mark}; for n in $(seq 600); do [ -e {go} ] && break; sleep 0.1; done"
    place.script("a.md", f"{wait}; echo a > a.txt")
    place.script("b.md", "rm ../../tasks/gone.md; echo b > b.txt")
    place.script("gone.md", "echo gone > gone.txt")
    place.script("after.md", "test -d .", "depends_on: [gone]")
    place.write(".runr/jobs/one.yaml", "land: each\ntracks: {t: [{task: a}]}\n")
    place.write(".runr/jobs/two.yaml", "tracks: {t: [{tasks: [a]}], u: [b, gone], v: [after]}\n")
    place.commit("Tasks")
    started(place, "one")
    until(mark.exists, "a to be run")
    second = started(place, "two")
    until(lambda: "task.skipped" in place.read(f".runr/job-runs/{second}/timeline.jsonl"), "a skip")
    go.touch()
    done = finished(place, second)
    assert statuses(done) == {
        "a": "completed",
        "b": "completed",
        "gone": "skipped",
        "after": "skipped",
    }
    reasons = {each["path"][12:]: each["reason"] for each in done["tasks"]}
    assert reasons["gone.md"] == "its task file is gone"
    assert "it depends on gone.md" in reasons["after.md"]


def test_a_branch_that_is_deleted_while_a_task_works_is_made_again_with_its_work_by_a_retry(
    place: Place,
) -> None:
    go, mark = place.root / ".runr" / "go", place.root / ".runr" / "mark"
    wait = f"touch {mark}; for n in $(seq 600); do [ -e {go} ] && break; sleep 0.1; done"
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", f"{wait}; cat a.txt > b.txt", "depends_on: [a]")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    until(mark.exists, "b to work")
    kept = place.runr("clean", "--json", code=0).json["kept"]
    why = f"it belongs to the job run {job_run}, which is running"
    assert [row["why"] for row in kept if row["what"].startswith("branch runr/job-")] == [why]
    branch = ended(place, "status", job_run)["branch"]
    place.git("branch", "-D", branch)
    go.touch()
    lost = finished(place, job_run)
    assert statuses(lost) == {"a": "completed", "b": "failed"}
    assert branch not in place.branches()
    assert "not by the run" in lost["reason"]
    place.write("later.txt")
    place.commit("Mine")
    assert set(statuses(ended(place, "retry")).values()) == {"completed"}
    assert place.git("show", f"{branch}:b.txt") == "a\n"
    assert place.git("show", f"{branch}:later.txt") == ""


def test_a_manual_task_behind_work_of_its_job_names_the_landing_that_comes_first(
    place: Place,
) -> None:
    place.script("a.md", "echo a > a.txt")
    place.task("sign.md", "type: manual\ndepends_on: [a]")
    place.commit("Tasks")
    paused = ended(place, "run", "--all-ready", code=9)
    assert paused["reason"] == "sign.md: it is manual: a person does it"
    land = f"runr job land {paused['id']}"
    refused = place.runr("complete-task", "sign", "--reason", "done", code=3)
    assert refused.steps[0] == land
    assert f"next: {land}\n" in place.runr("why", "sign", code=0).out
    assert f"  {land}\n" in place.runr("task-status", "sign", code=0).out
    assert place.paste(land).code == 0
    place.runr("complete-task", "sign", "--reason", "done", code=0)
    assert ended(place, "resume")["status"] == "completed"


def test_work_on_the_branch_of_a_job_is_landed_and_not_missing(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", "echo b > b.txt")
    place.commit("Tasks")
    done = ended(place, "run", "--all-ready")
    land = f"runr job land {done['id']}"
    assert f"next: {land}\n" in place.runr("why", "a", code=0).out
    health = place.runr("health", "--json", code=0).json
    assert [(row["kind"], row["next_steps"]) for row in health["findings"]] == [
        ("unlanded", [land])
    ]
    assert "2 completions on the branch of the job run" in health["findings"][0]["message"]
    unproved = place.runr("verify", code=1).out
    assert unproved == (
        f"✗ 2 completions are on the branch of the job run {done['id']} only: a.md, b.md\n"
        f"    next: {land}\n✗ 2 completions: 2 unproved\n"
    )
    assert place.paste(land).code == 0
    assert place.runr("verify", code=0).out == "✓ 2 completions: 2 verified\n"
    assert place.runr("health", "--json", code=0).json["findings"] == []
    # Without the branch, nothing can be landed.
    place.git("reset", "-q", "--hard", "HEAD~2")
    lost = place.runr("health", "--json", code=1).json["findings"]
    assert [row["kind"] for row in lost] == ["unproved", "unproved"]


def test_a_job_that_began_without_a_branch_names_one_and_a_lock_keeps_it_from_landing(
    place: Place,
) -> None:
    place.script("a.md", "echo a > a.txt")
    place.commit("Tasks")
    place.git("checkout", "-q", "--detach")
    done = ended(place, "run", "--all-ready")
    land = f"runr job land {done['id']} --to main"
    assert land in done["next_steps"]
    assert place.runr("job", "land", code=2).steps == [land]
    lock = place.write(".git/refs/heads/main.lock")
    blocked = place.paste(land)
    assert blocked.code == 1
    assert "nothing landed on main: another git process holds main" in blocked.err
    lock.unlink()
    assert place.paste(land).code == 0


def test_the_run_of_a_job_lands_that_has_work_also_on_a_renamed_branch(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script(
        "a.md", f'for n in $(seq 600); do [ -e "{go}" ] && break; sleep 0.1; done; echo a > a'
    )
    place.write(".runr/jobs/night.yaml", "tracks: {t: [a]}\n")
    place.commit("Tasks")
    first = started(place, "night")
    place.write(".runr/jobs/night.yaml", "description: Again\ntracks: {t: [a]}\n")
    second = started(place, "night")
    go.touch()
    assert finished(place, first)["status"] == "completed"
    assert finished(place, second)["status"] == "paused"
    place.git("branch", "-m", "main", "trunk")
    (land,) = place.runr("job", "land", "night", code=1).steps
    assert land == f"runr job land {first} --to trunk"
    assert place.paste(land).code == 0
    assert place.read("a") == "a\n"


def test_work_that_only_the_branch_of_a_job_has_is_taken_back_there(place: Place) -> None:
    place.script("a.md", "echo a >> a.txt")
    place.script("b.md", "echo b > b.txt")
    place.commit("Tasks")
    branch = ended(place, "run", "--all-ready")["branch"]
    before = place.git("rev-parse", "main")
    reset = place.runr("reset", "a", "--revert", "--reason", "wrong", code=0)
    assert f"on {branch} takes its work back" in reset.out
    assert place.git("ls-tree", "--name-only", branch, "--", "a.txt", "b.txt").split() == ["b.txt"]
    assert place.git("rev-parse", "main") == before
    again = place.paste(reset.steps[0])
    assert (again.code, place.git("show", f"{branch}:a.txt")) == (0, "a\n")
    place.runr("job", "land", code=0)
    assert (place.read("a.txt"), place.read("b.txt")) == ("a\n", "b\n")


def test_the_lock_of_a_killed_git_does_not_keep_the_branch_of_a_job_that_has_landed(
    place: Place,
) -> None:
    place.script("a.md", "echo a > a.txt", "verify: ['test -f a.txt']")
    place.commit("Tasks")
    branch = ended(place, "run", "--all-ready")["branch"]
    place.write(f".git/refs/heads/{branch}.lock")
    place.runr("job", "land", code=0)
    assert place.branches() == ["main"]
