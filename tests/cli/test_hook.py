"""`runr hook` as Claude Code starts it, at the edges that a session seldom meets."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.terminal import RUNR, Place
from runr.core.hookcall import EVENTS

#: Answers an event as `runr` does, then says what it has loaded.
PROBE = """\
import sys
from runr.__main__ import main
code = main()
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def hook(folder: Path, event: str, given: str = "{}") -> str:
    done = subprocess.run(
        [RUNR, "hook", event],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def loaded(folder: Path, event: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "hook", event],
        cwd=folder,
        input="{}",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == ""
    return set(done.stderr.split())


@pytest.mark.parametrize("event", EVENTS)
def test_outside_of_runr_an_event_ends_before_anything_is_loaded(
    tmp_path: Path, event: str
) -> None:
    assert loaded(tmp_path, event) & {"json", "pathlib", "runr.core", "runr.app"} == set()


@pytest.mark.parametrize("event", ["PreToolUse", "PostToolUse", "Stop"])
def test_with_no_task_open_a_tool_does_not_wait_for_runr(place: Place, event: str) -> None:
    place.task("a.md")
    assert loaded(place.root, event) & {"json", "pathlib", "runr.core", "runr.app"} == set()


def test_a_linked_worktree_is_told_of_the_tasks_of_the_main_one(place: Place) -> None:
    place.write("README.md", "# A project\n")
    place.commit("Start")
    place.git("worktree", "add", "-q", "../linked")
    place.task("a.md")
    told = json.loads(hook(place.root.parent / "linked", "SessionStart"))
    assert "Ready: a.md" in told["hookSpecificOutput"]["additionalContext"]


def test_what_is_told_at_the_start_is_true_after_every_change(place: Place) -> None:
    place.write("README.md", "# A project\n")
    place.commit("Start")
    place.task("a.md", "type: manual")
    assert "1 ready" in hook(place.root, "SessionStart")
    assert "1 ready" in hook(place.root, "SessionStart")
    place.runr("complete-task", "a", "--reason", "done", "--by", "Ada", code=0)
    assert hook(place.root, "SessionStart") == ""
    place.task("b.md")
    assert "Ready: b.md" in hook(place.root, "SessionStart")


@pytest.mark.parametrize("given", ["", "no json", "[]", '{"session_id": 7, "tool_input": "x"}'])
def test_input_that_makes_no_sense_is_passed_over(place: Place, given: str) -> None:
    place.task("a.md")
    place.write(".runr/task-status.json", '{"tasks": {"a": {"status": "in_progress"}')
    assert hook(place.root, "PreToolUse", given) == ""


def test_what_went_wrong_is_kept_for_whoever_looks(place: Place) -> None:
    place.task("a.md")
    hook(place.root, "SessionStart", "no json")
    assert "SessionStart: JSONDecodeError" in place.read(".runr/hooks.log")
