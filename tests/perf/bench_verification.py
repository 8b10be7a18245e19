"""What verification in a clean checkout costs, beside the same check in the workspace.

python tests/perf/bench_verification.py

Processor time of runr and of all programs that it starts. The second time follows a change of one
file; the goal for it is 1.2 times the check in the workspace, and `git diff` of the change.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import anyio

from fakes.project_kit import ProjectKit
from perf.stopwatch import ms, processor_seconds, say
from runr.execution import check_place, verification
from runr.runs import journal
from runr.runs.model import Check, RunState
from runr.storage.layout import RunFiles

REPEATS = 3

#: What a second verification may cost, in times the check, beside `git diff`.
GOAL = 1.2

#: Name, files of the repository, files below `node_modules`.
CASES = (("small", 100, 0), ("50,000 files", 50_000, 0), ("node_modules", 100, 30_000))

_CHECK = """\
import os
for folder, folders, files in os.walk("."):
    folders[:] = [name for name in folders if name not in (".git", ".runr")]
    for name in files:
        with open(os.path.join(folder, name), "rb") as file:
            file.read()
sum(range(80_000_000))
"""
_PYTHON = sys.executable
_COMMAND = f"{_PYTHON} -I -S check.py"


def main() -> None:
    """Print a line for each case."""
    say("The check reads every file, as a linter does, also below node_modules,")
    say("and computes for about a second. Times are of the processor, the best of several.")
    row = "{:<14}{:>12}{:>10}{:>10}{:>10}{:>10}{:>22}".format
    say(row("", "bare check", "git diff", "first", "second", "goal", "(second - diff) / bare"))
    for name, files, modules in CASES:
        with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
            measure(Path(folder), partial(row, name), files, modules)


def measure(folder: Path, row: Callable[..., str], files: int, modules: int) -> None:
    """Make a repository with a stopped run, and verify its work again and again."""
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
    bare = min(processor_seconds(["sh", "-c", _COMMAND], kit.root) for _ in range(REPEATS))
    diff = min(processor_seconds(["git", "diff", "HEAD"], workdir) for _ in range(REPEATS))
    shutil.rmtree(kit.root / ".git/runr/checkouts", ignore_errors=True)
    shutil.rmtree(kit.root / ".runr/checkouts", ignore_errors=True)
    check_place.can_mount()
    first = verified(kit, run, state)
    again = []
    for number in range(REPEATS):
        (workdir / "src" / "changed").write_text(f"again {number}\n")
        again.append(verified(kit, run, state))
    second, goal = min(again), GOAL * bare + diff
    ratio = (second - diff) / bare
    say(row(ms(bare), ms(diff), ms(first), ms(second), ms(goal), f"{ratio:.2f}"))


def fill(folder: Path, count: int, ending: str) -> None:
    """Write small files, a hundred in each folder."""
    for number in range(count):
        inside = folder / f"{number // 100}"
        if number % 100 == 0:
            inside.mkdir(parents=True)
        (inside / f"{number}.{ending}").write_text(f"{number}\n" * 20)


def verified(kit: ProjectKit, run: RunFiles, state: RunState) -> float:
    """Return the processor time of a verification that has to pass."""
    context = kit.open().context(run)
    spec = state.spec._replace(checks=(Check("tier1", _COMMAND, 600),))
    before = used()
    ended = anyio.run(verification.verify, context, state._replace(spec=spec))
    taken = used() - before
    if ended.outcome != "passed":
        raise SystemExit(f"the verification did not pass: {ended}")
    return taken


def used() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def git(root: Path, *words: str) -> None:
    """Run git."""
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


if __name__ == "__main__":
    main()
