"""Preconditions of a run are checked before its worker starts, and by `runr doctor`."""

import os
import shutil
import time
from pathlib import Path

import pytest

from cli.terminal import Place, Result

_FILES = ("-c", "protocol.file.allow=always")
_WORK = "echo hi > out.txt"


@pytest.fixture
def place(place: Place) -> Place:
    place.script("a.md", _WORK, header='owns: [out.txt]\nverify: ["test -e out.txt"]')
    place.commit("A task")
    return place


def refused(place: Place, *messages: str, force: bool = False) -> Result:
    """Try to run the task; nothing may be recorded."""
    result = place.runr("run", "--task", "a", *(["--force"] if force else []), code=2)
    assert all(each in result.err for each in messages), result.err
    assert not list((place.root / ".runr/runs").glob("*-*"))
    assert place.git("branch", "--list", "runr/*") == ""
    assert any(messages[0] in line for line in place.runr("doctor", code=1).out.splitlines())
    return result


def warned(place: Place, message: str, *, code: int = 0) -> Result:
    """Run the task, which says something at its start."""
    result = place.runr("run", "--task", "a", code=code)
    assert message in result.err, result
    assert message in place.runr("doctor").out
    return result


def test_a_branch_in_the_place_of_those_of_runs_is_renamed_first(place: Place) -> None:
    place.git("branch", "runr")
    result = refused(place, "the branch `runr` leaves no room")
    assert "git branch -m runr runr-old" in result.err
    assert place.runr("run", "--task", "a", "--in-place", code=0).out
    place.git("branch", "-m", "runr", "runr-old")
    place.runr("run", "--task", "a", "--force")
    assert "no room" not in place.runr("doctor").out


@pytest.fixture
def library(place: Place, tmp_path: Path) -> Place:
    """Return a repository that `place` has as its submodule `lib`."""
    inner = Place(tmp_path / "library", place.home)
    inner.git("init", "-q", "-b", "main")
    inner.write("s.txt", "1\n")
    inner.commit("Start")
    place.git(*_FILES, "submodule", "--quiet", "add", str(inner.root), "lib")
    check = 'verify: ["test -e out.txt && test -e lib/s.txt"]'
    place.script("a.md", _WORK, header=f"owns: [out.txt]\n{check}")
    place.commit("A submodule")
    return inner


def test_a_run_has_the_submodules_that_the_user_has(place: Place, library: Place) -> None:
    library.root.rename(library.root.with_name("moved"))
    run = place.run("a")
    assert (run["status"], run["attempt"]) == ("completed", 1)
    assert place.git("status", "--porcelain") == ""
    assert place.git("worktree", "list").count("\n") == 1


def test_a_submodules_commit_that_is_not_here_is_fetched_by_the_user(
    place: Place, library: Place
) -> None:
    library.write("s.txt", "2\n")
    wanted = library.commit("Go on")
    place.git("update-index", "--cacheinfo", f"160000,{wanted},lib")
    place.git("commit", "-q", "-m", "The library went on")
    result = refused(place, "commit of submodule lib is not here")
    assert result.steps == ["git submodule update --init lib"]
    place.git("config", "--global", "protocol.file.allow", "always")
    assert place.paste(result.steps[0]).code == 0
    assert place.run("a")["status"] == "completed"


def test_a_submodule_that_is_not_checked_out_is_named(place: Place, library: Place) -> None:
    assert library.root.exists()
    place.git("submodule", "--quiet", "deinit", "--force", "lib")
    place.script("a.md", _WORK, header='owns: [out.txt]\nverify: ["test -e out.txt"]')
    place.commit("Without it")
    warned(place, "empty for a run, too: lib")


def test_a_filter_whose_program_is_missing_is_named_with_a_file(place: Place) -> None:
    place.write("a.bin", "a pointer\n")
    place.write(".gitattributes", "*.bin filter=lfs -text\n")
    place.commit("A file")
    for what in ("process", "smudge", "clean"):
        place.git("config", f"filter.lfs.{what}", f"no-such-git-lfs {what} %f")
    place.git("config", "filter.lfs.required", "true")
    refused(place, "a.bin needs git's filter lfs", "no-such-git-lfs is not on PATH")
    place.git("config", "--remove-section", "filter.lfs")
    warned(place, "Git LFS, which is not set up here")


def test_a_check_whose_program_is_missing_is_refused_unless_it_is_forced(place: Place) -> None:
    place.script("a.md", _WORK, header='owns: [out.txt]\nverify: ["no-such-tool --all"]')
    refused(place, "the check `no-such-tool --all` cannot pass: no-such-tool is not on PATH")
    forced = place.runr("run", "--task", "a", "--force", code=4)
    assert "no-such-tool is not on PATH" in forced.err
    run = place.status("a.md")["last_run_id"]
    assert "no-such-tool is not on PATH" in place.events(run)[0]["payload"]["override_reason"]


