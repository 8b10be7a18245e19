"""`runr` as a process of its own that is forked with everything imported: a tenth of the time."""

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fakes.runr_server import AT_START, fork_runs, read_at_start

_SERVER = Path(__file__).with_name("runr_server.py")
_CLIENT = Path(__file__).with_name("forked_command.py")
_SIZE = 4
#: Whether every command and run is a new interpreter.
NEVER = bool(os.environ.get("RUNR_TEST_INSTALLED"))
#: The installed command.
RUNR = str(Path(sys.executable).with_name("runr"))


class _Choice:
    """The state of this test process: whether to fork, and from which server."""

    forks = True
    server: "RunrServer | None" = None


def allow(*, forks: bool) -> None:
    """Set whether `run_runr` may fork."""
    _Choice.forks = forks and not NEVER


def _server_for(env: Mapping[str, str]) -> "RunrServer | None":
    """Return the server, started if need be, if what it forks is like a process with `env`."""
    if not _Choice.forks:
        return None
    if _Choice.server is None:
        _Choice.server = RunrServer(RUNR)
        atexit.register(_Choice.server.close)
    return _Choice.server if _Choice.server.serves(env) else None


def _runs_for(env: Mapping[str, str]) -> bytes | None:
    server = _server_for(env)
    return server.runs if server else None


fork_runs(_runs_for)


def forked_command(folder: Path) -> Path | None:
    """Write a `runr` for PATH that is forked into `folder`; None where none is forked."""
    server = _server_for(os.environ)
    if server is None:
        return None
    source = _CLIENT.read_text(encoding="utf-8")
    known = (RUNR, server.runs, read_at_start(os.environ), AT_START)
    folder.mkdir(exist_ok=True)
    path = folder / "runr"
    path.write_text(f"#!{sys.executable} -IS\n{source}\n\nmain{known!r}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def run_runr(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """Run `runr` with nothing on its standard input, forked where a fork is as good."""
    server = _server_for(env)
    if server is not None:
        return server.run(words, cwd, env, seconds)
    return subprocess.run(
        [RUNR, *words],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )


class RunrServer:
    """Starts `program` as often as it is asked to, from one interpreter that has loaded it."""

    def __init__(self, program: str) -> None:
        self._at_start = read_at_start(os.environ)
        runs = socket.socket(socket.AF_UNIX)
        runs.bind("")  # to a name that belongs to no file
        runs.listen()
        #: Where the processes of runs are asked for.
        self.runs: bytes = runs.getsockname()
        self._requests, theirs = socket.socketpair()
        # Pipes, as the forked processes have them: an interpreter looks at its streams once.
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(_SERVER),
                program,
                *(str(each.fileno()) for each in (theirs, runs)),
            ],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno(), runs.fileno()],
        )
        theirs.close()
        runs.close()

    def close(self) -> None:
        """Let the server end."""
        self._requests.close()
        self._process.communicate()

    def serves(self, env: Mapping[str, str]) -> bool:
        """Tell whether an interpreter started with `env` would be like the one that forks."""
        return read_at_start(env) == self._at_start

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the program with nothing on its standard input, as `subprocess.run` does."""
        ends = time.monotonic() + seconds
        request = json.dumps({"words": words, "cwd": str(cwd), "env": dict(env)}).encode()
        pipes = [os.pipe(), os.pipe()]
        nothing = os.open(os.devnull, os.O_RDONLY)
        streams = [nothing, *(write for _, write in pipes)]
        socket.send_fds(self._requests, [len(request).to_bytes(_SIZE)], streams)
        self._requests.sendall(request)
        for stream in streams:
            os.close(stream)
        pid = self._answer(signed=False)
        try:
            out, err = _read([read for read, _ in pipes], ends)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self._answer(signed=True)
            raise subprocess.TimeoutExpired(list(words), seconds) from None
        return subprocess.CompletedProcess(list(words), self._answer(signed=True), out, err)

    def _answer(self, *, signed: bool) -> int:
        answer = self._requests.recv(_SIZE, socket.MSG_WAITALL)
        assert answer, f"the server has ended: {self._process.communicate()[1].decode()}"
        return int.from_bytes(answer, signed=signed)


def _read(pipes: Sequence[int], ends: float) -> list[bytes]:
    """Read pipes to their end, and close them."""
    texts = {pipe: bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as open_ones:
        for pipe in pipes:
            open_ones.register(pipe, selectors.EVENT_READ)
        try:
            while open_ones.get_map():
                ready = open_ones.select(max(ends - time.monotonic(), 0))
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    piece = os.read(key.fd, 65536)
                    texts[key.fd] += piece
                    if not piece:
                        open_ones.unregister(key.fd)
        finally:
            for pipe in pipes:
                os.close(pipe)
    return [bytes(text) for text in texts.values()]
