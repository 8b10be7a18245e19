"""Scope violations of every kind: each is named, and the work is kept."""

import subprocess
from pathlib import Path

import pytest

from cli.terminal import Place, Result


@pytest.fixture
def bound(place: Place) -> Place:
    """Return a repository whose task `a` owns `src/` and may do there what its script says."""
    place.write("src/a.txt", "a\n")
    place.write("other.sh", "echo other\n")
    place.write("old/name.txt", "one\ntwo\nthree\n")
    place.commit("Files")
    return place


def run_violating(
    place: Place, script: str, header: str = "owns: [src/]", check: str = "test -d ."
) -> Result:
    """Run a script as a task that has to stop with a scope violation."""
    place.script("a.md", script, f'{header}\nverify: ["{check}"]'.strip())
    result = place.runr("run", "--task", "a", code=5)
    assert place.status("a.md")["stop_reason"] == "scope_violation"
    assert len(result.steps) == 3
    assert place.git("log", "-1", "--format=%s") == "Files\n"
    assert place.git("status", "--porcelain", "--untracked-files=no") == ""
    return result


def worktree(place: Place) -> Path:
    """Return where the work of the last run is kept."""
    return place.root / ".runr" / "worktrees" / str(place.status("a.md")["last_run_id"])


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("mkdir -p new/deep; echo 1 > new/deep/x.txt", "new/deep/x.txt"),
        ("chmod +x other.sh", "other.sh (its mode, 644 to 755)"),
        ("rm other.sh", "other.sh"),
        ("git mv old/name.txt src/name.txt", "old/name.txt"),
        ("git mv src/a.txt old/a.txt", "old/a.txt"),
        ("git mv old/name.txt new.txt", "new.txt, old/name.txt"),
        ("echo 1 > b.txt; git add .; git commit -qm mine", "b.txt"),
        ("echo 1 > .gitignore", ".gitignore"),
    ],
    ids=[
        "new-folder",
        "mode",
        "deleted",
        "renamed-from",
        "renamed-to",
        "renamed-both",
        "own-commit",
        "ignore-file",
    ],
)
def test_a_change_outside_stops_the_run_and_is_named(
    bound: Place, script: str, message: str
) -> None:
    result = run_violating(bound, script)
    assert f"out of scope: {message}\n" in result.out
    assert worktree(bound).is_dir()


def test_a_commit_that_was_taken_back_is_named_with_its_commit(bound: Place) -> None:
    script = "echo 1 > b.txt; git add .; git commit -qm mine; git rm -q b.txt; git commit -qm no"
    assert "out of scope: b.txt (in commit " in run_violating(bound, script).out


def test_what_only_merge_commits_changed_is_named_with_the_first(bound: Place) -> None:
    script = (
        "clean=$(git rev-parse HEAD^{tree}); echo 1 > b.txt; git add .; dirty=$(git write-tree)"
        "; side=$(git commit-tree -p HEAD -m side $clean)"
        "; merged=$(git commit-tree -p HEAD -p $side -m merged $dirty)"
        "; git reset -q --hard $(git commit-tree -p $merged -p $side -m cleaned $clean)"
    )
    assert "out of scope: b.txt (in commit " in run_violating(bound, script).out


def test_a_commit_that_a_worker_passes_off_as_the_runs_checkpoint_is_named(bound: Place) -> None:
    trailers = "Runr-Run-Id: $RUNR_RUN_ID\nRunr-Checkpoint: true\nRunr-Task: a.md"
    script = f'echo 1 > src/b.txt; git add .; git commit -qm "$(printf "x\n\n{trailers}")"'
    assert " claims to be this run's checkpoint\n" in run_violating(bound, script).out


def test_what_a_check_writes_into_the_workspace_counts_and_is_named_as_such(bound: Place) -> None:
    bound.config('[run]\nworker = "script"\nattempts = 2\n[verify]\nwhere = "workspace"\n')
    bound.commit("Files")
    result = run_violating(bound, "echo 1 > src/b.txt", check="echo 1 > report.xml")
    assert "out of scope: report.xml (since the checks ran)" in result.out
    assert place_json(bound)["violations"] == ["report.xml"]


def test_after_the_change_is_undone_the_run_continues(bound: Place) -> None:
    result = run_violating(bound, "echo 1 > src/b.txt; echo 1 > b.txt")
    (worktree(bound) / "b.txt").unlink()
    assert bound.paste(result.steps[-1]).code == 0
    assert bound.read("src/b.txt") == "1\n"


@pytest.mark.parametrize(
    ("script", "target"),
    [
        ("ln -s /etc/passwd src/link", "/etc/passwd"),
        ("ln -s ../../outside src/link", "../../outside"),
        ("ln -s x/../../../y src/link", "x/../../../y"),
        # Every link for itself stays inside; only the way through the other one leads out.
        ("mkdir -p src/d/e; ln -s ../../.. src/d/e/up; ln -s d/e/up/../y src/link", "d/e/up/../y"),
    ],
    ids=["absolute", "upwards", "down-and-up", "through-another-link"],
)
@pytest.mark.parametrize("owns", ["owns: [src/]", ""], ids=["owned", "free"])
def test_a_symlink_that_leads_out_of_the_repository_is_refused(
    bound: Place, script: str, target: str, owns: str
) -> None:
    result = run_violating(bound, script, owns)
    message = f"src/link (a symlink that leads out of the repository, to {target})"
    assert f"out of scope: {message}\n" in result.out


