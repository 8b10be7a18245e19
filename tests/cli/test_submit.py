"""`runr submit`: all of a run's commits reach a branch, or none does."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place

THREE = """\
for n in 1 2; do echo $n > step$n.txt; git add step$n.txt; git commit -qm "Step $n"; done
echo 3 > step3.txt
"""


def waiting(place: Place, script: str = THREE, header: str = "") -> Any:
    """Return a run whose verified commits wait on its own branch, beside a branch `release`."""
    place.script("a.md", script, header)
    place.commit("Tasks")
    place.git("branch", "release", "HEAD~1")
    place.git("checkout", "-q", "--detach")
    run = place.run("a", code=11)
    place.git("switch", "-q", "main")
    return run


def everything(place: Place) -> dict[str, str]:
    """Return every file of the repository, git's and runr's own included, and its modes."""
    found = {}
    for path in sorted(place.root.rglob("*")):
        if path.is_symlink():
            found[str(path)] = str(path.readlink())
        elif path.is_file():
            found[str(path)] = f"{path.stat().st_mode} {_digest(path)}"
        else:
            found[str(path)] = "folder"
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def subjects(place: Place, rev: str) -> list[str]:
    return place.git("log", "--reverse", "--format=%s", rev).splitlines()


def test_submit_merges_all_three_commits_and_not_only_the_last(place: Place) -> None:
    run = waiting(place)
    answer = place.runr("submit", run["id"], "--to", "main", "--json", code=0).json
    assert answer["strategy"] == "fast-forward"
    assert [line.split(" ", 1)[1] for line in answer["commits"]] == ["Step 1", "Step 2", "a"]
    assert subjects(place, "main") == ["Start", "Tasks", "Step 1", "Step 2", "a"]
    assert [place.read(f"step{n}.txt") for n in (1, 2, 3)] == ["1\n", "2\n", "3\n"]
    assert place.git("status", "--porcelain") == ""
    again = place.runr("submit", run["id"], "--to", "main", code=0).out
    assert "main already contains 3 commits of run" in again
    assert place.runr("task-status", "a", "--json").json["task"]["unmerged"] is False


def test_a_branch_that_moved_gets_one_merge_commit_that_names_the_run(place: Place) -> None:
    run = waiting(place)
    place.write("mine.txt", "1\n")
    place.commit("Mine")
    answer = place.runr("submit", run["id"], "--to", "main", "--json", code=0).json
    assert answer["strategy"] == "merge"
    assert f"Runr-Run-Id: {run['id']}\n" in place.git("log", "-1", "--format=%B")
    found = place.runr("audit", "--range", "main~1..main", "--json", code=0).json["counts"]
    # The merge, and the two commits that the worker made itself.
    assert (found["attributed"], found["checkpoint"]) == (3, 1)
    assert place.read("step3.txt") == "3\n"


def test_a_branch_without_the_start_of_the_run_gets_only_its_commits(place: Place) -> None:
    run = waiting(place)
    release = place.git("rev-parse", "release").strip()
    answer = place.runr("submit", run["id"], "--to", "release", "--json", code=0).json
    assert (answer["strategy"], answer["before_sha"]) == ("picked", release)
    assert answer["after_sha"] == place.git("rev-parse", "release").strip()
    assert subjects(place, "release") == ["Start", "Step 1", "Step 2", "a"]
    names = place.git("ls-tree", "-r", "--name-only", "release").split()
    assert {"step1.txt", "step2.txt", "step3.txt"} <= set(names)
    assert ".runr/tasks/a.md" not in names
    old, new = run["checkpoint_sha"], "release"
    form = "--format=%an %ae %ad %B"
    assert place.git("log", "-1", form, new) == place.git("log", "-1", form, old)
    assert place.runr("audit", "--range", "release", "--json").json["counts"]["checkpoint"] == 1
    again = place.runr("submit", run["id"], "--to", "release", "--json", code=0).json
    assert again["strategy"] == "already"
    place.git("switch", "-q", "release")
    place.script("a.md", THREE)
    assert place.runr("task-status", "a", "--json").json["task"]["unmerged"] is False


def test_work_that_is_in_main_already_can_be_submitted_to_another_branch(place: Place) -> None:
    place.script("a.md", THREE)
    place.commit("Tasks")
    place.git("branch", "release", "HEAD~1")
    run = place.run("a")
    assert place.branches() == ["main", "release"]
    answer = place.runr("submit", "latest", "--to", "release", "--json", code=0).json
    assert (answer["strategy"], len(answer["commits"])) == ("picked", 3)
    assert subjects(place, "release") == ["Start", "Step 1", "Step 2", "a"]
    assert place.runr("report", run["id"]).out.count("## Submitted") == 1


def test_a_run_in_place_is_found_by_its_trailers(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    place.git("branch", "release", "HEAD~1")
    run = place.run("a", "--in-place")
    place.write("b.txt", "1\n")
    place.commit("Mine")
    place.runr("submit", run["id"], "--to", "release", code=0)
    assert subjects(place, "release") == ["Start", "a"]


def test_commits_that_were_rebased_are_found_by_their_trailers(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    place.git("branch", "release", "HEAD~1")
    run = place.run("a", "--in-place")
    place.git("commit", "-q", "--amend", "-m", place.git("log", "-1", "--format=New %B"))
    place.git("reflog", "expire", "--expire=now", "--all")
    place.git("gc", "-q", "--prune=now")
    place.runr("submit", run["id"], "--to", "release", code=0)
    assert subjects(place, "release") == ["Start", "New a"]


@pytest.mark.parametrize(
    "how", ["fast-forward", "merge", "picked", "conflict", "in-the-way", "changed-here"]
)
def test_submit_dry_run_changes_nothing_and_destroys_no_uncommitted_edit(
    place: Place, how: str
) -> None:
    run = waiting(place, f"{THREE}echo theirs >> README.md" if how == "changed-here" else THREE)
    target = "release" if how == "picked" else "main"
    refused = ("conflict", "in-the-way", "changed-here")
    if how in ("merge", "conflict"):
        place.write("step1.txt" if how == "conflict" else "other.txt", "mine\n")
        place.commit("Mine")
    if how == "in-the-way":
        place.write("step2.txt", "not committed\n")
    place.write("README.md", "half a sentence")
    place.write("staged.txt", "staged\n")
    place.git("add", "staged.txt")
    place.write("staged.txt", "and changed\n")
    place.write("untracked.txt", "mine\n")
    before = everything(place)
    words = ("submit", run["id"], "--to", target)
    tried = place.runr(*words, "--dry-run", "--json")
    assert everything(place) == before
    done = place.runr(*words, "--json")
    assert done.code == tried.code == (1 if how in refused else 0)
    if tried.code == 0:
        same = {"dry_run": True, "after_sha": None, "next_steps": tried.json["next_steps"]}
        assert tried.json == done.json | same
        assert place.read("README.md") == "half a sentence"
        assert place.read("staged.txt") == "and changed\n"
        assert place.git("show", ":staged.txt") == "staged\n"
    else:
        assert place.git("rev-parse", "main") == place.git("rev-parse", "HEAD")


def test_the_dry_runs_next_command_does_it(place: Place) -> None:
    run = waiting(place)
    tried = place.runr("submit", run["id"], "--to", "main", "--dry-run", code=0)
    assert "would be merged into main (fast-forward)" in tried.out
    assert place.paste(tried.steps[-1]).code == 0
    assert place.read("step3.txt") == "3\n"


@pytest.mark.parametrize("target", ["main", "release"])
def test_a_conflict_changes_nothing_and_names_the_files_and_three_commands(
    place: Place, target: str
) -> None:
    run = waiting(place)
    place.git("switch", "-q", target)
    place.write("step2.txt", "mine\n")
    place.git("add", "step2.txt")
    place.git("commit", "-q", "-m", "Mine")
    place.write("README.md", "not committed\n")
    before, head = place.snapshot(), place.git("rev-parse", target)
    refused = place.runr("submit", run["id"], "--to", target, code=1)
    assert f"nothing was merged into {target}: both sides changed step2.txt" in refused.err
    assert (place.snapshot(), place.git("rev-parse", target)) == (before, head)
    assert len(refused.steps) == 3
    for command in refused.steps[:2]:
        assert place.paste(command).code == 0, command
    by_hand = place.paste(refused.steps[2])
    assert "CONFLICT (add/add): Merge conflict in step2.txt" in by_hand.out
    error = place.runr("submit", run["id"], "--to", target, "--json", code=1).json["error"]
    assert error["code"] in ("conflict", "failed")


def test_the_users_own_change_in_the_way_is_not_touched(place: Place) -> None:
    run = waiting(place)
    place.write("step2.txt", "mine\n")
    refused = place.runr("submit", run["id"], "--to", "main", code=1)
    assert "would overwrite uncommitted changes: step2.txt" in refused.err
    assert len(refused.steps) == 3
    assert place.read("step2.txt") == "mine\n"
    assert not (place.root / "step1.txt").exists()
    for command in refused.steps[:2]:
        assert place.paste(command).code == 0, command
    (place.root / "step2.txt").unlink()
    assert place.paste(refused.steps[2]).code == 0


def test_a_branch_that_is_checked_out_elsewhere_is_left_to_its_owner(
    place: Place, tmp_path: Path
) -> None:
    run = waiting(place)
    place.git("worktree", "add", "-q", str(tmp_path / "there"), "release")
    refused = place.runr("submit", run["id"], "--to", "release", code=1)
    assert f"release is checked out in {tmp_path / 'there'}" in refused.err
    assert subjects(place, "release") == ["Start"]


@pytest.mark.parametrize("dry", [False, True])
def test_unverified_work_is_refused_unless_forced_and_the_force_is_recorded(
    place: Place, dry: bool
) -> None:
    place.script(
        "a.md",
        "echo 1 > a.txt; git add a.txt; git commit -qm mine --allow-empty",
        'verify: ["false"]',
    )
    place.commit("Tasks")
    run = place.run("a", code=4)
    words = ("submit", run["id"], "--to", "main", *(["--dry-run"] if dry else []))
    refused = place.runr(*words, code=4)
    assert "is not verified: checks still fail" in refused.err
    assert not (place.root / "a.txt").exists()
    assert place.paste(refused.steps[-1]).code == 0
    assert place.read("a.txt") == "1\n"
    done = place.events(run["id"])[-1]
    assert (done["type"], done["payload"]["by"]) == ("submit.finished", "Ada Example")
    assert done["payload"]["override_reason"] == "checks still fail after the last attempt"
    assert place.status("a.md")["status"] == "stopped"


def test_work_that_waits_for_a_person_is_not_submitted(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt", "type: hybrid")
    place.commit("Tasks")
    run = place.run("a", code=9)
    refused = place.runr("submit", run["id"], "--to", "main", code=9)
    assert "waits for a person" in refused.err
    assert place.paste(refused.steps[-1]).code == 0
    assert place.read("a.txt") == "1\n"


def test_commits_that_came_after_the_checkpoint_are_unverified(place: Place) -> None:
    run = waiting(place)
    there = Place(place.root / ".runr" / "worktrees" / run["id"], place.home)
    there.write("late.txt", "1\n")
    there.commit("Late")
    refused = place.runr("submit", run["id"], "--to", "main", code=4)
    assert "commits that came after its checkpoint" in refused.err
    place.runr("submit", run["id"], "--to", "main", "--force", code=0)
    assert place.read("late.txt") == "1\n"


def test_a_run_without_a_commit_has_nothing_to_submit(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt; exit 1")
    run = place.run("a", code=1)
    refused = place.runr("submit", run["id"], "--to", "main", "--force", code=2)
    assert "has no commit" in refused.err


def test_an_unknown_branch_gets_the_near_match(place: Place) -> None:
    run = waiting(place)
    refused = place.runr("submit", run["id"], "--to", "relase", code=2)
    assert "did you mean 'release'?" in refused.err
    assert "no branch '-x'" in place.runr("submit", run["id"], "--to=-x", code=2).err
    assert "no run 'nothing'" in place.runr("submit", "nothing", "--to", "main", code=2).err


def test_an_active_run_is_not_submitted(place: Place) -> None:
    place.script("a.md", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    started = place.runr("run", "--task", "a", "--detach", "--json", code=0).json["id"]
    place.await_phase(started, "work")
    refused = place.runr("submit", started, "--to", "main", code=1)
    assert place.paste(refused.steps[1]).code == 0


def test_a_run_does_not_submit_runs(place: Place) -> None:
    run = waiting(place)
    place.script("b.md", f"runr submit {run['id']} --to main || echo $? > code.txt")
    place.commit("More")
    place.run("b")
    assert place.read("code.txt") == "2\n"
    assert not (place.root / "step3.txt").exists()
