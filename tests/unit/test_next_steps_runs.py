"""The next steps of a run, of several runs, and of what they left over."""

from collections.abc import Iterable
from typing import Any

import pytest

from runr.next_steps import commands
from runr.next_steps.runs import (
    RunFacts,
    after_batch,
    after_brief,
    after_lease_conflict,
    after_run,
    after_start,
    decision_first,
    merge_by_hand,
    without_a_stop,
)
from runr.next_steps.step import MCP, NextStep
from runr.runs.stop_reasons import STOPS

RUN = "20250108-143022-k7qf"
TASK = ".runr/tasks/a.md"


def stopped(code: str, **facts: Any) -> RunFacts:
    given = {"result": "stopped", "workdir": "/repo", "base": "0" * 40, "branch": "b"}
    return RunFacts(RUN, TASK, actions=STOPS[code].next, **{**given, **facts})


def typed(steps: Iterable[NextStep]) -> list[str]:
    return [str(step) for step in steps]


def verbs(steps: Iterable[NextStep]) -> list[str]:
    """Return what is done: the verb of a command of runr's or, behind the folder, of git's."""
    return [step.argv[3 if step.argv[1] == "-C" else 1] for step in steps]


@pytest.mark.parametrize(
    ("facts", "log"),
    [
        ({}, "b"),
        ({"checkpoint": "1" * 40}, "b"),
        ({"checkpoint": "1" * 40, "workdir": ""}, "1" * 40),
        ({"workdir": ""}, "b"),
    ],
)
def test_work_is_looked_at_on_its_branch_or_in_its_commit_once_the_tree_is_gone(
    facts: dict[str, Any], log: str
) -> None:
    run = stopped("needs_human", **facts)
    assert str(after_run(run)[0]) == f"git log -p {'0' * 40}..{log}"


def test_what_cannot_be_looked_at_or_merged_any_more_is_not_offered() -> None:
    gone = {"workdir": "", "target": "main"}
    assert verbs(after_run(stopped("time_limit", **gone))) == ["report", "resume"]
    assert verbs(after_run(stopped("merge_conflict", **gone))) == ["report", "land"]
    assert verbs(after_run(stopped("merge_conflict", target=""))) == ["report", "land"]
    committed = after_run(stopped("time_limit", **gone, checkpoint="1" * 40))
    assert verbs(committed) == ["report", "log", "resume"]


def test_a_decision_comes_first_only_where_it_is_the_command_itself() -> None:
    steps = (commands.report("approve"), commands.approve("a.md"))
    assert decision_first(steps) == steps[::-1]


def test_manual_work_that_was_not_committed_is_looked_at_with_git() -> None:
    refused = RunFacts(RUN, "", "stopped", kind="manual_commit", actions=STOPS["error"].next)
    assert typed(after_run(refused)) == ["git status", "git log -1", "runr runs"]


def test_a_commit_is_merged_where_its_target_is_checked_out_or_after_a_switch() -> None:
    assert str(merge_by_hand("1")) == "git merge 1"
    assert str(merge_by_hand("1", switch_to="main")) == "git switch main && git merge 1"
    assert str(merge_by_hand("1", switch_to="main", checkout="/w")) == "git -C /w merge 1"


def test_an_agent_reads_whether_its_run_is_new_and_how_it_goes_on() -> None:
    assert MCP.lines(after_start("a.md")) == ["It runs by itself. Follow it: task-status 'a.md'."]
    (resumed,) = MCP.lines(after_start("a.md", resumed=True))
    assert resumed == "It is resumed. Follow it: task-status 'a.md'."
    (brief,) = MCP.lines(after_brief("a.md"))
    assert str(brief).endswith("do what the brief says, then: complete-task 'a.md'.")


def test_only_a_session_takes_over_what_another_one_holds() -> None:
    assert verbs(after_lease_conflict("a.md", RUN, session=True)) == ["report", "run", "stop"]
    assert verbs(after_lease_conflict("a.md", RUN, session=False)) == ["report", "stop"]


@pytest.mark.parametrize(
    ("ran", "stopped_runs", "waiting", "steps"),
    [
        (False, [], [], ["runr next --explain"]),
        (True, [], [], []),
        (True, ["r"], ["a.md"], ["runr resume", "runr list-tasks --waiting"]),
        (False, ["r"], [], ["runr resume"]),
        (False, [], ["a.md"], ["runr list-tasks --waiting"]),
    ],
)
def test_after_several_runs_what_they_left_over_comes_next(
    ran: bool,
    stopped_runs: list[str],
    waiting: list[str],
    steps: list[str],
) -> None:
    assert typed(after_batch(ran=ran, stopped=stopped_runs, waiting=waiting)) == steps


@pytest.mark.parametrize(
    ("running", "ready", "waiting", "steps"),
    [
        (["r", "s"], ["a.md"], ["b.md"], ["runr follow r", "runr follow s"]),
        (
            [],
            ["a.md", "c.md"],
            ["b.md"],
            ["runr run --task a.md", "runr list-tasks --ready"],
        ),
        ([], [], ["b.md", "c.md"], ["runr task-status b.md", "runr list-tasks --waiting"]),
        ([], [], [], ["runr list-tasks"]),
    ],
)
def test_without_a_run_to_resume_the_first_by_priority_comes_next(
    running: list[str], ready: list[str], waiting: list[str], steps: list[str]
) -> None:
    assert typed(without_a_stop(running, ready, waiting)) == steps
