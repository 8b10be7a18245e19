"""Make a repository with a year of history: tasks, runs with sealed journals, and their commits.

python tests/perf/synthetic_history.py FOLDER [RUNS [TASKS]]
"""

import os
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf import bench_infer
from runr.project import Project
from runr.runs import chain, clone_key
from runr.runs.events import EventData, RunStopped
from runr.status import store
from runr.status.model import Entry, Evidence, State, Verification
from runr.storage.layout import Layout
from runr.tasks import repository
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
_FIRST_TEXT, _OTHER_TREE = "5" * 64, "b" * 40
_USAGE = {"cost_usd": 0.5, "input_tokens": 1000, "output_tokens": 100, "turns": 3}


class Pattern(NamedTuple):
    """The journal of a run, without what differs from run to run; `weight` of a hundred are so.

    Of each line what is before its time, when that is, in seconds, and what is after it.
    """

    weight: float
    completes: bool
    lines: Sequence[tuple[bytes, float, bytes]]


class Planned(NamedTuple):
    """A run that is to be written."""

    number: int
    begun: datetime
    task: str
    pattern: Pattern

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return f"{self.begun:%Y%m%d-%H%M%S}-{self.number:06}"


class _Made(NamedTuple):
    sha: str
    tree: str


def make_project(root: Path, runs: int = RUNS, tasks: int = TASKS) -> Project:
    """Return the project; `root` is an empty folder."""
    layout = make_tasks(root, tasks)
    write(layout, list(_planned(runs, tasks)))
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


def write(layout: Layout, planned: Sequence[Planned]) -> None:
    """Write the checkpoints, the sealed journals and the statuses of the runs, oldest first."""
    commits = dict(_commit(layout.root, [each for each in planned if each.pattern.completes]))
    texts = {task.path: task.sha256 for task in repository.scan(layout)}
    key = clone_key.ensure(layout.root)
    layout.runs.mkdir(parents=True)
    entries: dict[str, Entry] = {}
    for each in planned:
        own = {_FIRST_TEXT: texts[each.task], _OTHER_TREE: f"{each.number:040}"}
        if made := commits.get(each.run_id):
            own |= {COMMIT: made.sha, TREE: made.tree}
            entries[each.task] = _completed(each, made.sha, texts[each.task])
        timeline = layout.run(each.run_id).timeline
        timeline.parent.mkdir()
        timeline.write_bytes(b"\n".join(_sealed(each, own, key)) + b"\n")
    store.update(layout, lambda _: entries)


def _planned(runs: int, tasks: int) -> Iterator[Planned]:
    chance = random.Random(7)  # noqa: S311 - the same year each time
    patterns = list_patterns()
    weights = [pattern.weight for pattern in patterns]
    for number in range(runs):
        (pattern,) = chance.choices(patterns, weights)
        task = f".runr/tasks/part-{chance.randrange(tasks)}.md"
        yield Planned(number, BEGIN + YEAR * (number / runs), task, pattern)


def _commit(root: Path, done: Sequence[Planned]) -> Iterator[tuple[str, _Made]]:
    """Make a checkpoint of each run, with a tree of its own; yield them by the run."""
    bench_infer.feed(root, _checkpoints(done))
    git(root, "reset", "-q", "--hard")
    log = git(root, "log", "--reverse", "--format=%H %T", f"-{len(done)}").splitlines()
    for each, line in zip(done, log, strict=True):
        yield each.run_id, _Made(*line.split())


def _checkpoints(done: Iterable[Planned]) -> Iterator[str]:
    """Yield the commits as `git fast-import` reads them."""
    yield "reset refs/heads/main\nfrom refs/heads/main^0\n"
    for each in done:
        text = (
            f"Build {each.task}\n\nRunr-Run-Id: {each.run_id}\nRunr-Task: {each.task}\n"
            "Runr-Checkpoint: true\nRunr-Verified: tier1\n"
        )
        yield (
            "commit refs/heads/main\ncommitter Ada <ada@example.invalid> "
            f"{each.begun.timestamp():.0f} +0000\ndata {len(text)}\n{text}\n"
            f"M 100644 inline work.txt\ndata {len(each.run_id)}\n{each.run_id}\n"
        )


def _completed(run: Planned, sha: str, task_sha256: str) -> Entry:
    return Entry(
        status=State.COMPLETED,
        evidence=Evidence.VERIFIED,
        verification=Verification.PASSED,
        completed_by=f"run:{run.run_id}",
        completed_at=f"{run.begun:%Y-%m-%dT%H:%M:%SZ}",
        last_run_id=run.run_id,
        checkpoint_sha=sha,
        task_sha256=task_sha256,
        sequence=run.number,
    )


def _sealed(run: Planned, own: Mapping[str, str], key: chain.Key) -> Iterator[bytes]:
    facts = [(_TASK, run.task.encode()), *((a.encode(), b.encode()) for a, b in own.items())]
    before = b""
    for start, seconds, rest in run.pattern.lines:
        at = f"{run.begun + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.000Z}".encode()
        line = start + at + rest
        for usual, fact in facts:
            line = line.replace(usual, fact)
        before = chain.sealed(line, before, key)
        yield before


def list_patterns() -> list[Pattern]:
    """Return how runs go: most complete, some of them at the second attempt, others stop.

    The first one completes at once.
    """
    first = [*worked(usage=_USAGE), verified(FAILING, tree=_OTHER_TREE)]
    found: list[tuple[float, str, list[EventData]]] = []
    for worker in WORKERS:
        done = [*worked(usage=_USAGE), verified(PASSING), *landed(), COMPLETED]
        second = [*worked(2, usage=_USAGE), verified(PASSING), *landed(), COMPLETED]
        # Only a flaky check fails and passes on the same tree.
        flaky = [*worked(usage=_USAGE), verified(FAILING), *second]
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
