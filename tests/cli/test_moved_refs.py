"""Branches, tags and HEADs that a worker moves, and those that others move at the same time."""

import subprocess
from typing import Any

import pytest

from cli.terminal import Place
from fakes.project_kit import until

CONFIG = '[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["test -d ."]\n'


@pytest.fixture
def source(place: Place) -> Place:
    """Return a repository with two commits, a second branch and a tag."""
    place.config(CONFIG)
    place.write("a", "1\n")
    place.commit("Files")
    place.git("branch", "other")
    place.git("tag", "v1")
    return place


def refs(place: Place) -> str:
    listed = place.git("for-each-ref", "refs/heads", "refs/tags")
    own = [line for line in listed.splitlines() if "refs/heads/runr/" not in line]
    return "\n".join([*own, place.git("symbolic-ref", "HEAD")])


def run(place: Place, script: str, *words: str) -> Any:
    place.script("t.md", script)
    place.commit("Task")
    place.git("branch", "-f", "other")
    place.runr("run", "--task", "t", *words)
    return place.runr("task-status", "t", "--json").json["run"]


MOVES = {
    "update-ref of the target": "git update-ref refs/heads/main HEAD~1",
    "a commit on the target": "git update-ref refs/heads/main $(git commit-tree HEAD^{tree} -m x)",
    "packed": "git pack-refs --all; git update-ref -d refs/heads/other",
    "another branch": "git branch -f other HEAD~1",
    "a tag": "git tag -f v1",
    "deletion": "git update-ref -d refs/heads/main",
    "HEAD of its worktree": "git symbolic-ref HEAD refs/heads/main",
    "a commit in the user's tree": "cd ../../..; git commit -q --allow-empty -m theirs",
}


def stopped(source: Place, script: str) -> tuple[str, str]:
    """Run a worker that moves a ref; return the refs from before, and why its run has stopped."""
    source.script("t.md", f"echo 2 > a; {script}")
    source.commit("Task")
    source.git("branch", "-f", "other")
    before = refs(source)
    source.runr("run", "--task", "t")
    run_ = source.runr("task-status", "t", "--json").json["run"]
    assert run_["stop_reason"] == "ref_moved", run_
    return before, run_["detail"]


@pytest.mark.parametrize("script", MOVES.values(), ids=MOVES.keys())
def test_a_ref_that_the_worker_moves_is_put_back_and_stops_the_run(
    source: Place, script: str
) -> None:
    before, detail = stopped(source, script)
    assert "put back" in detail
    assert refs(source) == before
    assert source.read("a") == "1\n"
    assert "Refs that were moved" in source.runr("report", "latest").out


UNKNOWN = {
    "without hooks": "env -u GIT_CONFIG_COUNT git update-ref refs/heads/main HEAD~1",
    "by writing the file": 'git rev-parse HEAD~1 > "$(git rev-parse --git-common-dir)"'
    "/refs/heads/main",
    "HEAD of the user's tree": 'git --git-dir "$(git rev-parse --git-common-dir)" symbolic-ref'
    " HEAD refs/heads/other",
}


