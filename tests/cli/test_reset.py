"""Resets: a completion is taken back, with its commit or without, and does not come back."""

import shutil
from typing import Any

import pytest

from cli.terminal import Place, Prepare

_WRONG = ("--reason", "it is the wrong file")


@pytest.fixture
def done(prepared: Prepare) -> Place:
    """Return a repository in which `a` and its dependent `b` were run."""
    return prepared(_done)


def _done(place: Place) -> None:
    place.script("a.md", "echo a > a.txt", "owns: [a.txt]")
    place.script("b.md", "echo b > b.txt", "depends_on: [a]\nowns: [b.txt]")
    place.script("c.md", "echo c > c.txt", "depends_on: [a]\nowns: [c.txt]")
    place.commit("Tasks")
    place.run("a")
    place.run("b")


def statuses(place: Place) -> dict[str, str]:
    rows = place.runr("list-tasks", "--json", code=0).json["tasks"]
    return {row["path"][12:]: "stale" if row["stale"] else row["status"] for row in rows}


def shown(place: Place, name: str) -> Any:
    return place.runr("show", name, "--json", code=0).json["task"]


def test_a_task_that_is_running_is_stopped_and_not_reset(place: Place) -> None:
    place.task("a.md")
    place.commit("Task")
    run = place.runr("run", "a", "--worker", "session", "--json", code=0).json["run"]["id"]
    refused = place.runr("reset", "a", *_WRONG, "--by", "Grace", code=2)
    assert f"run {run} has not ended" in refused.err
    assert refused.steps[0] == f"runr stop {run}"


def test_a_reset_takes_the_completion_back_and_leaves_the_commit(done: Place) -> None:
    before, last = done.git("rev-parse", "HEAD"), shown(done, "a")
    answer = done.runr("reset", "a", *_WRONG, "--by", "Grace", "--json", code=0).json
    assert answer["stale_dependents"] == [".runr/tasks/b.md"]
    assert answer["next_steps"] == ["runr run --task a.md", "runr list-tasks --stale"]
    assert done.git("rev-parse", "HEAD") == before
    assert statuses(done) == {"a.md": "pending", "b.md": "stale", "c.md": "pending"}
    now = shown(done, "a")
    assert (now["evidence"], now["checkpoint_sha"], now["verification"]) == (None, None, "none")
    assert (now["run_count"], now["last_run_id"]) == (last["run_count"], answer["run_id"])
    assert now["why"] == "its completion was reset by Grace: it is the wrong file"
    blocked = shown(done, "c")
    assert (blocked["ready"], blocked["blocked_by"]) == (False, [".runr/tasks/a.md"])
    why = done.runr("why", "b", code=0).out
    assert "stale: it builds on a.md, which was reset" in why
    assert "a.md: completion taken back by Grace" in done.runr("report", answer["run_id"]).out
    assert "reset by Grace" in done.runr("show", "a").out


def test_neither_the_records_nor_the_commits_bring_the_completion_back(done: Place) -> None:
    done.runr("reset", "a", *_WRONG, code=0)
    wanted = {"a.md": "pending", "b.md": "stale", "c.md": "pending"}
    assert "as recorded" in done.runr("rebuild", code=0).out
    done.runr("status", "--infer-from-git", "--apply", code=0)
    assert statuses(done) == wanted
    (done.root / ".runr/task-status.json").unlink()
    done.runr("rebuild", code=0)
    assert statuses(done) == wanted
    # A machine that has only the shared status file.
    shutil.rmtree(done.root / ".runr/runs")
    done.runr("rebuild", code=0)
    done.runr("status", "--infer-from-git", "--apply", code=0)
    assert statuses(done) == wanted
    # With neither, this clone still knows, and a commit from after the reset counts.
    (done.root / ".runr/task-status.json").unlink()
    assert "a.md: not recorded → pending" in done.runr("rebuild", code=0).out
    done.script("a.md", "echo A > a.txt", "owns: [a.txt]")
    done.commit("Better")
    done.run("a")
    shutil.rmtree(done.root / ".runr/runs")
    (done.root / ".runr/task-status.json").unlink()
    assert "a.md: not recorded → completed (inferred)" in done.runr("rebuild", code=0).out