def test_a_symlink_within_the_repository_is_a_file_like_any_other(bound: Place) -> None:
    bound.script("a.md", "ln -s ../other.sh src/link; ln -s a.txt src/beside", "owns: [src/]")
    bound.commit("Tasks")
    assert bound.run("a")["status"] == "completed"
    assert (bound.root / "src/link").readlink() == Path("../other.sh")


def test_a_symlink_in_a_commit_that_was_taken_back_is_refused_too(bound: Place) -> None:
    script = "ln -s /etc src/l; git add .; git commit -qm 1; git rm -q src/l; git commit -qm 2"
    assert "a symlink that leads out of the repository, to /etc" in run_violating(bound, script).out


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return another repository, with a commit."""
    place = Place(tmp_path / "library", tmp_path)
    place.git("init", "-q", "-b", "main")
    place.write("lib.txt", "lib\n")
    place.commit("Library")
    return place.root


@pytest.mark.parametrize("owns", ["owns: [src/]", "owns: [.]", ""])
def test_a_repository_cloned_into_the_tree_is_refused(
    bound: Place, library: Path, owns: str
) -> None:
    result = run_violating(bound, f"git clone -q '{library}' src/lib", owns)
    assert "src/lib (a git repository of its own: owns or scope.allow has to name it)" in result.out


def test_a_repository_that_the_task_names_is_recorded(bound: Place, library: Path) -> None:
    bound.script("a.md", f"git clone -q '{library}' src/lib", "owns: [src/lib]")
    bound.commit("Tasks")
    assert bound.run("a")["status"] == "completed"
    assert bound.git("ls-tree", "HEAD", "src/lib").startswith("160000 commit ")


def test_a_repository_without_a_commit_is_named_for_git_can_keep_nothing_of_it(
    bound: Place,
) -> None:
    result = run_violating(bound, "git init -q src/new; echo 1 > src/new/a.txt", "owns: [src/new]")
    assert "src/new (a git repository without a commit: git can keep nothing of it)" in result.out
    assert (worktree(bound) / "src/new/a.txt").exists()


@pytest.fixture
def nesting(bound: Place, library: Path) -> Place:
    """Return a repository with a submodule `src/sub`."""
    config = ("-c", "protocol.file.allow=always")
    bound.git(*config, "submodule", "--quiet", "add", str(library), "src/sub")
    bound.git("commit", "-q", "--amend", "-a", "-m", "Files")
    return bound


def test_files_in_the_folder_of_an_absent_submodule_are_named(nesting: Place) -> None:
    nesting.git("submodule", "--quiet", "deinit", "--force", "src/sub")
    result = run_violating(nesting, "echo 1 > src/sub/mine.txt")
    assert "src/sub/mine.txt (in the folder of an absent submodule" in result.out
    assert (worktree(nesting) / "src/sub/mine.txt").exists()


def test_uncommitted_work_in_a_submodule_is_named(nesting: Place) -> None:
    result = run_violating(nesting, "echo 2 >> src/sub/lib.txt; echo 1 > src/sub/new.txt")
    assert "src/sub/lib.txt (in a submodule, and in no commit of it)" in result.out
    assert "src/sub/new.txt (in a submodule, and in no commit of it)" in result.out


def test_a_submodule_that_was_moved_is_refused_unless_it_is_named(
    nesting: Place, library: Path
) -> None:
    subprocess.run(
        ["git", "-C", str(library), "commit", "-q", "--allow-empty", "-m", "Next"], check=True
    )
    pull = "git -C src/sub fetch -q; git -C src/sub checkout -q origin/main"
    result = run_violating(nesting, pull)
    assert "src/sub (a git repository of its own: owns or scope.allow has to name it)" in result.out
    nesting.script("b.md", pull, "owns: [src/sub]")
    assert nesting.run("b")["status"] == "completed"


def test_in_the_users_own_tree_their_own_unfinished_work_is_left_alone(
    nesting: Place, library: Path
) -> None:
    nesting.write("src/sub/lib.txt", "half a thought\n")
    nesting.git("clone", "-q", str(library), "theirs")
    nesting.script("a.md", "echo 1 > src/b.txt", "owns: [src/]")
    assert nesting.run("a", "--in-place")["status"] == "completed"
    assert nesting.git("show", "--format=", "--name-only", "HEAD").split() == ["src/b.txt"]
    assert nesting.read("src/sub/lib.txt") == "half a thought\n"


@pytest.mark.parametrize(
    "made",
    [
        "mkdir node_modules; echo 1 > node_modules/a",
        "ln -s ../../../node_modules node_modules",
    ],
    ids=["folder", "symlink"],
)
def test_what_git_ignores_is_no_violation(bound: Place, made: str) -> None:
    bound.write(".gitignore", "node_modules\n")
    bound.script("a.md", f"{made}; echo 1 > src/b.txt", "owns: [src/]")
    bound.commit("Tasks")
    assert bound.run("a")["status"] == "completed"


@pytest.mark.parametrize(
    ("script", "top"),
    [
        ("mkdir -p node_modules/a; echo 1 | tee node_modules/a/b node_modules/c", "node_modules"),
        ("ln -s ../../../node_modules node_modules", "node_modules"),
        ("mkdir .pytest_cache; echo 1 > .pytest_cache/x", ".pytest_cache"),
        ("mkdir -p src/__pycache__ __pycache__; echo 1 > __pycache__/x.pyc", "__pycache__"),
        ("echo 1 > .eslintcache", ".eslintcache"),
    ],
)
def test_a_cache_that_git_does_not_ignore_is_a_violation_with_the_line_to_ignore(
    bound: Place, script: str, top: str
) -> None:
    result = run_violating(bound, f"{script}; echo 1 > src/b.txt")
    message = f"out of scope: {top} (a tool's own files: list {top} in .gitignore)\n"
    assert message in result.out
    exclude = bound.root / ".git" / "info" / "exclude"
    exclude.write_text(f"{top}\n")
    assert bound.paste(result.steps[-1]).code == 0


def test_the_settings_extend_what_a_task_may_change_and_its_worker_reads_it(bound: Place) -> None:
    bound.config(
        '[run]\nworker = "script"\n[verify]\ntier1 = ["test -d ."]\n'
        '[scope]\nallow = ["notes/"]\npresets = ["python", "docs"]\n'
    )
    script = "mkdir notes docs; echo 1 | tee notes/a docs/a.md pyproject.toml uv.lock"
    bound.script("a.md", script, "owns: [src/]")
    bound.commit("Tasks")
    run = bound.run("a")
    assert run["status"] == "completed"
    prompt = (bound.run_folder(run["id"]) / "prompt-1.md").read_text()
    assert "You may change only: src/\nWhere necessary, also: notes/, **/pyproject" in prompt
    assert "A lockfile may change only together with its manifest." in prompt


def test_an_unknown_preset_is_an_error_with_the_near_match(bound: Place) -> None:
    bound.config('[scope]\npresets = ["pyton"]\n')
    bound.script("a.md", "true")
    refused = bound.runr("run", "--task", "a", code=2)
    message = (
        ".runr/config.toml:2: scope.presets: there is no preset `pyton`; did you mean `python`?"
    )
    assert message in refused.err


@pytest.mark.parametrize(
    ("policy", "script", "code"),
    [
        ("follow", "echo 1 > Cargo.lock", 5),
        ("follow", "echo 1 | tee Cargo.lock Cargo.toml", 0),
        ("allow", "echo 1 > Cargo.lock", 0),
        ("deny", "echo 1 | tee Cargo.lock Cargo.toml", 5),
    ],
)
def test_a_lockfile_changes_as_the_settings_say(
    bound: Place, policy: str, script: str, code: int
) -> None:
    bound.config(
        '[run]\nworker = "script"\n[verify]\ntier1 = ["test -d ."]\n'
        f'[scope]\nlockfiles = "{policy}"\n'
    )
    bound.script("a.md", f"{script}; echo 1 > src/b", "owns: [src/, Cargo.toml]")
    bound.commit("Tasks")
    result = bound.runr("run", "--task", "a", code=code)
    assert ("out of scope: Cargo.lock (a lockfile" in result.out) is (code == 5)


def place_json(place: Place) -> dict[str, object]:
    """Return the last run of the task as data."""
    run: dict[str, object] = place.runr("task-status", "a", "--json").json["run"]
    return run


def test_a_name_that_git_accepts_nowhere_is_named_with_what_to_do(place: Place) -> None:
    place.script("a.md", "mkdir -p q/.GIT; echo x > q/.GIT/config", "verify: ['test -d .']")
    place.commit("Task")
    stopped = place.run("a", code=1)
    assert "no file with the name q/.GIT/config: rename or remove it" in stopped["detail"]


def test_odd_names_are_separate_wherever_files_are_named(bound: Place) -> None:
    odd = "for n in ' b' 'b ' 'b  c' 'd,' \"$(printf 'e\\377')\"; do echo 1 > \"$n\"; done"
    result = run_violating(bound, odd)
    names = ['" b"', '"b "', '"b\\040 c"', '"d,"', '"e\\377"']
    assert f"out of scope: {', '.join(names)}\n" in result.out
    report = bound.runr("report", "latest", code=0).out
    for name in names:
        assert f"- `{name}` +1 -0" in report
        assert f"changed so far: {name}\n" in bound.runr("resume", "latest", "--preview").out
