"""How a rebuild of the history grows, and how long reports of a year take, beside plain SQL.

python tests/perf/bench_history.py [RUNS RUNS …], by default 10,000 and 100,000
python tests/perf/bench_history.py FOLDER, only the reports of a year that was made before

Functions are measured in one process, on a warm cache, as often as REPEATS says, and the shortest
time counts; garbage is collected as seldom as in a command. Commands are measured with their start.
"""

import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.stopwatch import ms, processor_seconds, say, seconds
from perf.synthetic_history import TASKS, make_project
from runr.history import (
    database,
    index,
    metrics,
    overview,
    period_report,
    report_html,
    run_list,
    task_history,
)
from runr.jobs.events import JobCreated, JobEnded
from runr.jobs.model import Job
from runr.jobs.work import Item, Work
from runr.project import Project
from runr.runs.model import JobTerms
from runr.status import store
from runr.storage import sqlite_file
from unit.journals_of_runs import Journals, completed

SIZES = (10_000, 100_000)
REPEATS = 5
#: A rebuild of ten times as many runs may take as many times as long.
LINEAR = 12
#: No report may take longer, in seconds of the processor.
LIMIT = 1.0

YEAR = ("2025-01-01", "2026-01-01")
WEEK = ("2025-06-01", "2025-06-08")

#: What is measured from the start of the process to its end.
RUNR = (sys.executable, "-P", "-m", "runr")
COMMANDS = (
    ("report", "--since", YEAR[0], "--until", YEAR[1]),
    ("report", "--since", YEAR[0], "--until", YEAR[1], "--format", "html"),
    ("report", "--since", WEEK[0], "--until", WEEK[1]),
    ("report", "--job", "nightly"),
    ("metrics",),
    ("history", "part-7"),
    ("status",),
    ("next",),
    ("health",),
    ("db", "check"),
)
#: These read all journals, or those of all completions, and are measured once.
WHOLE = ("health", "db")

#: What a user would write with only the tables of the first schema.
CHANGES = """
SELECT r.worker, s.cause, s.evidence, s.stop_reason, count(*), sum(r.active_seconds)
FROM task_statuses AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.time >= ? AND s.time < ? AND r.record = 'confirmed'
GROUP BY r.worker, s.cause, s.evidence, s.stop_reason
"""
USED = """
SELECT u.worker, u.model, count(DISTINCT u.run_id), sum(u.cost_usd), sum(u.input_tokens)
FROM usages AS u
JOIN runs AS r ON r.id = u.run_id
WHERE u.time >= ? AND u.time < ? AND r.record = 'confirmed'
GROUP BY u.worker, u.model
"""
FIRST = """
SELECT v.result, count(*)
FROM verifications AS v
JOIN runs AS r ON r.id = v.run_id
WHERE v.time >= ? AND v.time < ? AND v.number = 1 AND r.record = 'confirmed'
GROUP BY v.result
"""


#: How the statuses of all tasks would be read from the history.
STATUSES = """
SELECT task, status, evidence, run_id, max(time)
FROM task_statuses
WHERE record = 'confirmed'
GROUP BY task
"""


def main() -> None:
    gc.set_threshold(100_000, 10, 10)
    if any(not size.isdigit() for size in sys.argv[1:]):
        measure_reports(Project.open(Path(sys.argv[1]).resolve(), os.environ))
        return
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    taken = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            project = make_project(Path(folder) / "repo", size)
            say(f"{TASKS:,} tasks, {size:,} runs, made in {time.perf_counter() - begun:.0f} s")
            taken.append(measure_rebuild(project))
            measure_reports(project)
    grown = taken[-1] / taken[0]
    say(f"{sizes[-1] / sizes[0]:g} times the runs: {grown:.1f} times the rebuild, at most {LINEAR}")


def measure_rebuild(project: Project) -> float:
    """Print how long the first command takes, and how long one for which nothing has changed."""
    begun = processor()
    taken = seconds(partial(index.ask, project, count_runs))
    used = processor() - begun
    size = project.layout.history.stat().st_size // 1_000_000
    say(f"  rebuild{taken:37.1f} s, {used:.1f} s of the processor, {size} MB")
    return used


def count_runs(connection: Any) -> object:
    return connection.execute("SELECT count(*) FROM runs").fetchone()


