"""Make a repository with a year of history: tasks, their statuses, and the sealed journals of runs.

python tests/perf/synthetic_history.py FOLDER [RUNS [TASKS]]
"""

import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from runr.project import Project
from runr.runs import chain, clone_key
from runr.runs.events import EventData, RunStopped
from runr.status import store
from runr.status.model import Entry, Evidence, State
from runr.storage.layout import Layout
from unit.git_trees import git, make
from unit.journals_of_runs import (
    COMMIT,
    COMPLETED,
    FAILING,
    MONDAY,
    PASSING,
    TREE,
    Journals,
    landed,
    verified,
    worked,
)

TASKS, RUNS = 10_000, 100_000
BEGIN, YEAR = datetime(2025, 1, 1, tzinfo=UTC), timedelta(days=365)
WORKERS = ("claude-code", "codex", "opencode", "script")
REASONS = ("verification_failed", "timeout", "no_changes", "needs_human")

_TASK = b".runr/tasks/t.md"
_TIME = b'"time":"'
_USAGE = {"cost_usd": 0.5, "input_tokens": 1000, "output_tokens": 100, "turns": 3}


class Pattern(NamedTuple):
    """The journal of a run, without what differs from run to run; `weight` of a hundred are so.

    Of each line what is before its time, when that is, in seconds, and what is after it.
    """

    weight: float
    completes: bool
    lines: Sequence[tuple[bytes, float, bytes]]


def make_project(root: Path, runs: int = RUNS, tasks: int = TASKS) -> Project:
    """Return the project; `root` is an empty folder."""
    layout = make_tasks(root, tasks)
    sha = git(root, "rev-parse", "HEAD")
    entries = dict(_written(layout, _patterns(), runs, tasks, sha))
    store.update(layout, lambda _: entries)
    return Project.open(root, os.environ)


def make_tasks(root: Path, tasks: int = TASKS) -> Layout:
    """Make a repository with as many committed tasks, of which nothing is recorded."""
    layout = Layout(make(root))
    layout.tasks.mkdir(parents=True)
    for number in range(tasks):
        text = f"---\ntags: [part-{number % 10}]\n---\n# Part {number}\n"
        (layout.tasks / f"part-{number}.md").write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Tasks")
    return layout


def _written(
    layout: Layout, patterns: Sequence[Pattern], runs: int, tasks: int, sha: str
) -> Iterator[tuple[str, Entry]]:
    """Write the journals, oldest first; yield the status of the task of each."""
    key = clone_key.ensure(layout.root)
    chance = random.Random(7)  # noqa: S311 - the same year each time
    weights = [pattern.weight for pattern in patterns]
    layout.runs.mkdir(parents=True)
    for number in range(runs):
        (pattern,) = chance.choices(patterns, weights)
        begun = BEGIN + YEAR * (number / runs)
        run_id = f"{begun:%Y%m%d-%H%M%S}-{number:06}"
        task = f".runr/tasks/part-{chance.randrange(tasks)}.md"
        lines = _sealed(pattern, begun, task, number, key)
        (layout.runs / run_id).mkdir()
        (layout.runs / run_id / "timeline.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        if pattern.completes:
            yield task, _completed(run_id, begun, sha, number)


def _completed(run_id: str, begun: datetime, sha: str, number: int) -> Entry:
    return Entry(
        status=State.COMPLETED,
        evidence=Evidence.VERIFIED,
        completed_by=f"run:{run_id}",
        completed_at=f"{begun:%Y-%m-%dT%H:%M:%SZ}",
        last_run_id=run_id,
        checkpoint_sha=sha,
        sequence=number,
    )


def _sealed(
    pattern: Pattern, begun: datetime, task: str, number: int, key: chain.Key
) -> Iterator[bytes]:
    tree, path, before = f"{number:040}".encode(), task.encode(), b""
    for start, seconds, rest in pattern.lines:
        at = f"{begun + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.000Z}".encode()
        own = start.replace(_TASK, path) + at + rest.replace(_TASK, path)
        # Every other tree is another one, so that only a flaky check fails on the same.
        own = own.replace(TREE.encode(), tree).replace(COMMIT.encode(), tree)
        before = chain.sealed(own, before, key)
        yield before


def _patterns() -> list[Pattern]:
    """Return how runs go: most complete, some of them at the second attempt, others stop."""
    again = "b" * 40
    first = [*worked(usage=_USAGE), verified(FAILING)]
    found: list[tuple[float, str, list[EventData]]] = []
    for worker in WORKERS:
        done = [*worked(usage=_USAGE), verified(PASSING), *landed(), COMPLETED]
        second = [*worked(2, usage=_USAGE), verified(PASSING, tree=again), *landed(), COMPLETED]
        flaky = [*first, *worked(2, usage=_USAGE), verified(PASSING), *landed(), COMPLETED]
        found += [(15, worker, done), (4.5, worker, [*first, *second]), (0.5, worker, flaky)]
        found += [(1.25, worker, [*first, RunStopped(code, code)]) for code in REASONS]
    with tempfile.TemporaryDirectory() as folder:
        journals = Journals(Layout(make(Path(folder) / "repo")))
        return [
            Pattern(weight, events[-1] is COMPLETED, _lines(journals, worker, events))
            for weight, worker, events in found
        ]


def _lines(
    journals: Journals, worker: str, events: list[EventData]
) -> list[tuple[bytes, float, bytes]]:
    journals.now = MONDAY
    run = journals.run("t", events, worker=worker)
    return [_cut(chain.split(line)[0]) for line in run.timeline.read_bytes().splitlines()]


def _cut(line: bytes) -> tuple[bytes, float, bytes]:
    start, mark, rest = line.partition(_TIME)
    time, _, end = rest.partition(b'"')
    seconds = (datetime.fromisoformat(time.decode()) - MONDAY).total_seconds()
    return start + mark, seconds, b'"' + end


if __name__ == "__main__":
    make_project(Path(sys.argv[1]), *map(int, sys.argv[2:]))
