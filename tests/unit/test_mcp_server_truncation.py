"""Answers to agents are cut to what fits, and say that there is more."""

import json
from dataclasses import replace

from runr.mcp_server.truncation import truncate_list, truncate_run, truncate_runs
from runr.query.detail_models import CheckDetails, RunDetails, RunList
from runr.query.encoding import to_sparse
from runr.query.models import TaskList, TaskSummary


def summary(path: str, **facts: object) -> TaskSummary:
    return TaskSummary(path=path, title="T", status="pending", type="automated", **facts)  # type: ignore[arg-type] # a test names fields


def run(*tails: str) -> RunDetails:
    checks = [CheckDetails(tier="task", command="x", passed=False, tail=tail) for tail in tails]
    return RunDetails(
        id="r", task_path="a.md", worker="w", status="running", created_at="", checks=checks
    )


def listed(*rows: TaskSummary, room: int = 10_000) -> TaskList:
    return truncate_list(TaskList(tasks=list(rows), total_count=len(rows)), room)


def test_a_list_ends_with_the_last_task_that_fits_and_goes_on_after_it() -> None:
    rows = [summary(f"{number}.md") for number in range(3)]
    one = len(json.dumps(to_sparse(rows[0])))
    for room, kept in ((3 * one, 3), (3 * one - 1, 2), (2 * one, 2), (one, 1), (0, 1)):
        answer = listed(*rows, room=room)
        assert len(answer.tasks) == kept
        assert answer.next_cursor == (None if kept == 3 else f"{kept - 1}.md")
        assert answer.total_count == 3


def test_a_line_of_a_list_is_short() -> None:
    names = [f"{number}.md" for number in range(7)]
    row = summary(
        "a.md",
        blocked_by=names,
        tags=names[:5],
        problems=["x" * 201, "second"],
        updated_at="now",
        last_run_id="r",
    )
    (cut,) = listed(row).tasks
    assert cut.blocked_by == [*names[:5], "and 2 more"]
    assert cut.tags == names[:5]
    assert listed(summary("a.md", tags=names[:6])).tasks[0].tags == [*names[:5], "and 1 more"]
    assert cut.problems == ["x" * 199 + "…"]
    assert (cut.updated_at, cut.last_run_id) == (None, "r")
    assert listed(summary("a.md", problems=["x" * 200])).tasks[0].problems == ["x" * 200]


def test_the_run_of_a_completed_task_is_named_once() -> None:
    (row,) = listed(summary("a.md", last_run_id="r", completed_by="run:r")).tasks
    assert (row.last_run_id, row.completed_by) == (None, "run:r")


def test_failed_checks_share_the_room_for_what_they_said() -> None:
    assert truncate_run(run("", "")) == run("", "")
    assert truncate_run(run("a" * 4_000, "")) == run("a" * 3_000, "")
    assert truncate_run(run("ab" * 4_000, "c" * 9, "")) == run("ab" * 750, "c" * 9, "")


def test_the_output_is_whole_where_its_length_was_chosen_and_steps_are_said_once() -> None:
    long = replace(run("a" * 4_000), next_steps=["again"])
    assert truncate_run(long, tails=False) == run("a" * 4_000)
    assert truncate_run(long) == run("a" * 3_000)


def test_a_run_in_a_list_is_one_line() -> None:
    whole = replace(run("said"), cost_usd=0.5, branch="b", next_steps=["again"], run_dir="/r")
    answer = truncate_runs(RunList(runs=[whole], total_count=3, cost_usd=1.5, next_steps=["x"]))
    assert to_sparse(answer) == {
        "runs": [
            {"id": "r", "task_path": "a.md", "worker": "w", "status": "running"}
            | {"created_at": "", "cost_usd": 0.5, "kind": "attempt", "verification": "none"}
        ],
        "total_count": 3,
        "cost_usd": 1.5,
    }
