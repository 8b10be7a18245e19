"""`runr land`: verified work that waits gets into its branch, through the queue and the checks."""

import os

import pytest

from cli.terminal import Place


def blocked(place: Place, *names: str) -> None:
    """Let runs end with work that the user's own changes keep from landing."""
    for name in names:
        place.write(f"{name}.txt", "0\n")
        place.script(f"{name}.md", f"echo run > {name}.txt", "verify: ['test -d .']")
    place.task("after.md", f"depends_on: [{', '.join(names)}]")
    place.commit("Tasks")
    for name in names:
        place.write(f"{name}.txt", "mine\n")
        place.runr("run", name, code=11)


def test_blocked_work_is_on_no_branch_but_its_own_until_it_lands(place: Place) -> None:
    blocked(place, "a")
    assert place.read("a.txt") == "mine\n"
    assert place.status("a.md")["status"] == "stopped"
    assert "a.md" in place.runr("run", "after", code=3).err
    refused = place.runr("land", "a", code=11)
    assert "it would overwrite uncommitted changes: a.txt" in refused.out
    assert place.read("a.txt") == "mine\n"
    place.git("checkout", "-q", "a.txt")
    place.runr("land", "a", code=0)
    assert place.read("a.txt") == "run\n"
    assert place.git("status", "--porcelain") == ""
    assert place.status("a.md")["evidence"] == "verified"
    assert place.branches() == ["main"]
    assert "nothing to land" in place.runr("land", "a", code=2).err


def test_a_task_whose_work_waits_is_attested_without_it_only_by_force(place: Place) -> None:
    blocked(place, "a")
    place.task("c.md", "depends_on: [a]")
    branch = place.status("a.md")["pending_branch"]
    attest = ("complete-task", "a", "--reason", "by hand", "--by", "Ada")
    refused = place.runr(*attest, code=3)
    assert f"verified work of a.md waits on {branch}" in refused.err
    assert refused.steps[0] == f"runr land {place.status('a.md')['last_run_id']}"
    assert place.status("a.md")["status"] != "completed"
    waits = place.runr("task-status", "c", "--json", code=0).json["task"]
    assert (waits["ready"], waits["blocked_by"]) == (False, [".runr/tasks/a.md"])
    said = place.runr(*attest, "--force", code=0)
    lacks = f"The work on {branch} has not landed and is no part of it"
    assert f"{lacks}; `git merge {branch}` makes it one." in said.out
    assert f"forced: work on {branch} has not landed" in place.runr("why", "a", code=0).out
    assert "forced" in place.runr("list-tasks", code=0).out
    gate = place.runr("verify", "a", code=1)
    assert f"completed by force, and verified work of it is only on {branch}" in gate.out
    assert f"next: git merge {branch}" in gate.out
    place.git("checkout", "-q", "a.txt")
    place.git("merge", "-q", branch)
    place.runr("verify", "a", code=0)


def test_a_task_whose_work_waits_is_not_ready_and_every_list_says_how_it_lands(
    place: Place,
) -> None:
    blocked(place, "a")
    land = f"runr land {place.status('a.md')['last_run_id']}"
    assert place.runr("list-tasks", "--ready", "--json", code=0).json["tasks"] == []
    assert "waits to land  (land_blocked)" in place.runr("list-tasks", code=0).out
    for words in (["status"], ["next"], ["upcoming"]):
        assert land in place.runr(*words, code=0).steps, words
    upcoming = place.runr("upcoming", "--json", code=0).json
    assert (upcoming["ready_paths"], upcoming["landing_paths"]) == ([], [".runr/tasks/a.md"])
    assert "Waiting to land: a.md" in place.runr("upcoming", code=0).out
    chosen = place.runr("next", "--json", code=0).json
    assert (chosen["task"], chosen["why"]) == (None, "verified work waits to land: a.md")
    left = place.runr("run", "--all-ready", "--json", code=1).json
    assert (left["runs"], left["stopped_paths"]) == ([], [".runr/tasks/a.md"])


