"""`/runr run --task foo.md`, typed into a real session, in each of its two ways."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import ClaudePlace, call, write
from fakes.marks import also_long
from fakes.model_api import FakeModel
from fakes.model_request import ModelRequest
from runr.runs import journal
from unit.git_trees import git

OPEN = call("run-task", task="foo.md", worker="session")
DONE = call("complete-task", task="foo.md")


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> ClaudePlace:
    return ClaudePlace(tmp_path, claude_path)


@pytest.mark.parametrize("era", ["modern", *also_long("legacy")])
def test_a_session_does_the_work_itself_and_leaves_a_verified_record(
    place: ClaudePlace, era: str
) -> None:
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
        said = place.say("/runr run --task foo.md", model, **legacy)
        results = [
            json.loads(r.text) for r in model.main_requests()[-1].tool_results if "{" in r.text
        ]
    opened, refused, done = (result for result in results if "run" in result)
    assert "Write a.txt." in opened["brief"]
    assert refused["completed"] is False
    assert refused["run"]["checks"][0]["exit_code"] == 1
    assert done["completed"] is True

    session, run_id = said["session_id"], opened["run"]["id"]
    message = place.message()
    for trailer in (
        f"Runr-Run-Id: {run_id}",
        "Runr-Task: .runr/tasks/foo.md",
        "Runr-Checkpoint: true",
        "Runr-Verified: task",
        "Runr-Worker: session",
        f"Runr-Session: {session}",
    ):
        assert trailer in message

    found = place.answer("task-status", "foo.md")
    assert (found["task"]["status"], found["task"]["evidence"]) == ("completed", "verified")
    assert found["run"]["session_id"] == session
    assert 0 < found["run"]["cost_usd"] <= said["total_cost_usd"]
    assert found["run"]["output_tokens"] > 0
    run = place.kit.layout.run(run_id)
    kinds = [event.type for event in journal.events(run)]
    assert kinds[0] == "run.created"
    assert "run.completed" in kinds
    transcript = run.transcript(1).read_text()
    assert "good" in transcript
    assert session in transcript


def test_a_session_dispatches_the_task_to_a_run_of_its_own(place: ClaudePlace) -> None:
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
        said = place.say("/runr run --task foo.md --worker claude-code", model)
        (result,) = model.main_requests()[-1].tool_results
    answer = json.loads(result.text)
    assert answer["run"]["status"] == "completed"

    found = place.answer("task-status", "foo.md")
    run = found["run"]
    assert found["task"]["evidence"] == "verified"
    assert run["worker"] == "claude-code"
    assert run["cost_usd"] > 0
    assert run["session_id"] not in (None, said["session_id"])
    message = place.message()
    assert f"Runr-Run-Id: {run['id']}" in message
    assert f"Runr-Session: {run['session_id']}" in message
    files = place.kit.layout.run(run["id"])
    assert '"type":"result"' in files.transcript(1).read_text().replace(" ", "")
    assert journal.events(files)[-1].type == "run.completed"
    assert (place.root / "a.txt").read_text() == "good\n"


@pytest.mark.long
def test_the_second_attempt_gets_what_failed_in_the_first(place: ClaudePlace) -> None:
    place.kit.task(
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
        done = place.runr("run", "--task", "foo.md", model=model)
        first, second = (model.main_requests()[number] for number in (0, 2))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What failed" not in first.user_text
    assert "Failed checks of attempt 1" in second.last_user_text
    assert "the-wrong-word" in second.last_user_text
    assert "Write a.txt." in second.prompt
    assert "completed, verified" in done.stdout
    assert place.answer("task-status", "foo.md")["run"]["attempt"] == 2


@pytest.mark.long
def test_work_that_was_not_completed_through_runr_is_not_done(place: ClaudePlace) -> None:
    with FakeModel([write("a.txt", "good\n"), {"text": "All done!"}]) as model:
        place.say("Do .runr/tasks/foo.md", model)
    assert place.answer("task-status", "foo.md")["task"]["status"] == "pending"


def answers(model: FakeModel) -> list[Any]:
    """Return what runr's tools answered about runs, as the model received it."""
    texts = [result.text for result in model.main_requests()[-1].tool_results]
    return [json.loads(text) for text in texts if text.startswith("{") and '"run"' in text]


