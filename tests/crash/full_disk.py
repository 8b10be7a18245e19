"""Runs whose disk becomes full, resumed, and checked for what they leave.

    python -m crash.full_disk                    every step, until a run has room enough
    python -m crash.full_disk blocks:3:records    these

A step leaves a number of free blocks, or names, on a small disk that holds the
`.runr` folder of a repository or the whole of it, types `runr run` there, and
looks. What had been recorded by then must still be there; what is said must be
one clear line; and when there is room again, what is printed next must lead to
a verified result, recorded once. Needs a mount namespace: `unshare -m`, or `-rm`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from cli.terminal import Place, Result
from crash.harness import marked

#: A disk that a run of `TASK` fits on twice.
_SIZE, _NAMES = 2 * 1024 * 1024, 400

_WHATS: tuple["What", ...] = ("blocks", "names")
_WHERES: tuple["Where", ...] = ("records", "repository")

_CONFIG = '[run]\nworker = "script"\nattempts = 1\n'
_TASK = "seq 3000 > a.txt; seq 1500"
_HEADER = 'verify: ["tail -n 1 a.txt | grep 3000", "seq 1500"]'

What = Literal["blocks", "names"]
Where = Literal["records", "repository"]


@dataclass(frozen=True, slots=True)
class Step:
    """The free space when the run starts, and which files are on that disk."""

    what: What
    left: int
    where: Where

    @classmethod
    def read(cls, text: str) -> "Step":
        """Read a step such as `blocks:3:records`."""
        what, left, where = text.split(":")
        return cls(
            next(known for known in _WHATS if known == what),
            int(left),
            next(known for known in _WHERES if known == where),
        )

    def __str__(self) -> str:
        return f"{self.what}:{self.left}:{self.where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """The result of a step: the output of `runr run`, and every problem."""

    step: Step
    said: str
    enough: bool
    complaints: list[str]

    def describe(self) -> str:
        """Return it as lines for people."""
        return "\n".join([f"{self.step}: {self.said}", *(f"  {one}" for one in self.complaints)])


class Disk:
    """A small disk in memory, in this process's own namespace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / ".ballast"
        folder.mkdir(parents=True)
        options = f"size={_SIZE},nr_inodes={_NAMES},mode=755"
        _done("mount", "-t", "tmpfs", "-o", options, "runr-test", str(folder))

    def fill(self, step: Step) -> None:
        """Leave only the free space of the step."""
        self._ballast.mkdir()
        room = os.statvfs(self._folder)
        if step.what == "names":
            for number in range(room.f_ffree - 1 - step.left):
                (self._ballast / str(number)).touch()
        else:
            bulk = self._ballast / "bulk"
            bulk.write_bytes(b"\0" * room.f_frsize * (room.f_bavail - step.left))

    def free(self) -> None:
        """Free the space."""
        for file in self._ballast.iterdir():
            file.unlink()
        self._ballast.rmdir()

    def unmount(self) -> None:
        """Unmount the disk."""
        _done("umount", "--lazy", str(self._folder))


