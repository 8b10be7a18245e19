"""What listing costs, in processor time, beside a baseline from the same run.

    .venv/bin/python tests/perf/bench_listing.py [RUNS]

Processor time is that of the process and of all that it starts. In each of RUNS
rounds, every command is measured once, baselines too, so that a busy machine
disturbs all of them alike; a figure is the least of its rounds. Behind it stand
the baseline and how many times the baseline it is. The baseline of ten thousand
tasks reads the same files in plain Python and parses their headers with libyaml.
Before the first commit, a listing also asks git who commits.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

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

START, PARSE = "imports", "plain reading"
#: figure → its baseline, and how many times that it may be
GOALS: dict[str, tuple[str, float | None]] = {
    "list-tasks, 5 tasks": (START, 1.8),
    "the same before the first commit": (START, None),
    "--help": (START, 1.8),
    "list-tasks --limit 20, 10,000 tasks, first time": (PARSE, 1.0),
    "again": (PARSE, 0.4),
    "task-status, 10,000 tasks": (PARSE, 0.4),
    "list-tasks, all 10,000": (PARSE, None),
}


def main() -> None:
    """Print one line for each figure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
        few, many = (repository(Path(folder) / str(count), count) for count in (FEW, MANY))
        unborn = repository(Path(folder) / "unborn", FEW, committed=False)
        at_few, at_many = (partial(processor_seconds, cwd=root) for root in (few, many))
        measured: dict[str, Callable[[], float]] = {
            START: partial(at_few, IMPORTS),
            "list-tasks, 5 tasks": partial(at_few, [*RUNR, "list-tasks"]),
            "the same before the first commit": partial(
                processor_seconds, [*RUNR, "list-tasks"], cwd=unborn
            ),
            "--help": partial(at_few, [*RUNR, "--help"]),
            PARSE: partial(at_many, [sys.executable, "-c", READ, str(many / ".runr/tasks")]),
            "list-tasks --limit 20, 10,000 tasks, first time": partial(measure_cold, many),
            "again": partial(at_many, LISTING),
            "task-status, 10,000 tasks": partial(at_many, STATUS),
            "list-tasks, all 10,000": partial(at_many, [*RUNR, "list-tasks"]),
        }
        at_few([*RUNR, "list-tasks"])  # compiles the modules
        taken = dict.fromkeys(measured, float("inf"))
        for _ in range(rounds):
            taken |= {name: min(taken[name], measure()) for name, measure in measured.items()}
    for name, (baseline, goal) in GOALS.items():
        tell(name, taken[name], taken[baseline], goal)


def repository(root: Path, count: int, *, committed: bool = True) -> Path:
    """Return a repository with `count` tasks, all an hour old."""
    make(root / ".runr/tasks", count)
    git = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    if committed:
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "Add tasks"], check=True)
    return root


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
    # Installed packages are compiled, and so is runr where it is installed.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
