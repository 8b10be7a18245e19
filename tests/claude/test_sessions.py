"""`/runr run --task foo.md`, typed into a real session, in each of its two ways."""

import json
from pathlib import Path

import pytest

from claude.desk import Desk, call, write
from fakes.model_api import FakeModel
from runr.store import runlog


@pytest.fixture
def desk(tmp_path: Path, claude_path: Path) -> Desk:
    return Desk(tmp_path, claude_path)


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_session_does_the_work_itself_and_leaves_a_verified_record(desk: Desk, era: str) -> None:
    script = [
        call("run-task", task="foo.md", worker="session"),
        write("a.txt", "bad\n"),
        call("complete-task", task="foo.md"),
        {"tools": [{"name": "Read", "input": {"file_path": "{{cwd}}/a.txt"}}]},
        write("a.txt", "good\n"),
        call("complete-task", task="foo.md"),
        {"text": "foo.md is completed"},
    ]
    legacy = {"MCP_PROTOCOL_NEGOTIATION": "legacy"} if era == "legacy" else {}
    with FakeModel(script) as model:
        said = desk.say("/runr run --task foo.md", model, **legacy)
        results = [
            json.loads(r.text) for r in model.main_requests()[-1].tool_results if "{" in r.text
        ]
    opened, refused, done = (result for result in results if "run" in result)
    assert "Write a.txt." in opened["brief"]
    assert refused["completed"] is False
    assert refused["run"]["checks"][0]["exit_code"] == 1
    assert done["completed"] is True

    session, run_id = said["session_id"], opened["run"]["id"]
    message = desk.message()
    for trailer in (
        f"Runr-Run-Id: {run_id}",
        "Runr-Task: .runr/tasks/foo.md",
        "Runr-Checkpoint: true",
        "Runr-Verified: task",
        "Runr-Worker: session",
        f"Runr-Session: {session}",
    ):
        assert trailer in message

    found = desk.answer("task-status", "foo.md")
    assert (found["task"]["status"], found["task"]["evidence"]) == ("completed", "verified")
    assert found["run"]["session_id"] == session
    assert 0 < found["run"]["cost_usd"] <= said["total_cost_usd"]
    assert found["run"]["output_tokens"] > 0
    run = desk.kit.layout.run(run_id)
    kinds = [event.type for event in runlog.events(run)]
    assert kinds[0] == "run.created"
    assert "run.completed" in kinds
    transcript = run.transcript(1).read_text()
    assert "good" in transcript
    assert session in transcript


def test_a_session_dispatches_the_task_to_a_run_of_its_own(desk: Desk) -> None:
    by_session = {
        "name": "session",
        "match": {"prompt": "<command-name>/runr"},
        "turns": [
            call("run-task", task="foo.md", worker="claude-code", wait_s=60),
            {"text": "foo.md is completed"},
        ],
    }
    by_worker = {
        "name": "worker",
        "match": {"prompt": "# Task .runr/tasks/foo.md"},
        "turns": [write("a.txt", "good\n"), {"text": "I wrote it"}],
    }
    with FakeModel({"lanes": [by_session, by_worker]}) as model:
        said = desk.say("/runr run --task foo.md --worker claude-code", model)
        (result,) = model.main_requests()[-1].tool_results
    answer = json.loads(result.text)
    assert answer["run"]["status"] == "completed"

    found = desk.answer("task-status", "foo.md")
    run = found["run"]
    assert found["task"]["evidence"] == "verified"
    assert run["worker"] == "claude-code"
    assert run["cost_usd"] > 0
    assert run["session_id"] not in (None, said["session_id"])
    message = desk.message()
    assert f"Runr-Run-Id: {run['id']}" in message
    assert f"Runr-Session: {run['session_id']}" in message
    files = desk.kit.layout.run(run["id"])
    assert '"type":"result"' in files.transcript(1).read_text().replace(" ", "")
    assert runlog.events(files)[-1].type == "run.completed"
    assert (desk.root / "a.txt").read_text() == "good\n"


def test_the_second_attempt_is_told_what_failed_in_the_first(desk: Desk) -> None:
    desk.kit.task(
        "foo.md",
        header='owns: [a.txt]\nverify: ["cat a.txt; grep -q good a.txt"]',
        body="Write a.txt.",
    )
    script = [
        write("a.txt", "the-wrong-word\n"),
        {"text": "done"},
        {"tools": [{"name": "Read", "input": {"file_path": "{{cwd}}/a.txt"}}]},
        write("a.txt", "good\n"),
        {"text": "done, really"},
    ]
    with FakeModel(script) as model:
        done = desk.runr("run", "--task", "foo.md", model=model)
        first, second = (model.main_requests()[number] for number in (0, 2))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What failed" not in first.user_text
    assert "What failed in attempt 1" in second.last_user_text
    assert "the-wrong-word" in second.last_user_text
    assert "Write a.txt." in second.prompt
    assert "completed, verified" in done.stdout
    assert desk.answer("task-status", "foo.md")["run"]["attempt"] == 2


def test_work_that_was_not_completed_through_runr_is_not_done(desk: Desk) -> None:
    with FakeModel([write("a.txt", "good\n"), {"text": "All done!"}]) as model:
        desk.say("Do .runr/tasks/foo.md", model)
    assert desk.answer("task-status", "foo.md")["task"]["status"] == "pending"


def test_a_second_session_is_told_who_holds_the_task(desk: Desk) -> None:
    opening = [call("run-task", task="foo.md", worker="session"), {"text": "I stop here"}]
    with FakeModel(opening) as model:
        first = desk.say("/runr run --task foo.md", model)
    with FakeModel(opening) as model:
        desk.say("/runr run --task foo.md", model)
        (refused,) = model.main_requests()[-1].tool_results
    assert refused.is_error
    assert first["session_id"] in refused.text
    assert "runr stop" in refused.text


def test_status_in_a_session_shows_the_tasks(desk: Desk) -> None:
    with FakeModel([call("list-tasks"), {"text": "one task"}]) as model:
        desk.say("/runr status", model)
        (listed,) = model.main_requests()[-1].tool_results
    assert json.loads(listed.text)["tasks"][0]["path"] == ".runr/tasks/foo.md"


def test_a_word_is_attested_only_with_a_name_and_a_reason(desk: Desk) -> None:
    desk.kit.task("call.md", header="type: manual", body="Call them.")
    script = [
        call("complete-task", task="call.md", reason="called"),
        call("complete-task", task="call.md", reason="called", by="Grace"),
        {"text": "recorded"},
    ]
    with FakeModel(script) as model:
        desk.say("/runr complete call.md --reason called", model)
        nameless, named = model.main_requests()[-1].tool_results
    assert nameless.is_error
    assert "by" in nameless.text
    assert json.loads(named.text)["task"]["completed_by"] == "person:Grace"
