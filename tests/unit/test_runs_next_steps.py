"""The next steps of runs and tasks, as shell commands or MCP tools."""

from typing import Any

import pytest

from runr.runs.model import Integration, RunCreated, RunState
from runr.runs.next_steps import CLI, MCP, NextStep, TaskSituation, after_run, for_task

TASK = ".runr/tasks/it's odd.md"
RUN = "20250108-143022-k7qf"


def run(worker: str = "script", **facts: Any) -> RunState:
    start = RunCreated(TASK, worker, "/my repo", base_sha="0" * 40, base_tree="1" * 40)
    return RunState(RUN, start, start.spec, created_at="", updated_at="", **facts)


def shell(steps: tuple[NextStep, ...]) -> list[str]:
    return [step.shell for step in steps]


def test_a_run_that_goes_on_can_be_followed_and_stopped() -> None:
    assert shell(after_run(run())) == [f"runr follow {RUN}", f"runr stop {RUN}"]


def test_after_a_stop_there_are_three_steps_quoted_for_a_shell() -> None:
    stopped = run(result="stopped", stop_reason="no_checks")
    first, *others = shell(after_run(stopped))
    assert first == "git -C '/my repo' status"
    assert others[0].startswith("runr approve 'it'\"'\"'s odd.md' --reason ")
    assert others[1].startswith("runr reject ")


def test_a_refused_attestation_is_repeated_not_resumed() -> None:
    refused = run("person", result="stopped", stop_reason="verification_failed")
    assert [step.action for step in after_run(refused)] == ["task_status", "attest"]


def test_a_completed_run_leaves_a_step_only_while_its_integration_is_pending() -> None:
    assert after_run(run(result="completed")) == ()
    pending = run(result="completed", integration=Integration("pending", command="git merge b"))
    assert shell(after_run(pending)) == ["git merge b"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"status": "pending"}, ["run"]),
        ({"status": "pending", "manual": True}, ["attest"]),
        ({"status": "pending", "cause": "a.md"}, ["why"]),
        ({"status": "in_progress", "run": RUN}, ["follow", "stop"]),
        ({"status": "in_progress", "run": RUN, "by_session": True}, ["complete"]),
        ({"status": "completed"}, []),
        ({"status": "completed", "unmerged": True, "checkpoint_sha": "12"}, ["git"]),
        ({"status": "completed", "stale": True}, ["why_diff", "acknowledge", "run"]),
        ({"status": "completed", "stale": True, "manual": True}, ["why_diff", "acknowledge"]),
    ],
)
def test_the_steps_of_a_task_follow_from_its_state(
    facts: dict[str, Any], expected: list[str]
) -> None:
    steps = for_task(TaskSituation(TASK, **facts))
    assert [step.action for step in steps] == expected


def test_a_surface_names_its_tool_and_else_the_command() -> None:
    assert CLI.run("a.md") == "`runr run --task a.md`"
    assert MCP.run(".runr/tasks/a.md") == "run-task 'a.md'"
    assert MCP.take_over("a.md") == "run-task 'a.md' with worker session and force"
    assert MCP.render(NextStep("resume", run=RUN)) == f"`runr resume {RUN}`"
