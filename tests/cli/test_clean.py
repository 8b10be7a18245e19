"""`runr clean`: leftovers are removed, and the only copy of work is kept."""

import shutil
from typing import Any

import pytest

from cli.terminal import Place

ONLY_THERE = "it is only there: --force {} removes it"
RESUMABLE = "the run is active, or can be resumed"


def waiting(place: Place, name: str = "a") -> Any:
    """Return a run whose verified commit waits on its own branch."""
    place.script(f"{name}.md", f"echo 1 > {name}.txt")
    place.commit("Tasks")
    place.git("checkout", "-q", "--detach")
    run = place.run(name, code=11)
    place.git("switch", "-q", "main")
    return run


def named(run: Any) -> str:
    """Return how the leftovers of a waiting run are named."""
    tip = run["checkpoint_sha"][:12]
    return f"worktree of run {run['id']}, branch {run['branch']} (at {tip})"


def stopped(place: Place, script: str, name: str = "a") -> Any:
    place.script(f"{name}.md", script)
    place.commit("Tasks")
    return place.run(name, code=1)


def clean(place: Place, *words: str) -> Any:
    return place.runr("clean", *words, "--json", code=0).json


def worktree(place: Place, run: dict[str, str]) -> bool:
    return place.root.joinpath(".runr/worktrees", run["id"]).exists()


def ours(place: Place) -> list[str]:
    return [name for name in place.branches() if name.startswith("runr/")]


def test_a_branch_that_was_merged_is_removed_and_its_commit_named(place: Place) -> None:
    run = waiting(place)
    place.git("merge", "-q", run["branch"])
    answer = clean(place)
    assert answer["removed"] == [named(run)]
    assert (answer["kept"], ours(place)) == ([], [])
    assert place.runr("clean", code=0).out == "Nothing to clean up.\n"


def test_the_lock_of_a_killed_git_keeps_no_branch(place: Place) -> None:
    run = waiting(place)
    place.git("merge", "-q", run["branch"])
    lock = place.write(f".git/refs/heads/{run['branch']}.lock")
    assert clean(place)["removed"] == [named(run)]
    assert ours(place) == []
    assert not lock.exists()


@pytest.mark.parametrize("how", ["submit", "cherry-pick"])
def test_a_branch_whose_changes_were_merged_as_other_commits_is_removed(
    place: Place, how: str
) -> None:
    run = waiting(place)
    place.git("branch", "release", "main~1")
    if how == "submit":
        assert "picked" in place.runr("submit", run["id"], "--to", "release", code=0).out
    else:
        place.write("mine.txt", "1\n")
        place.commit("Mine")
        place.git("cherry-pick", run["checkpoint_sha"])
    assert len(clean(place)["removed"]) == 1
    assert ours(place) == []


def test_unmerged_work_is_kept_with_a_reason_until_its_run_is_named(place: Place) -> None:
    run = waiting(place)
    answer = clean(place, "--runs", "--older-than", "0s")
    assert answer["removed"] == []
    what = named(run)
    assert {"what": what, "why": "no other branch has 1 commit of it"} in answer["kept"]
    shown = place.runr("clean", code=0).out
    assert f"kept:\n  {what}: no other branch has 1 commit of it" in shown
    assert clean(place, "--force", run["id"])["removed"] == [what]
    assert ours(place) == []


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 1 > new.txt; exit 1", "its worktree has 1 change in no commit"),
        ("echo 1 > new.txt; git add .; git commit -qm x; exit 1", "no other branch has 1 commit"),
        (
            "git checkout -q --detach; echo 1 > a; git add .; git commit -qm x; exit 1",
            # runr puts HEAD back to the branch, with the files as they are.
            "its worktree has 1 change in no commit",
        ),
    ],
    ids=["uncommitted", "committed", "detached"],
)
def test_what_a_stopped_run_left_is_kept(place: Place, script: str, why: str) -> None:
    run = stopped(place, script)
    (kept,) = clean(place)["kept"]
    assert why in kept["why"]
    assert run["id"] in kept["what"]
    assert worktree(place, run)
    clean(place, "--force", run["id"])
    assert (worktree(place, run), ours(place)) == (False, [])
    assert place.git("worktree", "list").count("\n") == 1


