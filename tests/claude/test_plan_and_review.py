"""PLAN and REVIEW by the real `claude`: it reads and answers, and cannot edit."""

from pathlib import Path

import pytest

from claude.claude_place import ClaudePlace, Turn, write
from fakes.model_api import FakeModel
from unit.git_trees import git

PLAN: Turn = {"text": "I read it all.\n\n1. Write a.txt: it is there\n2. Write b.txt: it is there"}


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> ClaudePlace:
    place = ClaudePlace(tmp_path, claude_path)
    place.kit.task("foo.md", header='verify: ["test -s a.txt"]', body="Write a.txt and b.txt.")
    return place


def phases(place: ClaudePlace, *names: str) -> None:
    lines = "".join(f'{name} = "claude-code"\n' for name in names)
    place.kit.config(f'[run]\nworker = "claude-code"\n\n[phases]\n{lines}')


def ran(place: ClaudePlace, script: list[Turn]) -> FakeModel:
    with FakeModel(script) as model:
        done = place.runr("run", "--task", "foo.md", model=model)
    assert done.returncode == 0, done.stdout + done.stderr
    return model


@pytest.mark.long
def test_the_milestones_of_its_plan_are_committed_one_by_one(place: ClaudePlace) -> None:
    phases(place, "plan")
    script = [PLAN, write("a.txt", "a\n"), {"text": "a"}, write("b.txt", "b\n"), {"text": "b"}]
    model = ran(place, script)
    asked = [request.last_user_text for request in model.main_requests()]
    assert "Answer with a numbered list" in asked[0]
    assert "1. Write a.txt: it is there (now)" in asked[1]
    message = next(text for text in asked if "(done)" in text)
    assert "2. Write b.txt: it is there (now)" in message
    log = git(place.kit.root, "log", "--reverse", "--format=%s", "--name-only", "-2").split("\n")
    assert [line for line in log if line] == [
        *("Write a.txt: it is there", "a.txt"),
        *("Write b.txt: it is there", "b.txt"),
    ]


@pytest.mark.long
def test_a_reviewer_has_no_editing_tools_and_its_request_is_in_the_next_prompt(
    place: ClaudePlace,
) -> None:
    phases(place, "review")
    script: list[Turn] = [
        write("a.txt", "hello\n"),
        {"text": "I wrote it."},
        {"text": "b.txt is missing.\n\nVERDICT: changes"},
        write("b.txt", "b\n"),
        {"text": "Now both."},
        {"text": "Both are there.\n\nVERDICT: approve"},
    ]
    model = ran(place, script)
    requests = model.main_requests()
    review = next(request for request in requests if "VERDICT" in request.last_user_text)
    assert "+hello" in review.last_user_text
    tools = set(review.tool_names)
    assert "Read" in tools
    assert not tools & {"Edit", "Write", "NotebookEdit"}
    assert any("b.txt is missing." in request.last_user_text for request in requests)
    run = place.answer("task-status", "foo.md")["run"]
    assert (run["attempt"], run["reviewed_by"]) == (2, "claude-code")
    assert run["cost_usd"] > 0
