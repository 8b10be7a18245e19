"""Runs killed at random points, resumed, and checked for what they leave.

    python -m crash.harness 200

Each run is killed with SIGKILL up to four times, at moments drawn from the
events of such a run, half of the time together with every git process
running in the repository. Whatever the moment was, the run must end with
exactly one landed checkpoint, a true status, nothing locked and no process or checkout left, and
the next run must land.
Every second run has a plan, and must end with one checkpoint for each milestone.
"""

import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fakes.project_kit import ProjectKit, until
from runr.execution import process
from runr.lifecycle.runs import resume_run
from runr.runs import journal
from runr.storage import files
from runr.storage.layout import RunFiles
from unit.git_trees import git

_TASK = """\
for n in 1 2 3 4 5 6; do echo "line $n" >> work.txt; mkdir -p d$n; echo $n > d$n/file; done
"""
_HEADER = 'verify: ["test -d d6", "grep -q \'line 6\' work.txt"]'

_PLAN = """\
[phases]
plan = "planner"

[workers.planner]
command = ["printf", "1. The first half\\n2. The second half\\n"]
"""

#: Events of an undisturbed run, and seconds between two: the moment of a kill is drawn from
#: both, so that a slow machine is hit in the same places as a fast one.
_EVENTS = 20
_BETWEEN_S = 0.05


@dataclass(slots=True)
class Tally:
    """The number of kills in each phase, and the problems."""

    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """Return the tally as lines for people."""
        hit = ", ".join(f"{phase} {count}" for phase, count in self.kills.most_common())
        lines = [f"{self.kills.total()} kills in {self.runs} runs survived, hitting {hit}"]
        return "\n".join([*lines, *self.complaints])


def survive(kills: int, seed: int, folder: Path) -> Tally:
    """Kill runs `kills` times; the same seed gives the same moments."""
    draw, tally = random.Random(seed), Tally()  # noqa: S311 - moments, not secrets
    while tally.kills.total() < kills:
        tally.runs += 1
        kit = ProjectKit(folder, f"repo{tally.runs}")
        kit.script("a.md", _TASK, header=_HEADER)
        kit.script("next.md", "echo 1 > next.txt", header='verify: ["test -f next.txt"]')
        if tally.runs % 2 == 0:
            kit.config(f'[run]\nworker = "script"\n\n{_PLAN}')
        git(kit.root, "add", "-A")
        git(kit.root, "commit", "-q", "-m", "Tasks")
        run = _one_run(kit, draw, tally)
        tally.complaints += [f"run {tally.runs}: {wrong}" for wrong in _check(kit, run)]
    return tally


def _one_run(kit: ProjectKit, draw: random.Random, tally: Tally) -> RunFiles:
    run = kit.start("a.md")
    for _ in range(draw.randint(1, 4)):
        _await_moment(run, draw)
        phase = _kill(kit, run, with_git=draw.random() < 0.5)
        if phase is None:
            break
        tally.kills[phase] += 1
        kit.settled("a.md")
        if journal.require(run).result == "completed":
            break
        resume_run(kit.open(), run.id)
    _finish(kit, run)
    return run


def _await_moment(run: RunFiles, draw: random.Random) -> None:
    """Wait until a number of further events has happened, and a little longer, or the run ended."""
    wanted = _count(run) + draw.randint(0, _EVENTS)
    while process.is_alive(run) and _count(run) < wanted:
        threading.Event().wait(0.002)
    threading.Event().wait(draw.uniform(0, _BETWEEN_S))


def _count(run: RunFiles) -> int:
    return run.timeline.read_bytes().count(b"\n")


def _kill(kit: ProjectKit, run: RunFiles, *, with_git: bool) -> str | None:
    """Kill the run's process and return the phase that it was in; None if it was done."""
    while (pid := process.process_id(run)) is None:
        if not process.is_alive(run):
            return None
    victims = [*_caught_gits(kit, run), pid] if with_git else [pid]
    for victim in victims:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    until(lambda: not process.is_alive(run), f"the end of {pid}")
    state = journal.state(run)
    phase = state.phase.value if state and state.phase else "prepare"
    return f"{phase} in git" if len(victims) > 1 else phase


def _finish(kit: ProjectKit, run: RunFiles) -> None:
    until(lambda: not process.is_alive(run), "the run's end")
    kit.settled("a.md")
    if journal.require(run).result == "stopped":
        resume_run(kit.open(), run.id)
        kit.finish(run)


def _check(kit: ProjectKit, run: RunFiles) -> list[str]:
    """Return every problem."""
    state, entry = journal.require(run), kit.entry("a.md")
    landed = int(git(kit.root, "rev-list", "--count", f"{state.start.base_sha}..main"))
    checkouts = kit.root / ".git/runr/checkouts"
    found = {
        "the run is not completed": state.result == "completed",
        "not exactly one checkpoint": len(kit.checkpoints()) == max(1, len(state.milestones)),
        "the status is not true": (entry.status, entry.checkpoint_sha)
        == ("completed", state.checkpoint_sha),
        "not exactly these commits landed": landed == len(kit.checkpoints()),
        "the work is not on the branch": (kit.root / "work.txt").exists()
        and (kit.root / "d6/file").exists(),
        "the user's tree is dirty": not git(kit.root, "status", "--porcelain").strip(),
        "a worktree is left": len(git(kit.root, "worktree", "list").splitlines()) == 1,
        "a branch is left": git(kit.root, "branch", "--format=%(refname:short)").split()
        == ["main"],
        "a lock of git is left": not list((kit.root / ".git").rglob("*.lock")),
        "a lock is held": not [lock for lock in _locks(kit, run) if files.is_held(lock)],
        "a checkout is left": {each.name for each in checkouts.iterdir()}
        <= {"1", "1.git", "1.index"},
        "a process is left": not marked(run.id),
        "git finds damage": "error" not in git(kit.root, "fsck", "--no-dangling"),
    }
    found["the next run does not land"] = (
        kit.run("next.md").status == "completed" and (kit.root / "next.txt").exists()
    )
    why = f" ({state.result}, {state.stop_reason}: {state.detail}; {state.integration})"
    return [wrong + why for wrong, well in found.items() if not well]


def _locks(kit: ProjectKit, run: RunFiles) -> list[Path]:
    below = (kit.root / ".runr/locks").rglob("*")
    return [run.lock, *run.folder.glob("*.lock"), *(path for path in below if path.is_file())]


def _caught_gits(kit: ProjectKit, run: RunFiles) -> list[int]:
    """Look until a git is running, for as long as the run lives."""
    while process.is_alive(run):
        if found := _gits(kit.root):
            return found
    return []


def _gits(root: Path) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if _reads(entry / "comm").startswith("git") and _below(entry / "cwd", root)
    ]


def marked(run_id: str) -> list[int]:
    """Return the processes with the marker of a run."""
    mark = f"RUNR_RUN_ID={run_id}"
    return [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if mark in _reads(entry / "environ").split("\0")
    ]


def _reads(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _below(link: Path, root: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root)
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """Run the harness by hand: how many kills, and which seed."""
    kills = int(arguments[0]) if arguments else 200
    seed = int(arguments[1]) if len(arguments) > 1 else int(time.time())
    with tempfile.TemporaryDirectory(prefix="runr-crash-") as folder:
        tally = survive(kills, seed, Path(folder))
    sys.stdout.write(f"seed {seed}: {tally.describe()}\n")
    return 1 if tally.complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
