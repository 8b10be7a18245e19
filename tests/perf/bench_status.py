"""What `runr status` costs with ten thousand tasks, half of them completed, in processor time.

    .venv/bin/python tests/perf/bench_status.py [RUNS]

Each completion has the sealed journal of its run and its checkpoint commit. Processor time is that
of the process and of all that it starts, the least of RUNS. The baseline only imports click.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf import bench_infer
from perf.stopwatch import ms, processor_seconds, say
from perf.synthetic_history import BEGIN, YEAR, make_tasks
from runr.runs import chain, clone_key
from runr.storage.layout import Layout
from runr.tasks import repository
from unit.journals_of_runs import COMMIT, MONDAY, Journals, completed

RUNR = [sys.executable, "-m", "runr"]
IMPORTS = [sys.executable, "-c", "import json, click"]
DONE = 5_000
GOAL_S = 0.5


def main() -> None:
    """Print one line for each figure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
        root = Path(folder) / "repo"
        make(root)
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
        say(f"{name:<32}{ms(seconds):>10}{goal}")


def make(root: Path) -> None:
    """Make a repository in which half of the tasks are completed, and everything is known."""
    layout = make_tasks(root)
    Journals(layout).run("part-0", completed())
    runs = {run_id_of(number): f"part-{number}" for number in range(DONE)}
    bench_infer.feed(root, checkpoints(runs))
    log = ["git", "-C", str(root), "log", "--format=%H", f"-{DONE}", "--reverse"]
    commits = subprocess.run(log, check=True, capture_output=True, text=True).stdout.split()
    write_journals(layout, dict(zip(runs.items(), commits, strict=True)))
    for words in (["rebuild"], ["status"]):
        processor_seconds([*RUNR, *words], root)


def run_id_of(number: int) -> str:
    return f"{BEGIN + YEAR * (number / DONE):%Y%m%d-%H%M%S}-{number:04}"


def checkpoints(runs: dict[str, str]) -> Iterator[str]:
    """Yield the commits of the runs as `git fast-import` reads them."""
    yield "reset refs/heads/main\nfrom refs/heads/main^0\n"
    for number, (run_id, task) in enumerate(runs.items()):
        text = (
            f"Build {task}\n\nRunr-Run-Id: {run_id}\nRunr-Task: .runr/tasks/{task}.md\n"
            "Runr-Checkpoint: true\nRunr-Verified: tier1\n"
        )
        yield (
            f"commit refs/heads/main\ncommitter Ada <ada@example.invalid> {1_500_000_000 + number}"
            f" +0000\ndata {len(text)}\n{text}\n"
        )


def write_journals(layout: Layout, commits: dict[tuple[str, str], str]) -> None:
    """Write the sealed journal of each run: that of the one that is there, with other facts."""
    (model,) = (layout.run(path.name) for path in layout.runs.iterdir())
    key = clone_key.find(layout.root)
    assert key
    bodies = [chain.split(line)[0].decode() for line in model.timeline.read_bytes().splitlines()]
    shutil.rmtree(model.folder)
    texts = {Path(task.path).stem: task.sha256 for task in repository.scan(layout)}
    for (run_id, task), sha in commits.items():
        day = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}"
        lines: list[bytes] = []
        for body in bodies:
            own = body.replace(COMMIT, sha).replace(f"{MONDAY:%Y-%m-%d}", day)
            own = own.replace("/part-0.md", f"/{task}.md").replace("5" * 64, texts[task])
            lines.append(chain.sealed(own.encode(), lines[-1] if lines else b"", key))
        timeline = layout.run(run_id).timeline
        timeline.parent.mkdir()
        timeline.write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    main()
