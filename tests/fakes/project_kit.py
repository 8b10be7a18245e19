"""A real repository with tasks in it, and runr running in it.

    kit = ProjectKit(tmp_path)
    kit.task("a.md", header='verify: ["test -f a.txt"]', body="```sh run\necho 1 > a.txt\n```")
    assert kit.run("a.md").status == "completed"

Runs are real processes of their own. What a test waits for, it waits for with a deadline.
"""

import os
import re
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from runr.execution import process
from runr.lifecycle import follow
from runr.lifecycle.start import RunRequest, run_task
from runr.project import Project
from runr.query.detail_models import RunDetails
from runr.runs import journal
from runr.runs.events import Event
from runr.status import store
from runr.status.model import Entry
from runr.storage.layout import Layout, RunFiles
from unit.git_trees import git, make

Found = TypeVar("Found")

#: Seconds after which something that is waited for counts as missing.
DEADLINE_S = 60.0
_PAUSE_S = 0.005


class ProjectKit:
    """A repository whose tasks are run by the worker `script`, until its settings say otherwise."""

    def __init__(
        self, folder: Path, name: str = "repo", files: dict[str, str] | None = None
    ) -> None:
        self.root = make(folder / name, files or {"README.md": "# A project\n"}).resolve()
        self.layout = Layout(self.root)
        if not files:
            self.config('[run]\nworker = "script"\n')

    def config(self, text: str) -> Path:
        """Write `.runr/config.toml`."""
        return self._write(self.layout.config, text)

    def task(self, name: str, *, header: str = "", body: str = "Do it.") -> Path:
        """Write a task file; `header` is its YAML without the lines `---`."""
        top = f"---\n{header.strip()}\n---\n" if header.strip() else ""
        title = "" if body.startswith("# ") else f"# Task {name.removesuffix('.md')}\n\n"
        return self._write(self.layout.tasks / name, f"{top}{title}{body}\n")

    def script(self, name: str, *blocks: str, header: str = "") -> Path:
        """Write a task whose worker runs these shell scripts, one after the other."""
        fenced = "\n\n".join(f"```sh run\n{block.strip()}\n```" for block in blocks)
        return self.task(name, header=header, body=fenced)

    def open(self, **environment: str) -> Project:
        """Open the project, with variables added to the environment."""
        return Project.open(self.root, os.environ | environment)

    def start(self, name: str, **worker_options: Any) -> RunFiles:
        """Start a run and return its folder at once."""
        answer = run_task(self.open(), RunRequest(task=name, **worker_options))
        return self.layout.run(answer.run.id)

    def run(self, name: str, **worker_options: Any) -> RunDetails:
        """Run a task to its end."""
        return self.finish(self.start(name, **worker_options))

    def finish(self, run: RunFiles) -> RunDetails:
        """Wait until a run has ended and its process is gone."""
        shown = follow.wait_for_run(self.open(), run.id, DEADLINE_S)
        assert shown.status != "running", self.events(run)
        return shown

    def entry(self, name: str) -> Entry:
        """Return what the status file says of a task, without a look at the runs."""
        return store.read(self.layout).tasks.get(f".runr/tasks/{name}", Entry())

    def settled(self, name: str) -> Entry:
        """Return the entry of a task after reconciliation."""
        return self.open().entries().get(f".runr/tasks/{name}", Entry())

    def events(self, run: RunFiles) -> list[tuple[str, str]]:
        """Return the timeline as types, each with its phase and outcome."""
        return [(event.type, _about(event)) for event in journal.events(run)]

    def checkpoints(self) -> list[str]:
        """Return the commits, on any branch, that say that they are checkpoints."""
        found = git(self.root, "log", "--all", "--format=%H", "--grep=^Runr-Checkpoint: true$")
        return found.split()

    def runner(self, run: RunFiles) -> int:
        """Return the id of a run's process."""
        return until(lambda: process.process_id(run), f"the process of {run.id}")

    def await_event(self, run: RunFiles, kind: str, about: str = "") -> None:
        """Wait until the timeline holds an event, such as `phase.started`, `verify`."""
        until(lambda: (kind, about) in self.events(run), f"{kind} {about}")

    def await_file(self, path: Path) -> str:
        """Wait until a file holds a whole line and return its text."""

        def text() -> str | None:
            found = path.read_text(encoding="utf-8") if path.exists() else ""
            return found if found.endswith("\n") else None

        return until(text, str(path))

    @staticmethod
    def _write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


def until(look: Callable[[], Found | None], what: str, seconds: float = DEADLINE_S) -> Found:
    """Poll until `look` returns something true; fail after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds:.0f}s for {what}"
        time.sleep(_PAUSE_S)


def kill(pid: int) -> None:
    """Kill a process as a power failure would, and wait for its end."""
    watched = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(watched, signal.SIGKILL)
        assert gone(watched), f"process {pid} does not die"
    finally:
        os.close(watched)


def gone(watched: int, seconds: float = DEADLINE_S) -> bool:
    """Wait for the end of a process, given by its pidfd."""
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def is_running(pid: int) -> bool:
    """Tell whether a process lives; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return re.search(r"^State:\s+[ZX]", status, re.MULTILINE) is None


def _about(event: Event) -> str:
    parts = ("phase", "outcome", "code", "command")
    return " ".join(str(event.payload[part]) for part in parts if event.payload.get(part))