def measure_reports(project: Project) -> None:
    year = partial(period_report.report, project, *YEAR)
    job = job_of_a_night(project)
    found = year()
    works: dict[str, tuple[Callable[[], object], Callable[[], object] | None]] = {
        "report of the year": (year, partial(plain, project, YEAR)),
        "the same, one tag": (partial(year, tags=["part-3"]), None),
        "the same, one worker": (partial(year, workers=["codex"]), None),
        "the same as HTML": (lambda: report_html.render_html(year(), str), None),
        "report of a week": (
            partial(period_report.report, project, *WEEK),
            partial(plain, project, WEEK),
        ),
        "report of a job": (partial(period_report.report_job, project, job), None),
        "metrics": (partial(metrics.collect, project), partial(plain, project, YEAR)),
        "overview": (partial(overview.overview, project), None),
        "history of a task": (partial(task_history.read_history, project, "part-7"), None),
        "runs of a task": (partial(run_list.list_runs, project, task="part-7"), None),
        "statuses, from the status file": (
            partial(store.read, project.layout),
            partial(ask_plainly, project, STATUSES, ()),
        ),
    }
    say(f"  {'':<36}wall     processor  plain SQL")
    for name, (work, beside) in works.items():
        tell(name, best(work), best(beside) if beside else None)
    added = Journals(project.layout, project.clock())
    tell(
        "report of the year, after a new run",
        best(year, lambda: added.run("part-1", completed())),
        None,
    )
    tell("a look at every journal", best(partial(look_at_all, project)), None)
    say(f"  {found.completed_count:,} completions, {found.stopped_count:,} stops in the year")
    for words in COMMANDS:
        times = 1 if words[0] in WHOLE else REPEATS
        taken = min(processor_seconds([*RUNR, *words], project.layout.root) for _ in range(times))
        say(f"  runr {' '.join(words):<58}{ms(taken):>9} of the processor")


def job_of_a_night(project: Project) -> str:
    """Write a job run of twenty runs, where there is none; return its id."""
    if project.layout.job_runs.exists():
        return "nightly"
    job_run_id = "20250602-010000-aaaa"
    runs = Journals(project.layout, datetime(2025, 6, 2, 1, tzinfo=UTC))
    job = runs.job_journal(job_run_id)
    names = [f"part-{number}" for number in range(20)]
    items = tuple(Item(f".runr/tasks/{name}.md", "main/all") for name in names)
    job.append(JobCreated(Job(name="nightly"), Work(items, ()), "runr/nightly", "main", "0" * 40))
    for name in names:
        runs.run(name, completed(), job=JobTerms(job_run_id))
    job.append(JobEnded("completed"))
    return "nightly"


def tell(name: str, taken: tuple[float, float], beside: tuple[float, float] | None) -> None:
    late = "  slow" if taken[1] > LIMIT else ""
    plainly = ms(beside[1]) if beside else ""
    say(f"  {name:<32}{ms(taken[0]):>9}{ms(taken[1]):>12}{plainly:>11}{late}")


def best(
    work: Callable[[], object], before: Callable[[], object] | None = None
) -> tuple[float, float]:
    """Return the shortest of several times: by the clock on the wall, and of the processor."""
    found = []
    for _ in range(REPEATS):
        if before:
            before()
        begun, used = time.perf_counter(), processor()
        work()
        found.append((time.perf_counter() - begun, processor() - used))
    return min(wall for wall, _ in found), min(used for _, used in found)


def processor() -> float:
    """Return the time of the processor, that of git too."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def plain(project: Project, period: tuple[str, str]) -> None:
    for statement in (CHANGES, USED, FIRST):
        ask_plainly(project, statement, period)


def ask_plainly(project: Project, statement: str, values: tuple[str, ...]) -> None:
    with closing(sqlite_file.open_connection(project.layout.history)) as connection:
        connection.execute(statement, values).fetchall()


def look_at_all(project: Project) -> object:
    """Look at the journals as after a run was added: with few journals each time."""

    def look(connection: Any) -> int:
        connection.execute(database.queries()["delete_folders"])
        return index.refresh(project.layout, connection)

    return database.connect(project.layout, project.clock(), look)


if __name__ == "__main__":
    main()
