"""`runr hook` as Claude Code starts it, in unusual situations."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.terminal import Place
from fakes.forked import RUNR
from fakes.project_kit import until
from runr.claude.protocol import EVENTS

pytestmark = pytest.mark.installed

SESSION = "11111111-2222-3333-4444-555555555555"
MINE = {"CLAUDE_CODE_SESSION_ID": SESSION}
pytestmark = pytest.mark.installed

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


def loaded(folder: Path, event: str, message: str = "") -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "hook", event],
        cwd=folder,
        input="{}",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert message in done.stdout if message else done.stdout == ""
    return set(done.stderr.split())


@pytest.mark.parametrize("event", EVENTS)
def test_outside_of_runr_an_event_ends_before_anything_is_loaded(
    tmp_path: Path, event: str
) -> None:
    assert loaded(tmp_path, event) & {"json", "pathlib", "runr.project", "runr.execution"} == set()


@pytest.mark.parametrize("event", ["PreToolUse", "PostToolUse", "Stop"])
def test_without_an_open_task_a_tool_does_not_wait_for_runr(place: Place, event: str) -> None:
    place.task("a.md")
    assert (
        loaded(place.root, event) & {"json", "pathlib", "runr.project", "runr.execution"} == set()
    )


def test_a_linked_worktree_sees_the_tasks_of_the_main_one(place: Place) -> None:
    place.write("README.md", "# A project\n")
    place.commit("Start")
    place.git("worktree", "add", "-q", "../linked")
    place.task("a.md")
    message = json.loads(hook(place.root.parent / "linked", "SessionStart"))
    assert "Ready: a.md" in message["hookSpecificOutput"]["additionalContext"]


def counted(place: Place, ready: str) -> None:
    """Wait for the look behind a session's start that finds these tasks ready."""
    kept = place.root / ".runr/greeting.json"
    until(lambda: f'"ready": {ready}' in kept.read_text(), f"a look that counts {ready}")


def test_changes_are_named_at_the_start_and_counted_in_the_background(place: Place) -> None:
    place.write("README.md", "# A project\n")
    place.commit("Start")
    place.task("a.md", "type: manual")
    place.task("c.md", "depends_on: [a.md]")
    assert "1 waiting for a person" in hook(place.root, "SessionStart")
    place.runr("complete-task", "a", "--reason", "done", "--by", "Ada", code=0)
    message = hook(place.root, "SessionStart")
    assert "runr: 1 of 2 tasks completed (1 attested); changed since: status" in message
    assert "list-tasks takes these changes into account" in message
    counted(place, '["c.md"]')
    assert "Ready: c.md" in hook(place.root, "SessionStart")
    place.task("b.md")
    assert "; 1 ready; changed since: b.md" in hook(place.root, "SessionStart")
    counted(place, '["b.md", "c.md"]')
    assert "Ready: b.md, c.md" in hook(place.root, "SessionStart")


def test_a_commit_alone_is_not_reported_when_all_tasks_are_completed(place: Place) -> None:
    place.task("a.md", "type: manual")
    place.commit("Start")
    place.runr("complete-task", "a", "--reason", "done", "--by", "Ada", code=0)
    assert hook(place.root, "SessionStart") == ""
    place.write("README.md", "# A project\n")
    place.commit("Say what it is")
    assert hook(place.root, "SessionStart") == ""


def test_a_session_that_starts_anew_gets_its_open_task_at_once(place: Place) -> None:
    place.task("b.md")
    hook(place.root, "SessionEnd", json.dumps({"session_id": SESSION}))
    until((place.root / ".runr/greeting.json").exists, "the summary for the next session")
    run_id = opened(place, "owns: [a.txt]")
    message = hook(place.root, "SessionStart", json.dumps({"session_id": SESSION}))
    assert f"This session has a.md open (run {run_id})" in message
    assert "1 in progress" in message


def test_a_run_without_a_session_leaves_the_next_start_nothing_to_count(place: Place) -> None:
    place.script("a.md", "echo a > a.txt", "verify: ['test -d .']")
    place.commit("Start")
    hook(place.root, "SessionStart")
    place.runr("run", "--task", "a", "--worker", "script", code=0)
    kept = place.root / ".runr/greeting.json"
    until(lambda: '"completed": 1' in kept.read_text(), "the look at the end of the run")
    assert hook(place.root, "SessionStart") == ""


def test_changes_are_counted_when_a_session_ends_and_not_at_the_next_start(
    place: Place,
) -> None:
    place.write("README.md", "# A project\n")
    place.commit("Start")
    place.task("a.md")
    kept = place.root / ".runr/greeting.json"
    hook(place.root, "SessionEnd")
    until(kept.exists, "the summary for the next session")
    assert "pydantic" not in loaded(place.root, "SessionStart", "Ready: a.md")


@pytest.mark.parametrize("given", ["", "no json", "[]", '{"session_id": 7, "tool_input": "x"}'])
def test_invalid_input_is_ignored(place: Place, given: str) -> None:
    place.task("a.md")
    place.write(".runr/task-status.json", '{"tasks": {"a": {"status": "in_progress"}')
    assert hook(place.root, "PreToolUse", given) == ""


