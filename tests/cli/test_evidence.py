"""Verified is said of a commit: whatever a worker or a check does, a fresh clone passes too."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place
from fakes.project_kit import until
from fakes.required import require
from runr.execution.reserved_checkout import can_mount

CONFIG = '[run]\nworker = "script"\nattempts = 1\n'
GOOD = "grep -q good src/a"


@pytest.fixture
def mounts() -> None:
    """Require that a checkout can be mounted over a path."""
    require(can_mount(), "no checkout can be mounted over a path here")


@pytest.fixture
def source(place: Place) -> Place:
    """Return a repository with a source file, and a check that is a file of its own."""
    place.config(CONFIG)
    place.write("src/a", "1\n")
    place.write("check.sh", f"{GOOD}\n")
    place.commit("Files")
    return place


def run(place: Place, script: str, check: str, *words: str, header: str = "") -> Any:
    """Run a task whose worker runs the script, and return the run however it ends."""
    place.script("t.md", script, header=f"{header}\nverify: ['{check}']".strip())
    place.commit("Task")
    place.runr("run", "--task", "t", *words)
    return place.runr("task-status", "t", "--json").json["run"]


def stopped(place: Place, run: Any, code: str) -> str:
    """Assert that nothing has landed, and return the output of the check that failed."""
    assert run["stop_reason"] == code, run
    assert place.git("log", "-1", "--format=%s") == "Task\n"
    return "".join(check["tail"] for check in run["checks"])


def passes_in_a_clone(place: Place, check: str) -> bool:
    return subprocess.run(["sh", "-c", check], cwd=place.clone().root, check=False).returncode == 0


def worktree(place: Place, run: Any) -> Path:
    return place.root / ".runr" / "worktrees" / str(run["id"])


def test_a_source_file_that_git_ignores_is_named_and_kept(source: Place) -> None:
    source.config(CONFIG.replace("1", "2"))
    source.write(".gitignore", "lib/\n")
    run_ = run(source, "mkdir -p lib; echo HI > lib/greet; echo used > src/a", "cat lib/greet")
    tail = stopped(source, run_, "verification_failed")
    assert "passes in the workspace and fails in a clean checkout" in tail
    assert "git ignores: lib/greet" in tail
    assert "git add -f" in tail
    assert (worktree(source, run_) / "lib" / "greet").exists()
    assert "git ignores: lib/greet" in (source.run_folder(run_["id"]) / "prompt-2.md").read_text()


def test_an_ignored_file_lands_after_it_is_added_by_force(source: Place) -> None:
    source.write(".gitignore", "lib/\n")
    script = "mkdir lib; echo HI > lib/greet; git add -f lib/greet"
    assert run(source, script, "cat lib/greet")["status"] == "completed"
    assert passes_in_a_clone(source, "cat lib/greet")


def test_an_ignored_file_beside_verified_work_is_named_in_the_report(source: Place) -> None:
    source.write(".gitignore", "lib/\n")
    run_ = run(source, "mkdir lib; echo HI > lib/greet; echo good > src/a", GOOD)
    assert run_["status"] == "completed"
    assert "lib/greet" in source.runr("report", "latest").out
    assert "lib/greet" in source.runr("task-status", "t").out


HIDDEN = {
    "nested-gitignore": "mkdir more; echo '*' > more/.gitignore; touch more/override",
    "info-exclude": 'echo more >> "$(git rev-parse --git-common-dir)/info/exclude"; '
    "mkdir more; touch more/override",
}


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
def test_a_file_that_the_worker_lets_git_ignore_does_not_decide_a_check(
    source: Place, hide: str
) -> None:
    check = f"test -f more/override || {GOOD}"
    run_ = run(source, f"echo bad > src/a; {hide}", check)
    assert "more/override" in stopped(source, run_, "verification_failed")


FLAGS = {
    "skip-worktree": "git update-index --skip-worktree check.sh; echo true > check.sh",
    "assume-unchanged": "git update-index --assume-unchanged check.sh; echo true > check.sh",
    "filter": "d=$(git rev-parse --git-common-dir)/info; "
    'echo "check.sh filter=old" >> $d/attributes; echo true > check.sh; '
    'git config filter.old.clean "git cat-file blob HEAD:check.sh"',
    "times": "git config core.trustctime false; touch -r check.sh ../ref; "
    "printf '%-*s\\n' $(($(wc -c < check.sh) - 1)) true > ../new; cat ../new > check.sh; "
    "touch -r ../ref check.sh; git status",
    "replace": 'b=$(git rev-parse "HEAD^{tree}"); echo true > check.sh; '
    "git add -A; git replace -f $b $(git write-tree)",
}


@pytest.mark.parametrize("hide", FLAGS.values(), ids=FLAGS)
def test_no_setting_of_git_hides_a_changed_check(source: Place, hide: str) -> None:
    run_ = run(source, f"echo bad > src/a\n{hide}", "sh check.sh", header="owns: [src/]")
    stopped(source, run_, "scope_violation")
    assert run_["violations"] == ["check.sh"]


def test_a_check_below_runrs_own_folder_is_the_committed_one(source: Place) -> None:
    check = source.write(".runr/checks/check.sh", f"{GOOD}\n")
    source.git("add", "-f", str(check))
    run_ = run(source, "echo bad > src/a; echo true > .runr/checks/check.sh", f"sh {check.name}")
    stopped(source, run_, "verification_failed")
    run_ = run(source, "echo good > src/a", "sh .runr/checks/check.sh")
    assert run_["status"] == "completed"


def test_what_a_check_changes_reaches_no_commit_and_no_other_check(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\ntier1 = ["echo bad > src/a; touch left", "{GOOD}"]\n')
    run_ = run(source, "echo good > src/a", "test ! -e left")
    assert run_["status"] == "completed"
    assert source.read("src/a") == "good\n"
    assert "dropped its changes to src/a" in source.runr("report", "latest").out


def test_what_a_check_changes_reaches_no_further_run_of_it(source: Place) -> None:
    check = "grep -q more src/a || { echo more >> src/a; exit 1; }"
    source.config(f'{CONFIG}[verify]\nretries = 1\ntier1 = ["test -d .", "{check}"]\n')
    run_ = run(source, "echo good > src/a", GOOD)
    assert [check["run_count"] for check in run_["checks"]] == [1, 2, 0], run_
    assert run_["stop_reason"] == "verification_failed"


BETWEEN = {
    "commit": "echo good > src/a; git -c user.name=C -c user.email=c@c commit -qam C",
    "settings": "git config filter.f.smudge 'sed s/bad/good/'; "
    "echo '* filter=f' > .git/info/attributes; echo more >> src/a",
    "assumed": "git update-index --assume-unchanged src/a; echo good > src/a",
    "objects": "cp -f $(git rev-parse --git-path objects)/$(echo good | git hash-object -w --stdin "
    "| sed 's|..|&/|') o; o=$(git rev-parse HEAD:src/a | sed 's|..|&/|'); "
    "d=$(git rev-parse --git-path objects)/$o; mkdir -p ${d%/*}; mv -f o $d; rm src/a",
    "no-git": "echo good > src/a; rm -rf .git || true",
    "times": "touch -r src/a .git/t; echo good > src/a; touch -r .git/t src/a; "
    "git config core.trustctime false; git config core.checkStat minimal",
}


@pytest.mark.parametrize("change", BETWEEN.values(), ids=BETWEEN)
def test_what_a_check_does_with_git_reaches_no_other_check(source: Place, change: str) -> None:
    source.write("first.sh", f"{change}\n")
    source.config(f'{CONFIG}[verify]\ntier1 = ["sh first.sh"]\n')
    run_ = run(source, "echo bad > src/a", GOOD)
    assert [check["passed"] for check in run_["checks"]] == [True, False], run_
    assert "dropped its changes to src/a" in source.runr("report", "latest").out


def test_what_a_check_is_declared_to_write_is_checked_and_committed(source: Place) -> None:
    lines = '[verify]\nwrites = ["src/*"]\ntier1 = ["tr a-z A-Z < src/a > b; cp b src/a; rm b"]\n'
    source.config(CONFIG + lines)
    run_ = run(source, "echo good > src/a", "grep -q GOOD src/a")
    assert run_["status"] == "completed", run_
    assert source.read("src/a") == "GOOD\n"
    assert passes_in_a_clone(source, "grep -q GOOD src/a")


def test_a_file_that_a_check_is_declared_to_write_can_be_a_new_one(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\nwrites = ["made/*"]\n')
    run_ = run(source, "echo good > src/a", "mkdir -p made && cp src/a made/a")
    assert run_["status"] == "completed", run_
    assert source.read("made/a") == "good\n"
    assert passes_in_a_clone(source, "cmp src/a made/a")


def test_a_file_that_git_ignores_by_a_setting_of_the_worker_is_in_the_commit(
    source: Place, tmp_path: Path
) -> None:
    excludes = tmp_path / "excludes"
    script = f"echo y > {excludes}; git config core.excludesFile {excludes}; mkdir d; touch y d/y"
    run_ = run(source, script, "test -f y && test -f d/y")
    assert run_["status"] == "completed", run_
    assert source.git("ls-tree", "-r", "--name-only", "HEAD", "y", "d/y").split() == ["d/y", "y"]
    for words in (("report", "latest"), ("task-status", "t")):
        assert "git ignores" not in source.runr(*words).out


def test_a_link_that_a_check_is_declared_to_write_is_committed(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\nwrites = ["made/*"]\n')
    run_ = run(source, "echo good > src/a", "mkdir -p made && ln -sfn ../src/a made/a")
    assert run_["status"] == "completed", run_
    assert source.git("ls-tree", "HEAD", "made/a").startswith("120000 ")
    # In the place of a link, a file is written, and not what the link leads to.
    run_ = run(source, "echo better > src/a", "rm made/a; cp src/a made/a", "--force")
    assert run_["status"] == "completed", run_
    assert passes_in_a_clone(source, "cmp src/a made/a && test ! -L made/a")


@pytest.mark.parametrize("made", ["git init -q {0}", "git init -q {0} && {1} commit -qm x"])
@pytest.mark.parametrize("at", ["scratch", "made/scratch"])
def test_a_repository_that_a_check_makes_is_no_change_of_a_declared_file(
    source: Place, made: str, at: str
) -> None:
    source.config(f'{CONFIG}[verify]\nwrites = ["made/"]\n')
    commit = f"git -C {at} -c user.name=a -c user.email=a@b"
    check = f"{made.format(at, commit)} --allow-empty" if "{1}" in made else made.format(at)
    run_ = run(source, "echo good > src/a", f"{check} && {GOOD}")
    assert run_["status"] == "completed", run_


def test_what_a_failed_check_was_declared_to_write_does_not_reach_its_retry(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\nretries = 1\nwrites = ["made/"]\n')
    source.write(".gitignore", "made/\n")
    once = "test -f made/a || { mkdir -p made; touch made/a; false; }"
    run_ = run(source, "echo good > src/a", once)
    assert run_["stop_reason"] == "verification_failed", run_


def test_what_an_earlier_check_was_declared_to_write_is_there_at_every_retry(source: Place) -> None:
    beside = source.root.with_name("tried")
    flaky = f"test -f made/a/b && rm -r made/a && {{ test -e {beside} || ! touch {beside}; }}"
    lines = f'tier1 = ["mkdir -p made/a; touch made/a/b; mkfifo made/pipe", "{flaky}"]\n'
    source.config(f'{CONFIG}[verify]\nretries = 1\nwrites = ["made/"]\n{lines}')
    source.write(".gitignore", "made/\n")
    assert run(source, "echo good > src/a", GOOD)["status"] == "completed"


def test_a_lock_that_a_killed_git_left_beside_the_checkout_is_removed(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\nwrites = ["made/"]\n')
    assert run(source, "echo good > src/a", GOOD)["status"] == "completed"
    for name in ("1.index.lock", "1.index.copy.lock", "1.git/HEAD.lock"):
        source.write(f".git/runr/checkouts/{name}")
    assert run(source, "echo good > src/b", GOOD, "--force")["status"] == "completed"


def test_the_git_of_a_check_has_every_object_of_the_commit(source: Place) -> None:
    # More than 200 new objects come into the checkout as a pack.
    script = "mkdir many && for n in $(seq 250); do echo $n > many/$n; done"
    check = "test $(git grep -c . HEAD -- many | wc -l) = 250 && git fsck --connectivity-only HEAD"
    run_ = run(source, script, check)
    assert run_["status"] == "completed", run_


def test_a_check_cannot_move_the_branches_of_the_user(source: Place) -> None:
    before = source.git("rev-parse", "main")
    run_ = run(source, "echo good > src/a", "git update-ref refs/heads/main HEAD^ && git log -1")
    assert run_["status"] == "completed"
    assert source.git("rev-list", "--count", f"{before.strip()}..main").strip() == "2"


@pytest.mark.usefixtures("mounts")
def test_an_absolute_path_into_the_repository_leads_to_the_commit(source: Place) -> None:
    check = f'grep -q good "{source.root}/src/a"'
    source.write("src/a", "good\n")
    run_ = run(source, "echo bad > src/a", check)
    stopped(source, run_, "verification_failed")
    assert run(source, "echo good too > src/a", check)["status"] == "completed"


def test_installed_dependencies_are_there_and_stay_as_they_are(source: Place) -> None:
    source.write(".gitignore", "node_modules/\n")
    source.write("node_modules/dep/index.js", "1\n")
    check = "cat node_modules/dep/index.js && echo 2 > node_modules/dep/index.js"
    run_ = run(source, "echo good > src/a", check)
    assert run_["status"] == "completed", run_
    assert source.read("node_modules/dep/index.js") == "1\n"
    assert "node_modules" in source.runr("report", "latest").out


@pytest.mark.usefixtures("mounts")
def test_what_is_to_be_carried_and_is_not_is_named(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\ncarry = ["deps/", "src", "linked", "out/deps", "none"]\n')
    source.write("src/tracked.txt")
    source.write(".gitignore", "/deps/\n/out/\n/linked\n")
    source.commit("Tracked")
    source.write("deps/a")
    source.write("out/deps/a")
    (source.root / "linked").symlink_to("deps")
    for said in (source.runr("doctor").out, source.runr("lint").out):
        assert "verify.carry names src, in which git tracks files" in said
        assert "verify.carry names linked, which is a link" in said
        assert "verify.carry names out/deps, which is in a folder that git does not track" in said
        assert "names deps" not in said
        assert "names none" not in said


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("carry", ["node_modules", "sub/node_modules"])
def test_dependencies_in_a_submodule_are_said_not_to_be_carried(
    source: Place, tmp_path: Path, carry: str
) -> None:
    library = Place(tmp_path / "library", source.home)
    library.git("init", "-q", "-b", "main")
    library.write(".gitignore", "node_modules/\n")
    library.commit("Library")
    added = ("submodule", "-q", "add", str(library.root), "sub")
    source.git("-c", "protocol.file.allow=always", *added)
    source.config(f'{CONFIG}[verify]\ncarry = ["{carry}"]\n')
    source.commit("A submodule")
    source.write("sub/node_modules/dep/index.js", "1\n")
    for said in (source.runr("doctor").out, source.runr("lint").out):
        assert "submodules: sub/node_modules is not carried; install it in the check" in said


def test_dependencies_of_the_main_working_tree_are_there_for_a_linked_one(source: Place) -> None:
    source.write(".gitignore", "node_modules/\n")
    source.write("node_modules/dep/index.js", "1\n")
    check = f"cat {source.root}/node_modules/dep/index.js && grep good {source.root}/src/a"
    source.script("t.md", "true", header=f"verify: ['{check}']")
    source.commit("Task")
    source.git("worktree", "add", "-q", "../linked")
    linked = Place(source.root.with_name("linked"), source.home)
    linked.runr("run", "--task", "t", "--worker", "session", code=0)
    linked.write("src/a", "good\n")
    linked.runr("complete-task", "t", code=0)
    assert linked.git("log", "-1", "--format=%s") != "Task\n"


def test_dependencies_are_installed_once_for_each_state_of_their_inputs(source: Place) -> None:
    log = source.root.parent / "installed"
    setup = f"mkdir -p deps && cp deps.lock deps/version && echo x >> {log}"
    lines = f"setup = ['{setup}']\nsetup_inputs = ['deps.lock']\ncarry = ['deps']\n"
    source.config(f"{CONFIG}[verify]\n{lines}")
    source.write("deps.lock", "1\n")
    source.write(".gitignore", "deps/\n")
    source.write("deps/version", "mine\n")
    check = "cmp deps.lock deps/version && echo other > deps/version"
    for task, script in (
        ("a", "echo first > src/a"),
        ("b", "echo second > src/a"),
        ("c", "echo 2 > deps.lock"),
    ):
        source.script(f"{task}.md", script, header=f"verify: ['{check}']")
    source.commit("Tasks")
    for task, times in (("a", 1), ("b", 1), ("c", 2)):
        assert source.run(task)["status"] == "completed"
        assert log.read_text() == "x\n" * times, task
    assert source.read("deps/version") == "mine\n"


def test_dependencies_that_cannot_be_installed_are_named(source: Place) -> None:
    source.config(f"{CONFIG}[verify]\nsetup = ['echo no such version; exit 3']\n")
    run_ = run(source, "echo good > src/a", GOOD)
    assert "no such version" in stopped(source, run_, "verification_failed")
    assert [check["run_count"] for check in run_["checks"]] == [1, 0]


@pytest.mark.parametrize("words", [("--in-place",), ("--worker", "session")])
def test_an_untracked_file_of_the_users_does_not_decide_a_check(
    source: Place, words: tuple[str, ...]
) -> None:
    source.script("t.md", "echo good > src/a", header="verify: ['cat helper.txt']")
    source.commit("Task")
    source.write("helper.txt", "mine\n")
    source.runr("run", "--task", "t", *words, code=None)
    source.write("src/a", "good\n")
    result = source.runr("complete-task", "t") if "session" in words else None
    run_ = source.runr("task-status", "t", "--json").json["run"]
    tail = "".join(check["tail"] for check in run_["checks"])
    assert "not part of the run's changes: helper.txt" in tail, result
    assert source.git("log", "-1", "--format=%s") == "Task\n"


def test_a_sessions_commit_is_the_one_that_was_checked(source: Place) -> None:
    source.script("t.md", "true", header="verify: ['test ! -e helper.txt && grep good src/a']")
    source.commit("Task")
    source.write("helper.txt", "mine\n")
    source.runr("run", "--task", "t", "--worker", "session", code=0)
    source.write("src/a", "good\n")
    source.runr("complete-task", "t", code=0)
    tree = source.git("rev-parse", "HEAD^{tree}").strip()
    assert f"Runr-Verified-Tree: {tree}" in source.git("log", "-1", "--format=%B")


def test_submodules_have_their_committed_state(source: Place) -> None:
    library = Place(source.root.with_name("library"), source.home)
    library.git("init", "-q", "-b", "main")
    library.write("data", "1\n")
    library.commit()
    source.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.root))
    source.commit("Files")
    assert run(source, "echo good > src/a", "grep 1 library/data")["status"] == "completed"
    source.script("t.md", "true", header="verify: ['grep 2 library/data']")
    source.commit("Task")
    source.write("library/data", "2\n")
    source.runr("run", "--task", "t", "--worker", "session", "--force", code=0)
    source.write("src/a", "2\n")
    source.runr("complete-task", "t", code=4)
    assert source.git("log", "-1", "--format=%s") == "Task\n"


def test_a_path_in_the_output_of_a_check_leads_to_the_workspace(source: Place) -> None:
    run_ = run(source, "echo bad > src/a", 'echo "see $PWD/src/a" && grep good src/a')
    tail = stopped(source, run_, "verification_failed")
    assert f"see {worktree(source, run_)}/src/a" in tail


@pytest.mark.parametrize("kept", ["phase.started", "phase.finished"])
def test_a_completion_that_was_killed_at_its_checkpoint_is_continued(
    source: Place, kept: str
) -> None:
    source.script("t.md", "true", header=f"verify: ['{GOOD}']")
    source.commit("Task")
    source.runr("run", "--task", "t", "--worker", "session", code=0)
    before = source.read(".runr/task-status.json")
    source.write("src/a", "good\n")
    source.runr("complete-task", "t", code=0)
    commit = source.git("rev-parse", "HEAD")
    folder = source.run_folder(source.status("t.md")["last_run_id"])
    events = source.events(folder.name)
    last = next(
        number
        for number, event in enumerate(events)
        if (event["type"], event["payload"].get("phase")) == (kept, "checkpoint")
    )
    source.cut(folder.name, last + 1)
    source.write(".runr/task-status.json", before)
    source.runr("complete-task", "t", code=0)
    assert source.git("rev-parse", "HEAD") == commit
    assert source.status("t.md")["checkpoint_sha"] == commit.strip()


RENAMED = 'f() { echo "f $1"; }\n'


def _moved_during_checks(place: Place, change: str) -> Any:
    """Run a task whose checks wait until another commit is on the branch; return the run."""
    place.write("lib.sh", RENAMED)
    begun, go = place.root.parent / "begun", place.root.parent / "go"
    wait = f"touch {begun}; until test -e {go}; do sleep 0.02; done"
    check = f"{wait}; . ./lib.sh && if test -e use.sh; then . ./use.sh; fi"
    place.script("t.md", "echo 'f 1' > use.sh", header=f"verify: ['{check}']")
    place.commit("Task")
    run_id = place.runr("run", "--json", "--detach", "--task", "t", code=0).json["id"]
    until(begun.exists, "the check")
    place.write("lib.sh", change)
    place.commit("Meanwhile")
    go.touch()
    return place.await_end(run_id)


def test_work_that_fails_together_with_a_newer_commit_does_not_land(source: Place) -> None:
    run_ = _moved_during_checks(source, RENAMED.replace("f()", "g()"))
    assert (run_["stop_reason"], run_["verification"]) == ("fails_on_target", "failed")
    assert source.git("log", "-1", "--format=%s") == "Meanwhile\n"
    source.write("lib.sh", RENAMED)
    source.commit("Again")
    source.runr("resume", run_["id"], code=0)
    run_ = source.await_end(run_["id"])
    assert run_["status"] == "completed", run_
    assert passes_in_a_clone(source, ". ./lib.sh && . ./use.sh")


def test_work_that_was_verified_and_does_not_land_can_be_rejected(source: Place) -> None:
    _moved_during_checks(source, RENAMED.replace("f()", "g()"))
    rejected = source.runr("reject", "t", "--reason", "not so", "--json", code=0).json
    assert rejected["stop_reason"] == "rejected"


def test_work_lands_together_with_a_newer_commit_when_the_checks_pass_on_both(
    source: Place,
) -> None:
    run_ = _moved_during_checks(source, f"{RENAMED}g() {{ true; }}\n")
    assert run_["status"] == "completed", run_
    checks = [e for e in source.events(run_["id"]) if e["type"] == "check.started"]
    assert len(checks) == 2, "once alone, once on the merge"
    finished = [e["payload"] for e in source.events(run_["id"]) if e["type"] == "phase.finished"]
    integrated = next(p for p in finished if p["phase"] == "integrate")
    tree = source.git("rev-parse", "main^{tree}").strip()
    assert integrated["candidate"]["tree"] == tree
    assert f"Runr-Verified-Tree: {tree}" in source.git("log", "-1", "--format=%B", "main")


def test_a_repository_whose_path_has_a_line_break_is_verified(place: Place, tmp_path: Path) -> None:
    odd = Place(tmp_path / 'two\nlines "quoted"', place.home)
    odd.git("init", "-q", "-b", "main")
    odd.config(CONFIG)
    odd.write("src/a", "1\n")
    assert run(odd, "echo good > src/a", GOOD)["status"] == "completed"


def test_what_runr_keeps_is_never_carried(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\ncarry = ["*"]\n')
    source.write(".gitignore", "deps/\n")
    source.write("deps/x", "1\n")
    check = "test -e deps/x && test ! -e .runr/worktrees && test ! -e .runr/runs"
    assert run(source, "echo used > src/a", check)["status"] == "completed"


def test_the_workspace_is_a_choice_and_weaker_evidence(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\nwhere = "workspace"\n')
    source.write(".gitignore", "lib/\n")
    run_ = run(source, "mkdir lib; echo HI > lib/greet; echo used > src/a", "cat lib/greet")
    assert run_["status"] == "completed"
    assert source.status("t.md")["evidence"] == "verified_in_workspace"
    assert "verified in the workspace" in source.runr("task-status", "t").out
    assert "in the workspace" in source.runr("doctor").out


def test_in_the_workspace_a_check_that_changes_what_was_checked_has_all_run_again(
    source: Place,
) -> None:
    settings = f'{CONFIG}[verify]\nwhere = "workspace"\ntier0 = ["{GOOD}"]\n'
    source.config(settings + 'tier1 = ["echo bad > src/a; test -d src"]\n')
    spoiled = run(source, "echo good > src/a", "test -d src", "--force")
    assert (spoiled["status"], spoiled["stop_reason"]) == ("stopped", "verification_failed")
    # A formatter comes to rest, and what it writes is checked; a file of its own is no change.
    source.config(settings + """tier1 = ["sed -i 's/ *$//' src/a; date +%N > src/report"]\n""")
    done = run(source, "echo 'good  ' > src/a", "test -d src", "--force")
    assert done["status"] == "completed"
    assert source.git("show", "HEAD:src/a") == "good\n"


def test_doctor_says_how_this_machine_verifies(source: Place) -> None:
    assert "in a clean checkout" in source.runr("doctor").out


def test_work_that_failed_on_the_target_is_verified_again_before_it_lands(source: Place) -> None:
    source.write("check.sh", "grep -q good src/a\n")
    source.script("t.md", "echo good work > src/a", header='verify: ["sh check.sh"]')
    source.commit("Task")
    source.write("src/a", "good, mine\n")
    assert source.run("t", code=11)["stop_reason"] == "land_blocked"
    source.git("checkout", "-q", "--", "src/a")
    source.write("check.sh", "test -e fixed\n")
    source.commit("Another check")
    tip = source.git("rev-parse", "HEAD")
    for words in (["land", "t"], ["land", "t"], ["land", "--all"], ["resume", "latest"]):
        assert "fails with the work merged" in source.runr(*words, code=4).out
        assert source.git("rev-parse", "HEAD") == tip
    assert source.status("t.md")["status"] == "stopped"
    source.write("fixed", "1\n")
    source.commit("Fix it")
    source.runr("land", "t", code=0)
    assert source.status("t.md")["verification"] == "passed"
    assert "1 verified" in source.runr("verify", code=0).out


def test_what_a_person_wrote_into_the_worktree_is_kept(source: Place) -> None:
    source.write(".gitignore", "*.log\n")
    source.script("t.md", "echo good work > src/a", header=f"type: hybrid\nverify: ['{GOOD}']")
    source.commit("Task")
    run_ = source.run("t", code=9)
    tree = source.root / ".runr/worktrees" / run_["id"]
    (tree / "src/a").write_text("good, polished\n")
    (tree / "notes.txt").write_text("mine\n")
    (tree / "my.log").write_text("mine\n")
    shown = source.runr("approve", "t", "--reason", "ok", code=0).out
    assert "is kept: in no commit are notes.txt, src/a, my.log" in shown
    assert [path.read_text() for path in (tree / "src/a", tree / "my.log")] == [
        "good, polished\n",
        "mine\n",
    ]
    assert source.read("src/a") == "good work\n"
    (kept,) = source.runr("clean", "--json", code=0).json["kept"]
    assert "2 changes in no commit" in kept["why"]


def test_a_formatter_leaves_uncommitted_changes_of_the_user_alone(source: Place) -> None:
    source.config(f'{CONFIG}[verify]\ntier1 = ["sh fmt.sh"]\nwrites = ["*.txt"]\n')
    source.write("fmt.sh", "for f in *.txt; do sed -i 's/ *$//' $f; done\n")
    source.write("x.txt", "line   \n")
    source.script("t.md", "echo 'new   ' > n.txt")
    source.commit("Task")
    source.write("x.txt", "my edit\n")
    stopped_ = source.runr("run", "--task", "t", "--in-place", "--json").json
    assert stopped_["status"] == "stopped"
    assert "x.txt has changes of yours that are in no commit" in stopped_["detail"]
    assert stopped_["stop_reason"] == "mixed_changes"
    assert (source.read("x.txt"), source.read("n.txt")) == ("my edit\n", "new   \n")
    source.commit("Mine")
    source.runr("resume", "latest", code=0)
    assert (source.read("x.txt"), source.read("n.txt")) == ("my edit\n", "new\n")


def test_a_setup_that_copies_code_runs_again_for_every_commit(source: Place) -> None:
    source.config(
        f"{CONFIG}[verify]\nsetup = ['mkdir -p deps && cp src/a deps/a']\ncarry = ['deps']\n"
    )
    source.write(".gitignore", "deps/\n")
    for task in ("t", "u"):
        source.script(
            f"{task}.md", f"echo {task} > src/a", header=f"verify: ['grep {task} deps/a']"
        )
    source.commit("Tasks")
    for task in ("t", "u"):
        assert source.run(task)["status"] == "completed"


NPM = "#!/bin/sh\nmkdir -p node_modules/client\ncp src/a node_modules/client/\n"


def test_a_package_script_that_builds_from_the_code_runs_again_for_every_commit(
    source: Place,
) -> None:
    (source.home / "bin").mkdir(exist_ok=True)
    npm = source.home / "bin/npm"
    npm.write_text(NPM)
    npm.chmod(0o755)
    path = {"PATH": f"{npm.parent}:{os.environ['PATH']}"}
    source.config(f"{CONFIG}[verify]\nsetup = ['npm ci']\n")
    source.write(".gitignore", "node_modules/\n")
    source.write("package.json", '{"scripts": {"postinstall": "prisma generate"}}\n')
    for task, text in (("t", "good"), ("u", "bad")):
        check = "verify: ['grep good node_modules/client/a']"
        source.script(f"{task}.md", f"echo {text} > src/a; touch {task}", header=check)
    source.commit("Tasks")
    source.runr("run", "t", env=path, code=0)
    assert "✗ grep good" in source.runr("run", "u", env=path, code=4).out


PLANTS = """
import hashlib, os, subprocess, zlib
name = hashlib.sha1(b"blob 4\\0bad\\n").hexdigest()
objects = subprocess.check_output(["git", "rev-parse", "--git-path", "objects"], text=True).strip()
os.makedirs(f"{objects}/{name[:2]}", exist_ok=True)
open(f"{objects}/{name[:2]}/{name[2:]}", "wb").write(zlib.compress(b"blob 5\\0good\\n"))
open("prog", "w").write("bad\\n")
"""


def test_an_object_that_a_worker_plants_does_not_stand_in_for_a_file(place: Place) -> None:
    place.write("plant.py", PLANTS)
    place.script("t.md", "python3 plant.py", header="verify: ['grep -q good prog']")
    place.commit("Task")
    run = place.run("t", code=1)
    assert run["stop_reason"] == "git_failed"
    assert "not what their names say" in run["detail"]
    place.runr("resume", code=1)
    assert place.status("t.md")["status"] == "stopped"
    place.git("fsck")


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize(
    ("then", "stop"), [("", None), ("mkdir ../trees && touch ../trees/it", "no_clean_checkout")]
)
def test_a_check_that_cannot_be_started_has_not_failed(
    source: Place, then: str, stop: str | None
) -> None:
    source.config(CONFIG.replace("1", "3"))
    source.git("worktree", "add", "-q", "../trees/it")
    begin = f"mv ../trees ../gone; {then or 'test -d .'}"
    source.script("t.md", "echo good > src/a", header=f"verify: ['{begin}', '{GOOD}']")
    source.commit("Task")
    source.runr("run", "--task", "t")
    run = source.runr("task-status", "t", "--json").json["run"]
    assert (run["stop_reason"], run["attempt"]) == (stop, 1)
    assert run["checks"] == [] or stop is None
    assert "cannot mount the checkout" in (run["detail"] or "") or stop is None
