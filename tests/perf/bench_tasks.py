"""How long listing tasks takes, beside what the file system alone needs in the same run.

python tests/perf/bench_tasks.py
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runr.store.layout import Layout
from runr.store.taskfiles import scan

SIZES = (10, 1_000, 10_000)
REPEATS = 5
HOUR_NS = 3600 * 1_000_000_000

TASK = """---
depends_on: [{before}, ../other/x.md]
type: automated
owns: [src/part-{number}/, docs/api.md]
verify: ["pytest -q tests/part-{number}"]
tier: tier1
tags: [api, part-{number}]
priority: 1
timeout: 45m
---
# Build part {number}

{text}
"""


def main() -> None:
    row = "{:>7}  {:>12}  {:>12}  {:>14}  {:>10}".format
    say(row("tasks", "cold scan", "warm scan", "scandir+stat", "warm/bare"))
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            layout = Layout(Path(folder))
            make(layout.tasks, count)
            cold = seconds(partial(scan, layout))
            warm = min(seconds(partial(scan, layout)) for _ in range(REPEATS))
            bare = min(seconds(partial(list_bare, layout.tasks)) for _ in range(REPEATS))
        say(row(count, ms(cold), ms(warm), ms(bare), f"{warm / bare:.1f}"))


def make(tasks: Path, count: int) -> None:
    """Write `count` task files, a hundred to a folder and an hour old."""
    old = time.time_ns() - HOUR_NS
    for number in range(count):
        file = tasks / f"group-{number // 100:03}" / f"{number:05}-build.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        before = f"{max(number - 1, 0):05}-build.md"
        file.write_text(TASK.format(number=number, before=before, text="Some text. " * 40))
        os.utime(file, ns=(old, old))


def list_bare(folder: Path) -> int:
    """Stat every file with nothing around it: the least that any listing needs."""
    count, folders = 0, [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    count += entry.stat(follow_symlinks=False).st_size > 0
    return count


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def ms(value: float) -> str:
    return f"{value * 1000:.2f} ms"


if __name__ == "__main__":
    main()
