"""The next steps of tasks: what a person types, and what an agent is answered."""

from typing import Any

import pytest

from runr.next_steps import commands
from runr.next_steps.step import CLI, MCP, Line, UserStep
from runr.next_steps.tasks import (
    CompletionFacts,
    NextFacts,
    TaskFacts,
    after_choice,
    after_completion,
    after_proof,
    after_reset,
    already_completed,
    for_explanation,
    for_task,
    uncompletable,
)

RUN, SHA = "20250108-143022-k7qf", "2" * 40
STEPS = (commands.report(RUN), commands.land(RUN), commands.resume(RUN))
ATTEST = "complete-task 'a.md' with a reason, which the user confirms."
DECIDE = "complete-task 'a.md' with action={} and a reason, which the user confirms."


@pytest.mark.parametrize(
    ("facts", "person", "agent"),
    [
        (
            {"status": "completed", "stale": True},
            ["runr why a.md --diff", "runr acknowledge a.md", "runr run --task a.md"],
            [
                f"Where it still holds: {DECIDE.format('acknowledge')}",
                "Do it again: run-task 'a.md'.",
            ],
        ),
        (
            {"status": "completed", "unmerged": True, "checkpoint_sha": SHA},
            [f"git merge {SHA}"],
            [f"Its commit is not on this branch: merge {SHA}."],
        ),
        (
            {"status": "completed", "unmerged": True, "run_steps": STEPS},
            [f"runr report {RUN}"],
            [f"Its commit is not on this branch: task-status '{RUN}'."],
        ),
        (
            {"status": "completed", "unmerged": True, "is_gone": True, "run_steps": STEPS},
            ["runr run --task a.md"],
            ["Its commit is gone. Do it again: run-task 'a.md'."],
        ),
        (
            {"status": "in_progress", "run": RUN, "phase": "verify"},
            [f"runr follow {RUN}", f"runr stop {RUN}"],
            [f"Wait: run {RUN} is in phase verify. Then ask again: task-status 'a.md'."],
        ),
        (
            {"status": "in_progress", "run": RUN},
            [f"runr follow {RUN}", f"runr stop {RUN}"],
            [f"Wait: run {RUN} is starting. Then ask again: task-status 'a.md'."],
        ),
        (
            {"status": "in_progress", "run": RUN, "by_session": True, "is_active": True},
            ["runr complete-task a.md"],
            [
                "Its session finishes the work, then: complete-task 'a.md'.",
                "Its brief again: run-task 'a.md' with worker session.",
            ],
        ),
        (
            {"status": "in_progress", "run": RUN, "by_session": True},
            ["runr complete-task a.md"],
            [
                "Its session is gone. Continue its work: run-task 'a.md' with worker session.",
                "Complete what is there: complete-task 'a.md'.",
            ],
        ),
        ({"status": "in_progress"}, ["runr run --task a.md"], ["Start it: run-task 'a.md'."]),
        (
            {"status": "pending", "cause": "b.md"},
            ["runr why b.md"],
            ["Another task has to be completed first: task-status 'b.md'."],
        ),
        (
            {"status": "pending", "problem": "no title"},
            ["runr lint a.md"],
            ["Fix the file first (no title): task-status 'a.md'."],
        ),
        (
            {"status": "pending", "manual": True},
            ["runr complete-task a.md --reason 'what was done'"],
            [f"A person does it, then: {ATTEST}"],
        ),
        (
            {"status": "stopped", "run_steps": STEPS},
            [str(step) for step in STEPS],
            [f"Read what failed, then: run-task '{RUN}' with action=resume."],
        ),
        (
            {"status": "failed", "run_steps": STEPS, "for_person": True},
            [str(step) for step in STEPS],
            [
                f"A person looks at it, then: {DECIDE.format('approve')}",
                f"Or it is wrong: {DECIDE.format('reject')}",
            ],
        ),
        ({"status": "stopped"}, ["runr run --task a.md"], ["Start it: run-task 'a.md'."]),
        (
            {"status": "pending", "run_steps": STEPS},
            ["runr run --task a.md"],
            ["Start it: run-task 'a.md'."],
        ),
    ],
)
def test_a_task_leads_a_person_to_commands_and_an_agent_to_sentences(
    facts: dict[str, Any], person: list[str], agent: list[str]
) -> None:
    task = TaskFacts("a.md", **facts)
    assert CLI.lines(for_task(task)) == person
    assert MCP.lines(for_task(task, agent=True)) == agent


def test_beside_an_explanation_there_are_at_most_two_steps() -> None:
    stale = TaskFacts("a.md", "completed", stale=True)
    assert CLI.lines(for_explanation(stale)) == ["runr why a.md --diff", "runr acknowledge a.md"]
    assert for_explanation(TaskFacts("a.md", "completed")) == ()


DONE = CompletionFacts("a.md", RUN, completed=True)
OPEN = CompletionFacts("a.md", RUN, completed=False, running=True)
NEEDED = UserStep(
    "runr complete-task a.md --reason 'what was done'",
    "If nothing is to be changed, a person says so",
)
PATHS = [f"{number}.py" for number in range(6)]