class Survivor:
    """A repository with a record in it, copied to a small disk for each step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model = Place(folder / "model", folder)
        self._model.git("init", "-q", "-b", "main")
        self._model.config(_CONFIG)
        self._model.write(".gitignore", ".ballast\n")
        self._model.script("a.md", _TASK, _HEADER)
        self._model.script("before.md", "echo 1 > before.txt", 'verify: ["test -d ."]')
        self._model.commit("Start")
        self._model.run("before")

    def survive(self, step: Step) -> Survived:
        """Run one step, in a new repository."""
        root = self._folder / str(step).replace(":", "-")
        disk = Disk(root if step.where == "repository" else root / ".runr")
        try:
            shutil.copytree(self._model.root, root, dirs_exist_ok=True)
            return _survive(disk, Place(root, self._folder), step)
        finally:
            disk.unmount()


def _survive(disk: Disk, place: Place, step: Step) -> Survived:
    before, entry = _runs(place), place.status("before.md")
    disk.fill(step)
    ran = place.runr("run", "--task", "a")
    looks = [place.runr(*words) for words in (("list-tasks",), ("runs",), ("task-status", "a"))]
    halfway = _runs(place)
    disk.free()
    _lead_on(place)
    found = [wrong for result in (ran, *looks) for wrong in _check_output(result)]
    found += [f"a look failed: {look.err or look.out}" for look in looks if look.code]
    found += [
        f"{name} is not what it was" for name, text in before.items() if text != halfway[name]
    ]
    found += _check_end(place, halfway)
    if place.status("before.md") != entry:
        found.append("the other task's status is not what it was")
    return Survived(step=step, said=_said(ran), enough=ran.code == 0, complaints=found)


def _runs(place: Place) -> dict[str, bytes]:
    """Return every file that is recorded of runs."""
    found = (file for file in (place.root / ".runr/runs").rglob("*") if file.is_file())
    return {str(file): file.read_bytes() for file in found}


def _said(result: Result) -> str:
    lines = [line.strip() for line in (result.err or result.out).splitlines()]
    telling = [line for line in lines if "space" in line or line.startswith(("runr: ", "■", "✓"))]
    return f"exit code {result.code}: {' | '.join(telling)}"


def _check_output(result: Result) -> list[str]:
    clear = [line for line in result.err.splitlines() if not line.startswith("  ")]
    wrong = len(clear) > 1 or not all(line.startswith("runr: ") for line in clear)
    return [f"not one clear line: {result}"] if wrong or "internal" in result.err else []


def _lead_on(place: Place) -> None:
    """Run the printed next steps until the task is completed."""
    for _ in range(3):
        place.runr("list-tasks", code=0)
        entry = place.status("a.md")
        if entry is None:
            place.runr("run", "--task", "a")
        elif entry["status"] != "completed":
            place.paste(place.runr("task-status", "a", code=0).steps[-1])


def _check_end(place: Place, halfway: dict[str, bytes]) -> list[str]:
    """Return every problem after space was freed."""
    entry, now = place.status("a.md") or {}, _runs(place)
    made = place.git("log", "--all", "--format=%H", "--grep=^Runr-Task: .runr/tasks/a.md$").split()
    lines = place.git("show", "main:a.txt").split() if entry else []
    found = {
        "the task is not completed": entry.get("status") == "completed",
        "it is not verified": entry.get("verification") == "passed",
        "not exactly one checkpoint": made == [entry.get("checkpoint_sha")],
        "the work is not on the branch": lines[-1:] == ["3000"],
        "the user's tree is dirty": not place.git("status", "--porcelain"),
        "a worktree is left": place.git("worktree", "list").count("\n") == 1,
        "a branch is left": place.branches() == ["main"],
        "a process is left": not marked(str(entry.get("last_run_id"))),
        "an event is lost": all(
            now[name].startswith(text)
            for name, text in halfway.items()
            if name.endswith("timeline.jsonl")
        ),
    }
    return [f"{wrong} ({entry})" for wrong, well in found.items() if not well]


def _done(*words: str) -> None:
    subprocess.run(words, check=True)


def main(arguments: list[str]) -> int:
    """Run the named steps, or all of them."""
    taken: list[Survived] = []
    with tempfile.TemporaryDirectory(prefix="runr-disk-") as folder:
        survivor = Survivor(Path(folder))
        for step in map(Step.read, arguments) if arguments else _every(taken):
            taken.append(survivor.survive(step))
            sys.stdout.write(taken[-1].describe() + "\n")
            sys.stdout.flush()
    return 1 if any(one.complaints for one in taken) else 0


def _every(taken: list["Survived"]) -> Iterator[Step]:
    """Yield every step of each kind, until the run has enough space."""
    for where in _WHERES:
        for what in _WHATS:
            for left in count():
                yield Step(what, left, where)
                if all(one.enough for one in taken[-2:]):
                    break


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
