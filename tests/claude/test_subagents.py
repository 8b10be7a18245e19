"""A session that hands a part of its task to a subagent of Claude Code."""

import json
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import Turn, write
from claude.plugin_place import PluginPlace, call
from fakes.marks import also_long
from fakes.model_api import FakeModel
from fakes.model_request import Json, ModelRequest
from fakes.project_kit import until
from runr.runs import journal
from runr.status.model import State
from unit.git_trees import git

OPEN = call("run-task", task="foo.md", worker="session")
DONE = call("complete-task", task="foo.md")
BYE: Turn = {"text": "That is all."}
ASKED = "Write the file for me."
WORK = (write("README.md", "mine"), write("a.txt", "good"))


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> PluginPlace:
    return PluginPlace(tmp_path, claude_path)


def delegate(*, background: bool) -> Turn:
    """Return a turn in which the model starts a subagent; by default they run in the background."""
    arguments = {"description": "Write it", "prompt": ASKED, "run_in_background": background}
    return {"tools": [{"name": "Agent", "input": arguments}]}


def subagent(*turns: Turn) -> Json:
    """Return what the subagent does; its own prompt tells its requests from the session's."""
    return {"name": "subagent", "match": {"prompt": f"^{ASKED}"}, "turns": [*turns, BYE]}


def noted(place: PluginPlace, kind: str) -> list[Json]:
    (run_id,) = journal.ids(place.kit.layout)
    return [e.payload for e in journal.events(place.kit.layout.run(run_id)) if e.type == kind]


def answered(requests: list[ModelRequest], *, subagent: bool) -> list[Any]:
    """Return what the tools answered in the whole of the one conversation or the other."""
    last = [r for r in requests if r.prompt.startswith(ASKED) == subagent][-1]
    return last.tool_results


@pytest.mark.long
@pytest.mark.parametrize("who", ["the subagent", *also_long("the session")])
def test_what_a_subagent_does_counts_as_the_session_s_own_work(
    place: PluginPlace, who: str
) -> None:
    itself = who == "the subagent"
    theirs, ours = ([DONE], []) if itself else ([], [DONE])
    script = {
        "lanes": [subagent(*WORK, *theirs)],
        "turns": [OPEN, delegate(background=False), *ours, BYE],
    }
    with FakeModel(script) as model:
        place.say("Do foo.md", model)
        requests = model.main_requests()
    denied, written, *_ = answered(requests, subagent=True)
    assert "README.md is outside the scope of foo.md" in denied.text
    assert not written.is_error
    done = answered(requests, subagent=itself)[-1]
    assert json.loads(done.text)["completed"] is True
    (edit,), (refusal,) = noted(place, "tool.edit"), noted(place, "tool.denied")
    assert (edit["path"], edit["agent"]) == ("a.txt", "general-purpose")
    assert (refusal["path"], refusal["agent"]) == ("README.md", "general-purpose")
    assert (place.root / "README.md").read_text() == "# A project\n"
    assert place.kit.entry("foo.md").status is State.COMPLETED
    assert git(place.root, "show", "--name-only", "--format=", "HEAD").split() == ["a.txt"]


@pytest.mark.long
def test_a_session_that_waits_for_its_subagent_is_not_reminded(
    place: PluginPlace, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    stop_hook = {"hooks": [{"type": "command", "command": f"touch {stopped}"}]}
    place.options = (*place.options, "--settings", json.dumps({"hooks": {"Stop": [stop_hook]}}))
    ours = iter([OPEN, delegate(background=True), BYE, DONE, BYE])
    theirs = iter([*WORK, BYE])

    def script(request: ModelRequest) -> Turn:
        if not request.prompt.startswith(ASKED):
            return next(ours)
        # It works for longer than the session, which ends its turn meanwhile.
        until(stopped.exists, "the session's stop")
        return next(theirs)

    with FakeModel(script) as model:
        place.say("Do foo.md", model)
        requests = model.main_requests()
    done = answered(requests, subagent=False)[-1]
    assert json.loads(done.text)["completed"] is True
    assert noted(place, "session.reminded") == []
    assert [edit["path"] for edit in noted(place, "tool.edit")] == ["a.txt"]
    assert place.kit.entry("foo.md").status is State.COMPLETED