@pytest.mark.parametrize(
    ("done", "agent"),
    [
        (DONE, ["Done: it is recorded."]),
        (DONE._replace(is_empty=True), ["Done: it is recorded. Nothing was changed by it."]),
        (
            DONE._replace(left_dirty=PATHS),
            ["Done: it is recorded. Left uncommitted: 0.py, 1.py, 2.py, 3.py, 4.py."],
        ),
        (OPEN, ["Fix what failed; the run stays open. Then again: complete-task 'a.md'."]),
        (
            OPEN._replace(violations=PATHS, asks_changes=True),
            [
                (
                    "Undo what is outside of the task's scope: 0.py, 1.py, 2.py, 3.py, 4.py."
                    " Then again: complete-task 'a.md'."
                )
            ],
        ),
        (
            OPEN._replace(asks_changes=True, unchanged="why"),
            ["Do what the reviewer asks for, then again: complete-task 'a.md'.", NEEDED],
        ),
        (
            OPEN._replace(mixed=True),
            [
                (
                    "Commit the files that it names as they are to be; the run stays open."
                    " Then again: complete-task 'a.md'."
                )
            ],
        ),
        (
            OPEN._replace(unchanged="nothing was changed"),
            [
                (
                    "Do the work (nothing was changed); the run stays open."
                    " Then again: complete-task 'a.md'."
                ),
                NEEDED,
            ],
        ),
        (
            OPEN._replace(unchanged="nothing was changed", worktrees=("w/a", "w/b")),
            [
                (
                    "Commit the work in w/a, w/b, and merge its branch here; the run stays open."
                    " Then again: complete-task 'a.md'."
                ),
                NEEDED,
            ],
        ),
        (
            CompletionFacts("a.md", RUN, completed=False, run_steps=STEPS),
            [f"Needs a person: {ATTEST}"],
        ),
        (
            CompletionFacts(
                "a.md", RUN, completed=False, for_person=False, run_steps=(commands.resume(RUN),)
            ),
            [f"Read what failed, then: run-task '{RUN}' with action=resume."],
        ),
    ],
)
def test_after_an_attempt_at_completing_a_task_an_agent_reads_what_is_left(
    done: CompletionFacts, agent: list[Line]
) -> None:
    assert MCP.lines(after_completion(done, agent=True)) == agent


def test_a_person_repeats_the_completion_or_decides_about_the_run() -> None:
    again = "runr complete-task a.md"
    assert CLI.lines(after_completion(OPEN)) == [again, f"runr report {RUN}"]
    assert CLI.lines(after_completion(OPEN._replace(unchanged="why"))) == [
        again,
        f"{again} --reason 'what was done'",
    ]
    assert after_completion(OPEN._replace(running=False, run_steps=STEPS)) == STEPS


ATTESTED = "runr complete-task a.md --reason 'what was done'"
FORCED = "runr complete-task a.md --force --reason 'why it counts as completed'"


def test_what_was_taken_back_is_done_again_and_what_builds_on_it_found() -> None:
    assert CLI.lines(after_reset("a.md", manual=False, stale=True)) == [
        "runr run --task a.md",
        "runr list-tasks --stale",
    ]
    assert CLI.lines(after_reset("a.md", manual=True, stale=False)) == [ATTESTED]


@pytest.mark.parametrize(
    ("codes", "manual", "steps"),
    [
        (set(), False, ["runr why a.md --diff", "runr acknowledge a.md"]),
        ({"branch"}, False, ["runr why a.md"]),
        ({"branch", "dependencies"}, True, ["runr why a.md"]),
        ({"branch", "tree"}, False, ["runr why a.md", "runr run --force --task a.md"]),
        ({"record"}, True, ["runr why a.md", FORCED]),
    ],
)
def test_a_completion_that_is_not_proved_is_looked_at_and_done_again_only_if_need_be(
    codes: set[str],
    manual: bool,
    steps: list[str],
) -> None:
    assert CLI.lines(after_proof("a.md", codes, manual=manual)) == steps


def test_a_task_without_an_open_run_is_run_or_attested() -> None:
    assert CLI.lines(uncompletable("a.md", manual=False)) == ["runr run --task a.md", ATTESTED]
    assert CLI.lines(uncompletable("a.md", manual=True)) == [ATTESTED]
    stopped = (commands.resume(RUN),)
    assert CLI.lines(uncompletable("a.md", manual=False, run_steps=stopped)) == [
        f"runr resume {RUN}",
        ATTESTED,
    ]
    waits = (commands.approve("a.md"), commands.reject("a.md"))
    assert uncompletable("a.md", manual=False, run_steps=waits) == waits
    assert CLI.lines(already_completed("by Ada")) == ["It was completed already: by Ada."]


def test_the_chosen_task_is_run_or_its_run_resumed() -> None:
    assert CLI.lines(after_choice(NextFacts("a.md"))) == ["runr run --task a.md"]
    assert CLI.lines(after_choice(NextFacts("a.md", RUN, waiting=1))) == [
        "runr task-status a.md",
        f"runr resume {RUN}",
    ]