def test_a_task_whose_work_was_merged_by_hand_is_attested_like_any_other(place: Place) -> None:
    blocked(place, "a")
    place.git("checkout", "-q", "a.txt")
    place.git("merge", "-q", place.status("a.md")["pending_branch"])
    attest = ("complete-task", "a", "--reason", "merged", "--by", "Ada")
    assert "has not landed" not in place.runr(*attest, code=0).out
    assert place.status("a.md")["evidence"] == "attested"


def test_all_that_waits_lands_in_the_order_in_which_it_came(place: Place) -> None:
    blocked(place, "b", "a")
    place.git("checkout", "-q", "a.txt")
    shown = place.runr("land", "--all", "--dry-run", "--json", code=11).json["landings"]
    assert [(each["task_path"][12:], each["outcome"]) for each in shown] == [
        ("b.md", "land_blocked"),
        ("a.md", "landed"),
    ]
    assert place.read("a.txt") == "0\n"
    place.git("checkout", "-q", ".")
    landed = place.runr("land", "--all", "--json", code=0).json["landings"]
    assert [each["task_path"][12:] for each in landed] == ["b.md", "a.md"]
    assert place.git("log", "-2", "--first-parent", "--format=%s").splitlines()[1] == "b"
    assert place.runr("land", "--all", code=0).out == "Nothing waits to land.\n"


def test_a_conflict_names_the_files_and_what_resolves_it_is_verified_and_lands(
    place: Place,
) -> None:
    shown = place.run_into_conflict()
    assert "both sides changed README.md" in shown.out
    assert place.read("README.md") == "ours\n"
    _, merge, land = shown.steps
    assert place.paste(merge).code == 1
    there = Place(place.root / ".runr" / "worktrees" / land.split()[-1], place.home)
    assert there.read("README.md").count("<<<<<<<") == 1
    there.write("README.md", "both\n")
    there.git("commit", "-q", "-am", "Both")
    checked = len(checks(place, land.split()[-1]))
    assert place.paste(land).code == 0
    assert len(checks(place, land.split()[-1])) == 2 * checked
    assert place.read("README.md") == "both\n"
    assert place.status("a.md")["status"] == "completed"


def test_a_merge_that_was_begun_leads_to_its_end(place: Place) -> None:
    _, merge, land = place.run_into_conflict().steps
    assert place.paste(merge).code == 1
    _, resolve, _ = place.runr("land", "a", code=11).steps
    assert resolve == f"{merge.partition(' merge ')[0]} status"
    there = Place(place.root / ".runr" / "worktrees" / land.split()[-1], place.home)
    there.write("README.md", "both\n")
    there.git("add", "README.md")
    _, commit, land = place.runr("land", "a", code=11).steps
    assert place.paste(commit).code == 0
    assert place.paste(land).code == 0
    assert place.read("README.md") == "both\n"


def test_the_work_of_a_branch_that_was_renamed_lands_on_what_is_checked_out(place: Place) -> None:
    blocked(place, "a")
    place.git("checkout", "-q", "a.txt")
    place.git("branch", "-m", "main", "trunk")
    step = next(step for step in place.runr("task-status", "a").steps if "land" in step)
    assert step.endswith(" --to trunk")
    assert place.paste(step).code == 0
    assert place.read("a.txt") == "run\n"


def test_what_waits_to_land_is_landed_and_not_resumed(place: Place) -> None:
    blocked(place, "a")
    place.script("n.md", "echo 1 > n.txt", "verify: ['test -f n.txt']")
    assert place.runr("run", "--all-ready").steps == ["runr land --all"]


def checks(place: Place, run_id: str) -> list[str]:
    return [event["type"] for event in place.events(run_id) if event["type"] == "check.started"]


