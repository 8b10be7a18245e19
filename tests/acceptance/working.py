"""Start runs that stay active, and kill them."""

import shlex
from pathlib import Path

from cli.terminal import Place
from fakes.project_kit import kill, until

#: A worker that does not listen, goes on editing, and says who it is.
STUBBORN = "trap '' TERM HUP; echo $$ > pid.txt; while :; do echo on >> grown.txt; sleep 0.05; done"


def active_run(place: Place, task: str, script: str, *words: str) -> str:
    """Start a run of a new task, wait until its worker runs, and return its id."""
    place.script(task, script)
    answer = place.runr("run", "--task", task, "--detach", "--json", *words, code=0).json
    run_id = str(answer["id"])
    place.await_phase(run_id, "work")
    return run_id


def worker_of(place: Place, run_id: str) -> int:
    """Wait until the worker of a run has written its process id."""
    return int(text_of(place.root / ".runr/worktrees" / run_id / "pid.txt"))


def kill_run(place: Place, run_id: str) -> None:
    """Kill a run's process, as a power failure would."""
    kill(int((place.run_folder(run_id) / "lock").read_text(encoding="ascii")))


def text_of(file: Path) -> str:
    """Wait until a file contains a whole line, and return its text."""

    def text() -> str | None:
        found = file.read_text(encoding="utf-8") if file.exists() else ""
        return found if found.endswith("\n") else None

    return until(text, str(file))


class Gate:
    """A point at which a script blocks until the test opens the gate."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self._here = folder / f"{name}-here"
        self._go = folder / f"{name}-go"

    @property
    def wait(self) -> str:
        """Return the commands that report a process here, and wait."""
        here, go = shlex.quote(str(self._here)), shlex.quote(str(self._go))
        return f"echo $$ > {here}; while [ ! -e {go} ]; do sleep 0.02; done"

    def comes(self) -> int:
        """Wait until a process waits here and return its id."""
        return int(text_of(self._here))

    def open(self) -> None:
        """Let all waiting processes continue."""
        self._go.touch()
