"""The program that `forked.forked_command` writes: a `runr` for PATH whose command is forked.

It asks the server of `forked.py` for the command. Signals reach the command, and killing this
program kills it. It is copied, and may import nothing of its neighbours.
"""

# Few imports, and none of the site's packages: it starts in place of runr, in a tenth of the time.
import _socket
import json
import os
import signal
import sys
from pathlib import Path

_SIZE = 4


def main(runr: str, server: bytes, at_start: dict[str, str], prefixes: tuple[str, ...]) -> None:
    """Be the command: forked, or executed where the interpreter was started with other variables.

    `at_start` are those variables of the environment that begin with `prefixes`.
    """
    env = dict(os.environ)
    if {name: value for name, value in env.items() if name.startswith(prefixes)} != at_start:
        os.execv(runr, [runr, *sys.argv[1:]])  # noqa: S606 - no shell is meant
    request = {"words": sys.argv[1:], "cwd": str(Path.cwd()), "env": env, "waits": True}
    text = json.dumps(request).encode()
    connection = _socket.socket(_socket.AF_UNIX)
    connection.connect(server)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, _: connection.sendall(bytes([got])))
    streams = b"".join(number.to_bytes(_SIZE, sys.byteorder) for number in range(3))
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)]
    connection.sendmsg([len(text).to_bytes(_SIZE, "big")], rights)
    connection.sendall(text)
    code = int.from_bytes(connection.recv(_SIZE, _socket.MSG_WAITALL), "big", signed=True)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)