def test_one_task_that_cannot_run_does_not_end_the_others(place: Place) -> None:
    place.script("a.md", _WORK, header='owns: [out.txt]\nverify: ["no-such-tool"]')
    for name in ("b", "c"):
        place.script(f"{name}.md", f"echo > {name}.txt", header=f"owns: [{name}.txt]")
    place.commit("More tasks")
    place.git("config", "merge.verifySignatures", "true")
    result = place.runr("run", "--all-ready")
    assert "no-such-tool is not on PATH" in result.out + result.err
    assert result.err.count("merge.verifySignatures is set") == 1
    assert [place.status(f"{name}.md")["stop_reason"] for name in "bc"] == ["land_blocked"] * 2


@pytest.mark.parametrize(
    "check",
    [
        "cd . && test -e out.txt",
        "test -e out.txt",
        ": nothing",
        "! test -e nothing",
        "FOO=1 no-such-tool || true",
        "./no-such-script || true",
        '"no such tool" || true',
        "if true; then true; fi",
        "(no-such-tool) || true",
    ],
)
def test_what_the_shell_can_run_is_no_missing_program(place: Place, check: str) -> None:
    place.script("a.md", _WORK, header=f"owns: [out.txt]\nverify: ['{check}']")
    place.run("a")


def test_core_bare_is_refused_with_the_remedy(place: Place) -> None:
    place.git("config", "core.bare", "true")
    result = refused(place, "core.bare is true")
    assert place.paste(result.steps[0]).code == 0
    assert place.run("a")["integration"] == "fast-forward"


def test_a_linked_worktree_of_a_bare_repository_is_accepted(place: Place) -> None:
    bare = place.root.with_name("bare.git")
    place.git("clone", "-q", "--bare", ".", str(bare))
    tree = Place(place.root.with_name("tree"), place.home)
    place.git("-C", str(bare), "worktree", "add", "-q", str(tree.root), "main")
    tree.config('[run]\nworker = "script"\n\n[verify]\ntier1 = ["test -d ."]\n')
    assert tree.run("a")["integration"] == "fast-forward"


def test_signatures_that_git_wants_are_named_before_the_work(place: Place) -> None:
    place.git("config", "merge.verifySignatures", "true")
    result = warned(place, "merge.verifySignatures is set", code=11)
    place.git("config", "--unset", "merge.verifySignatures")
    assert place.paste(result.steps[-1]).code == 0
    assert (place.root / "out.txt").exists()


def test_a_failing_signature_is_refused_before_the_work(place: Place) -> None:
    place.git("config", "commit.gpgSign", "true")
    place.git("config", "gpg.program", "no-such-gpg")
    result = refused(place, "commit.gpgsign is set, and a commit cannot be signed", "no-such-gpg")
    assert place.paste(result.steps[-1]).code == 0
    place.run("a")


