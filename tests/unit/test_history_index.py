"""The database of the history agrees with the journals, whatever happens to it."""

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from runr.errors import DamagedStateError
from runr.history import database, index, period_report, upkeep
from runr.jobs.events import JobCreated, JobEnded, JobLanded, TaskFound, TaskSkipped
from runr.jobs.model import Job
from runr.jobs.work import Item, Work
from runr.project import Project
from runr.runs.events import RunResumed, SubmitFinished
from runr.runs.model import MOST_USED, Usage
from runr.runs.session_events import UsageRecorded
from unit.git_trees import git, make
from unit.journals_of_runs import (
    COMPLETED,
    MONDAY,
    PASSING,
    Journals,
    completed,
    landed,
    stopped,
    verified,
    worked,
)

Rows = dict[str, set[tuple[object, ...]]]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.open(make(tmp_path / "repo"), {})


@pytest.fixture
def journals(project: Project) -> Journals:
    return Journals(project.layout)


@pytest.fixture
def filled(project: Project, journals: Journals) -> Project:
    """Return a project with runs of three kinds and a job, all in its database."""
    journals.run("a", completed(cost_usd=0.5, input_tokens=100, output_tokens=10))
    again = journals.run("b", stopped())
    journals.append(again, [RunResumed(), *worked(2), verified(PASSING), *landed(), COMPLETED])
    journals.run("s", [*worked(), UsageRecorded(Usage(0.25, 5, 6, 7))], worker="session")
    job = journals.job_journal("20250106-090000-aaaa")
    nightly = Job(name="nightly", description="Chores", schedule="daily 03:00")
    items = tuple(Item(f".runr/tasks/{name}.md", "chores/all") for name in ("a", "read"))
    job.append(JobCreated(nightly, Work(items, ()), "runr/nightly", "main", "0" * 40))
    job.append(TaskFound(items[0].task, "run"))
    job.append(TaskSkipped(items[1].task, "a person reads it"))
    job.append(JobEnded("paused"))
    job.append(JobLanded("main", "merge", "d" * 40))
    rows_of(project)
    return project


def rows_of(project: Project) -> Rows:
    return index.ask(
        project, lambda rows: {table: index.rows(rows, table) for table in index.TABLES}
    )


def one(project: Project, query: str) -> list[tuple[object, ...]]:
    return index.ask(project, lambda rows: rows.execute(query).fetchall())


def test_the_rows_say_what_the_journals_say(filled: Project) -> None:
    statuses = one(filled, "SELECT task, cause, status, evidence, stop_reason FROM task_statuses")
    assert [(str(row[0])[12:13], *row[1:]) for row in statuses] == [
        ("a", "started", "in_progress", None, None),
        ("a", "completed", "completed", "verified", None),
        ("b", "started", "in_progress", None, None),
        ("b", "stopped", "stopped", None, "verification_failed"),
        ("b", "resumed", "in_progress", None, None),
        ("b", "completed", "completed", "verified", None),
        ("s", "started", "in_progress", None, None),
    ]
    assert one(filled, "SELECT run_id IS NULL, target, how FROM landings ORDER BY time") == [
        (0, "main", "fast-forward"),
        (0, "main", "fast-forward"),
        (1, "main", "merge"),
    ]
    assert one(filled, "SELECT number, result, tree FROM verifications ORDER BY run_id, seq") == [
        (1, "passed", "a" * 40),
        (1, "failed", "a" * 40),
        (2, "passed", "a" * 40),
    ]
    assert one(filled, "SELECT phase, cost_usd, turns FROM usages ORDER BY time") == [
        ("work", 0.5, 0),
        ("session", 0.25, 7),
    ]
    latest = "20250106-090000-aaaa"
    assert one(filled, "SELECT name, description, schedule, last_result, run_count FROM jobs") == [
        ("nightly", "Chores", "daily 03:00", "paused", 1)
    ]
    assert one(filled, "SELECT job_run_id, task, status, reason FROM job_tasks") == [
        (latest, ".runr/tasks/a.md", "completed", ""),
        (latest, ".runr/tasks/read.md", "skipped", "a person reads it"),
    ]
    # From start to stop, and from resume to completion: not the minute between them.
    (active,) = one(filled, "SELECT active_seconds FROM runs WHERE task LIKE '%b.md'")
    assert active == (10 * 60.0,)


def test_the_rows_are_the_same_when_they_are_made_again(filled: Project) -> None:
    before = rows_of(filled)
    assert before["runs"]
    filled.layout.history.unlink()
    assert rows_of(filled) == before


