"""Another worktree of the repository below that of a run is neither its work nor a violation."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.terminal import Place

ADA = {"CLAUDE_CODE_SESSION_ID": "0b7d1c4e-ada"}


@pytest.fixture
def below(place: Place) -> Path:
    """Return a worktree below that of an open run, with the work of the session."""
    place.task("t.md", "owns: [a.txt]\nverify: [test -f README.md]")
    place.commit()
    typed(place, "run", "--task", "t", "--worker", "session")
    there = place.root / "wt [1] b"
    place.git("worktree", "add", "-q", "-b", "side", str(there))
    (there / "a.txt").write_text("work\n", encoding="utf-8")
    return there


def typed(place: Place, *words: str, code: int = 0, env: Mapping[str, str] = ADA) -> str:
    done = place.runr(*words, env=dict(env), code=code)
    return done.out + done.err


def test_its_work_does_not_complete_a_run_whose_checks_pass(place: Place, below: Path) -> None:
    left = typed(place, "complete-task", "t", code=4)
    assert "nothing was changed since the run was opened" in left
    assert below.name not in left


def test_what_the_run_changed_itself_is_completed_and_the_other_is_left_alone(
    place: Place, below: Path
) -> None:
    place.write("a.txt", "mine\n")
    done = typed(place, "complete-task", "t")
    assert below.name not in done
    assert place.git("show", "--name-only", "--format=", "HEAD").split() == ["a.txt"]
    assert (below / "a.txt").read_text() == "work\n"


def test_a_session_that_is_there_cannot_complete_the_run_elsewhere(
    place: Place, below: Path
) -> None:
    place.write("a.txt", "mine\n")
    there = Place(below, place.home)
    refused = there.runr("complete-task", "t", env=ADA, code=2)
    assert f"works in {place.root}, and its session is now in {below}" in refused.err
    assert refused.steps[0] == f"git -C {place.root} merge side"
    assert place.status("t.md")["status"] == "in_progress"


def test_a_repository_of_its_own_stays_a_violation(place: Place, below: Path) -> None:
    place.git("init", "-q", str(place.root / "other"))
    other = Place(place.root / "other", place.home)
    other.write("b.txt", "b\n")
    other.commit()
    place.write("a.txt", "mine\n")
    left = typed(place, "complete-task", "t", code=5)
    assert "other (a git repository of its own" in left
    assert below.name not in left


@pytest.mark.parametrize("before", ["", "git add -A; git commit -q -m mine; "])
@pytest.mark.parametrize("where", ["HEAD", "refs/heads/$(git branch --show-current)"])
def test_a_run_whose_branch_is_deleted_while_it_works_lands_its_work(
    place: Place, before: str, where: str
) -> None:
    script = f"echo 1 > a.txt; {before}git update-ref -d {where}; echo 2 > b.txt"
    place.script("a.md", script, "verify: ['test -f a.txt && test -f b.txt']")
    place.commit("Task")
    place.runr("run", "--task", "a", code=0)
    assert place.git("ls-tree", "--name-only", "HEAD", "a.txt", "b.txt").split() == [
        "a.txt",
        "b.txt",
    ]
    assert place.branches() == ["main"]