def test_what_was_merged_by_hand_is_verified_where_it_is(place: Place) -> None:
    blocked(place, "a")
    place.git("checkout", "-q", "a.txt")
    run = place.status("a.md")["last_run_id"]
    place.commit("Other")
    place.git("merge", "-q", "--no-edit", f"runr/a-{run}")
    assert "was already on main" in place.runr("land", "a", code=0).out
    assert place.status("a.md")["status"] == "completed"


def test_work_lands_on_another_branch_where_its_own_is_gone(place: Place) -> None:
    place.git("switch", "-q", "-c", "feature")
    blocked(place, "a")
    place.git("checkout", "-q", "a.txt")
    place.git("switch", "-q", "-c", "renamed")
    place.git("branch", "-q", "-D", "feature")
    assert "the branch feature is gone" in place.runr("land", "a", code=11).out
    assert "landed on renamed" in place.runr("land", "a", "--to", "renamed", code=0).out
    assert place.read("a.txt") == "run\n"


def delete_own_branch(place: Place) -> None:
    """Delete the branch and the worktree of a run whose work waits."""
    blocked(place, "a")
    run = place.status("a.md")["last_run_id"]
    place.git("checkout", "-q", "a.txt")
    place.git("worktree", "remove", "--force", f".runr/worktrees/{run}")
    place.git("branch", "-q", "-D", f"runr/a-{run}")


def test_work_lands_after_its_branch_and_its_worktree_were_deleted(place: Place) -> None:
    delete_own_branch(place)
    place.runr("land", "a", code=0)
    assert place.read("a.txt") == "run\n"
    assert place.branches() == ["main"]


def prune(place: Place) -> None:
    place.git("reflog", "expire", "--expire=now", "--all")
    place.git("gc", "-q", "--prune=now")


def test_work_whose_commit_is_gone_is_not_completed_by_a_branch_without_it(place: Place) -> None:
    delete_own_branch(place)
    place.git("branch", f"runr/a-{place.status('a.md')['last_run_id']}", "main")
    prune(place)
    assert "is not in this repository" in place.runr("land", "a", code=11).out
    assert place.status("a.md")["status"] == "stopped"


def test_work_whose_commit_is_gone_with_its_branch_is_not_completed(place: Place) -> None:
    delete_own_branch(place)
    prune(place)
    refused = place.runr("land", "a", code=1)
    assert "and so is its commit" in refused.err
    assert refused.steps == ["runr run --task a.md"]
    assert place.status("a.md")["status"] == "stopped"
    assert place.paste(refused.steps[0]).code == 0
    assert place.read("a.txt") == "run\n"


def merge_by_hand(place: Place, *files: str) -> None:
    """Let a run change a.txt and b.txt, and merge it without its changes to these files."""
    place.write("a.txt", "0\n")
    place.script("a.md", "echo run > a.txt; echo run > b.txt", "verify: ['test -d .']")
    place.commit("Task")
    place.write("a.txt", "mine\n")
    place.runr("run", "a", code=11)
    place.commit("Mine")
    run = place.status("a.md")["last_run_id"]
    place.git("merge", "-q", "-s", "ours", "--no-commit", f"runr/a-{run}")
    for file in {"a.txt", "b.txt"}.difference(files):
        place.git("checkout", "-q", f"runr/a-{run}", "--", file)
    place.git("commit", "-q", "-m", "Merge by hand")


def test_work_that_a_merge_left_out_has_not_landed(place: Place) -> None:
    merge_by_hand(place, "a.txt", "b.txt")
    shown = place.runr("land", "a", "--dry-run", code=11).out
    stopped = place.runr("land", "a", code=11)
    said = stopped.out
    assert "+run" in place.paste(stopped.steps[1]).out
    assert shown.count("nothing of what the run changed is on main") == 1
    assert "nothing of what the run changed is on main: missing are its changes to a.txt" in said
    assert place.status("a.md")["status"] == "stopped"
    assert place.runr("verify", code=0).out.startswith("✓ 0 completions")
    run = place.status("a.md")["last_run_id"]
    place.git("cherry-pick", "-X", "theirs", f"runr/a-{run}")
    place.runr("land", "a", code=0)
    assert place.status("a.md")["evidence"] == "verified"