def test_a_failure_is_logged(place: Place) -> None:
    place.task("a.md")
    hook(place.root, "SessionStart", "no json")
    assert "SessionStart: JSONDecodeError" in place.read(".runr/hooks.log")


def test_a_hook_that_is_killed_at_its_time_limit_is_logged_by_the_next_one(place: Place) -> None:
    place.task("a.md")
    os.mkfifo(place.root / ".runr/task-status.json")  # reading it blocks
    killed = subprocess.Popen([RUNR, "hook", "SessionStart"], cwd=place.root, stdin=subprocess.PIPE)
    assert killed.stdin is not None
    killed.stdin.write(b"{}")
    killed.stdin.close()
    try:
        until(lambda: list(place.root.glob(".runr/locks/hook-*")), "the start of the hook")
        until(lambda: started(place) != "", "what the hook has written down")
    finally:
        killed.kill()
        killed.wait()
    (place.root / ".runr/task-status.json").unlink()
    hook(place.root, "SessionStart")
    (line,) = place.read(".runr/hooks.log").splitlines()
    assert "SessionStart: killed before it had an answer" in line
    assert list(place.root.glob(".runr/locks/hook-*")) == []
    place.write(".runr/hooks.log", f"2001-01-01T00:00:00Z{line[20:]}\n{line}\n{line}\nother\n")
    found = place.runr("doctor").out
    assert f"2 hooks killed in the last 7 days, the latest SessionStart of {line[:20]}" in found
    assert f"tail {place.root}/.runr/hooks.log" in found


def test_doctor_says_nothing_of_hooks_that_were_not_killed(place: Place) -> None:
    hook(place.root, "SessionStart", "no json")
    assert "killed" not in place.runr("doctor").out


def started(place: Place) -> str:
    return "".join(path.read_text() for path in place.root.glob(".runr/locks/hook-*"))


def opened(place: Place, header: str, config: str = "") -> str:
    """Let the session open a task, and return the id of its run."""
    place.config(config)
    place.task("a.md", f"{header}\nverify: ['test -d .']")
    place.write("package.json", "{}")
    place.write("packages/ui/package.json", "{}")
    place.commit("Start")
    done = place.runr("--json", "run", "--task", "a", "--worker", "session", env=MINE, code=0)
    return str(done.json["run"]["id"])


def denial(place: Place, path: str) -> str:
    """Return why an edit is denied; nothing where it may be done."""
    edit = {"tool_name": "Edit", "tool_use_id": path, "tool_input": {"file_path": path}}
    message = hook(place.root, "PreToolUse", json.dumps({"session_id": SESSION, **edit}))
    return (
        str(json.loads(message)["hookSpecificOutput"]["permissionDecisionReason"])
        if message
        else ""
    )


def test_an_edit_that_the_scope_check_accepts_is_not_denied(place: Place) -> None:
    opened(place, "owns: [src/, package.json]", "[scope]\nallow = ['docs/notes.md']\n")
    for path in ("src/a.py", "docs/notes.md", "package-lock.json"):
        assert denial(place, path) == ""
    message = denial(place, "README.md")
    assert "README.md is outside the scope of a.md" in message
    assert "It may change only: src/, package.json. " in message
    assert "Where necessary, also: docs/notes.md. " in message


def test_a_lockfile_may_be_edited_where_a_manifest_of_it_may_change(place: Place) -> None:
    opened(place, "owns: [packages/ui/]")
    assert denial(place, "package-lock.json") == ""
    assert "changes only together with its manifest, pyproject.toml" in denial(place, "uv.lock")


def test_no_lockfile_may_be_edited_where_the_project_says_so(place: Place) -> None:
    opened(place, "owns: [package.json]", "[scope]\nlockfiles = 'deny'\n")
    assert "It must not change any lockfile. " in denial(place, "package-lock.json")


def test_a_check_that_was_left_out_is_not_named_as_failed(place: Place) -> None:
    run_id = opened(place, "owns: [a.txt]", "[verify]\ntier0 = ['false']\ntier1 = ['echo x']\n")
    place.runr("complete-task", "a", env=MINE)
    state = json.loads((place.run_folder(run_id) / "state.json").read_text())["state"]
    assert [check["runs"] for check in state["verification"]["checks"]] == [1, 0, 0]
    held = hook(place.root, "Stop", json.dumps({"session_id": SESSION}))
    assert "failed: `false`. Call" in json.loads(held)["reason"]


def test_a_run_that_its_session_has_left_is_completed_by_it_alone(place: Place) -> None:
    run_id = opened(place, "owns: [a.txt]")
    place.write("a.txt", "good\n")
    for _ in range(2):
        hook(place.root, "Stop", json.dumps({"session_id": SESSION}))
    other = {"CLAUDE_CODE_SESSION_ID": "99999999-2222-3333-4444-555555555555"}
    place.runr("complete-task", "a", env=other)
    assert place.status("a.md")["status"] == "stopped"
    place.runr("complete-task", "a", env=MINE, code=0)
    assert place.status("a.md")["status"] == "completed"
    assert place.status("a.md")["last_run_id"] == run_id
