"""Running a program: hear its lines, keep its time limit, leave nothing of it behind."""

import math
import os
import subprocess
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread

from runr.errors import WorkerUnavailableError
from runr.next_steps import commands
from runr.workers import cgroup
from runr.workers.interruption import current
from runr.workers.process_tree import MARKER, end_tree

#: A longer line is handed over in parts.
LINE_LIMIT = 8 * 1024 * 1024

_CHUNK = 64 * 1024


class LinePump:
    """The program's output, cut into lines; also while the program is being ended."""

    def __init__(
        self, outlet: int, on_line: Callable[[str], None], on_output: Callable[[], None]
    ) -> None:
        self.ended = anyio.Event()
        self.listening = anyio.CancelScope(shield=True)
        self._outlet = outlet
        self._on_line = on_line
        self._on_output = on_output
        self._open: list[bytes] = []
        self._size = 0

    async def pump(self) -> None:
        """Hand over lines until the last writer or the reader is gone."""
        try:
            with self.listening:
                while chunk := await self._read():
                    self._on_output()
                    self._feed(chunk)
            self._hand_over()
        finally:
            self.ended.set()

    async def _read(self) -> bytes:
        while True:
            await anyio.wait_readable(self._outlet)
            try:
                return os.read(self._outlet, _CHUNK)
            except BlockingIOError:
                continue

    def _feed(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._keep(first)
        for part in others:
            self._hand_over(whole=True)
            self._keep(part)

    def _keep(self, part: bytes) -> None:
        self._open.append(part)
        self._size += len(part)
        if self._size >= LINE_LIMIT:
            self._hand_over()

    def _hand_over(self, *, whole: bool = False) -> None:
        line = b"".join(self._open)
        self._open, self._size = [], 0
        if line or whole:
            self._on_line(line.decode("utf-8", "replace").removesuffix("\r"))


# How long what is in the pipe may take once the program has ended: a process that escaped may
# still hold the other end.
_LAST_WORDS_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program came to its end; `exit_code` is None where we ended it.

    That was for its silence where it `stalled`, else because its time was over.
    """

    exit_code: int | None
    timed_out: bool
    seconds: float
    stalled: bool = False


async def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    input: bytes = b"",  # noqa: A002 - the word that subprocess uses
    on_line: Callable[[str], None],
    timeout_s: float,
    stall_s: float = math.inf,
    grace_s: float = 5,
    marker: str,
) -> Ended:
    """Run `command` until it exits and hand each line of its output to `on_line`.

    It is ended after `timeout_s`, and once it has put out nothing for `stall_s`.
    Whatever happens, cancellation included, its session and every process that
    carries `marker` are ended before this returns, so one marker runs one
    program at a time. WorkerUnavailableError where the program cannot be started,
    InterruptedWorkError where another thread has ended it.
    """
    begin, interruption = anyio.current_time(), current()
    interruption.check()
    outlet, inlet = os.pipe()
    os.set_blocking(outlet, False)
    try:
        try:
            process = await _start(command, cwd, {**env, MARKER: marker}, input, inlet)
        finally:
            os.close(inlet)
        limit = _Limit(begin + timeout_s, stall_s)
        lines = LinePump(outlet, on_line, limit.put_off)
        with interruption.over(process.pid, marker) as requested:
            if requested:
                limit.scope.cancel()
            exit_code = await _follow(process, lines, limit, grace_s, marker)
    finally:
        os.close(outlet)
    interruption.check()
    ended, seconds = exit_code is None, anyio.current_time() - begin
    return Ended(
        exit_code=exit_code,
        timed_out=ended and not limit.stalled,
        seconds=seconds,
        stalled=ended and limit.stalled,
    )


class _Limit:
    """When the program is ended: when its time is over, or after too long a silence."""

    def __init__(self, end: float, stall_s: float) -> None:
        self.scope = anyio.CancelScope()
        self._end = end
        self._stall_s = stall_s
        self.put_off()

    def put_off(self) -> None:
        """Note a sign of life; last words change nothing any more."""
        if not self.scope.cancel_called:
            self.scope.deadline = min(self._end, anyio.current_time() + self._stall_s)

    @property
    def stalled(self) -> bool:
        """Whether silence comes before the end of the time."""
        return self.scope.deadline < self._end


async def _start(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], content: bytes, inlet: int
) -> anyio.abc.Process:
    try:
        # A start that is cancelled halfway could leave a process that is not recorded anywhere.
        with anyio.CancelScope(shield=True), _readable(content) as stdin:
            start = partial(
                anyio.open_process,
                stdin=stdin,
                stdout=inlet,
                stderr=inlet,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
            group = cgroup.make(env[MARKER])
            process = await (_start_in(group, start, command, env) if group else start(command))
    except OSError as error:
        raise _unavailable(command[0], cwd, error) from error
    return process


async def _start_in(
    group: str,
    start: "partial[Coroutine[Any, Any, anyio.abc.Process]]",
    command: Sequence[str],
    env: Mapping[str, str],
) -> anyio.abc.Process:
    """Start a program in a cgroup; an OSError where it cannot be started, as without one."""
    heard, failure = os.pipe()
    try:
        try:
            entering = cgroup.entering(group, failure, command, env)
            process = await start(entering, pass_fds=(failure,))
        finally:
            os.close(failure)
        await anyio.wait_readable(heard)
        number = os.read(heard, _CHUNK)
    finally:
        os.close(heard)
    if number:
        await process.wait()
        cgroup.remove(group)
        raise OSError(int(number), os.strerror(int(number)))
    return process


def _unavailable(program: str, cwd: Path, error: OSError) -> WorkerUnavailableError:
    reason = (error.strerror or str(error)) if cwd.is_dir() else f"there is no folder {cwd}"
    return WorkerUnavailableError(
        f"cannot start {program}: {reason}",
        next_steps=(commands.which(program), commands.doctor()),
    )


@contextmanager
def _readable(content: bytes) -> Iterator[int]:
    """Yield a standard input with `content`: a file, so that no task has to feed a pipe."""
    if not content:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


async def _follow(
    process: anyio.abc.Process, lines: LinePump, limit: _Limit, grace_s: float, marker: str
) -> int | None:
    """Wait for the exit and end what is left; None where the limit was reached first."""
    exit_code: int | None = None
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lines.pump)
            try:
                with limit.scope:
                    exit_code = await process.wait()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(
                        lambda: end_tree(process.pid, marker, grace_s=grace_s)
                    )
                    with anyio.move_on_after(_LAST_WORDS_S):
                        await process.wait()
                        await lines.ended.wait()
                lines.listening.cancel()
    except ExceptionGroup as group:
        # Only `on_line` raises in there, and its caller knows the error by its own name.
        raise group.exceptions[0] from None
    return exit_code
