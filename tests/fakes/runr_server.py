"""A program that has loaded all of runr and forks a `runr` for each request: `RunrServer` asks it.

What it forks is a process of its own, with the arguments, folder, environment and streams that
were asked for, and it runs the installed script. Only the imports are saved. `runr.__main__` is
not among them: each process imports it anew.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

_STREAMS = 3
_SIZE = 4
#: What the interpreter exits with when it cannot write out what was printed.
_NOT_FLUSHED = 120


def _load() -> None:
    """Import what a command may import, and do nothing else that it would do."""
    import runr  # noqa: PLC0415 - the folder of this script must be out of the way first

    for module in pkgutil.walk_packages(runr.__path__, "runr."):
        if module.name != "runr.__main__":
            importlib.import_module(module.name)
    assert threading.active_count() == 1, "a fork would lose the other threads"
    gc.collect()
    gc.freeze()


def _next(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for a request; None when the other end is closed."""
    size, streams, _, _ = socket.recv_fds(requests, _SIZE, _STREAMS)
    if not size:
        return None
    text = requests.recv(int.from_bytes(size), socket.MSG_WAITALL)
    return json.loads(text), streams


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Set folder, environment, arguments and streams of the forked process."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(_STREAMS, max(streams) + 1)
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


if __name__ == "__main__":
    _, program, connection = sys.argv
    sys.argv[:] = [program]
    # As the interpreter does it for a script, so that nothing beside this one is found.
    sys.path[0] = str(Path(program).parent)
    _load()
    if _serve(socket.socket(fileno=int(connection))):
        _end(_run(program))
