"""A run's own process on this machine: started detached, found by its lock."""

import os
import subprocess
import sys
from collections.abc import Mapping

from runr.errors import RunrError
from runr.store import files
from runr.store.layout import Layout, RunFiles


def start(layout: Layout, run: RunFiles, lock: int, environment: Mapping[str, str]) -> None:
    """Start the process that carries the run on, and hand it the run's lock.

    It leaves this session and its terminal, so it outlives whoever asked for
    it; the lock passes over without a moment in which it is free.
    """
    command = [sys.executable, "-m", "runr", "exec", run.id, str(layout.root), str(lock)]
    with run.runner_log.open("ab") as log:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=layout.root,
            env=dict(environment),
            pass_fds=[lock],
            start_new_session=True,
            check=False,
        )
    if ended.returncode != 0:
        raise RunrError(f"the run's process did not start; see {run.runner_log}")


def is_alive(run: RunFiles) -> bool:
    """Tell whether the run's process lives: it holds the run's lock."""
    return files.is_held(run.lock)


def process_id(run: RunFiles) -> int | None:
    """Return the id of the run's living process, if it has one."""
    if not is_alive(run):
        return None
    text = run.lock.read_text(encoding="ascii", errors="replace").strip()
    return int(text) if text.isdecimal() else None


def sign(lock: int) -> None:
    """Write our process id into the lock that we hold, for `runr stop` and for people."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
