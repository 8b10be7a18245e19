"""How long inference over a history takes, beside a bare `git log` of the same commits.

python tests/perf/bench_infer.py
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.stopwatch import ms, say, seconds
from runr.project import Project
from runr.provenance.infer import infer_statuses

SIZES = (1_000, 10_000, 100_000)
REPEATS = 3

#: One commit in this number is a checkpoint, a revert of one, or names a task by its title.
CHECKPOINT, REVERT, TITLE = 50, 1_000, 700
TASKS = 100


def main() -> None:
    row = "{:>8}  {:>10}  {:>10}  {:>12}  {:>12}  {:>9}".format
    say(row("commits", "first look", "next look", "10 new ones", "bare git log", "first/bare"))
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            make(root, count)
            look = partial(infer_statuses, Project.open(root, os.environ))
            bare = min(seconds(partial(log, root)) for _ in range(REPEATS))
            first = seconds(look)
            again = min(seconds(look) for _ in range(REPEATS))
            grow(root, count, 10)
            fresh = seconds(look)
        say(row(count, ms(first), ms(again), ms(fresh), ms(bare), f"{first / bare:.1f}"))


def make(root: Path, count: int) -> None:
    """Make a repository with `count` commits and `TASKS` tasks."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    tasks = root / ".runr" / "tasks"
    tasks.mkdir(parents=True)
    for number in range(TASKS):
        text = f"---\nowns: [src/]\n---\n# Build part {number}\n\nDo it.\n"
        (tasks / f"{number:03}-build.md").write_text(text)
    feed(root, history(range(count)))


def grow(root: Path, start: int, more: int) -> None:
    """Add commits on top."""
    feed(
        root,
        ["reset refs/heads/main\nfrom refs/heads/main^0\n", *history(range(start, start + more))],
    )


def history(numbers: range) -> Iterator[str]:
    """Yield the commits as `git fast-import` reads them."""
    for number in numbers:
        text = message(number)
        path, content = f"src/{number % 20}.py", f"value = {number}\n"
        yield (
            f"commit refs/heads/main\ncommitter Ada <ada@example.invalid> {1_500_000_000 + number}"
            f" +0000\ndata {len(text)}\n{text}\nM 100644 inline {path}\n"
            f"data {len(content)}\n{content}\n"
        )


def message(number: int) -> str:
    task = f".runr/tasks/{number % TASKS:03}-build.md"
    if number % CHECKPOINT == 1:
        run = f"20250101-{number:06}-bnch"
        trailers = f"Runr-Run-Id: {run}\nRunr-Task: {task}\nRunr-Checkpoint: true"
        return f"Build part {number % TASKS}\n\n{trailers}\nRunr-Verified: tier1\n"
    if number % REVERT == 2:
        return f'Revert "Something"\n\nThis reverts commit {number:040x}.\n'
    if number % TITLE == 3:
        return f"Build part {number % TASKS} (#{number})\n"
    return f"Change value {number}\n\nA sentence about why it had to be changed.\n"


def feed(root: Path, stream: list[str] | Iterator[str]) -> None:
    command = ["git", "-C", str(root), "fast-import", "--quiet"]
    subprocess.run(command, input="".join(stream).encode(), check=True)


def log(root: Path) -> None:
    """Read every message with nothing around it: the least that any inference needs."""
    command = ["git", "-C", str(root), "log", "--format=%H%x00%B"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
