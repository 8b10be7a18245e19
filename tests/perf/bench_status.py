"""What `runr status` costs with 10,000 tasks, none, half or nearly all completed.

    .venv/bin/python tests/perf/bench_status.py [RUNS]

Each completion has the sealed journal of its run and its checkpoint commit. Processor time is that
of the process and of all that it starts, the least of RUNS. The baseline only imports click.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.stopwatch import ms, processor_seconds, say
from perf.synthetic_history import BEGIN, TASKS, YEAR, Planned, list_patterns, make_tasks, write

RUNR = [sys.executable, "-P", "-m", "runr"]
IMPORTS = [sys.executable, "-c", "import json, click"]
DONE = (0, TASKS // 2, TASKS - 5)
GOAL_S = 0.5


def main() -> None:
    """Print one line for each figure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for done in DONE:
        with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
            root = Path(folder) / "repo"
            make(root, done)
            say(f"{done:,} of {TASKS:,} tasks completed")
            measure(root, rounds)


def measure(root: Path, rounds: int) -> None:
    """Print what each command takes."""
    commands = {
        "imports": IMPORTS,
        "runr status": [*RUNR, "status"],
        "runr list-tasks --limit 20": [*RUNR, "list-tasks", "--limit", "20"],
    }
    taken = dict.fromkeys(commands, float("inf"))
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name] = min(taken[name], processor_seconds(command, root))
    for name, seconds in taken.items():
        goal = f"  (goal {ms(GOAL_S)})" if name == "runr status" else ""
        say(f"  {name:<32}{ms(seconds):>10}{goal}")


def make(root: Path, done: int) -> None:
    """Make a repository in which as many tasks are completed, and everything is known."""
    layout, pattern = make_tasks(root), list_patterns()[0]
    write(
        layout,
        [
            Planned(number, BEGIN + YEAR * (number / TASKS), _task(number), pattern)
            for number in range(done)
        ],
    )
    for words in (["rebuild"], ["status"], ["status"]):
        processor_seconds([*RUNR, *words], root)


def _task(number: int) -> str:
    return f".runr/tasks/part-{number}.md"


if __name__ == "__main__":
    main()
