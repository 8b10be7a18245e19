"""What the plugin's hooks do to a real session of Claude Code."""

import json
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import Turn, write
from claude.plugin_place import PluginPlace, bash, call
from claude.test_failures import used_up
from fakes.marks import also_long
from fakes.model_api import FakeModel
from fakes.model_request import ModelRequest
from fakes.project_kit import until
from runr.runs import journal
from runr.runs.events import Event
from runr.status.model import Entry, State
from unit.git_trees import git

OPEN = call("run-task", task="foo.md", worker="session")
DONE = call("complete-task", task="foo.md")
BYE: Turn = {"text": "That is all."}


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> PluginPlace:
    return PluginPlace(tmp_path, claude_path)


def said(place: PluginPlace, script: list[Turn]) -> list[ModelRequest]:
    """Let a session play the script and return what the model was asked."""
    with FakeModel(script) as model:
        place.say("Do foo.md", model)
        return model.main_requests()


def events(place: PluginPlace, kind: str) -> list[Event]:
    (run_id,) = journal.ids(place.kit.layout)
    return [e for e in journal.events(place.kit.layout.run(run_id)) if e.type == kind]


def answer(result: str) -> Any:
    return json.loads(result)


def _stopped(place: PluginPlace) -> Entry | None:
    entry = place.kit.entry("foo.md")
    return entry if entry.status is State.STOPPED else None


def received(request: ModelRequest) -> str:
    return "\n".join(request.all_texts)


def test_an_edit_outside_of_the_open_task_s_scope_is_denied_with_the_reason(
    place: PluginPlace,
) -> None:
    requests = said(place, [OPEN, write("README.md", "mine"), write("a.txt", "good"), DONE, BYE])
    _, denied, allowed, done = requests[-1].tool_results
    assert denied.is_error
    assert "README.md is outside the scope of foo.md" in denied.text
    assert "It may change only: a.txt" in denied.text
    assert (place.root / "README.md").read_text() == "# A project\n"
    assert not allowed.is_error
    assert answer(done.text)["completed"] is True
    (event,) = events(place, "tool.denied")
    assert event.payload["path"] == "README.md"


@pytest.mark.long
def test_files_that_no_scope_check_counts_can_be_edited(place: PluginPlace) -> None:
    (place.root / ".gitignore").write_text("build/\n")
    place.commit()
    (place.root / "build").mkdir()
    script = [OPEN, write("build/log.txt", "x"), write("../notes.txt", "x"), DONE, BYE]
    _, ignored, _outside, _ = said(place, script)[-1].tool_results
    assert not ignored.is_error
    assert events(place, "tool.denied") == []


@pytest.mark.long
def test_without_an_open_task_no_edit_is_denied(place: PluginPlace) -> None:
    (written,) = said(place, [write("README.md", "mine"), BYE])[-1].tool_results
    assert not written.is_error
    assert journal.ids(place.kit.layout) == []
    assert place.kit.entry("foo.md").status is State.PENDING


def test_a_commit_by_hand_names_its_run_and_its_session(place: PluginPlace) -> None:
    by_hand = "cd . && git add a.txt && git commit -q -m 'On the way'"
    script = [OPEN, write("a.txt", "good"), bash(by_hand), DONE, BYE]
    requests = said(place, script)
    assert "complete-task runs the checks and makes the checkpoint commit itself" in received(
        requests[-1]
    )
    run_id = answer(requests[-1].tool_results[0].text)["run"]["id"]
    message = git(place.root, "log", "--format=%B", "--grep=^On the way")
    assert f"Runr-Run-Id: {run_id}" in message
    assert "Runr-Session: " in message
    assert "Runr-Checkpoint" not in message
    assert place.answer("task-status", "foo.md")["task"]["evidence"] == "verified"


@pytest.mark.long
def test_a_commit_outside_of_any_run_names_its_session_behind_the_repository_s_own_hooks(
    place: PluginPlace,
) -> None:
    own = place.root / ".git/hooks/pre-commit"
    own.parent.mkdir(exist_ok=True)
    own.write_text("#!/bin/sh\ntouch seen-by-its-own-hook\n")
    own.chmod(0o755)
    by_hand = bash("cd . && echo mine > b.txt && git add b.txt && git commit -q -m 'My own affair'")
    said(place, [by_hand, BYE])
    message = git(place.root, "log", "-1", "--format=%B")
    assert message.startswith("My own affair")
    assert "Runr-Session: " in message
    assert "Runr-Run-Id" not in message
    assert (place.root / "seen-by-its-own-hook").exists()
    assert place.answer("audit")["counts"]["attributed"] == 1


