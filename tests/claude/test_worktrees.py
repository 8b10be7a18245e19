"""Worktrees that Claude Code makes below the repository while a session has a run open."""

import json
from pathlib import Path

import pytest

from claude.claude_place import ClaudePlace, Turn, call, write
from fakes.model_api import FakeModel
from unit.git_trees import git

pytestmark = pytest.mark.long

OPEN = call("run-task", task="foo.md", worker="session")
DONE = call("complete-task", task="foo.md")
ASKED = "Write the file for me."


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> ClaudePlace:
    place = ClaudePlace(tmp_path, claude_path)
    place.options = ("--allowedTools", "mcp__runr,Bash")
    place.commit()
    return place


def use(tool: str, **given: object) -> Turn:
    return {"tools": [{"name": tool, "input": given}]}


def said(place: ClaudePlace, *turns: Turn) -> list[str]:
    """Return what the tools answered to the turns of a session, whose last one is a text."""
    with FakeModel([*turns, {"text": "That is all."}]) as model:
        place.say("Do foo.md", model)
        return [result.text for result in model.main_requests()[-1].tool_results]


def test_a_session_that_goes_to_a_worktree_learns_how_its_work_gets_into_its_run(
    place: ClaudePlace,
) -> None:
    # The check passes in the tree of the run all the time.
    place.kit.task("foo.md", header="owns: [a.txt]\nverify: [test -f README.md]")
    place.commit()
    there = place.root / ".claude/worktrees/feat"
    *_, refused, _, _, _, done = said(
        place,
        OPEN,
        use("EnterWorktree", name="feat"),
        write(".claude/worktrees/feat/a.txt", "good\n"),
        DONE,
        use("Bash", command="git add a.txt && git commit -q -m Work"),
        use("ExitWorktree", action="keep"),
        use("Bash", command="git merge -q worktree-feat"),
        DONE,
    )
    assert f"works in {place.root}, and its session is now in {there}" in refused
    assert f"go back to {place.root}, and merge worktree-feat there" in refused
    assert json.loads(done)["completed"] is True
    assert git(place.root, "show", "main:a.txt") == "good"
    assert there.is_dir()


def test_the_work_of_a_subagent_in_a_worktree_is_no_violation_and_is_named(
    place: ClaudePlace,
) -> None:
    place.kit.task("foo.md", header="owns: [a.txt]\nverify: [test -f README.md]")
    place.commit()
    lane = {"name": "subagent", "match": {"prompt": f"^{ASKED}"}}
    agent = {"description": "Write it", "prompt": ASKED, "isolation": "worktree"}
    script = {
        "lanes": [{**lane, "turns": [write("a.txt", "good\n"), {"text": "Written."}]}],
        "turns": [OPEN, use("Agent", run_in_background=False, **agent), DONE, {"text": "So."}],
    }
    with FakeModel(script) as model:
        place.say("Do foo.md", model)
        asked = [each for each in model.main_requests() if not each.prompt.startswith(ASKED)]
        answer = json.loads(asked[-1].tool_results[-1].text)
    [made] = (place.root / ".claude/worktrees").iterdir()
    assert answer["completed"] is False
    assert "violations" not in answer["run"]
    assert answer["next_steps"][0].startswith(f"Commit the work in .claude/worktrees/{made.name},")
    assert (made / "a.txt").read_text() == "good\n"


def test_work_from_before_the_run_is_refused_and_not_committed_as_nothing(
    place: ClaudePlace,
) -> None:
    before = git(place.root, "rev-parse", "HEAD")
    _, _, refused = said(place, write("a.txt", "good\n"), OPEN, DONE)
    answer = json.loads(refused)
    assert answer["completed"] is False
    assert "a.txt" in answer["run"]["detail"]
    assert git(place.root, "rev-parse", "HEAD") == before
