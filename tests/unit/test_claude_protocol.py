"""What runr reads from a hook's input and writes as a hook's response."""

import json
from typing import Any

import pytest

from runr.claude import protocol
from runr.claude.protocol import HookCall


def parsed(**facts: Any) -> HookCall:
    return HookCall.parse(json.dumps({"session_id": "s", "cwd": "/r"} | facts).encode())


def test_a_call_names_the_session_its_folder_and_the_tool() -> None:
    call = parsed(
        tool_name="Bash",
        tool_use_id="t1",
        agent_type="reviewer",
        tool_input={"command": "ls", "task": "a"},
    )
    assert (call.session_id, call.cwd, call.tool, call.tool_use_id) == ("s", "/r", "Bash", "t1")
    assert (call.agent, call.command, call.task) == ("reviewer", "ls", "a")


@pytest.mark.parametrize("key", ["file_path", "notebook_path"])
def test_the_path_that_is_edited_is_that_of_a_file_or_a_notebook(key: str) -> None:
    assert parsed(tool_input={key: "/r/a"}).path == "/r/a"


def test_what_is_missing_or_of_another_type_is_empty() -> None:
    call = parsed(tool_name=3, tool_input=["x"], agent_type=None)
    assert (call.tool, call.agent, call.path, call.command, call.tool_input) == ("", "", "", "", {})
    assert (call.again, call.busy) == (False, False)


@pytest.mark.parametrize(("given", "again"), [(True, True), (False, False), ("yes", False)])
def test_a_session_that_stops_once_more_says_so(given: object, again: bool) -> None:
    assert parsed(stop_hook_active=given).again is again


@pytest.mark.parametrize(("tasks", "busy"), [([{"id": "1"}], True), ([], False)])
def test_a_session_with_tasks_in_the_background_is_busy(tasks: list[Any], busy: bool) -> None:
    assert parsed(background_tasks=tasks).busy is busy


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b"3"])
def test_invalid_input_is_an_error_that_the_hook_catches(data: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        HookCall.parse(data)


def test_a_changed_command_keeps_the_tools_other_input() -> None:
    call = parsed(tool_input={"command": "git commit", "timeout": 5})
    answer = json.loads(protocol.replace_command(call, "git commit --trailer x", "Why — so"))
    output = answer["hookSpecificOutput"]
    assert output["updatedInput"] == {"command": "git commit --trailer x", "timeout": 5}
    assert (output["hookEventName"], output["additionalContext"]) == ("PreToolUse", "Why — so")


@pytest.mark.parametrize(
    "response",
    [
        protocol.deny("Why — so"),
        protocol.announce("Why — so"),
        protocol.block_stop("Why — so"),
        protocol.session_context(["Why — so", "two"]),
    ],
)
def test_a_response_is_readable_in_a_transcript(response: str) -> None:
    assert "Why — so" in response
    assert json.loads(response)


def test_the_user_sees_the_first_line_and_the_model_all() -> None:
    answer = json.loads(protocol.session_context(["one", "two"]))
    assert answer["systemMessage"] == "one"
    assert answer["hookSpecificOutput"]["additionalContext"] == "one\ntwo"
