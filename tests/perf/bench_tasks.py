"""How long it takes to list, choose, draw and verify tasks, beside a bare stat of the files.

python tests/perf/bench_tasks.py
"""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.stopwatch import ms, say, seconds
from runr.cli import graph
from runr.graphics import dependency_graph, svg
from runr.lint.rules import lint_tasks
from runr.project import Project
from runr.query.listing import TaskQuery, list_tasks
from runr.query.next_task import choose_next
from runr.storage.layout import Layout
from runr.tasks.repository import scan

SIZES = (10, 1_000, 10_000, 50_000)
REPEATS = 5
#: This many tasks are measured once.
MANY = 50_000
HOUR_NS = 3600 * 1_000_000_000

TASK = """---
depends_on: [{before}]
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
    head = ("tasks", "cold", "warm", "list-tasks", "next", "graph", "svg", "verify", "stat")
    row = "{:>7}" + "  {:>12}" * (len(head) - 1)
    say(row.format(*head))
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            layout = Layout(Path(folder))
            make(layout.tasks, count)
            subprocess.run(["git", "init", "-q", folder], check=True)
            project = Project.open(layout.root, os.environ)
            cold = seconds(partial(scan, layout))
            works = (
                partial(scan, layout),
                partial(list_tasks, project, TaskQuery()),
                partial(choose_next, project, explain=True),
                partial(tree, project),
                partial(picture, project),
                partial(lint_tasks, project),
                partial(list_bare, layout.tasks),
            )
            repeats = REPEATS if count < MANY else 1
            best = [min(seconds(work) for _ in range(repeats)) for work in works]
        say(row.format(count, *(ms(taken, 2) for taken in (cold, *best))))


def tree(project: Project) -> str:
    return graph.render_graph(dependency_graph.gather(project), depth=12, limit=300)


def picture(project: Project) -> str:
    return svg.render_svg(dependency_graph.graph_chart(dependency_graph.gather(project)))


def make(tasks: Path, count: int) -> None:
    """Write `count` task files, a hundred to a folder and an hour old."""
    old = time.time_ns() - HOUR_NS
    for number in range(count):
        file = tasks / f"group-{number // 100:03}" / f"{number:05}-build.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        # Chains of fifty, each link also behind the first of its folder.
        chained = (number - 1, number // 100 * 100) if number % 50 else ()
        before = ", ".join(f"{link:05}-build.md" for link in dict.fromkeys(chained))
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


if __name__ == "__main__":
    main()
