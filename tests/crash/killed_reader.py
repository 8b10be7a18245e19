"""Ask the history in a process that kills itself at a step of SQLite.

python killed_reader.py ROOT

For each number on its standard input a process is forked that reads the journals, and gets SIGKILL
at that step: the beginning of a statement, or fifty instructions further inside one. The answer is
the signal that ended it, or 0, and how many steps there were.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from runr.history import index
from runr.project import Project
from runr.storage import sqlite_file

_INSTRUCTIONS = 50


class Steps:
    """Counts the steps of all connections of this process, and ends it at one of them."""

    def __init__(self, last: int) -> None:
        self.count = 0
        self._last = last
        self._open = sqlite_file.open_connection
        sqlite_file.open_connection = self._connect

    def _connect(self, path: Path | None) -> sqlite3.Connection:
        connection = self._open(path)
        connection.set_trace_callback(self._step)
        connection.set_progress_handler(self._step, _INSTRUCTIONS)
        return connection

    def _step(self, _: str = "") -> int:
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0


class KilledReader:
    """The process that forks, for the tests."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(root)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self, last: int = 0) -> int | None:
        """Read the journals; return the number of steps, None where it was killed at the `last`."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{last}\n")
        self._process.stdin.flush()
        ended_by, steps = self._process.stdout.readline().split()
        assert ended_by in ("0", str(int(signal.SIGKILL)))
        return None if int(ended_by) else int(steps)

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


def main(root: Path) -> None:
    """Answer each number."""
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            steps = Steps(int(line))
            index.ask(Project.open(root, {}), lambda _: None)
            os.write(writer, str(steps.count).encode())
            os._exit(0)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reader) as count:
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status) * -1} {count.read() or 0}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