def opening(place: ClaudePlace, *more: dict[str, Any]) -> tuple[Any, Any]:
    """Let a session open a run and go; return what it said at the end, and the answers it got."""
    script = [call("run-task", task="foo.md", worker="session"), *more, {"text": "I stop here"}]
    with FakeModel(script) as model:
        said = place.say("/runr run --task foo.md", model)
        return said, answers(model)


@pytest.mark.long
def test_a_second_session_learns_which_session_holds_the_task(
    place: ClaudePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = "aaaa1111-0000-4000-8000-000000000001"
    with monkeypatch.context() as theirs:
        theirs.setenv("CLAUDE_CODE_SESSION_ID", holder)
        opened = place.runr("run", "--task", "foo.md", "--worker", "session", "--json")
    assert opened.returncode == 0, opened.stderr
    run_id = json.loads(opened.stdout)["session_brief"]["run"]["id"]
    with FakeModel([call("run-task", task="foo.md", worker="session"), {"text": "held"}]) as model:
        place.say("/runr run --task foo.md", model)
        (refused,) = model.main_requests()[-1].tool_results
    assert refused.is_error
    assert f"session {holder} in {place.root} on main" in refused.text
    assert "run-task 'foo.md' with worker session and force" in refused.text
    assert f"run-task {run_id!r} with action=stop" in refused.text


@pytest.mark.long
@pytest.mark.parametrize("how", ["resumed", *also_long("forked", "new")])
def test_open_work_is_found_again_when_its_session_has_gone(place: ClaudePlace, how: str) -> None:
    failing = [write("a.txt", "bad\n"), call("complete-task", task="foo.md")]
    first, (opened, _) = opening(place, *failing)
    last = first["session_id"]
    words = {"resumed": ["--resume", last], "forked": ["--resume", last, "--fork-session"]}
    script = [
        call("run-task", task="foo.md", worker="session"),
        {"tools": [{"name": "Read", "input": {"file_path": "{{cwd}}/a.txt"}}]},
        write("a.txt", "good\n"),
        call("complete-task", task="foo.md"),
        {"text": "foo.md is completed"},
    ]
    place.options = (*place.options, *words.get(how, []))
    with FakeModel(script) as model:
        said = place.say("/runr run --task foo.md", model)
        results = answers(model)
    again, done = results[-2:]
    assert (said["session_id"] == last) == (how == "resumed")
    assert again["run"]["id"] == opened["run"]["id"]
    assert "Failed checks of attempt 1" in again["brief"]
    assert done["completed"] is True
    assert f"Runr-Session: {said['session_id']}" in place.message()
    kinds = [event.type for event in journal.events(place.kit.layout.run(opened["run"]["id"]))]
    assert ("session.attached" in kinds) == (how != "resumed")
    kept = place.kit.layout.run(opened["run"]["id"])
    assert "bad" in kept.transcript(1).read_text()
    assert kept.transcript(2).exists() == (how != "resumed")


@pytest.mark.long
def test_a_session_in_a_worktree_of_its_own_works_against_the_same_record(
    place: ClaudePlace,
) -> None:
    place.commit()
    script = [
        call("run-task", task="foo.md", worker="session"),
        write("a.txt", "good\n"),
        call("complete-task", task="foo.md"),
        {"text": "foo.md is completed"},
    ]
    place.options = (*place.options, "--worktree", "feat")
    with FakeModel(script) as model:
        place.say("/runr run --task foo.md", model)
        results = answers(model)
    assert results[-1]["completed"] is True
    made = git(place.root, "log", "-1", "--format=%B", "worktree-feat")
    assert "Runr-Task: .runr/tasks/foo.md" in made
    assert not (place.root / "a.txt").exists()
    found = place.answer("task-status", "foo.md")
    assert (found["task"]["status"], found["task"]["unmerged"]) == ("completed", True)


@pytest.mark.long
def test_a_session_that_enters_a_worktree_on_its_way_opens_its_task_there(
    place: ClaudePlace,
) -> None:
    place.commit()
    script = [
        {"tools": [{"name": "EnterWorktree", "input": {"name": "feat"}}]},
        call("run-task", task="foo.md", worker="session"),
        write(".claude/worktrees/feat/README.md", "mine\n"),
        write(".claude/worktrees/feat/a.txt", "good\n"),
        call("complete-task", task="foo.md"),
        {"text": "foo.md is completed"},
    ]
    with FakeModel(script) as model:
        place.say("/runr run --task foo.md", model)
        _, _, denied, written, done = model.main_requests()[-1].tool_results
    assert "README.md is outside the scope of foo.md" in denied.text
    assert not written.is_error
    assert json.loads(done.text)["completed"] is True
    made = git(place.root, "log", "-1", "--format=%B", "worktree-feat")
    assert "Runr-Task: .runr/tasks/foo.md" in made
    assert not (place.root / "a.txt").exists()
    assert place.answer("task-status", "foo.md")["task"]["unmerged"] is True


@pytest.mark.long
def test_status_in_a_session_shows_the_tasks(place: ClaudePlace) -> None:
    with FakeModel([call("list-tasks"), {"text": "one task"}]) as model:
        place.say("/runr status", model)
        (listed,) = model.main_requests()[-1].tool_results
    assert json.loads(listed.text)["tasks"][0]["path"] == ".runr/tasks/foo.md"


def test_a_name_that_the_model_gives_is_no_attestation(place: ClaudePlace) -> None:
    place.kit.task("call.md", header="type: manual", body="Call them.")
    typing = "runr complete-task call.md --reason called --by Grace"
    script = [
        call("complete-task", task="call.md", reason="called", by="Grace"),
        {"tools": [{"name": "Bash", "input": {"command": typing}}]},
        {"text": "not recorded"},
    ]
    with FakeModel(script) as model:
        place.say("/runr complete call.md --reason called", model)
        asked, typed = model.main_requests()[-1].tool_results
    assert "the user did not confirm" in asked.text
    assert "claude-code passes it on" in typed.text
    assert place.answer("task-status", "call.md")["task"]["status"] == "pending"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("start", ["exec ", *also_long("", "exec setsid -w ")])
def test_a_command_that_the_model_hides_its_session_from_is_no_attestation(
    place: ClaudePlace, start: str
) -> None:
    place.kit.task("call.md", header="type: manual", body="Call them.")
    place.options = ("--allowedTools", "Bash")
    typing = (
        f"{start}env -i PATH=$PATH HOME=$HOME runr complete-task call.md --by Ada --reason called"
    )
    turn = {"tools": [{"name": "Bash", "input": {"command": typing}}]}
    with FakeModel([turn, {"text": "refused"}]) as model:
        place.say("Complete call.md", model)
        (typed,) = model.main_requests()[-1].tool_results
    assert "claude-code passes it on" in typed.text
    assert place.answer("task-status", "call.md")["task"]["status"] == "pending"


@pytest.mark.long
@pytest.mark.parametrize("says", [DONE, *also_long(OPEN)], ids=["complete-task", "run-task"])
def test_a_session_learns_that_a_person_has_completed_its_task_meanwhile(
    place: ClaudePlace, says: dict[str, Any]
) -> None:
    turns = iter([OPEN, write("a.txt", "good\n"), says, {"text": "It is completed."}])

    def script(request: ModelRequest) -> dict[str, Any]:
        if len(request.tool_results) == 2:
            done = place.runr("complete-task", "foo.md")
            assert done.returncode == 0, done.stderr
        return next(turns)

    with FakeModel(script) as model:
        place.say("/runr run --task foo.md", model)
        requests = model.main_requests()
    assert len(requests) == 4  # the session is not held
    summary = requests[-1].tool_results[-1].text
    assert "completed already" in summary or "already completed" in summary
    found = place.answer("task-status", "foo.md")
    assert (found["task"]["evidence"], found["task"]["run_count"]) == ("verified", 1)
    assert len(place.kit.checkpoints()) == 1
    events = journal.events(place.kit.layout.run(found["run"]["id"]))
    (submitted,) = (e for e in events if e.payload.get("by") == "Ada Example")
    assert (submitted.type, submitted.source) == ("phase.finished", "person")