@pytest.mark.parametrize("keeps_the_folder", [True, False])
def test_an_older_status_file_does_not_bring_the_completion_back(
    done: Place, *, keeps_the_folder: bool
) -> None:
    older = done.read(".runr/task-status.json")
    reset = done.runr("reset", "a", *_WRONG, "--by", "Grace", "--json", code=0).json["run_id"]
    if not keeps_the_folder:
        shutil.rmtree(done.run_folder(reset))
    done.write(".runr/task-status.json", older)
    assert f"its completion was reset by Grace (run {reset})" in done.runr("verify", code=1).out
    wanted = {"a.md": "pending", "b.md": "stale", "c.md": "pending"}
    assert statuses(done) == wanted
    assert "not proved" in done.runr("list-tasks").out
    assert shown(done, "c")["blocked_by"] == [".runr/tasks/a.md"]
    assert done.runr("next", "--json").json["task"]["path"] == ".runr/tasks/a.md"
    done.runr("status", "--infer-from-git", "--apply", code=0)
    assert statuses(done) == wanted
    done.runr("rebuild", code=0)
    assert statuses(done) == wanted
    done.runr("verify", code=0)
    done.script("a.md", "echo A > a.txt", "owns: [a.txt]")
    done.commit("Better")
    done.run("a")
    assert shown(done, "a")["evidence"] == "verified"
    done.runr("verify", code=0)


def test_a_reset_task_is_completed_again_by_a_run_or_a_person(done: Place) -> None:
    done.runr("reset", "a", *_WRONG, code=0)
    done.script("a.md", "echo A > a.txt", "owns: [a.txt]")
    done.commit("Better")
    done.run("a")
    assert shown(done, "a")["evidence"] == "verified"
    done.runr("rebuild", code=0)
    assert shown(done, "a")["status"] == "completed"
    done.runr("reset", "a", *_WRONG, code=0)
    done.runr("complete-task", "a", "--reason", "it was right", "--by", "Grace", code=0)
    done.runr("rebuild", code=0)
    assert shown(done, "a")["completed_by"] == "person:Grace"


def test_a_file_whose_name_is_no_text_is_reverted(place: Place) -> None:
    place.script("a.md", 'echo a > "$(printf "a\\377b")"')
    place.commit("Tasks")
    place.run("a")
    place.runr("reset", "a", "--revert", *_WRONG, code=0)
    assert list(place.root.glob("a*")) == []
    assert '`"a\\377b"`' in place.runr("report", "latest", code=0).out


def test_a_revert_takes_the_commit_back_and_spares_what_the_user_changed(done: Place) -> None:
    work = shown(done, "a")["checkpoint_sha"]
    done.write("b.txt", "mine\n")
    done.write("new.txt", "mine\n")
    answer = done.runr("reset", "a", *_WRONG, "--revert", "--json", code=0).json
    assert answer["revert_sha"] == done.git("rev-parse", "HEAD").strip()
    assert not (done.root / "a.txt").exists()
    assert done.git("status", "--short") == " M b.txt\n?? new.txt\n"
    message = done.git("log", "-1", "--format=%B")
    assert f"This reverts commit {work}." in message
    assert "Runr-Task: .runr/tasks/a.md\nRunr-Reset: true\n" in message
    assert done.runr("audit", "--range", "HEAD~1..", "--json").json["counts"]["manual_commit"] == 1
    done.runr("rebuild", code=0)
    assert shown(done, "a")["status"] == "pending"
    done.git("checkout", "-q", "b.txt")
    # A clone knows it by the commits alone.
    clone = done.clone()
    clone.runr("rebuild", code=0)
    assert statuses(clone) == {"a.md": "pending", "b.md": "completed", "c.md": "pending"}


@pytest.mark.parametrize("by", ["a later commit", "an edit"])
def test_a_revert_that_would_touch_other_work_is_refused(done: Place, by: str) -> None:
    done.write("a.txt", "mine\n")
    if by == "a later commit":
        done.git("commit", "-qam", "Mine")
    before = done.snapshot()
    refused = done.runr("reset", "a", *_WRONG, "--revert", code=1).err
    assert "nothing was changed" in refused
    assert "a.txt" in refused
    assert done.snapshot() == before
    assert shown(done, "a")["status"] == "completed"


REWRITES = {
    "reworded": "git commit --quiet --amend --message 'In other words'",
    "its trailers kept": "git commit --quiet --amend --reset-author --no-edit",
    "rebased": "git rebase --quiet --onto other HEAD^",
}


