"""Changes of the user's from before a run, in files that the run has changed as well."""

from pathlib import Path

import pytest

from runr.errors import MixedChangesError
from runr.git import checkpoint, quarantine, snapshot, staged_before
from runr.git.checkpoint import Checkpoint
from runr.git.repo import Repo
from runr.git.trailers import Trailers
from unit.git_trees import git, make, save, write

LINES = "".join(f"{number}\n" for number in range(1, 10))
MINE = LINES.replace("1\n", "one\n")
RUNS = LINES.replace("9\n", "nine\n")
BOTH = MINE.replace("9\n", "nine\n")


class Begun:
    """A run that has begun in the user's own working tree."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = quarantine.enter(Repo(root), root.with_name("run"))
        self.base = self.repo.head() or ""
        staged_before.remember(self.repo)
        self.base_tree = snapshot.take_first(self.repo)
        self.made: list[str] = []

    def commit(self) -> Checkpoint:
        made = checkpoint.commit(
            self.repo,
            base=self.base,
            base_tree=self.base_tree,
            after=self.made[-1] if self.made else self.base,
            message="Work",
            trailers=Trailers(
                run_id="20250108-143022-k7qf", task=".runr/tasks/a.md", worker="script"
            ),
        )
        self.made.append(made.sha)
        return made

    def shown(self, path: str) -> str:
        return git(self.root, "show", f"HEAD:{path}") + "\n"

    def refused(self, *names: str) -> bool:
        before = git(self.root, "rev-parse", "HEAD")
        with pytest.raises(MixedChangesError) as refused:
            self.commit()
        there = git(self.root, "rev-parse", "HEAD") == before
        return there and all(name in refused.value.message for name in names)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "repo", {"f": LINES, "g": "1\n"})


def changes(root: Path) -> str:
    return git(root, "status", "--porcelain")


def test_the_users_lines_stay_uncommitted_in_a_file_that_the_run_changed(root: Path) -> None:
    write(root, {"f": MINE})
    run = Begun(root)
    write(root, {"f": BOTH})
    made = run.commit()
    assert (made.paths, made.shared) == (("f",), ("f",))
    assert run.shown("f") == RUNS
    assert (root / "f").read_text() == BOTH
    assert changes(root) == " M f"
    assert git(root, "fsck", "--strict", "--no-dangling") == ""


def test_what_the_user_has_staged_of_it_stays_staged(root: Path) -> None:
    write(root, {"f": MINE})
    git(root, "add", "f")
    write(root, {"f": MINE.replace("5\n", "five\n")})
    run = Begun(root)
    write(root, {"f": BOTH.replace("5\n", "five\n")})
    run.commit()
    assert run.shown("f") == RUNS
    assert git(root, "show", ":f") + "\n" == BOTH
    assert changes(root) == "MM f"
    assert git(root, "fsck", "--strict", "--no-dangling") == ""


def test_a_file_that_the_user_has_taken_out_of_the_index_stays_out(root: Path) -> None:
    git(root, "rm", "-q", "--cached", "f")
    run = Begun(root)
    write(root, {"f": RUNS})
    run.commit()
    assert run.shown("f") == RUNS
    assert changes(root) == "D  f\n?? f"


def test_what_a_worker_has_staged_is_committed_as_it_is_now(root: Path) -> None:
    write(root, {"f": MINE})
    git(root, "add", "f")
    run = Begun(root)
    write(root, {"f": MINE.replace("9\n", "neuf\n"), "g": "2\n"})
    git(root, "add", "-A")
    write(root, {"f": BOTH, "g": "3\n"})
    run.commit()
    assert (run.shown("f"), run.shown("g")) == (RUNS, "3\n")
    assert changes(root) == " M f"


def test_changes_on_the_same_lines_are_refused_and_accepted_once_committed(root: Path) -> None:
    write(root, {"f": MINE})
    run = Begun(root)
    write(root, {"f": LINES.replace("1\n", "uno\n"), "g": "2\n"})
    assert run.refused("f (the run has changed the same lines)", "commit")
    git(root, "commit", "-q", "-m", "mine", "--", "f")
    assert run.commit().paths == ("g",)
    assert changes(root) == ""


def test_only_staged_lines_that_the_run_has_changed_are_refused(root: Path) -> None:
    write(root, {"f": MINE})
    git(root, "add", "f")
    write(root, {"f": LINES})
    run = Begun(root)
    write(root, {"f": LINES.replace("1\n", "uno\n")})
    assert run.refused("f")
    assert git(root, "show", ":f") + "\n" == MINE


@pytest.mark.parametrize("is_staged", [False, True])
def test_a_file_that_is_in_no_commit_is_the_users_as_a_whole(root: Path, is_staged: bool) -> None:
    write(root, {"new": LINES})
    if is_staged:
        git(root, "add", "new")
    run = Begun(root)
    write(root, {"new": RUNS, "g": "2\n"})
    assert run.refused("new (a file that is in no commit")
    git(root, "add", "new")
    git(root, "commit", "-q", "-m", "mine", "--", "new")
    assert run.commit().paths == ("g",)


def test_an_empty_new_file_has_nothing_of_the_users(root: Path) -> None:
    write(root, {"new": ""})
    run = Begun(root)
    write(root, {"new": LINES})
    assert run.commit().paths == ("new",)
    assert changes(root) == ""


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_copy_has_none_of_the_users_lines(root: Path, is_moved: bool) -> None:
    write(root, {"f": MINE})
    run = Begun(root)
    if is_moved:
        (root / "f").unlink()
    write(root, {"h": BOTH})
    run.commit()
    assert run.shown("h") == RUNS
    assert changes(root) == (" M h" if is_moved else " M f\n M h")


def test_a_new_file_of_the_users_that_was_moved_is_refused(root: Path) -> None:
    write(root, {"new": LINES})
    run = Begun(root)
    (root / "new").rename(root / "h")
    assert run.refused("h (a file that is in no commit")


def test_a_mode_of_the_users_stays_uncommitted_and_one_of_the_run_does_not(root: Path) -> None:
    (root / "f").chmod(0o755)
    write(root, {"g": "mine\n"})
    run = Begun(root)
    write(root, {"f": RUNS})
    (root / "g").chmod(0o755)
    run.commit()
    assert git(root, "ls-tree", "HEAD", "f").startswith("100644")
    assert git(root, "ls-tree", "HEAD", "g").startswith("100755")
    assert (run.shown("f"), run.shown("g")) == (RUNS, "1\n")
    assert changes(root) == " M f\n M g"


@pytest.mark.parametrize("content", [b"\0mine", LINES.replace("\n", "\r\n").encode()])
def test_content_that_cannot_be_merged_is_refused(root: Path, content: bytes) -> None:
    (root / "f").write_bytes(content)
    run = Begun(root)
    (root / "f").write_bytes(content + b"9\r\n")
    assert run.refused("f")


def test_a_link_in_place_of_a_changed_file_is_refused(root: Path) -> None:
    write(root, {"f": MINE})
    run = Begun(root)
    (root / "f").unlink()
    (root / "f").symlink_to("g")
    assert run.refused("f")


def test_deletions_are_of_the_one_who_deleted(root: Path) -> None:
    write(root, {"f": MINE})
    (root / "g").unlink()
    run = Begun(root)
    (root / "f").unlink()
    write(root, {"g": "again\n"})
    run.commit()
    assert git(root, "ls-tree", "--name-only", "HEAD") == "g"
    assert run.shown("g") == "again\n"


def test_a_part_of_it_that_is_committed_meanwhile_is_not_taken_back(root: Path) -> None:
    write(root, {"f": MINE.replace("5\n", "five\n")})
    run = Begun(root)
    write(root, {"f": MINE})
    git(root, "commit", "-q", "-m", "mine", "--", "f")
    write(root, {"f": BOTH.replace("5\n", "five\n")})
    run.commit()
    assert run.shown("f") == BOTH
    assert changes(root) == " M f"


def test_a_file_that_only_others_have_committed_meanwhile_keeps_the_users_rest(root: Path) -> None:
    write(root, {"f": MINE.replace("5\n", "five\n")})
    run = Begun(root)
    write(root, {"f": MINE})
    save(root, {}, "a part of it")
    write(root, {"f": MINE.replace("5\n", "five\n"), "g": "2\n"})
    assert run.commit().paths == ("g",)
    assert changes(root) == " M f"


def test_a_second_milestone_may_change_the_same_lines_again(root: Path) -> None:
    write(root, {"f": MINE})
    run = Begun(root)
    write(root, {"f": BOTH})
    run.commit()
    write(root, {"f": MINE.replace("9\n", "neuf\n")})
    run.commit()
    assert run.shown("f") == LINES.replace("9\n", "neuf\n")
    assert changes(root) == " M f"


def test_a_commit_that_was_killed_after_staging_is_made_again(root: Path) -> None:
    write(root, {"f": MINE})
    git(root, "add", "f")
    run = Begun(root)
    write(root, {"f": BOTH})
    git(root, "add", "f")  # the index goes first
    run.commit()
    assert (run.shown("f"), git(root, "show", ":f") + "\n") == (RUNS, BOTH)
