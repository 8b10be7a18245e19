"""What listing costs, in processor time, beside a baseline from the same run.

    .venv/bin/python tests/perf/bench_listing.py [RUNS]

Processor time is that of the process and of all that it starts. Each figure is
the median of RUNS; behind it stand the baseline and how many times the baseline
it is. The baseline of ten thousand tasks reads the same files in plain Python
and parses their headers with libyaml.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.bench_tasks import make
from perf.stopwatch import processor_seconds, say

RUNR = [sys.executable, "-m", "runr"]
IMPORTS = [sys.executable, "-c", "import json, click"]
READ = """
import os, sys, yaml
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        header = text[4:text.index("\\n---", 4)]
        yaml.load(header, Loader=yaml.CSafeLoader)
"""
FEW, MANY = 5, 10_000
LISTING = [*RUNR, "list-tasks", "--limit", "20"]
STATUS = [*RUNR, "task-status", "00004-build"]


def main() -> None:
    """Print one line for each figure."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
        few, many = (repository(Path(folder) / str(count), count) for count in (FEW, MANY))
        start = measure(IMPORTS, few, runs)
        read = measure([sys.executable, "-c", READ, str(many / ".runr/tasks")], many, runs)
        measure([*RUNR, "list-tasks"], few, 1)
        tell("list-tasks, 5 tasks", measure([*RUNR, "list-tasks"], few, runs), start, 1.8)
        tell("--help", measure([*RUNR, "--help"], few, runs), start, 1.8)
        cold = [measure_cold(many) for _ in range(min(runs, 3))]
        tell("list-tasks --limit 20, 10,000 tasks, first time", median(cold), read, 1.0)
        tell("the same again", measure(LISTING, many, runs), read, 0.4)
        tell("task-status, 10,000 tasks", measure(STATUS, many, runs), read, 0.4)
        tell("list-tasks, all 10,000", measure([*RUNR, "list-tasks"], many, runs), read, None)


def repository(root: Path, count: int) -> Path:
    """Return a repository with `count` tasks, all an hour old."""
    make(root / ".runr/tasks", count)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def measure(command: Sequence[str], cwd: Path, runs: int) -> float:
    """Return the median of the processor time that the command takes."""
    return median(processor_seconds(command, cwd) for _ in range(runs))


def measure_cold(root: Path) -> float:
    """Return what the first listing of a repository takes."""
    for file in (root / ".runr").glob("*.db*"):
        file.unlink()
    return processor_seconds(LISTING, root)


def tell(name: str, taken: float, baseline: float, goal: float | None) -> None:
    """Print a figure with its baseline, and how many times the baseline it may be."""
    wanted = f"  (goal {goal:.1f})" if goal else ""
    line = f"{name:<50}{taken * 1000:7.0f} ms  / {baseline * 1000:6.0f} ms"
    say(f"{line} = {taken / baseline:5.2f}{wanted}")


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    main()
