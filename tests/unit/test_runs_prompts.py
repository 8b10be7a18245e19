"""What workers, planners and reviewers are asked: scope, checks, milestones, and what to repair."""

from typing import Any

import pytest

from runr.next_steps.step import CLI, MCP
from runr.runs.model import (
    Approval,
    Check,
    CheckResult,
    Decision,
    Escalation,
    Review,
    Rework,
    RunCreated,
    RunSpec,
    RunState,
    Verification,
)
from runr.runs.prompts import (
    checks_section,
    continue_prompt,
    feedback_section,
    follow_up_prompt,
    missing_files,
    plan_prompt,
    review_prompt,
    scope_section,
    session_brief,
    work_prompt,
)

START = RunCreated(".runr/tasks/a.md", "codex", "/w", "0" * 40, "1" * 40, target="main")


def state(**facts: Any) -> RunState:
    known: dict[str, Any] = {"spec": RunSpec(title="Do it"), "attempt": 2, "attempts_from": 2}
    return RunState(id="r", start=START, created_at="t", updated_at="t", **(known | facts))


FAILED = Verification("failed", (CheckResult("task", "make", 1, 1.0),), attempt=2)
PLAN = ("one", "two", "three")


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        (RunSpec(), []),
        (RunSpec(lockfiles="allow"), []),
        (RunSpec(allow=("docs/",)), []),
        (RunSpec(lockfiles="deny"), ["You must not change any lockfile."]),
        (RunSpec(deny=("x", "y")), ["You must not change: x, y"]),
        (
            RunSpec(owns=("src/", "a"), allow=("docs/", "b"), lockfiles="allow"),
            [
                "You may change only: src/, a",
                "Where necessary, also: docs/, b",
                "Lockfiles may change.",
            ],
        ),
        (
            RunSpec(owns=("src/",)),
            [
                "You may change only: src/",
                "A lockfile may change only together with its manifest.",
            ],
        ),
        (
            RunSpec(owns=("src/",), lockfiles="deny"),
            ["You may change only: src/", "You must not change any lockfile."],
        ),
    ],
)
def test_the_scope_is_named_where_there_are_limits(spec: RunSpec, lines: list[str]) -> None:
    last = ["A change outside of this scope stops the run."] if lines else []
    assert scope_section(spec) == "\n".join([*lines, *last])


def test_checks_are_listed_also_those_of_some_paths_only() -> None:
    make, slow = Check("task", "make", 9), Check("tier2", "make slow", 9)
    added = Escalation("db/", "tier2", (slow,))
    always = (
        "The result is verified with these commands, run from the top of this folder:\n- `make`"
    )
    sometimes = "Where you change `db/`, it is also verified with:\n- `make slow`"
    assert checks_section(RunSpec(checks=(make,))) == always
    assert checks_section(RunSpec(escalations=(added,))) == sometimes
    both = RunSpec(checks=(make,), escalations=(added,))
    assert checks_section(both) == f"{always}\n\n{sometimes}"
    assert "a person reviews" in checks_section(RunSpec())


def test_a_plan_shows_which_milestone_is_next() -> None:
    prompt = work_prompt(state(milestones=PLAN, checkpoints=("1",)), "Text.")
    assert (
        "# Milestone 2 of 3\n1. one (done)\n2. two (now)\n3. three (later)\n\n"
        "Do this milestone only"
    ) in prompt
    assert "Milestone" not in work_prompt(state(), "Text.")


@pytest.mark.parametrize(
    ("facts", "ended"),
    [
        ({}, True),
        ({"milestones": PLAN}, False),
        ({"milestones": PLAN, "attempt": 3}, True),
        ({"verification": FAILED}, False),
        ({"verification": FAILED, "milestones": PLAN}, False),
    ],
)
def test_a_session_that_knows_the_task_gets_what_failed_and_nothing_else(
    facts: dict[str, Any], *, ended: bool
) -> None:
    prompt = follow_up_prompt(state(**facts))
    assert prompt.startswith(f"# Attempt {facts.get('attempt', 2)} at task .runr/tasks/a.md\n\n")
    assert ("ended before its work could be checked" in prompt) == ended
    assert ("# Failed checks of attempt 2" in prompt) == ("verification" in facts)
    assert ("# Milestone 1 of 3" in prompt) == ("milestones" in facts)
    assert "Do it" not in prompt