def test_ignored_files_of_a_stopped_run_are_kept_and_named(place: Place) -> None:
    place.write(".gitignore", "lib/\n__pycache__/\n")
    left = "mkdir -p lib __pycache__; echo 1 > lib/a.py; echo 2 > __pycache__/a.pyc"
    run = stopped(place, f"{left}; exit 7")
    (kept,) = clean(place)["kept"]
    assert kept["why"] == "its worktree has ignored files, which are in no commit: lib/a.py"
    assert worktree(place, run)
    clean(place, "--force", run["id"])
    assert not worktree(place, run)


def test_the_work_of_superseded_runs_is_kept_in_a_commit(place: Place) -> None:
    script = "echo $RUNR_RUN_ID > a.txt; echo 2 > b.txt"
    first = stopped(place, f"{script}; git add b.txt; git commit -qm b; exit 1")
    second = place.run("a", code=1)
    assert clean(place)["removed"] == []
    preview = place.runr("clean", "--superseded", "--dry-run", "--json", code=0).json
    assert preview["next_steps"] == ["runr clean --superseded"]
    assert worktree(place, first)
    ref = f"refs/runr/{first['id']}/superseded"
    answer = clean(place, "--superseded")
    assert answer["removed"] == preview["removed"]
    assert answer["removed"][0].endswith(f", its work kept as {ref}")
    # The latest run of the task can still be resumed.
    assert (worktree(place, first), worktree(place, second)) == (False, True)
    assert place.git("show", f"{ref}:a.txt").strip() == first["id"]
    assert place.git("show", f"{ref}:b.txt") == "2\n"
    assert {"what": f"work of run {first['id']}", "why": ONLY_THERE.format(first["id"])} in clean(
        place, "--superseded", "--older-than", "0s"
    )["kept"]
    clean(place, "--force", first["id"])
    assert place.git("for-each-ref", ref) == ""


def test_what_no_commit_can_hold_of_a_superseded_run_stays(place: Place) -> None:
    inner = "git init -q in; git -C in commit -q --allow-empty -m x; exit 1"
    run = stopped(place, inner)
    place.run("a", code=1)
    assert clean(place, "--superseded")["removed"] == []
    assert worktree(place, run)


def test_a_stopped_run_that_changed_nothing_is_removed_and_can_be_resumed(place: Place) -> None:
    run = stopped(place, "test -e ../../../go; echo 1 > a.txt")
    assert len(clean(place)["removed"]) == 1
    assert (worktree(place, run), ours(place)) == (False, [])
    place.write("go")
    assert place.runr("resume", run["id"], "--json", code=0).json["status"] == "completed"


def test_a_worktree_that_a_user_deleted_is_no_reason_to_keep_its_branch(place: Place) -> None:
    run = stopped(place, "exit 1")
    shutil.rmtree(place.root / ".runr/worktrees" / run["id"])
    assert len(clean(place)["removed"]) == 1
    assert ours(place) == []
    assert place.git("worktree", "list").count("\n") == 1


def test_a_damaged_worktree_is_kept(place: Place) -> None:
    run = stopped(place, "echo 1 > new.txt; exit 1")
    (place.root / ".runr/worktrees" / run["id"] / ".git").unlink()
    (kept,) = clean(place)["kept"]
    assert "damaged" in kept["why"]
    assert worktree(place, run)


def test_a_dry_run_says_the_same_and_removes_nothing(place: Place) -> None:
    run = waiting(place)
    place.git("merge", "-q", run["branch"])
    left = stopped(place, "echo 1 > new.txt; exit 1", "b")
    words = ("--runs", "--older-than", "0s")
    tried = clean(place, *words, "--dry-run")
    assert ours(place) == sorted([run["branch"], left["branch"]])
    assert place.run_folder(run["id"]).exists()
    done = clean(place, *words)
    assert tried == done | {"dry_run": True, "next_steps": ["runr clean --older-than 0s --runs"]}
    assert done["removed"]
    assert done["kept"]