def test_files_that_a_merge_left_out_are_named(place: Place) -> None:
    merge_by_hand(place, "b.txt")
    assert "without its changes to b.txt" in place.runr("land", "a", code=0).out
    assert "without its changes to b.txt" in place.runr("report", "a").out


def merge_with_a_driver(place: Place, work: str) -> None:
    """Prepare a run that ends after another commit, with which a driver merges by keeping that."""
    place.git("config", "merge.ours.driver", "true")
    place.write(".gitattributes", "a.txt merge=ours\n")
    place.write("a.txt", "0\n")
    mine = "echo mine > a.txt; git commit -q -a -m Mine"
    user = f'(cd ../../.. && env -i PATH="$PATH" HOME="$HOME" sh -c "{mine}")'
    place.script("a.md", f"{work}; {user}", "verify: ['test -d .']")
    place.commit("Task")


def test_work_that_a_merge_driver_drops_has_not_landed(place: Place) -> None:
    merge_with_a_driver(place, "echo run > a.txt")
    for words in (["run", "--task", "a"], ["land", "a", "--dry-run"], ["land", "a"]):
        said = place.runr(*words, code=11).out
        assert "a merge driver in the settings of git keeps the other side" in said
        assert "missing are its changes to a.txt" in said
    assert place.git("log", "-1", "--format=%s") == "Mine\n"
    assert place.status("a.md")["status"] == "stopped"


def test_files_that_a_merge_driver_drops_are_named(place: Place) -> None:
    merge_with_a_driver(place, "echo run > a.txt; echo run > b.txt")
    left_out = "left out by the merge, so not on the branch: a.txt"
    assert left_out in place.runr("run", "--task", "a", code=0).out
    assert left_out in place.runr("task-status", "a").out
    assert (place.read("a.txt"), place.read("b.txt")) == ("mine\n", "run\n")


def in_the_workspace(place: Place, theirs: str) -> None:
    """Prepare a run with checks in the workspace, during whose work the user commits a file."""
    place.config('[run]\nworker = "script"\nattempts = 1\n[verify]\nwhere = "workspace"\n')
    place.write("check.sh", "test ! -e new || test ! -e old\n")
    mine = f"touch {theirs}; git add {theirs}; git commit -q -m Mine"
    user = f'(cd ../../.. && env -i PATH="$PATH" HOME="$HOME" sh -c "{mine}")'
    place.script("a.md", f"touch new; {user}", "verify: ['sh check.sh']")
    place.commit("Task")


def test_what_is_checked_in_the_workspace_is_checked_on_top_of_a_branch_that_has_moved(
    place: Place,
) -> None:
    in_the_workspace(place, "old")
    place.runr("run", "--task", "a", code=4)
    assert place.git("log", "-1", "--format=%s") == "Mine\n"
    assert place.status("a.md")["stop_reason"] == "fails_on_target"
    place.runr("land", "a", code=4)
    place.git("rm", "-q", "old")
    place.commit("Remove it")
    place.runr("land", "a", code=0)
    assert sorted(place.git("ls-files", "new", "old").split()) == ["new"]
    assert place.status("a.md")["evidence"] == "verified_in_workspace"
    assert place.git("for-each-ref", "refs/runr") == ""


def test_the_report_says_why_work_that_was_checked_in_the_workspace_was_moved(place: Place) -> None:
    in_the_workspace(place, "other")
    place.runr("run", "--task", "a", code=0)
    subjects = place.git("log", "--first-parent", "-2", "--format=%s").splitlines()
    assert subjects == ["a", "Mine"]
    assert "main has moved" in place.runr("report", "a").out


