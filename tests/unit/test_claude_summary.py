"""The summary that a session starts with: what it counts, what it lists, and what it leaves out."""

import json
from itertools import count

import pytest

from runr.claude.summary import OpenTask, Overview, headline, lines, weaker


def test_the_summary_for_a_session_has_at_most_ten_lines() -> None:
    numbers = count()
    names = tuple(f"{next(numbers)}.md" for _ in range(40))
    overview = Overview(
        total=200,
        in_progress=tuple((name, "r") for name in names),
        stopped=tuple((name, "r", "abandoned") for name in names),
        stale=names,
        ready=names,
        waiting=names,
    )
    open_tasks = [OpenTask(name, "r", "session s", mine=name < "2") for name in names]
    message = lines(overview, open_tasks)
    assert 5 < len(message) <= 10
    assert "and 35 more" in message[-1]


def test_the_summary_resumes_no_run_that_waits_for_a_person() -> None:
    stops = (("a.md", "r1", "no_checks"), ("b.md", "r2", "time_limit"))
    message = lines(Overview(total=2, stopped=stops), ())
    assert message[1:] == [
        "Stopped: a.md (no_checks): runr task-status a.md",
        "Stopped: b.md (time_limit): runr resume r2",
    ]


OVERVIEW = Overview(
    total=9,
    completed=3,
    weaker=(("attested", 1),),
    in_progress=(("a.md", "r1"),),
    stopped=(("b.md", "r2", "stalled"),),
    stale=("c.md",),
    ready=("d.md",),
    waiting=("e.md",),
    unmerged=("f.md",),
)
MINE = OpenTask("a.md", "r1", "this session", mine=True, owns=("src/", "docs/"))
OTHER = OpenTask("b.md", "r2", "session s")


def test_an_overview_is_stored_as_json_and_read_again() -> None:
    assert Overview.from_json(json.loads(json.dumps(OVERVIEW._asdict()))) == OVERVIEW


def test_a_summary_lists_each_kind_of_task_in_the_order_of_its_priority() -> None:
    assert lines(OVERVIEW, [MINE, OTHER], ["c.md"]) == [
        (
            "runr: 3 of 9 tasks completed (1 attested); 2 in progress, 1 stopped, 1 not on this"
            " branch, 1 stale, 1 ready, 1 waiting for a person; changed since: c.md"
        ),
        (
            "This session has a.md open (run r1). You may change only: src/, docs/."
            " run-task returns its brief again; when it is done, call complete-task."
        ),
        "In progress elsewhere: b.md (session s, run r2)",
        "Stopped: b.md (stalled): runr resume r2",
        "Completed, but not on this branch: f.md",
        "Stale, changed since completion: c.md",
        "Ready: d.md",
        "Waiting for a person: e.md",
        "list-tasks takes these changes into account.",
    ]


def test_a_headline_leaves_out_what_there_is_none_of() -> None:
    assert headline(Overview(total=2, completed=2), ()) == "runr: 2 of 2 tasks completed"
    weak = Overview(total=3, completed=2, weaker=(("verified_in_workspace", 1), ("inferred", 1)))
    assert headline(weak, ()) == (
        "runr: 2 of 3 tasks completed (1 verified in workspace, 1 inferred)"
    )


def test_a_task_that_owns_nothing_says_nothing_of_what_may_be_changed() -> None:
    assert "change only" not in lines(Overview(1), [MINE._replace(owns=())])[1]


def test_of_several_tasks_of_the_session_two_are_shown() -> None:
    shown = lines(Overview(3), [MINE._replace(name=f"{number}.md") for number in range(3)])
    assert [line.split()[3] for line in shown[1:]] == ["0.md", "1.md"]


@pytest.mark.parametrize(("stops", "left"), [(1, ""), (2, ""), (3, "; and 1 more")])
def test_the_first_stops_are_shown_and_the_others_counted(stops: int, left: str) -> None:
    runs = tuple((f"{number}.md", f"r{number}", "stalled") for number in range(stops))
    shown = lines(Overview(total=9, stopped=runs), ())[1:]
    assert len(shown) == min(stops, 2)
    assert shown[-1].endswith(f"runr resume r{len(shown) - 1}{left}")


@pytest.mark.parametrize(
    ("overview", "changes", "shown"),
    [
        (Overview(2, 2), [], 0),
        (Overview(2, 2), ["commits", "status"], 0),
        (Overview(2, 2), ["commits", "a.md"], 2),
        (Overview(2, 1), [], 0),
        (Overview(2, 1), ["commits"], 2),
        (Overview(2, 2, stale=("a.md",)), ["status"], 3),
    ],
)
def test_where_all_is_done_only_changed_tasks_are_shown_to_a_session(
    overview: Overview, changes: list[str], shown: int
) -> None:
    assert len(lines(overview, (), changes)) == shown


def test_newer_entries_of_the_status_file_move_tasks_between_the_lists() -> None:
    entries = {
        ".runr/tasks/c.md": {"status": "completed", "evidence": "verified"},
        ".runr/tasks/d.md": {"status": "in_progress", "last_run_id": "r4"},
        ".runr/tasks/f.md": {"status": "completed", "evidence": "verified"},
        ".runr/tasks/g.md": {"status": "failed", "last_run_id": "r7"},
        ".runr/tasks/h.md": {"status": "stopped", "last_run_id": "r8", "stop_reason": "stalled"},
        ".runr/tasks/i.md": {"status": "completed", "evidence": "inferred"},
        ".runr/tasks/j.md": {"status": "stopped"},
        ".runr/tasks/k.md": {"status": "completed"},
    }
    newer = OVERVIEW.with_entries(entries)
    assert newer == Overview(
        total=9,
        completed=3,
        weaker=(("inferred", 1), ("without evidence", 1)),
        in_progress=(("d.md", "r4"),),
        stopped=(("g.md", "r7", "failed"), ("h.md", "r8", "stalled")),
        stale=("c.md",),
        ready=(),
        waiting=("e.md",),
        unmerged=("f.md",),
    )
    reset = OVERVIEW.with_entries({".runr/tasks/c.md": {"status": "pending"}})
    assert (reset.stale, reset.unmerged, reset.completed) == ((), (), 0)


def test_evidence_that_is_weaker_than_verified_is_counted_by_its_kind() -> None:
    assert weaker(["verified", None, "inferred", "inferred"]) == (
        ("inferred", 2),
        ("without evidence", 1),
    )