@pytest.mark.parametrize("script", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_ref_that_the_user_may_have_moved_stops_the_run_and_stays_as_it_is(
    source: Place, script: str
) -> None:
    before, detail = stopped(source, script)
    assert "by whom is not known" in detail
    assert refs(source) != before
    assert source.read("a") == "1\n"


LEFT = {
    "detached": "git checkout -q --detach",
    "detached by a commit": "git checkout -q --detach; git commit -q -a -m mine",
    "another branch": "git switch -q other",
    "a new branch": "git switch -q -c new",
    "a branch without a commit": "git checkout -q --orphan new",
}


@pytest.mark.parametrize("script", LEFT.values(), ids=LEFT.keys())
def test_a_run_in_place_lands_only_on_its_branch(source: Place, script: str) -> None:
    place = source
    place.script("t.md", f'echo 2 > a; [ "$RUNR_ATTEMPT" = 2 ] || {{ {script}; }}')
    place.commit("Task")
    place.git("branch", "-f", "other")
    place.runr("run", "--task", "t", "--in-place", code=5)
    assert "HEAD: refs/heads/main to " in place.runr("report", "latest").out
    assert "the run lands on main" in place.runr("resume", code=2).err
    place.git("symbolic-ref", "HEAD", "refs/heads/main")
    place.runr("resume", code=0)
    assert place.git("show", "main:a") == "2\n"


def test_a_run_whose_worker_has_moved_a_ref_can_be_resumed(source: Place) -> None:
    run(source, 'echo 2 > a; [ "$RUNR_ATTEMPT" = 2 ] || git tag -f v1')
    source.runr("resume")
    assert source.runr("task-status", "t", "--json").json["run"]["status"] == "completed"


WAIT = "touch ../../../begun; until [ -e ../../../done ]; do sleep 0.02; done"

ELSEWHERE = {
    "a commit on the target": ("commit", "-q", "--allow-empty", "-m", "Mine"),
    "a switch to another branch": ("switch", "-q", "other"),
    "a new branch": ("branch", "new"),
    "a deleted branch": ("branch", "-D", "other"),
    "a reset": ("reset", "-q", "--hard", "HEAD~1"),
}


@pytest.mark.parametrize("words", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_what_the_user_moves_meanwhile_is_not_the_workers(
    source: Place, words: tuple[str, ...]
) -> None:
    source.write(".git/info/exclude", "begun\ndone\n")
    source.script("t.md", f"echo 2 > b; {WAIT}")
    source.commit("Task")
    source.git("commit", "-q", "--allow-empty", "-m", "Last")
    run_ = source.runr("--json", "run", "--task", "t", "--detach").json
    until((source.root / "begun").exists, "the worker")
    source.git(*words)
    after = refs(source)
    source.write("done", "")
    run_ = source.await_end(run_["id"])
    assert run_["status"] == "completed", (run_["stop_reason"], run_["detail"])
    assert "put back" not in source.runr("report", "latest").out
    rest = [line for line in after.splitlines() if "refs/heads/main" not in line]
    assert [line for line in refs(source).splitlines() if "refs/heads/main" not in line] == rest


DELETED = "git switch -q --detach; git branch -q -D main"
AMENDED = (
    "git commit -q --allow-empty -m Mine; git commit -q --amend -m Amended; "
    "git reflog expire --expire=now --all"
)


@pytest.mark.parametrize("script", [DELETED, AMENDED], ids=["deleted", "amended without a log"])
def test_what_leaves_no_trace_of_the_user_is_not_taken_back(source: Place, script: str) -> None:
    source.write(".git/info/exclude", "begun\ndone\n")
    source.script("t.md", f"echo 2 > b; {WAIT}")
    source.commit("Task")
    run_ = source.runr("--json", "run", "--task", "t", "--detach").json
    until((source.root / "begun").exists, "the worker")
    subprocess.run(["sh", "-c", script], cwd=source.root, check=True)
    after = source.git("for-each-ref", "refs/heads/main")
    source.write("done", "")
    run_ = source.await_end(run_["id"])
    assert run_["stop_reason"] == "ref_moved"
    assert "by whom is not known" in run_["detail"]
    assert source.git("for-each-ref", "refs/heads/main") == after


@pytest.mark.parametrize("there", ["HEAD", "HEAD~1"])
def test_what_the_user_committed_stays_where_a_worker_moves_the_branch_later(
    source: Place, there: str
) -> None:
    source.write(".git/info/exclude", "begun\ndone\n")
    source.script("t.md", f"{WAIT}; git update-ref refs/heads/main {there} $(git rev-parse main)")
    source.commit("Task")
    run_ = source.runr("--json", "run", "--task", "t", "--detach").json
    until((source.root / "begun").exists, "the worker")
    source.git("commit", "-q", "--allow-empty", "-m", "Mine")
    mine = source.git("rev-parse", "main")
    source.write("done", "")
    run_ = source.await_end(run_["id"])
    assert run_["stop_reason"] == "ref_moved"
    assert "by the worker, put back" in run_["detail"]
    assert source.git("rev-parse", "main") == mine


def test_a_worktree_that_another_run_is_making_is_not_the_workers(source: Place) -> None:
    making = source.root / ".git/worktrees/another"
    source.write(".git/worktrees/another/gitdir", f"{source.root}/.runr/worktrees/another/.git\n")
    source.write(".git/worktrees/another/commondir", "../..\n")
    source.write(".git/worktrees/another/HEAD", "0" * 40 + "\n")
    made = run(source, f"echo 2 > b; echo ref: refs/heads/runr/another > {making}/HEAD")
    assert made["status"] == "completed", made


def test_what_the_user_commits_onto_landed_work_is_not_the_workers(source: Place) -> None:
    source.write(".git/info/exclude", "begun*\ndone*\n")
    for name in "tu":
        wait = WAIT.replace("/begun", f"/begun-{name}-$RUNR_ATTEMPT").replace("/done", "/done-")
        source.script(f"{name}.md", f"echo 2 > {name}; {wait.replace('done-', 'done-' + name)}")
    source.commit("Tasks")
    first, second = (
        source.runr("--json", "run", "--task", name, "--detach").json["id"] for name in "tu"
    )
    for name in "tu":
        until((source.root / f"begun-{name}-1").exists, "the workers")
    # The branch is then moved in no working tree, and the log of no HEAD tells where to.
    source.runr("stop", first)
    source.git("switch", "-q", "other")
    source.runr("resume", first, "--detach")
    until((source.root / "begun-t-2").exists, "the worker")
    source.write("done-u")
    assert source.await_end(second)["status"] == "completed"
    source.git("switch", "-q", "main")
    source.commit("Mine")
    source.write("done-t")
    ended = source.await_end(first)
    assert ended["status"] == "completed", ended


def test_what_another_run_lands_meanwhile_is_not_the_workers(source: Place) -> None:
    source.write(".git/info/exclude", "begun\ndone\n")
    source.script("t.md", f"echo 2 > b; {WAIT}")
    source.script("u.md", "echo 2 > c")
    source.commit("Tasks")
    source.git("switch", "-q", "other")
    source.git("merge", "-q", "--ff-only", "main")
    run_ = source.runr("--json", "run", "--task", "t", "--detach").json
    until((source.root / "begun").exists, "the worker")
    assert source.runr("run", "--task", "u").code == 0
    source.write("done", "")
    assert source.await_end(run_["id"])["status"] == "completed"


def test_a_worker_whose_tree_lost_its_git_reaches_no_other_repository(source: Place) -> None:
    source.write("a", "mine, and not committed\n")
    source.script("t.md", "rm .git; git add -A && git commit -q -a -m theirs")
    source.git("add", ".runr")
    source.git("commit", "-q", "-m", "Task")
    before = refs(source)
    source.runr("run", "--task", "t")
    assert source.status("t.md")["stop_reason"] == "worker_failed"
    assert refs(source) == before
    assert source.git("diff", "--cached", "--name-only") == ""
    assert source.read("a") == "mine, and not committed\n"