def test_without_an_identity_the_run_says_under_whose_name_it_commits(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    place.git("config", "user.useConfigOnly", "true")
    warned(place, "checkpoints are committed as runr")
    assert place.git("log", "-1", "--format=%an") == "runr\n"


def test_only_the_missing_part_of_the_identity_is_named_with_the_command_that_sets_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    place.git("config", "user.useConfigOnly", "true")
    place.git("config", "user.name", "Grace")
    message, step = "git has no user.email: ", "git config user.email you@example.com"
    warning = warned(place, message).err
    assert f"(`{step}`)" in warning
    lines = place.runr("doctor").out.splitlines()
    (shown,) = [number for number, line in enumerate(lines) if " identity: " in line]
    assert lines[shown].startswith(f"• identity: {message}")
    assert lines[shown + 1].strip() == step
    place.paste(step)
    assert "✓ identity: Grace" in place.runr("doctor").out


def test_a_lock_that_a_dead_git_left_is_named_with_its_remedy(place: Place) -> None:
    lock = place.root / ".git" / "index.lock"
    lock.touch()
    long_ago = time.time() - 3600
    os.utime(lock, (long_ago, long_ago))
    result = warned(place, f"rm {lock}", code=11)
    assert "(land_blocked)" in place.runr("status", "--tasks").out
    assert place.git("status", "--porcelain") == ""
    assert place.paste(f"rm {lock}").code == 0
    assert place.paste(result.steps[-1]).code == 0


def test_files_of_the_task_that_git_ignores_are_named_before_the_work(place: Place) -> None:
    place.write("ignored", "out.txt\nlib/\n.runr/\n")
    place.git("config", "core.excludesFile", str(place.root / "ignored"))
    place.script(
        "a.md",
        "echo hi > out.txt; mkdir src; echo 1 > src/a.txt",
        header="owns: [out.txt, ./lib/, 'src/*', README.md]",
    )
    message = "git ignores lib/, out.txt: what a run makes of it is in no commit"
    looked = place.runr("doctor").out
    assert message in looked
    assert "git ignores .runr/tasks: new task files are in no commit" in looked
    started = place.runr("run", "--task", "a", code=0).err
    assert f"{message} (`git check-ignore -v lib/ out.txt`)" in started


def begin_merge(place: Place) -> None:
    place.git("checkout", "-q", "-b", "side")
    place.write("side.txt", "1\n")
    place.commit("Side")
    place.git("checkout", "-q", "main")
    place.git("merge", "-q", "--no-ff", "--no-commit", "side")


def test_a_merge_in_progress_is_named(place: Place) -> None:
    begin_merge(place)
    warned(place, "a merge is in progress", code=11)


def test_nothing_is_committed_into_a_merge_in_progress(place: Place) -> None:
    place.run("a", "--worker", "session")
    begin_merge(place)
    place.write("out.txt", "hi\n")
    head = place.git("rev-parse", "HEAD")
    refused = place.runr("complete-task", "a", code=2).err
    assert "a merge is in progress" in refused
    assert "git status" in refused
    place.runr("stop", place.status("a.md")["last_run_id"], code=0)
    again = place.runr("run", "--task", "a", "--in-place", code=2).err
    assert "until it is finished, a run that works in it cannot commit" in again
    place.git("merge", "--abort")
    place.script("b.md", "git merge -q --no-ff --no-commit side && echo 1 > b.txt")
    place.commit("Another task")
    stopped = place.run("b", "--in-place", code=1)
    assert stopped["stop_reason"] == "git_failed"
    assert "a merge is in progress" in place.runr("why", "b", code=0).out
    assert place.git("rev-parse", "HEAD~1") == head


def test_a_sparse_checkout_is_the_runs_too(place: Place) -> None:
    place.write("kept/a.txt", "1\n")
    place.write("away/b.txt", "1\n")
    place.commit("Two folders")
    place.git("sparse-checkout", "set", "kept", ".runr")
    place.script("a.md", f"{_WORK}; ls > out.txt; mkdir -p away; echo 1 > away/new.txt")
    run = place.run("a")
    assert run["status"] == "completed", run
    assert "away" not in (place.root / "out.txt").read_text()
    committed = place.git("show", "--format=", "--name-status", run["checkpoint_sha"]).split()
    assert committed == ["A", "away/new.txt", "A", "out.txt"]


def test_a_hidden_program_is_found_where_the_check_would_find_it(place: Place) -> None:
    folder = place.root.with_name("bin")
    folder.mkdir()
    shutil.copy("/bin/true", folder / "my-tool")
    place.script("a.md", _WORK, header='owns: [out.txt]\nverify: ["my-tool"]')
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    place.runr("run", "--task", "a", env={"PATH": path}, code=0)


@pytest.mark.parametrize("number", [0, 1])
def test_a_bare_repository_says_how_to_get_a_working_tree(place: Place, number: int) -> None:
    bare = place.root.with_name("shop.git")
    place.git("clone", "-q", "--bare", str(place.root), str(bare))
    refused = place.runr("status", cwd=bare / "refs", code=2)
    first = refused.err.splitlines()[0]
    assert first.startswith(f"runr: {bare} is a bare repository: runr needs a working tree")
    assert len(place.runr("--repo", str(bare), "status", code=2).steps) == 2
    assert place.paste(refused.steps[number], cwd=bare).code == 0
    place.runr("status", cwd=bare.with_name("shop"), code=0)


def test_a_bare_repository_without_commits_can_be_cloned(place: Place) -> None:
    bare = place.root.with_name("shop")
    place.git("init", "-q", "--bare", str(bare))
    (step,) = place.runr("status", cwd=bare, code=2).steps
    assert place.paste(step, cwd=bare).code == 0
    assert "git commit --allow-empty" in place.runr("doctor", cwd=bare.with_name("shop-tree")).out


def test_the_script_of_a_check_has_to_be_in_a_commit(place: Place) -> None:
    place.write("check.sh", "exit 0\n")
    place.script("a.md", "echo 1 > a.txt", header='verify: ["sh check.sh", "./check.sh"]')
    place.git("add", ".runr")
    place.git("commit", "-qm", "A task")
    refused(place, "the check `sh check.sh` cannot pass: check.sh is in no commit")
    step = place.runr("run", "--task", "a", code=2).steps[0]
    assert place.paste(step).code == 0
    assert "in no commit" not in place.runr("run", "--task", "a").err
    owned = 'owns: [new.sh, a.txt]\nverify: ["sh new.sh"]'
    place.script("b.md", "echo exit 0 > new.sh", header=owned)
    place.git("add", ".runr")
    place.git("commit", "-qm", "A task")
    place.write("new.sh", "exit 1\n")
    assert place.run("b", code=11)["stop_reason"] == "land_blocked", "it would overwrite new.sh"
