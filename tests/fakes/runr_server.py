"""A program that has loaded all of runr and forks a `runr` for each request: `RunrServer` asks it.

What it forks is a process of its own, with the arguments, folder, environment and streams that
were asked for, and it runs the installed script. Only the imports are saved. `runr.__main__` is
not among them: each process imports it anew.

The process of a run, or of a job, is forked in the same way, by a second process of this program:
commands wait for the first one. So is what `forked_command.py` asks for.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

_STREAMS = 3
#: The streams, and the lock of a run.
_MOST = 4
_SIZE = 4
#: What the interpreter exits with when it cannot write out what was printed.
_NOT_FLUSHED = 120
#: How the names begin that the interpreter, or the C library, reads once when it starts.
AT_START = ("PYTHON", "LANG", "LC_", "LD_", "TZ", "MALLOC_")
#: How runr starts the process of a run, and of a job.
_RUNS = (["-P", "-m", "runr", "exec"], ["-P", "-m", "runr", "exec-job"])
#: What anyio imports once it runs.
_LATE = ("anyio._backends._asyncio", "anyio._core._sockets")

_start_process = subprocess.run


def read_at_start(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a forked process cannot be given."""
    return {name: value for name, value in env.items() if name.startswith(AT_START)}


def fork_runs(serving: Callable[[Mapping[str, str]], bytes | None]) -> None:
    """Fork the processes of runs from now on, where `serving` names a server for their environment.

    This replaces the start of an interpreter, and nothing of runr.
    """

    def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        server = serving(options["env"]) if command[1:5] in _RUNS else None
        if server is None:
            return _start_process(command, **options)
        return subprocess.CompletedProcess(command, _ask(server, command[4:], options))

    subprocess.run = run  # type: ignore[assignment]


def _ask(server: bytes, words: Sequence[str], options: Mapping[str, Any]) -> int:
    """Start a run, and return the exit code of the process that has started it."""
    request = {"words": list(words), "cwd": str(options["cwd"]), "env": options["env"]}
    text = json.dumps(request).encode()
    log = options["stdout"].fileno()
    nothing = os.open(os.devnull, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(server)
        size = [len(text).to_bytes(_SIZE)]
        socket.send_fds(connection, size, [nothing, log, log, *options["pass_fds"]])
        os.close(nothing)
        connection.sendall(text)
        answer = connection.recv(_SIZE, socket.MSG_WAITALL)
    assert answer, "the server has ended"
    return int.from_bytes(answer, signed=True)


def _load() -> None:
    """Import what a command may import, and look at the machine as each run would."""
    import runr  # noqa: PLC0415 - the folder of this script must be out of the way first

    for name in _LATE:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(runr.__path__, "runr."):
        if module.name != "runr.__main__":
            importlib.import_module(module.name)
    sys.modules["runr.execution.reserved_checkout"].can_mount()
    assert threading.active_count() == 1, "a fork would lose the other threads"
    gc.collect()
    gc.freeze()


def _next(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for a request; None when the other end is closed."""
    size, streams, _, _ = socket.recv_fds(requests, _SIZE, _MOST)
    if not size:
        return None
    length = int.from_bytes(size)
    text = requests.recv(length, socket.MSG_WAITALL)
    if len(text) < length:  # who asked was killed
        for stream in streams:
            os.close(stream)
        return None
    return json.loads(text), streams


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Set folder, environment, arguments and streams of the forked process."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(len(streams), max(streams) + 1)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[1:] = request["words"]


def _serve(requests: socket.socket) -> bool:
    """Fork for each request; return in the forked process, or False at the end of the requests."""
    while (found := _next(requests)) is not None:
        request, streams = found
        pid = os.fork()
        if pid == 0:
            _become(request, streams)
            return True
        for stream in streams:
            os.close(stream)
        requests.sendall(pid.to_bytes(_SIZE))
        _, status = os.waitpid(pid, 0)
        requests.sendall(os.waitstatus_to_exitcode(status).to_bytes(_SIZE, signed=True))
    return False


def _serve_runs(listening: socket.socket, ended: int) -> bool:
    """Fork for each connection; return in the forked process, or False at the end of `ended`."""
    while ended not in select.select([listening.fileno(), ended], [], [])[0]:
        connection, _ = listening.accept()
        with connection:
            found = _next(connection)
            if found is None:
                continue
            request, streams = found
            pid = os.fork()
            if pid == 0:
                if request.get("waits"):
                    listening.close()
                    _fork_attended(connection)
                else:
                    os.setsid()
                    request["words"][-1] = str(_STREAMS)
                connection.detach()
                _become(request, streams)
                return True
            for stream in streams:
                os.close(stream)
            _, status = os.waitpid(pid, 0)
            code = os.waitstatus_to_exitcode(status)
            with suppress(ConnectionError):  # who asked may have been killed
                if not request.get("waits"):
                    connection.sendall(code.to_bytes(_SIZE, signed=True))
    return False


def _fork_attended(connection: socket.socket) -> None:
    """Fork the process of a command, and one that attends to it; return in the former."""
    if os.fork():  # the server does not wait for the command
        os._exit(0)
    pid = os.fork()
    if pid:
        _attend(pid, connection)


def _attend(pid: int, connection: socket.socket) -> NoReturn:
    """Pass signals on to the process `pid`, kill it with its client, and report its end."""
    os.closerange(0, 3)
    process = os.pidfd_open(pid)
    while process not in select.select([connection.fileno(), process], [], [])[0]:
        number = connection.recv(1)
        signal.pidfd_send_signal(process, number[0] if number else signal.SIGKILL)
        if not number:
            break
    _, status = os.waitpid(pid, 0)
    with suppress(ConnectionError):  # the client may have been killed
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(_SIZE, signed=True))
    os._exit(0)


def _run(program: str) -> int:
    """Run the script, and return the exit code that the interpreter would end with."""
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
            return 1
        return end.code or 0
    except BaseException:  # noqa: BLE001 - the interpreter's own last door
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """Exit like the interpreter, but without finalizing all modules."""
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - as multiprocessing does
    atexit._run_exitfuncs()  # noqa: SLF001 - the same
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = _NOT_FLUSHED
    os._exit(code)


def _is_server_of_runs(runs: socket.socket, requests: socket.socket) -> bool:
    """Fork, and serve runs in the new process while the first one lives; False in the first one."""
    ended, first_lives = os.pipe()
    if os.fork():
        os.close(ended)
        runs.close()
        return False
    os.close(first_lives)
    requests.close()
    if not _serve_runs(runs, ended):
        os._exit(0)
    return True


if __name__ == "__main__":
    _, program, connection, place = sys.argv
    sys.argv[:] = [program]
    # As the interpreter does it for a script, so that nothing beside this one is found.
    sys.path[0] = str(Path(program).parent)
    _load()
    requests = socket.socket(fileno=int(connection))
    listening = socket.socket(fileno=int(place))
    name = listening.getsockname()
    same = read_at_start(os.environ)
    fork_runs(lambda env: name if read_at_start(env) == same else None)
    if _is_server_of_runs(listening, requests):
        _end(_run(program))
    if _serve(requests):
        _end(_run(program))