def test_only_journals_that_changed_are_read_again(filled: Project, journals: Journals) -> None:
    before = rows_of(filled)
    grown = journals.run("a", completed())
    journals.append(grown, [SubmitFinished("other", "merge", "0" * 40, "e" * 40, by="Ada")])
    shutil.rmtree(filled.layout.runs / min(path.name for path in filled.layout.runs.iterdir()))
    read = index.ask(filled, lambda rows: rows.execute("SELECT total_changes()").fetchone()[0])
    assert read < 25
    assert index.ask(filled, lambda rows: index.refresh(filled.layout, rows)) == 0
    now = rows_of(filled)
    filled.layout.history.unlink()
    assert rows_of(filled) == now != before


def test_a_journal_without_the_seals_of_this_clone_is_no_evidence(
    filled: Project, tmp_path: Path
) -> None:
    other = Project.open(make(tmp_path / "other"), {})
    mine = Journals(other.layout, MONDAY - timedelta(days=1)).run("mine", completed())
    shutil.copytree(filled.layout.runs, other.layout.runs, dirs_exist_ok=True)
    query = "SELECT substr(task, 13), record FROM runs ORDER BY task"
    copies = [("a.md", "foreign"), ("b.md", "foreign"), ("s.md", "foreign")]
    assert one(other, query) == sorted([*copies, ("mine.md", "confirmed")])
    with mine.timeline.open("ab") as timeline:
        timeline.write(b"{}\n")
    assert one(other, query) == sorted([*copies, ("mine.md", "damaged")])


def test_what_is_no_journal_spoils_no_other(filled: Project) -> None:
    before = rows_of(filled)["runs"]
    for name, text in (("x1", b"\x00\xff\n"), ("x2", b'{"seq":1}\n'), ("x3", b"no line")):
        (filled.layout.runs / name).mkdir()
        (filled.layout.runs / name / "timeline.jsonl").write_bytes(text)
    assert rows_of(filled)["runs"] == before
    assert len(one(filled, "SELECT * FROM journals WHERE record = 'damaged'")) == 3


@pytest.mark.parametrize("damage", [b"no database" * 1000, b""])
def test_a_damaged_file_is_made_again(filled: Project, damage: bytes) -> None:
    before = rows_of(filled)
    filled.layout.history.write_bytes(damage)
    assert rows_of(filled) == before
    assert len(list(filled.layout.runr.glob("history.db.corrupt-*"))) == bool(damage)


def test_a_file_with_a_damaged_page_is_made_again(filled: Project) -> None:
    before = rows_of(filled)
    content = filled.layout.history.read_bytes()
    filled.layout.history.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    assert rows_of(filled) == before


def test_a_database_that_git_wrote_is_not_used(filled: Project) -> None:
    before, root = rows_of(filled), filled.layout.root
    with closing(sqlite3.connect(filled.layout.history)) as forged, forged:
        forged.execute("UPDATE task_statuses SET cause = 'completed', status = 'completed'")
    assert rows_of(filled) != before
    git(root, "add", "-f", ".runr/history.db")
    git(root, "commit", "-q", "-m", "A history")
    filled.layout.history.unlink()
    git(root, "checkout", "-q", "--", ".")
    assert rows_of(filled) == before


def test_a_newer_database_is_refused_and_left_alone(filled: Project) -> None:
    with closing(sqlite3.connect(filled.layout.history)) as newer, newer:
        newer.execute("INSERT INTO schema_version VALUES (99, '2030-01-01T00:00:00Z')")
    content = filled.layout.history.read_bytes()
    for ask in (rows_of, upkeep.check, upkeep.migrate):
        with pytest.raises(DamagedStateError, match=r"newer runr \(schema 99, this one knows"):
            ask(filled)
    assert filled.layout.history.read_bytes() == content


def test_a_database_that_cannot_be_written_is_made_in_memory(filled: Project) -> None:
    before = rows_of(filled)
    filled.layout.history.unlink()
    filled.layout.history.mkdir()
    assert rows_of(filled) == before
    assert list(filled.layout.history.iterdir()) == []


def test_writers_and_readers_at_once_agree(filled: Project, journals: Journals) -> None:
    journals.step = timedelta(seconds=1)
    for number in range(20):
        journals.run(f"more-{number}", completed())
    script = (
        "import sys; from pathlib import Path; from runr.project import Project;"
        "from runr.history import index; project = Project.open(Path(sys.argv[1]), {});"
        "print(index.ask(project, lambda rows: sorted(index.rows(rows, 'runs'))))"
    )
    command = [sys.executable, "-c", script, str(filled.layout.root)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)
    ]
    answers = {reader.communicate(timeout=60) for reader in readers}
    assert answers == {(f"{sorted(rows_of(filled)['runs'])}\n".encode(), b"")}
    assert len(rows_of(filled)["runs"]) == 23


