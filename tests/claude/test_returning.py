"""A session that goes on with its open task after `/compact`, or after `/clear` as another one."""

import json
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import Turn, write
from claude.plugin_place import PluginPlace, call
from claude.terminal_session import TerminalSession
from fakes.model_api import FakeModel
from fakes.model_request import Json, ModelRequest
from runr.runs import journal
from runr.runs.events import Event
from runr.status.model import State

OPEN = call("run-task", task="foo.md", worker="session")
DONE = call("complete-task", task="foo.md")
BYE: Turn = {"text": "That is all."}
ENDLESS: Turn = {"text": "Well.", "delay": 600}
GO_ON: list[Turn] = [OPEN, write("README.md", "mine"), write("a.txt", "good"), DONE, BYE]
SUMMARY: Json = {
    "name": "summary",
    "match": {"last_user_text": "Respond with TEXT ONLY"},
    "turns": [{"text": "<summary>foo.md is to be done.</summary>"}],
}
EDITS = ("--permission-mode", "acceptEdits")


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> PluginPlace:
    return PluginPlace(tmp_path, claude_path)


def timeline(place: PluginPlace) -> list[Event]:
    """Return the timeline of the only run."""
    (run_id,) = journal.ids(place.kit.layout)
    return journal.events(place.kit.layout.run(run_id))


def answers(requests: list[ModelRequest]) -> list[Any]:
    """Return what runr's tools answered in the conversation that is the last."""
    texts = [result.text for result in requests[-1].tool_results]
    return [json.loads(text) for text in texts if text.startswith("{")]


def received(request: ModelRequest) -> str:
    return "\n".join(request.all_texts)


def check_that_it_went_on(place: PluginPlace, requests: list[ModelRequest]) -> None:
    """Check that the session of the last requests worked on the only run, and completed it."""
    again, done = answers(requests)
    assert "Write a.txt." in again["brief"]
    assert again["run"]["id"] == journal.ids(place.kit.layout)[0]
    assert done["completed"] is True
    noted = [(e.type, e.payload["path"]) for e in timeline(place) if "path" in e.payload]
    assert noted == [("tool.denied", "README.md"), ("tool.edit", "a.txt")]
    assert (place.root / "README.md").read_text() == "# A project\n"
    session = requests[-1].headers["x-claude-code-session-id"]
    assert f"Runr-Session: {session}" in place.message()
    assert place.kit.entry("foo.md").status is State.COMPLETED


def check_that_it_was_reminded(request: ModelRequest, place: PluginPlace) -> None:
    """Check that the request begins with a summary, and says which task is open."""
    assert "foo.md is to be done." in request.prompt
    (run_id,) = journal.ids(place.kit.layout)
    assert f"This session has foo.md open (run {run_id})" in received(request)
    assert "You may change only: a.txt" in received(request)


@pytest.mark.long
def test_a_session_that_is_compacted_while_it_works_learns_which_task_it_has_open(
    place: PluginPlace,
) -> None:
    full = {**OPEN, "usage": {"input_tokens": 985_000}}
    with FakeModel({"lanes": [SUMMARY], "turns": [full, *GO_ON]}) as model:
        place.say("Do foo.md", model)
        requests = model.main_requests()
    check_that_it_was_reminded(requests[2], place)
    check_that_it_went_on(place, requests)


@pytest.mark.long
def test_a_person_interrupts_compacts_and_has_the_task_completed(place: PluginPlace) -> None:
    script = {"lanes": [SUMMARY], "turns": [OPEN, ENDLESS, *GO_ON]}
    with FakeModel(script) as model, TerminalSession(place, model, *EDITS) as terminal:
        interrupt(terminal, model)
        terminal.type("/compact")
        terminal.see("Compacted")
        terminal.type("Go on")
        terminal.see("That is all.")
        terminal.type("/exit")
        assert terminal.ended() == 0
        requests = model.main_requests()
    check_that_it_was_reminded(requests[3], place)
    check_that_it_went_on(place, requests)


@pytest.mark.long
def test_after_clear_the_task_is_continued_by_the_session_that_begins_there(
    place: PluginPlace,
) -> None:
    script = [OPEN, ENDLESS, *GO_ON]
    with FakeModel(script) as model, TerminalSession(place, model, *EDITS) as terminal:
        interrupt(terminal, model)
        terminal.type("/clear")
        terminal.see("SessionStart:clear says: runr: 0 of 1 tasks completed; 1 stopped")
        terminal.type("Go on")
        terminal.see("That is all.")
        terminal.type("/exit")
        assert terminal.ended() == 0
        requests = model.main_requests()
    before, after = (r.headers["x-claude-code-session-id"] for r in (requests[0], requests[-1]))
    assert before != after
    (stopped,) = (event.payload for event in timeline(place) if event.type == "run.stopped")
    assert stopped["code"] == "abandoned"
    assert "Stopped: foo.md (abandoned)" in received(requests[2])
    check_that_it_went_on(place, requests)


def interrupt(terminal: TerminalSession, model: FakeModel) -> None:
    """Let the session open the task, and interrupt it: a stop of its own would end the run."""
    terminal.see("1 ready")
    terminal.type("Do foo.md")
    model.wait_for(2)
    terminal.press("escape")
    terminal.see("Interrupted")
