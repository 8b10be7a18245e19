"""How long reports of a year of history take, beside plain SQL, and how a rebuild grows.

python tests/perf/bench_history.py [reports | rebuild]
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.stopwatch import ms, say, seconds
from runr.history import database, index, marks, metrics, overview, period_report, task_history
from runr.history.journals import ReadJournal
from runr.history.run_rows import (
    AttemptRow,
    CheckRow,
    LandingRow,
    RunRow,
    RunRows,
    StatusRow,
    UsageRow,
    VerificationRow,
)
from runr.project import Project
from runr.runs import chain, clone_key
from runr.storage import sqlite_file
from runr.storage.layout import Layout
from unit.journals_of_runs import Journals, completed

if TYPE_CHECKING:
    import sqlite3

TASKS, RUNS = 10_000, 100_000
REBUILT = (10_000, 100_000)
REPEATS = 5
YEAR = timedelta(days=365)
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
WORKERS = (("claude-code", "opus"), ("claude-code", "sonnet"), ("codex", "gpt"), ("script", ""))
REASONS = ("verification_failed", "timeout", "no_changes", "needs_human")

#: What a report cannot do without: the rows of the year, joined and counted once.
PLAIN = """
SELECT r.worker, s.cause, s.evidence, count(*), sum(r.active_seconds)
FROM task_statuses AS s
JOIN runs AS r ON r.id = s.run_id
GROUP BY r.worker, s.cause, s.evidence
"""


def main() -> None:
    only = sys.argv[1:] or ["reports", "rebuild"]
    if "reports" in only:
        measure_reports()
    if "rebuild" in only:
        measure_rebuilds()


def measure_reports() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        fill(project)
        year = partial(period_report.report, project, "2025-01-01", "2026-01-01")
        works: dict[str, Callable[[], object]] = {
            "report of the year": year,
            "report of the year, one tag": partial(year, tags=["part-3"]),
            "report of the year, one worker": partial(year, workers=["codex"]),
            "report of a week": partial(period_report.report, project, "2025-06-01", "2025-06-08"),
            "metrics": partial(metrics.collect, project),
            "overview": partial(overview.overview, project),
            "history of a task": partial(task_history.read_history, project, "part-7"),
            "plain SQL": partial(plain, project),
            "only the changed journals": partial(index.ask, project, lambda rows: rows),
        }
        say(f"{TASKS:,} tasks, {RUNS:,} runs")
        for name, work in works.items():
            say(f"  {name:<32}{ms(min(seconds(work) for _ in range(REPEATS))):>10}")


def measure_rebuilds() -> None:
    for count in REBUILT:
        with tempfile.TemporaryDirectory() as folder:
            project = make_project(Path(folder), tasks=0)
            copy_journals(project.layout, count)
            begun = time.process_time()
            taken = seconds(partial(index.ask, project, lambda rows: rows))
            used = time.process_time() - begun
            say(f"rebuild from {count:>7,} runs {taken:8.1f} s, {used:.1f} s of the processor")


def plain(project: Project) -> object:
    connection = sqlite_file.open_connection(project.layout.history)
    try:
        return connection.execute(PLAIN).fetchall()
    finally:
        connection.close()


def make_project(root: Path, tasks: int = TASKS) -> Project:
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    layout = Layout(root)
    layout.tasks.mkdir(parents=True)
    layout.runs.mkdir()
    for number in range(tasks):
        text = f"---\ntags: [part-{number % 10}]\n---\n# Part {number}\n"
        (layout.tasks / f"part-{number}.md").write_text(text)
    # Makes the key of the clone, without which no database is kept.
    Journals(layout).run("part-0", completed())
    return Project.open(root, os.environ)


def fill(project: Project) -> None:
    """Put the rows of a year into the database, and a file for each that has not changed since."""
    layout = project.layout
    rows = list(year_of_rows())
    for each in rows:
        timeline = layout.run(each.run.id).timeline
        timeline.parent.mkdir()
        timeline.write_bytes(b"\n")

    def put(connection: "sqlite3.Connection") -> None:
        there = marks.find(layout)
        read = [
            (each.run.journal, there[each.run.journal], ReadJournal("confirmed", None, each))
            for each in rows
        ]
        index._write(connection, read)  # noqa: SLF001 - as a refresh writes what it read
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    database.connect(layout, project.clock(), put)


def year_of_rows() -> Iterator[RunRows]:
    chance = random.Random(7)  # noqa: S311 - the same year each time
    for number in range(RUNS):
        begun = BEGIN + YEAR * (number / RUNS)
        task = f".runr/tasks/part-{chance.randrange(TASKS)}.md"
        yield rows_of_run(f"{begun:%Y%m%d-%H%M%S}-{number:06}", task, begun, chance)


def rows_of_run(run_id: str, task: str, begun: datetime, chance: random.Random) -> RunRows:
    worker, model = chance.choice(WORKERS)
    done = chance.random() < 0.8
    first = "passed" if chance.random() < 0.7 else "failed"
    minutes = chance.randrange(1, 60)
    start, end = stamp(begun), stamp(begun + timedelta(minutes=minutes))
    reason = None if done else chance.choice(REASONS)
    actor = f"run:{run_id}"
    results = (first,) if first == "passed" or not done else (first, "passed")
    return RunRows(
        run=RunRow(
            id=run_id,
            journal=f"runs/{run_id}",
            record="confirmed",
            kind="attempt",
            task=task,
            title="Build a part",
            task_type="automated",
            task_sha256="5" * 64,
            worker=worker,
            job_run_id=None,
            base_sha="0" * 40,
            branch=f"runr/{run_id}",
            target="main",
            created_at=start,
            ended_at=end,
            active_seconds=minutes * 60.0,
            result="completed" if done else "stopped",
            stop_reason=reason,
            verification="passed" if done else "failed",
        ),
        statuses=(
            StatusRow(run_id, 1, task, start, "in_progress", "started", actor),
            StatusRow(run_id, 9, task, end, "completed", "completed", actor, "verified")
            if done
            else StatusRow(run_id, 9, task, end, "stopped", "stopped", actor, None, reason),
        ),
        attempts=tuple(
            AttemptRow(run_id, number, worker, None, start, end, "ok")
            for number, _ in enumerate(results, 1)
        ),
        usages=tuple(
            UsageRow(run_id, seq, end, "work", worker, model, 0.5, 1000, 100, 3)
            for seq, _ in enumerate(results, 2)
        ),
        verifications=tuple(
            VerificationRow(
                run_id, seq, seq - 3, seq - 3, "verify", end, result, result, "workspace", run_id
            )
            for seq, result in enumerate(results, 4)
        ),
        checks=tuple(
            CheckRow(run_id, seq, 1, "tier1", f"make test-{seq}", result == "failed", 20.0, 1)
            for seq, result in enumerate(results, 4)
        ),
        landings=(LandingRow(run_id, None, 8, task, end, "main", "merge", "c" * 40, actor),)
        if done
        else (),
    )


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def copy_journals(layout: Layout, count: int) -> None:
    """Write the sealed journals of runs that complete their tasks: one, with other times."""
    (model,) = (layout.run(path.name) for path in layout.runs.iterdir())
    key = clone_key.find(layout.root)
    assert key
    bodies = [chain.split(line)[0] for line in model.timeline.read_bytes().splitlines()]
    for number in range(count - 1):
        begun = BEGIN + YEAR * (number / count)
        timeline = layout.run(f"{begun:%Y%m%d-%H%M%S}-{number:06}").timeline
        timeline.parent.mkdir()
        lines: list[bytes] = []
        for body in bodies:
            own = body.replace(b"/part-0.md", f"/part-{number % TASKS}.md".encode())
            own = own.replace(b"2025-01-06", f"{begun:%Y-%m-%d}".encode())
            lines.append(chain.sealed(own, lines[-1] if lines else b"", key))
        timeline.write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    main()
