"""Measure what a job costs for each task, beside bare git doing the same.

    .venv/bin/python tests/perf/bench_jobs.py [--parallel N]... [TASKS]...

The worker writes one file. The baseline is `git worktree add`, a commit, a merge and
`git worktree remove` for each task. Figures are seconds of processor time, of the job and all that
it starts, and of the clock, for each task; of `--dry-run`, which shows the plan, in all. The
last lines are answers about the finished job.
"""

import argparse
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.stopwatch import say, seconds

_RUNR = str(Path(sys.executable).with_name("runr"))
_SIZES = (10, 100, 1_000)
_PARALLEL = (1, 2, 4)
_PR_SET_CHILD_SUBREAPER = 36
_CONFIG = '[run]\nworker = "script"\n\n[verify]\ntier1 = ["test -d ."]\n'
_TASK = "---\nowns: [{name}.txt]\n---\n# Task {name}\n\n```sh run\necho {name} > {name}.txt\n```\n"
_IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@example.invalid")


def main() -> None:
    """Print one line for each number of tasks and of tasks at the same time."""
    _adopt_orphans()
    reader = argparse.ArgumentParser(description="Measure what a job costs for each task.")
    reader.add_argument("sizes", nargs="*", type=int, default=_SIZES, metavar="TASKS")
    reader.add_argument("--parallel", action="append", type=int, metavar="N")
    wanted = reader.parse_args()
    with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
        for size in wanted.sizes:
            _of_size(Path(folder), size, wanted.parallel or _PARALLEL)


def _of_size(folder: Path, size: int, at_once: Sequence[int]) -> None:
    root = _repository(folder / f"bare-{size}", size)
    _tell(f"{size:>5} tasks, bare git", _measured(partial(_bare, root, size)), size)
    for parallel in at_once:
        there = _repository(folder / f"{size}-{parallel}", size)
        job = ("job", "run", "--all-ready", "--parallel", str(parallel))
        planned, _ = _measured(partial(_runr, there, *job, "--dry-run"))
        say(f"{size:>5} tasks, runr job run --dry-run: {planned:.2f}s of processor time")
        taken = _measured(partial(_runr, there, *job))
        _tell(f"{size:>5} tasks, {parallel} at a time", taken, size)
    for words in (("job", "status"), ("list-tasks",), ("job", "land", "--dry-run")):
        fastest = min(seconds(partial(_runr, there, *words)) for _ in range(5))
        say(f"{size:>5} tasks, runr {' '.join(words)}: {fastest:.3f}s")


def _repository(root: Path, size: int) -> Path:
    tasks = root / ".runr" / "tasks"
    tasks.mkdir(parents=True)
    (root / ".runr" / "config.toml").write_text(_CONFIG)
    for number in range(size):
        (tasks / f"t{number:04}.md").write_text(_TASK.format(name=f"t{number:04}"))
    _git(root, "init", "-q", "-b", "main")
    _git(root, "add", "-A")
    _git(root, *_IDENTITY, "commit", "-q", "-m", "Start")
    return root


def _bare(root: Path, size: int) -> None:
    """Do with git alone what a job does for each task."""
    for number in range(size):
        there = root.with_name(f"{root.name}-tree")
        _git(root, "worktree", "add", "-q", "-b", f"t{number}", str(there))
        (there / f"t{number:04}.txt").write_text(f"{number}\n")
        _git(there, "add", "-A")
        _git(there, *_IDENTITY, "commit", "-q", "-m", f"Task {number}")
        _git(root, *_IDENTITY, "merge", "-q", "--no-edit", f"t{number}")
        _git(root, "worktree", "remove", str(there))


def _measured(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of processor time of all that `work` starts, and of the clock."""
    cpu, wall = _cpu(), time.monotonic()
    work()
    return _cpu() - cpu, time.monotonic() - wall


def _cpu() -> float:
    """Return the processor time of all processes that were started and have ended.

    Those of runs are detached: this process becomes their parent, and waits for them.
    """
    with suppress(ChildProcessError):
        while os.wait():
            pass
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _adopt_orphans() -> None:
    """Let the kernel make this process the parent of those whose own parent has ended."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this benchmark needs a Linux with subreapers")


def _runr(root: Path, *words: str) -> None:
    environment = {
        **os.environ,
        "GIT_AUTHOR_NAME": "Bench",
        "GIT_AUTHOR_EMAIL": "bench@example.invalid",
        "GIT_COMMITTER_NAME": "Bench",
        "GIT_COMMITTER_EMAIL": "bench@example.invalid",
    }
    subprocess.run([_RUNR, *words], cwd=root, env=environment, capture_output=True, check=True)


def _git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True)


def _tell(what: str, taken: tuple[float, float], size: int) -> None:
    cpu, wall = (each / size for each in taken)
    say(f"{what}: {cpu:.2f}s of processor time, {wall:.2f}s for each task")


if __name__ == "__main__":
    main()