def test_check_finds_a_row_that_no_journal_has(filled: Project) -> None:
    assert upkeep.check(filled).problems == []
    with closing(sqlite3.connect(filled.layout.history)) as changed, changed:
        changed.execute("UPDATE checks SET exit_code = 0")
    assert upkeep.check(filled).problems == ["2 rows of checks not as in the journals"]


BAD = (
    "UPDATE task_statuses SET status = 'done'",
    "UPDATE task_statuses SET cause = 'magic'",
    "UPDATE runs SET created_at = 'yesterday'",
    "UPDATE runs SET result = NULL",
    "UPDATE verifications SET result = 'good'",
    "UPDATE checks SET seconds = -1",
    "UPDATE usages SET input_tokens = 'many'",
    "UPDATE landings SET job_run_id = NULL, run_id = NULL",
    "UPDATE job_tasks SET status = 'done'",
    "INSERT INTO attempts (run_id, number, worker) VALUES ('nowhere', 1, 'script')",
)


@pytest.mark.parametrize("statement", BAD)
def test_the_schema_refuses_what_is_none_of_its_values(filled: Project, statement: str) -> None:
    def change(rows: sqlite3.Connection) -> None:
        with pytest.raises(sqlite3.IntegrityError):
            rows.execute(statement)

    index.ask(filled, change)


def plan(rows: sqlite3.Connection, name: str) -> list[str]:
    """Return how SQLite answers a query, step by step."""
    statement = database.queries()[name]
    marks = re.findall(r"\?\d*|:[a-z]+", statement)
    # A numbered or a named one may be there twice.
    known = marks if "?" in marks else sorted(set(marks))
    values = dict.fromkeys(mark[1:] for mark in known) if ":" in "".join(known) else known
    found = rows.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return [str(row[3]) for row in found]


def test_every_query_is_one_statement_and_reads_through_an_index(filled: Project) -> None:
    def scans(rows: sqlite3.Connection) -> Iterator[str]:
        for name, statement in database.queries().items():
            assert sqlite3.complete_statement(statement), name
            for step in plan(rows, name):
                # `json_each` is over the names that were given, `d` over few trees.
                if re.match(r"SCAN (?!json_each|d$)", step) and name not in WHOLE:
                    yield f"{name}: {step}"

    assert index.ask(filled, lambda rows: list(scans(rows))) == []


@pytest.mark.parametrize(
    "name",
    [
        "period_changes",
        "period_completed_before",
        "period_first_verifications",
        "period_attempts",
        "period_usages",
        "period_attempts_by_worker",
        "period_first_by_worker",
        "period_unconfirmed",
        "ended_runs",
    ],
)
def test_the_figures_of_a_period_are_read_from_an_index_alone(filled: Project, name: str) -> None:
    steps = index.ask(filled, lambda rows: plan(rows, name))
    assert "USING COVERING INDEX" in steps[0]
    assert not [step for step in steps[1:] if step.startswith("SEARCH")]


def test_the_start_of_a_task_is_found_by_the_task_and_not_among_all_starts(
    filled: Project,
) -> None:
    steps = index.ask(filled, lambda rows: plan(rows, "put_lead_times"))
    for inner in ("b", "e"):
        (found,) = (step for step in steps if step.startswith(f"SEARCH {inner} "))
        assert "task_statuses_by_task (task=? AND time<?)" in found.replace("time>? AND ", "")


#: Queries that read all of a small table, or have to read all of it.
WHOLE = {
    "has_schema_version",
    "schema_version",
    "origin",
    "list_marks",
    "damaged_journals",
    "delete_journals",
}


def test_no_figure_that_a_worker_reports_keeps_the_history_from_being_read(
    project: Project, journals: Journals
) -> None:
    for used in (2**62, 2**62, 2**70, -1):
        events = completed(cost_usd=float(used), input_tokens=used, output_tokens=used, turns=used)
        journals.run("a", events)
    journals.run("a", completed(cost_usd=float("nan"), input_tokens=7))
    found = period_report.report(project, "2025-01-01", "2026-01-01")
    assert (found.completed_count, found.unconfirmed_runs) == (5, 0)
    assert sum(used.input_tokens for used in found.usage) == 3 * MOST_USED + 7
    assert found.cost_usd == 3 * MOST_USED


def test_one_journal_with_what_no_database_holds_hides_no_other(
    project: Project, journals: Journals
) -> None:
    huge = PASSING | {"exit_code": 2**70, "command": "sh \udc80"}
    journals.run("a", completed())
    strange = journals.run("b", [*worked(), verified(huge), COMPLETED])
    assert index.ask(project, lambda rows: rows.execute("SELECT task FROM runs").fetchall()) == [
        (".runr/tasks/a.md",)
    ]
    read = index.ask(
        project, lambda rows: dict(rows.execute("SELECT path, record FROM journals").fetchall())
    )
    assert read[f"runs/{strange.id}"] == "damaged"