@pytest.mark.parametrize("how", REWRITES)
def test_a_commit_that_was_rewritten_is_reverted_as_what_it_is_now(done: Place, how: str) -> None:
    done.git("branch", "-q", "other", f"{shown(done, 'a')['checkpoint_sha']}^")
    work = shown(done, "b")["checkpoint_sha"]
    assert done.paste(REWRITES[how]).code == 0
    now = done.git("rev-parse", "HEAD").strip()
    assert now != work
    answer = done.runr("reset", "b", *_WRONG, "--revert", "--json", code=0).json
    assert answer["revert_sha"] == done.git("rev-parse", "HEAD").strip()
    assert f"This reverts commit {now}." in done.git("log", "-1", "--format=%B")
    assert not (done.root / "b.txt").exists()
    assert shown(done, "b")["status"] == "pending"


def test_work_that_was_reverted_before_is_not_reverted_again(done: Place) -> None:
    done.git("revert", "--no-edit", shown(done, "a")["checkpoint_sha"])
    head = done.git("rev-parse", "HEAD")
    assert "was reverted before" in done.runr("reset", "a", *_WRONG, "--revert", code=0).out
    assert (done.git("rev-parse", "HEAD"), shown(done, "a")["status"]) == (head, "pending")


COMMITTED = {
    "all of it": "echo 1 > one; git add -A; git commit -qm one; echo 2 > two; git add -A; "
    "git commit -qm two",
    "a part of it": "echo 1 > one; git add -A; git commit -qm one; echo 2 > two",
}


@pytest.mark.parametrize("script", COMMITTED.values(), ids=COMMITTED.keys())
@pytest.mark.parametrize("where", ["in a worktree", "in place"])
def test_what_the_worker_has_committed_itself_is_reverted_too(
    place: Place, script: str, where: str
) -> None:
    place.script("a.md", script, 'verify: ["test -f two"]')
    place.commit("Tasks")
    place.run("a", *(["--in-place"] if where == "in place" else []))
    answer = place.runr("reset", "a", *_WRONG, "--revert", "--json", code=0).json
    assert answer["revert_sha"] == place.git("rev-parse", "HEAD").strip()
    assert not {"one", "two"} & {each.name for each in place.root.iterdir()}
    assert place.git("log", "-1", "--format=%B").count("This reverts commit") >= 2
    assert shown(place, "a")["status"] == "pending"
    place.runr("rebuild", code=0)
    assert shown(place, "a")["status"] == "pending"


def test_work_that_was_squashed_since_is_reverted_as_one(place: Place) -> None:
    place.script("a.md", COMMITTED["a part of it"], 'verify: ["test -f two"]')
    base = place.commit("Tasks")
    place.run("a")
    place.git("reset", "-q", "--soft", base)
    place.git("commit", "-qm", "In other words")
    place.runr("reset", "a", *_WRONG, "--revert", code=0)
    assert not {"one", "two"} & {each.name for each in place.root.iterdir()}


def test_a_commit_without_changes_of_an_unknown_run_is_not_said_to_be_reverted(
    place: Place,
) -> None:
    place.script("a.md", COMMITTED["all of it"], 'verify: ["test -f two"]')
    place.commit("Tasks")
    place.run("a")
    clone = place.clone()
    clone.runr("rebuild", code=0)
    refused = clone.runr("reset", "a", *_WRONG, "--revert", code=2).err
    assert "has no changes: the work is in the commits that its message names" in refused
    assert shown(clone, "a")["status"] == "completed"


def test_what_cannot_be_reset_is_refused(done: Place) -> None:
    assert "is not completed" in done.runr("reset", "c", *_WRONG, code=2).err
    assert "requires a reason" in done.runr("reset", "a", "--reason", " ", code=2).err
    inside = done.runr("reset", "a", *_WRONG, code=2, env={"RUNR_RUN_ID": "20250101-000000-abcd"})
    assert "only a person" in inside.err
    done.runr("complete-task", "c", "--reason", "x", "--skip-checks", code=0)
    none = done.runr("reset", "c", *_WRONG, "--revert", code=2)
    assert "no commit is recorded" in none.err
    assert none.steps == ["runr reset c.md --reason 'why it is not completed'"]
