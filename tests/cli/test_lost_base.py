"""A commit that the user takes off the branch while a run works does not come back with it."""

import pytest

from cli.terminal import Place

MAIN = "../../.."
AMEND = "git rm -q secret && git commit -q --amend -m Clean"
RESET = "git reset -q --hard HEAD~1"


def task(place: Place, theirs: str, work: str = "echo w > w", *, attempts: int = 1) -> None:
    """Write a task at whose first attempt the user changes the last commit."""
    place.config(f'[run]\nworker = "script"\nattempts = {attempts}\n')
    clean = f'(cd {MAIN} && env -i PATH="$PATH" HOME="$HOME" sh -c "{theirs}")'
    first = f'if [ "$RUNR_ATTEMPT" = 1 ]; then {work}; {clean}; else echo both > f; fi'
    place.script("a.md", first, "verify: ['test -d .']")
    place.write("f", "0\n")
    place.commit("Task")
    place.write("secret", "secret\n")
    place.write("f", "1\n")
    place.commit("Secret")


def subjects(place: Place) -> list[str]:
    return place.git("log", "-3", "--format=%s").splitlines()


@pytest.mark.parametrize(("theirs", "below"), [(AMEND, ["Clean", "Task"]), (RESET, ["Task"])])
def test_only_the_work_lands_on_the_branch_without_the_commit(
    place: Place, theirs: str, below: list[str]
) -> None:
    task(place, theirs)
    ended = place.runr("run", "--task", "a", code=0)
    assert "main no longer has" in ended.out
    assert subjects(place)[: len(below) + 1] == ["a", *below]
    assert place.read("w") == "w\n"
    assert not (place.root / "secret").exists()
    assert place.git("log", "--oneline", "--", "secret") == ""
    report = place.runr("report", "a", code=0).out
    assert "main lost the base of the run" in report
    assert "1 verified" in place.runr("verify", code=0).out
    assert place.branches() == ["main"]
    assert place.git("for-each-ref", "refs/runr") == ""


def test_work_that_waits_lands_without_the_commit_too(place: Place) -> None:
    task(place, "echo mine > w")
    place.runr("run", "--task", "a", code=11)
    place.git("reset", "-q", "--hard", "HEAD~1")
    place.git("clean", "-q", "-f", "w")
    shown = place.runr("land", "a", "--dry-run", "--json", code=0).json["landings"]
    assert [each["outcome"] for each in shown] == ["landed"]
    assert "landed on main" in place.runr("land", "a", code=0).out
    assert subjects(place)[:2] == ["a", "Task"]
    assert place.git("ls-files", "secret", "w") == "w\n"


def test_a_conflict_with_the_branch_is_resolved_by_a_person(place: Place) -> None:
    task(place, RESET, "echo run > f")
    stopped = place.runr("run", "--task", "a", code=11)
    assert "both sides changed f" in stopped.out
    _, look, land = stopped.steps
    there = Place(place.root / ".runr" / "worktrees" / land.split()[-1], place.home)
    assert "<<<<<<<" in place.paste(look).out
    assert "markers" in place.paste(land).out + place.paste(land).err
    there.write("f", "both\n")
    place.paste(land)
    assert (place.read("f"), subjects(place)[:2]) == ("both\n", ["a", "Task"])
    assert place.status("a.md")["evidence"] == "verified"
    assert not (place.root / "secret").exists()


def test_a_conflict_with_the_branch_is_resolved_by_a_further_attempt(place: Place) -> None:
    task(place, RESET, "echo run > f", attempts=2)
    assert place.run("a")["attempt"] == 2
    assert (place.read("f"), subjects(place)[:2]) == ("both\n", ["a", "Task"])


def test_what_was_reset_to_be_uncommitted_is_no_work_of_a_session(place: Place) -> None:
    task(place, "true")
    session = {"CLAUDE_CODE_SESSION_ID": "s1"}
    place.runr("run", "--task", "a", "--worker", "session", env=session, code=0)
    place.write("w", "w\n")
    place.git("reset", "-q", "HEAD~1")
    ended = place.runr("complete-task", "a", env=session, code=0)
    assert "main no longer has" in ended.out
    assert subjects(place)[:2] == ["a", "Task"]
    assert place.git("show", "--name-only", "--format=") == "w\n"
    assert place.read("secret") == "secret\n"
