"""`/runr` with every verb, typed into a real session that has the plugin and no other permission.

The model is scripted: this shows that the steps of the skill work and are permitted, not that a
model follows them.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import Turn, write
from claude.plugin_place import PLUGIN, PluginPlace, bash, call
from fakes.marks import also_long
from fakes.model_api import FakeModel
from fakes.model_request import ModelRequest, ToolResult
from runr.runs import journal

BYE: Turn = {"text": "That is what there is."}
SKILL = PLUGIN / "skills" / "runr"


class SkillPlace(PluginPlace):
    """What a person has who has just installed the plugin and allowed nothing else."""

    options: tuple[str, ...] = ("--plugin-dir", str(PLUGIN))


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> SkillPlace:
    return SkillPlace(tmp_path, claude_path)


def typed(place: SkillPlace, words: str, *turns: Turn) -> tuple[ModelRequest, list[ToolResult]]:
    """Type `/runr words` and return the first request, and what the tools answered."""
    with FakeModel([*turns, BYE]) as model:
        place.say(f"/runr {words}".strip(), model)
        requests = model.main_requests()
    return requests[0], requests[-1].tool_results


def data(result: ToolResult) -> Any:
    assert not result.is_error, result.text
    return json.loads(result.text)


def run_id(place: SkillPlace) -> str:
    return journal.ids(place.kit.layout)[-1]


@pytest.mark.long
@pytest.mark.parametrize("typed_as", ["/runr", *also_long("/runr:runr")])
def test_the_skill_is_there_under_both_names_with_what_was_typed(
    place: SkillPlace, typed_as: str
) -> None:
    with FakeModel([BYE]) as model:
        place.say(f"{typed_as} status 'foo.md' $(touch pwned)", model)
        (request,) = model.main_requests()
    assert "The user asked: status 'foo.md' $(touch pwned)" in request.user_text
    assert not (place.root / "pwned").exists()


@pytest.mark.long
def test_status_and_next_name_what_is_ready_and_what_is_blocked(place: SkillPlace) -> None:
    place.kit.task("bar.md", header="depends_on: [foo.md]")
    lists = (call("list-tasks"), call("list-tasks", ready=True), call("task-status", task="bar.md"))
    _, (every, ready, blocked) = typed(place, "status", *lists)
    assert [row["path"] for row in data(every)["tasks"]] == [
        ".runr/tasks/bar.md",
        ".runr/tasks/foo.md",
    ]
    assert [row["path"] for row in data(ready)["tasks"]] == [".runr/tasks/foo.md"]
    assert data(blocked)["task"]["blocked_by"] == [".runr/tasks/foo.md"]


@pytest.mark.long
def test_a_blocked_task_is_refused_with_what_it_waits_for(place: SkillPlace) -> None:
    place.kit.task("bar.md", header="depends_on: [foo.md]")
    opening = call("run-task", task="bar.md", worker="session")
    _, (refused,) = typed(place, "run --task bar.md", opening)
    assert refused.is_error
    assert "waits for .runr/tasks/foo.md" in refused.text
    assert journal.ids(place.kit.layout) == []


def test_a_task_is_run_fixed_after_a_failed_check_and_reported(place: SkillPlace) -> None:
    _, results = typed(
        place,
        "run --task foo.md",
        call("run-task", task="foo.md", worker="session"),
        write("a.txt", "bad"),
        call("complete-task", task="foo.md"),
        write("a.txt", "good"),
        call("complete-task", task="foo.md"),
        bash("runr report latest"),
    )
    opened, _, failed, _, done, report = results
    assert "Write a.txt." in data(opened)["brief"]
    assert data(failed)["completed"] is False
    assert "complete-task" in data(failed)["next_steps"][0]
    assert data(done)["completed"] is True
    assert "completed and verified" in report.text


@pytest.mark.long
def test_a_run_is_stopped_and_resumed(place: SkillPlace) -> None:
    _, results = typed(
        place,
        "run --task foo.md",
        call("run-task", task="foo.md", worker="session"),
        bash("runr stop latest"),
        call("task-status", task="foo.md"),
        bash("runr resume latest"),
        write("a.txt", "good"),
        call("complete-task", task="foo.md"),
    )
    _, stopped, status, resumed, _, done = results
    assert "stopped" in stopped.text
    assert data(status)["task"]["status"] == "stopped"
    assert not resumed.is_error
    assert data(done)["completed"] is True
    assert place.answer("task-status", "foo.md")["task"]["run_count"] == 1


@pytest.mark.long
def test_a_new_task_is_written_and_found(place: SkillPlace) -> None:
    _, (made, found) = typed(
        place, "new 03-export", bash("runr new '03-export'"), call("task-status", task="03-export")
    )
    assert "03-export.md" in made.text
    assert data(found)["task"]["status"] == "pending"


def test_a_manual_task_needs_the_confirmation_of_the_user(place: SkillPlace) -> None:
    place.kit.task("call.md", header="type: manual", body="Call them.")
    _, (refused, said) = typed(
        place,
        "complete call.md --reason called --by Grace",
        call("run-task", task="call.md", worker="session"),
        call("complete-task", task="call.md", reason="called", by="Grace"),
    )
    assert "manual" in refused.text
    assert said.is_error
    assert "`runr complete-task call.md --reason" in said.text


@pytest.mark.long
def test_a_stale_task_is_shown_as_such(place: SkillPlace) -> None:
    place.kit.task("call.md", header="type: manual", body="Call them.")
    place.runr("complete-task", "call.md", "--reason", "done", "--by", "Ada")
    place.kit.task("call.md", header="type: manual", body="Call them twice.")
    request, (stale, status) = typed(
        place, "status", call("list-tasks", stale=True), call("task-status", task="call.md")
    )
    assert [row["path"] for row in data(stale)["tasks"]] == [".runr/tasks/call.md"]
    assert data(status)["task"]["stale"] is True
    assert "1 stale" in "\n".join(request.all_texts)


@pytest.mark.long
def test_the_pages_behind_the_skill_can_be_read(place: SkillPlace) -> None:
    named = re.findall(r"\]\((references/[\w.]+)\)", (SKILL / "SKILL.md").read_text())
    assert len(named) == 2
    reads: list[Turn] = [
        {"tools": [{"name": "Read", "input": {"file_path": str(SKILL / name)}}]} for name in named
    ]
    _, results = typed(place, "status", *reads)
    assert [result.is_error for result in results] == [False, False]