@pytest.mark.parametrize(("owns", "code"), [("src/", 0), ("src/new", 5)])
def test_what_a_formatter_changes_of_a_branch_that_has_moved_is_the_work_of_the_run(
    place: Place, owns: str, code: int
) -> None:
    checks = """tier1 = ["sed -i 's/  */ /' src/*", "! grep '  ' src/*"]\nwrites = ["src/*"]\n"""
    place.config(f'[run]\nworker = "script"\nattempts = 1\n[verify]\n{checks}')
    place.write("src/old", "1\n")
    mine = "echo 'a  b' > src/mine; git add src; git commit -q -m Mine"
    user = f'(cd ../../.. && env -i PATH="$PATH" HOME="$HOME" sh -c "{mine}")'
    place.script("a.md", f"echo 'c  d' > src/new; {user}", f"owns: ['{owns}']")
    place.commit("Task")
    said = place.runr("run", "--task", "a", code=code).out
    assert "of yours" not in said
    if code:
        assert "out of scope: src/mine" in said
        return
    assert (place.read("src/mine"), place.read("src/new")) == ("a b\n", "c d\n")
    assert place.status("a.md")["evidence"] == "verified"


def test_work_that_was_taken_off_its_own_branch_does_not_land(place: Place) -> None:
    blocked(place, "a")
    place.git("checkout", "-q", "a.txt")
    run = place.status("a.md")["last_run_id"]
    place.git("-C", f".runr/worktrees/{run}", "revert", "--no-edit", "HEAD")
    assert f"runr/a-{run} has nothing left" in place.runr("land", "a", code=11).out
    assert place.status("a.md")["status"] == "stopped"


def test_work_that_was_merged_and_changed_once_more_has_landed(place: Place) -> None:
    blocked(place, "a")
    place.git("checkout", "-q", "a.txt")
    run = place.status("a.md")["last_run_id"]
    place.git("merge", "-q", f"runr/a-{run}")
    place.write("a.txt", "later\n")
    place.commit("Later")
    assert "was already on main" in place.runr("land", "a", code=0).out


HIDDEN = {
    "ignored": ("echo conf > .git/info/exclude", "--ignored"),
    "assume-unchanged": ("git update-index --assume-unchanged conf", "ls-files"),
    "skip-worktree": ("git update-index --skip-worktree conf", "ls-files"),
    "untracked": ("git config status.showUntrackedFiles no", "--untracked-files=all"),
    "elsewhere": (
        "git switch -qc other && git worktree add -q ../there main && mv conf ../there/conf",
        "-C",
    ),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_the_command_that_is_offered_shows_the_file_in_the_way(place: Place, how: str) -> None:
    hide, word = HIDDEN[how]
    place.script("a.md", "echo run > conf", "verify: ['test -d .']")
    if word == "ls-files":
        place.write("conf", "0\n")
    place.commit("Task")
    place.write("conf", "mine\n")
    assert place.runr("run", "a", code=11).steps[1] == "git status"
    assert place.paste(hide).code == 0
    below = place.write("below/x").parent
    _, look, land = place.runr("land", "a", cwd=below, code=11).steps
    assert word in look.split()
    shown = place.paste(look, cwd=below)
    assert (shown.code, "conf" in shown.out) == (0, True)
    assert place.paste(land).code == 11


def test_a_change_of_the_user_that_only_its_inode_shows_is_not_overwritten(place: Place) -> None:
    file = place.write("f", "aaa\n")
    os.utime(file, (1_500_000_000, 1_500_000_000))
    place.script("a.md", "echo run > f", "verify: ['test -f f']")
    place.commit("Task")
    for name, value in (("trustctime", "false"), ("checkStat", "minimal")):
        place.git("config", f"core.{name}", value)
    # An index that is older than the file would have its content looked at.
    os.utime(place.root / ".git/index", (1_700_000_000, 1_700_000_000))
    # As rsync replaces a file.
    other = place.write("other", "bbb\n")
    os.utime(other, (1_500_000_000, 1_500_000_000))
    other.replace(file)
    for words in (["run", "a"], ["land", "a", "--dry-run"], ["land", "a"]):
        assert "it would overwrite uncommitted changes: f" in place.runr(*words, code=11).out
    assert place.read("f") == "bbb\n"