def test_an_active_run_is_kept_even_when_named(place: Place) -> None:
    place.script("a.md", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    started = place.runr("run", "--task", "a", "--detach", "--json", code=0).json["id"]
    place.await_phase(started, "work")
    (kept,) = clean(place, "--force", started)["kept"]
    assert "is active" in kept["why"]
    place.runr("stop", started, code=0)


def test_old_records_are_removed_unless_the_status_file_refers_to_them(place: Place) -> None:
    place.script("a.md", "echo $RUNR_RUN_ID > a.txt")
    place.commit("Tasks")
    first, second = place.run("a"), place.run("a", "--force")
    young = clean(place, "--runs")
    assert young["removed"] == []
    assert {"what": "1 run record", "why": "younger than 14d"} in young["kept"]
    answer = clean(place, "--runs", "--older-than", "0s")
    assert answer["removed"] == [f"record of run {first['id']} (a.md: completed and verified)"]
    assert {"what": "1 run record", "why": "the status file refers to them"} in answer["kept"]
    assert not place.run_folder(first["id"]).exists()
    assert [run["id"] for run in place.runr("runs", "--json").json["runs"]] == [second["id"]]
    place.runr("rebuild", code=0)
    assert place.status("a.md")["evidence"] == "verified"


def test_the_record_of_unsubmitted_work_stays_with_it(place: Place) -> None:
    run = waiting(place)
    place.git("checkout", "-q", "--detach")
    place.run("a", "--force", code=11)
    place.git("switch", "-q", "main")
    assert clean(place, "--runs", "--older-than", "0s")["removed"] == []
    assert place.run_folder(run["id"]).exists()


def test_younger_leftovers_are_kept_where_an_age_is_given(place: Place) -> None:
    run = stopped(place, "exit 1")
    (kept,) = clean(place, "--older-than", "2d")["kept"]
    assert kept["why"] == "the run ended less than 2d ago"
    assert worktree(place, run)
    refused = place.runr("clean", "--older-than", "soon", code=2)
    assert "is not a duration" in refused.err


def test_leftovers_without_a_run_record_are_kept_and_reported(place: Place) -> None:
    place.git("branch", "runr/mine")
    place.write(".runr/worktrees/other/file.txt", "mine\n")
    kept = clean(place, "--runs", "--older-than", "0s")["kept"]
    assert [row["why"] for row in kept] == ["no run on record names it"] * 2
    assert "branch runr/mine" in kept[0]["what"]


def test_a_branch_that_is_checked_out_is_kept(place: Place) -> None:
    run = waiting(place)
    place.git("branch", "safe", run["branch"])
    place.git("worktree", "remove", f".runr/worktrees/{run['id']}")
    place.git("switch", "-q", run["branch"])
    (kept,) = clean(place)["kept"]
    assert "checked out" in kept["why"]
    assert ours(place) == [run["branch"]]


def test_an_earlier_commit_goes_once_its_run_can_never_complete(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt", "verify: ['grep -q 2 a.txt']")
    place.commit("Task")
    run = place.run("a", code=4)["id"]
    # As a further attempt on top of the branch leaves it.
    place.git("update-ref", f"refs/runr/{run}/1", "HEAD")
    kept = place.runr("clean", "--older-than", "0s", "--json", code=0).json["kept"]
    assert {"what": f"earlier commit of run {run}", "why": RESUMABLE} in kept
    place.script("a.md", "echo 2 > a.txt", "verify: ['grep -q 2 a.txt']")
    place.commit("Right")
    place.run("a")
    assert "earlier commit" not in " ".join(place.runr("clean", "--json").json["removed"])
    shown = place.runr("clean", "--older-than", "0s", "--dry-run", "--json", code=0).json["removed"]
    assert shown == place.runr("clean", "--older-than", "0s", "--json", code=0).json["removed"]
    assert f"earlier commit of run {run}" in shown
    assert place.git("for-each-ref", "refs/runr") == ""
