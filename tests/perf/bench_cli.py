"""Measure the cold start of the command line, with a minimal Python program as baseline.

    .venv/bin/python tests/perf/bench_cli.py [RUNS]

Each figure is the median and the fastest of several starts, in milliseconds.
`stat` is one look at each task file by a program that does nothing else.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.stopwatch import seconds, tell

_RUNR = str(Path(sys.executable).with_name("runr"))
_STAT = "import os, sys; [entry.stat() for entry in os.scandir(sys.argv[1])]"
_SIZES = (10, 1_000, 10_000)
_HOUR_S = 3600
_TASK = """\
---
type: automated
depends_on: [{before}]
tags: [bench]
priority: {number}
---
# Task {number}

Do what task {number} says.
"""


def main() -> None:
    """Print one line for each figure."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
        here = Path(folder)
        _tell("python -c pass", [sys.executable, "-c", "pass"], here, runs)
        _tell("python -c 'import click'", [sys.executable, "-c", "import click"], here, runs)
        _tell("runr version", [_RUNR, "version"], here, runs)
        for size in _SIZES:
            root = _repository(here / str(size), size)
            tasks = root / ".runr" / "tasks"
            _tell(f"stat, {size:,} files", [sys.executable, "-c", _STAT, str(tasks)], root, runs)
            listing = [_RUNR, "list-tasks"]
            _tell(f"runr list-tasks, {size:,} tasks, first time", listing, root, 1)
            _tell(f"runr list-tasks, {size:,} tasks", listing, root, runs)
            words = [_RUNR, "list-tasks", "--json", "--limit", "20"]
            _tell(f"runr list-tasks --json --limit 20, {size:,} tasks", words, root, runs)


def _repository(root: Path, size: int) -> Path:
    tasks = root / ".runr" / "tasks"
    tasks.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    hour_ago = time.time() - _HOUR_S
    for number in range(size):
        path = tasks / f"{number:05}-task.md"
        before = f"{number - 1:05}-task" if number else ""
        path.write_text(_TASK.format(before=before, number=number), encoding="utf-8")
        os.utime(path, (hour_ago, hour_ago))
    return root


def _tell(name: str, command: Sequence[str], cwd: Path, runs: int) -> None:
    start = partial(subprocess.run, command, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    tell(name, [seconds(start) for _ in range(runs)])


if __name__ == "__main__":
    main()