@pytest.mark.long
def test_edits_and_commands_are_in_the_timeline_without_secrets(place: PluginPlace) -> None:
    secret = "ghp_" + "a1b2c3d4e5" * 4
    said(place, [OPEN, bash(f"echo {secret}"), write("a.txt", "good"), DONE, BYE])
    (edited,), (ran,) = events(place, "tool.edit"), events(place, "tool.command")
    assert (edited.payload["tool"], edited.payload["path"]) == ("Write", "a.txt")
    assert ran.payload["command"] == "echo [redacted]"
    assert ran.source == "session"
    numbers = [
        event.seq
        for event in journal.events(place.kit.layout.run(journal.ids(place.kit.layout)[0]))
    ]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_session_that_stops_too_early_is_reminded_of_what_is_missing_and_finishes(
    place: PluginPlace,
) -> None:
    script = [OPEN, write("a.txt", "bad"), DONE, BYE, write("a.txt", "good"), DONE, BYE]
    requests = said(place, script)
    held = requests[4].last_user_text
    assert "foo.md is open" in held
    assert "`grep -q good a.txt`" in held
    assert len(events(place, "session.reminded")) == 1
    assert place.kit.entry("foo.md").status is State.COMPLETED


@pytest.mark.long
def test_a_session_that_stops_after_the_reminder_leaves_its_run_unverified(
    place: PluginPlace,
) -> None:
    requests = said(place, [OPEN, write("a.txt", "good"), BYE, BYE, BYE])
    assert len(requests) == 4
    # The answer is true at once; the file says it a moment later.
    assert place.answer("task-status", "foo.md")["task"]["status"] == "stopped"
    entry = place.kit.entry("foo.md")
    assert (entry.status, entry.stop_reason) == (State.STOPPED, "abandoned")
    assert entry.verification.value == "none"
    assert (place.root / "a.txt").read_text() == "good"


@pytest.mark.long
def test_a_session_that_stopped_can_still_complete_its_task(place: PluginPlace) -> None:
    with FakeModel([OPEN, write("a.txt", "good"), BYE, BYE]) as model:
        session = place.say("Do foo.md", model)["session_id"]
    assert place.answer("task-status", "foo.md")["run"]["stop_reason"] == "abandoned"
    place.options = (*place.options, "--resume", session)
    done = said(place, [DONE, BYE])[-1].tool_results[-1]
    assert answer(done.text)["completed"] is True
    assert place.kit.entry("foo.md").evidence == "verified"
    assert len(place.kit.checkpoints()) == 1
    assert "a.txt" in git(place.root, "show", "--name-only", "--format=", "HEAD")


def test_a_session_gets_a_summary_of_the_tasks_at_its_start(place: PluginPlace) -> None:
    place.kit.task("bar.md", header="depends_on: [foo.md]")
    place.kit.task("call.md", header="type: manual")
    (request,) = said(place, [BYE])
    assert "runr: 0 of 3 tasks completed; 1 ready, 1 waiting for a person" in received(request)
    assert "Ready: foo.md\nWaiting for a person: call.md" in received(request)


@pytest.mark.long
def test_what_a_session_cost_is_added_to_its_run_when_it_has_ended(place: PluginPlace) -> None:
    said(place, [OPEN, write("a.txt", "good"), DONE, BYE])
    (settled,) = until(lambda: events(place, "usage.recorded"), "the session's cost")
    assert settled.payload["usage"]["cost_usd"] > 0


@pytest.mark.long
def test_a_resumed_run_costs_what_all_of_its_work_did(place: PluginPlace) -> None:
    with FakeModel([OPEN, write("a.txt", "bad"), BYE, BYE]) as model:
        session = place.say("Do foo.md", model)["session_id"]
    (first,) = until(lambda: events(place, "usage.recorded"), "the first session's cost")
    place.options = (*place.options, "--resume", session)
    with FakeModel([OPEN, write("a.txt", "good"), DONE, BYE]) as model:
        whole = place.say("Do foo.md", model)["total_cost_usd"]
    (second,) = until(lambda: events(place, "usage.recorded")[1:], "what was added")
    assert first.payload["usage"]["cost_usd"] < second.payload["usage"]["cost_usd"] <= whole
    assert first.payload["usage"]["turns"] < second.payload["usage"]["turns"]
    shown = place.answer("task-status", "foo.md")["run"]
    assert shown["cost_usd"] == pytest.approx(second.payload["usage"]["cost_usd"], abs=1e-6)


