"""A branch that moves while a run works: a further attempt repairs the work on top of it."""

from typing import Any

import pytest

from cli.terminal import Place
from fakes.project_kit import until

CONFIG = '[run]\nworker = "script"\nattempts = 3\n'
MAIN = "../../.."


@pytest.fixture
def moving(place: Place) -> Place:
    """Return a repository with a function and what calls it."""
    place.config(CONFIG)
    place.write("lib.sh", "greet() { echo hi; }\n")
    place.write("README.md", "start\n")
    return place


def task(place: Place, first: str, theirs: str, *later: str, verify: str = "sh use.sh") -> None:
    """Write a task whose worker lets the user commit something at its first attempt."""
    commit = f'(cd {MAIN} && {theirs} && env -i PATH="$PATH" HOME="$HOME" git commit -qam Theirs)'
    cases = [f"1) {first}; {commit};;", *(f"{n}) {x};;" for n, x in enumerate(later, 2))]
    body = "\n".join(['case "$RUNR_ATTEMPT" in', *cases, "esac"])
    place.script("a.md", body, f"verify: ['{verify}']")
    place.write("use.sh", ". ./lib.sh\n")
    place.commit("Task")


RENAMED = "sed -i s/greet/hello/ lib.sh"
CALL = "echo greet >> use.sh"


def test_a_call_of_what_was_renamed_meanwhile_is_repaired_on_top_of_it(moving: Place) -> None:
    task(moving, CALL, RENAMED, "sed -i s/greet/hello/ use.sh")
    run = moving.run("a")
    assert (run["status"], run["attempt"]) == ("completed", 2)
    assert moving.read("use.sh") == ". ./lib.sh\nhello\n"
    assert moving.git("log", "-3", "--format=%s").split("\n")[:3] == ["a", "Theirs", "Task"]
    prompt = (moving.run_folder(run["id"]) / "prompt-2.md").read_text()
    assert "# The branch has moved" in prompt
    assert "greet: not found" in prompt or "greet: command not found" in prompt
    assert moving.git("for-each-ref", "refs/runr") == ""
    assert moving.git("status", "--porcelain", "--", "*.sh") == ""
    assert "1 verified" in moving.runr("verify", code=0).out


def test_a_conflict_is_resolved_by_a_further_attempt(moving: Place) -> None:
    task(
        moving,
        "echo run > README.md",
        "echo mine > README.md",
        "grep -q '<<<<<<<' README.md && printf 'mine\\nrun\\n' > README.md",
        verify="test -f README.md",
    )
    run = moving.run("a")
    assert (run["status"], run["attempt"]) == ("completed", 2)
    assert moving.read("README.md") == "mine\nrun\n"
    prompt = (moving.run_folder(run["id"]) / "prompt-2.md").read_text()
    assert "Both sides changed these files. Keep what both meant:\n- README.md" in prompt


def test_a_conflict_whose_markers_are_left_does_not_land(moving: Place) -> None:
    task(moving, "echo run > README.md", "echo mine > README.md", verify="test -f README.md")
    run = moving.run("a", code=4)
    assert run["stop_reason"] == "verification_failed"
    assert "markers of the conflict are left in README.md" in run["detail"]
    assert moving.read("README.md") == "mine\n"
    kept = moving.git("for-each-ref", "--format=%(refname)", "refs/runr").split()
    assert [moving.git("show", f"{ref}:README.md") for ref in kept] == ["run\n"]


def moved_during_checks(place: Place, second: str) -> Any:
    """Run a task whose checks wait until a function is renamed; return the run."""
    begun, go = place.root.parent / "begun", place.root.parent / "go"
    wait = f"touch {begun}; until test -e {go}; do sleep 0.02; done"
    script = f'case "$RUNR_ATTEMPT" in 1) {CALL};; *) {second};; esac'
    place.script("a.md", script, f"verify: ['{wait}; sh use.sh']")
    place.write("use.sh", ". ./lib.sh\n")
    place.commit("Task")
    run_id = place.runr("run", "--json", "--detach", "--task", "a", code=0).json["id"]
    until(begun.exists, "the check")
    place.write("lib.sh", place.read("lib.sh").replace("greet", "hello"))
    place.commit("Theirs")
    go.touch()
    return place.await_end(run_id)


def test_work_that_fails_when_it_is_to_land_is_repaired_too(moving: Place) -> None:
    run = moved_during_checks(moving, "sed -i s/greet/hello/ use.sh")
    assert (run["status"], run["attempt"]) == ("completed", 2)
    assert moving.read("use.sh") == ". ./lib.sh\nhello\n"
    assert moving.branches() == ["main"]


def test_a_second_failure_stops_the_run_with_both_sides_kept(moving: Place) -> None:
    moving.config(CONFIG.replace("attempts = 3", "attempts = 2"))
    run = moved_during_checks(moving, "echo greet again >> use.sh")
    assert (run["stop_reason"], run["attempt"]) == ("verification_failed", 2)
    assert moving.read("use.sh") == ". ./lib.sh\n"
    (kept,) = moving.git("for-each-ref", "--format=%(refname)", "refs/runr").split()
    assert moving.git("show", f"{kept}:use.sh") == ". ./lib.sh\ngreet\n"


@pytest.mark.parametrize("setting", ["attempts = 1", "landing_attempts = 0"])
def test_without_a_further_attempt_the_run_stops(moving: Place, setting: str) -> None:
    moving.config(CONFIG.replace("attempts = 3", setting))
    assert moved_during_checks(moving, "true")["stop_reason"] == "fails_on_target"