@pytest.mark.parametrize(("attempt", "repeated"), [(0, False), (1, True), (2, True)])
def test_the_first_attempt_has_nothing_to_repair(attempt: int, *, repeated: bool) -> None:
    prompt = work_prompt(state(attempt=attempt, verification=FAILED), "Text.")
    assert ("# Failed checks" in prompt) == repeated


def test_after_an_outage_the_session_goes_on() -> None:
    prompt = continue_prompt(state())
    assert prompt.startswith("# Task .runr/tasks/a.md\n\nThe model's service did not answer")


def test_what_persons_and_reviewers_asked_for_is_repeated_until_it_is_approved() -> None:
    rejection = Decision(rejection=Approval("Ada", "wrong"))
    asked = state(review=Review(feedback=("first", "second", "third")), decision=rejection)
    text = feedback_section(asked)
    assert "without this.\n\n```\nthird\n```" in text
    assert text.endswith("# Rejected by Ada\n\n```\nwrong\n```")
    approved = asked._replace(decision=rejection._replace(approved=True))
    assert "Rejected" not in feedback_section(approved)
    assert "first" not in text


def test_work_that_was_put_on_top_of_its_branch_is_named_with_its_place() -> None:
    moved = state(rework=Rework(onto="3" * 40, files=("a.py", "b.py")))
    assert feedback_section(moved) == (
        "# The branch has moved\n\nYour work could not land on main, which has moved."
        f" It is now on top of {'3' * 12}, as uncommitted changes.\n\n"
        "Both sides changed these files. Keep what both meant:\n- a.py\n- b.py"
    )
    assert "Both sides" not in feedback_section(state(rework=Rework(onto="3" * 40)))
    detached = state(rework=Rework(onto="3" * 40))._replace(start=START._replace(target=None))
    assert "land on its branch, which" in feedback_section(detached)


def test_files_that_are_in_no_commit_are_named_as_the_reason() -> None:
    assert missing_files((), ()) == ""
    both = missing_files([f"{number}.log" for number in range(9)], ["x"])
    ignored = ", ".join(f"{number}.log" for number in range(8))
    assert f"- git ignores: {ignored} and 1 more\n- not part of the run's changes: x\n" in both
    assert "not part" not in missing_files(["a"], ())
    assert "git add -f" not in (before := missing_files((), ["a"]))
    assert "commit such a file" in before


def test_a_brief_is_complete_by_itself() -> None:
    violated = state(violations=tuple(f"{number}.py" for number in range(21)))
    notes = [f"note {number}" for number in range(11)] + ["x" * 501]
    before = [f"{number}.md" for number in range(21)]
    brief = session_brief(violated, "Text.", before=before, notes=notes, surface=MCP)
    assert "Revert these first:\n- 0.py\n" in brief
    assert "- 19.py" in brief
    assert "- 20.py" not in brief
    assert "not part of this run:\n- `0.md`\n" in brief
    assert "- `19.md`\n- and 1 more\n" in brief
    assert "- note 1\n" not in brief
    assert "- note 2\n" in brief
    assert f"- {'x' * 500}\n" in brief
    assert "To finish: complete-task 'a.md' checks" in brief
    assert brief.startswith(work_prompt(violated, "Text.").rstrip())
    bare = session_brief(state(), "Text.", before=(), notes=(), surface=CLI)
    assert "To finish: `runr complete-task a.md` checks" in bare
    assert "Notes so far" not in bare
    assert "Changed outside" not in bare
    assert "Changed before" not in bare


def test_a_planner_only_reads_and_answers_with_a_limited_plan() -> None:
    prompt = plan_prompt(state(), "Text.", 4)
    assert prompt.startswith("# Plan task .runr/tasks/a.md\n\n")
    assert "at most 4 milestones" in prompt
    assert "Do not change, create or delete any file" in prompt
    assert "Text." in prompt


def test_a_reviewer_sees_the_task_the_changes_and_what_it_asked_for() -> None:
    asked = state(milestones=PLAN, checkpoints=("1",), review=Review(feedback=("a", "b", "c")))
    prompt = review_prompt(asked, "Text.", "+ line", cut=True)
    assert "## The task\n\nText.\n" in prompt
    assert "milestone 2 of 3; review only it: two\n" in prompt
    assert "```\n+ line\n```\n\nThis is only the beginning" in prompt
    assert "You asked for this before; check whether it was done:\n\n```\nc\n```" in prompt
    bare = review_prompt(state(), " ", " \n", cut=False)
    assert "## The task\n\nDo it\n" in bare
    assert "Nothing was changed." in bare
    for absent in ("only the beginning", "before; check", "milestone"):
        assert absent not in bare
