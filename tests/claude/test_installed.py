"""Sessions where `runr install claude` was all that was done, and no permission was given."""

import json
from pathlib import Path

import pytest

from claude.claude_place import ClaudePlace, Turn, call, write
from claude.plugin_place import TOOLS, bash
from fakes.marks import also_long
from fakes.model_api import FakeModel
from fakes.model_request import Json, ToolResult
from runr.runs import journal
from runr.status.model import State
from unit.git_trees import git

BYE: Turn = {"text": "That is all."}


class ProjectPlace(ClaudePlace):
    """What a person has who installed runr in the repository, for everyone who works there."""

    def install(self) -> None:
        """Set Claude Code up for the repository."""
        super().install()
        self.commit()


class UserPlace(ClaudePlace):
    """What a person has who installed runr for all repositories, in one that has only `.runr`."""

    def install(self) -> None:
        """Set Claude Code up for the user."""
        self.runr("install", "claude", "--user")


@pytest.fixture(params=[ProjectPlace, *also_long(UserPlace)], ids=["project", "user"])
def place(request: pytest.FixtureRequest, tmp_path: Path, claude_path: Path) -> ClaudePlace:
    made: ClaudePlace = request.param(tmp_path, claude_path)
    return made


def say(place: ClaudePlace, words: str, *turns: Turn) -> tuple[Json, list[ToolResult]]:
    """Type `words`; return the session's result, and what the tools answered.

    The tools have the names that the installation gives them.
    """
    script = json.dumps([*turns, BYE])
    if isinstance(place, UserPlace):
        script = script.replace("mcp__runr__", f"{TOOLS}__")
    with FakeModel(json.loads(script)) as model:
        said = place.say(words, model)
        return said, model.main_requests()[-1].tool_results


@pytest.mark.long
def test_the_tasks_are_listed_without_a_question(place: ClaudePlace) -> None:
    lists = (call("list-tasks"), call("task-status", task="foo.md"), bash("runr status"))
    said, (every, one, typed) = say(place, "/runr status", *lists)
    assert said["permission_denials"] == []
    assert [row["path"] for row in json.loads(every.text)["tasks"]] == [".runr/tasks/foo.md"]
    assert json.loads(one.text)["task"]["status"] == "pending"
    assert not typed.is_error, typed.text


def test_a_task_is_done_within_its_scope_and_not_left_too_early(place: ClaudePlace) -> None:
    said, results = say(
        place,
        "/runr run --task foo.md",
        call("run-task", task="foo.md", worker="session"),
        write("README.md", "mine"),
        write("a.txt", "good"),
        BYE,
        call("complete-task", task="foo.md"),
        bash("runr report latest"),
    )
    _, denied, _, done, report = results
    assert "README.md is outside the scope of foo.md" in denied.text
    refused = [Path(tool["tool_input"]["file_path"]).name for tool in said["permission_denials"]]
    assert refused == ["README.md"]
    assert json.loads(done.text)["completed"] is True
    assert "completed and verified" in report.text
    (run_id,) = journal.ids(place.kit.layout)
    kinds = [event.type for event in journal.events(place.kit.layout.run(run_id))]
    noted = [kind for kind in kinds if kind.startswith(("session.", "tool."))]
    assert noted[:3] == ["tool.denied", "tool.edit", "session.reminded"]
    assert place.kit.entry("foo.md").status is State.COMPLETED
    assert git(place.root, "status", "--porcelain") == ""
