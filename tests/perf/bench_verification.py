"""What verification in a clean checkout costs, beside the same check in the workspace.

python tests/perf/bench_verification.py

For each case a line with the time that passes, and one with the time of the processor, of runr and
of all programs that it starts: git looks at files with several threads. The second time follows a
change of one file; the goal for it is 1.2 times the check in the workspace, and `git diff` of it.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import anyio

from fakes.project_kit import ProjectKit
from perf.stopwatch import ms, say
from runr.execution import reserved_checkout, verification
from runr.runs import journal
from runr.runs.model import Check, RunState
from runr.storage.layout import RunFiles

REPEATS = 5

#: What a second verification may cost, in times the check, beside `git diff`.
GOAL = 1.2

#: Name, files of the repository, files below `node_modules`.
CASES = (("small", 100, 0), ("50,000 files", 50_000, 0), ("node_modules", 100, 30_000))

_CHECK = """\
import os, time
for folder, folders, files in os.walk("."):
    folders[:] = [name for name in folders if name not in (".git", ".runr")]
    for name in files:
        with open(os.path.join(folder, name), "rb") as file:
            file.read()
began = time.process_time()
while time.process_time() - began < 1:
    sum(range(100_000))
"""
_PYTHON = sys.executable
_COMMAND = f"{_PYTHON} -I -S check.py"


class Taken(NamedTuple):
    """How long something took, in seconds: by the clock, and on all processors together."""

    elapsed: float
    processor: float

    @classmethod
    def least(cls, times: Iterable["Taken"]) -> "Taken":
        """Return the best of several, of either kind."""
        return cls(*map(min, zip(*times, strict=True)))


_ROW = "{:<14}{:<11}{:>11}{:>10}{:>10}{:>10}{:>10}{:>24}".format


def main() -> None:
    """Print two lines for each case."""
    say("The check reads every file, as a linter does, also below node_modules,")
    say("and computes for one second. Times are the best of several.")
    head = ("bare check", "git diff", "first", "second", "goal", "(second - diff) / bare")
    say(_ROW("", "", *head))
    for name, files, modules in CASES:
        with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
            for kind, *figures in zip(
                Taken._fields, *measure(Path(folder), files, modules), strict=True
            ):
                say(_ROW(name, kind, *_shown(*figures)))


def _shown(bare: float, diff: float, first: float, second: float) -> tuple[str, ...]:
    goal, ratio = GOAL * bare + diff, (second - diff) / bare
    return (*map(ms, (bare, diff, first, second, goal)), f"{ratio:.2f}")


def measure(folder: Path, files: int, modules: int) -> tuple[Taken, Taken, Taken, Taken]:
    """Make a repository with a stopped run, and verify its work again and again.

    Returns the check in the workspace, `git diff`, the first verification and a later one.
    """
    kit = ProjectKit(folder)
    kit.config('[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["test -e never"]\n')
    fill(kit.root / "src", files, "txt")
    fill(kit.root / "node_modules", modules, "js")
    (kit.root / "check.py").write_text(_CHECK)
    (kit.root / ".gitignore").write_text("node_modules/\n")
    kit.script("a.md", "echo 1 > src/changed")
    git(kit.root, "add", "-A")
    # Packed, as a repository of that size is: or git would do that while the run works, and
    # each verification would read what was packed since.
    git(kit.root, "-c", "gc.auto=0", "commit", "-q", "-m", "Files")
    git(kit.root, "gc", "-q")
    run = kit.start("a.md")
    kit.finish(run)
    state = journal.require(run)
    workdir = Path(state.start.workdir)
    diff = Taken.least(taken(["git", "diff", "HEAD"], workdir) for _ in range(REPEATS))
    shutil.rmtree(kit.root / ".git/runr/checkouts", ignore_errors=True)
    shutil.rmtree(kit.root / ".runr/checkouts", ignore_errors=True)
    reserved_checkout.can_mount()
    first = verified(kit, run, state)
    bare, again = [], []
    # In turn, as a processor does not keep its speed.
    for number in range(REPEATS):
        bare.append(taken(["sh", "-c", _COMMAND], kit.root))
        (workdir / "src" / "changed").write_text(f"again {number}\n")
        again.append(verified(kit, run, state))
    return Taken.least(bare), diff, first, Taken.least(again)


def fill(folder: Path, count: int, ending: str) -> None:
    """Write small files, a hundred in each folder."""
    for number in range(count):
        inside = folder / f"{number // 100}"
        if number % 100 == 0:
            inside.mkdir(parents=True)
        (inside / f"{number}.{ending}").write_text(f"{number}\n" * 20)


def taken(command: list[str], cwd: Path) -> Taken:
    """Return what a command takes."""
    run = partial(subprocess.run, command, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    return timed(run)


def verified(kit: ProjectKit, run: RunFiles, state: RunState) -> Taken:
    """Return what a verification takes that has to pass."""
    context = kit.open().context(run)
    spec = state.spec._replace(checks=(Check("tier1", _COMMAND, 600),))
    verify = partial(verification.verify, context, state._replace(spec=spec))

    def passing() -> None:
        ended = anyio.run(verify)
        if ended.outcome != "passed":
            raise SystemExit(f"the verification did not pass: {ended}")

    return timed(passing)


def timed(work: Callable[[], object]) -> Taken:
    """Return what the work takes, with the programs that it waits for."""
    begun, before = time.perf_counter(), used()
    work()
    return Taken(time.perf_counter() - begun, used() - before)


def used() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def git(root: Path, *words: str) -> None:
    """Run git."""
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


if __name__ == "__main__":
    main()