@pytest.mark.long
def test_a_run_that_is_open_when_the_session_ends_is_left_in_a_true_state(
    place: PluginPlace,
) -> None:
    with FakeModel(
        [OPEN, write("a.txt", "good"), {"error": {"status": 400}, "repeat": -1}]
    ) as model:
        result = place.attempt("Do foo.md", model)
    assert result["is_error"]
    stopped = until(lambda: events(place, "run.stopped"), "the end of the run")
    assert stopped[0].payload["code"] == "abandoned"
    entry = until(lambda: _stopped(place), "the status")
    assert entry.stop_reason == "abandoned"


@pytest.mark.long
@pytest.mark.parametrize("how", ["no tasks", *also_long("no runr folder", "everything done")])
def test_without_open_tasks_nothing_is_printed(place: PluginPlace, how: str) -> None:
    match how:
        case "no tasks":
            (place.kit.layout.tasks / "foo.md").unlink()
        case "no runr folder":
            git(place.root, "rm", "-rq", ".runr")
            place.commit()
        case _:
            done = place.runr(
                "complete-task", "foo.md", "--reason", "done", "--by", "Ada", "--force"
            )
            assert done.returncode == 0, done.stderr
    (request,) = said(place, [BYE])
    assert "SessionStart" not in received(request)
    if how == "no runr folder":
        assert not place.kit.layout.runr.exists()


@pytest.mark.long
def test_a_damaged_record_blocks_no_session(place: PluginPlace) -> None:
    place.kit.layout.status.write_text('{"tasks": {"in_progress"')
    place.kit.layout.config.write_text("this is = no = toml")
    requests = said(place, [write("README.md", "mine"), bash("git commit --allow-empty -m x"), BYE])
    assert [result.is_error for result in requests[-1].tool_results] == [False, False]
    assert (place.root / "README.md").read_text() == "mine"


@pytest.mark.long
def test_a_session_without_open_runs_is_barely_slowed_down(place: PluginPlace) -> None:
    for number in range(30):
        place.kit.task(f"{number:02}-a-task-with-a-rather-long-name.md")
    with_runr = looked_around(place)
    place.options = ()
    without = looked_around(place)
    ours = [line for line in lines(with_runr) if line not in lines(without)]
    words = [line for line in ours if "servers" not in line]  # a remark of Claude Code's own
    assert any("runr: 0 of 31 tasks completed" in line for line in words)
    assert any("runr keeps the record" in line for line in words)
    tools = [tool for tool in with_runr.body["tools"] if "runr" in tool["name"]]
    assert len(tools) == 4
    # Rather few characters for a token, so that the count is rather high.
    characters = sum(map(len, words)) + len(json.dumps(tools, separators=(",", ":")))
    assert characters / 3.5 < 1000


def looked_around(place: PluginPlace) -> ModelRequest:
    """Return the request of a session that only waited for its MCP servers."""
    search: Turn = {"tools": [{"name": "ToolSearch", "input": {"query": "weather"}}]}
    with FakeModel([search, BYE]) as model:
        place.say("Hello", model)
        return model.main_requests()[-1]


def lines(request: ModelRequest) -> list[str]:
    return [*request.system.splitlines(), *received(request).splitlines()]


def test_a_session_that_meets_its_usage_limit_stops_its_run_for_that(place: PluginPlace) -> None:
    place.login = "sk-ant-oat01-test"
    with FakeModel([OPEN, write("a.txt", "good"), used_up(7200)]) as model:
        ended = place.attempt("Do foo.md", model)
    assert "hit your limit" in ended["result"]
    run = place.answer("task-status", "foo.md")["run"]
    assert (run["stop_reason"], run["resets_at"] > run["ended_at"]) == ("usage_limit", True)
    assert "resets" in run["detail"]
    place.options = (*place.options, "--resume", ended["session_id"])
    done = said(place, [DONE, BYE])[-1].tool_results[-1]
    assert answer(done.text)["completed"] is True
