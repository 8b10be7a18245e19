"""A server for webhooks that answers as it is asked to: well, badly, elsewhere, or never."""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

#: Answered by nothing, until the server is closed.
SILENCE = b""
#: A header that comes byte by byte and does not end.
DRIP = b"DRIP"
#: The connection is reset.
RESET = b"RESET"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class WebhookServer:
    """Gives the answers in order, the last one for ever, and keeps the requests."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.requests: list[bytes] = []
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._closed = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/hooks?from=runr"

    def close(self) -> None:
        """Close all connections."""
        self._closed.set()
        for connection in (self._socket, *self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._open.append(connection)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        self.requests.append(_whole(connection))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer == SILENCE:
            return
        if answer == DRIP:
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
            with suppress(OSError):
                while not self._closed.wait(0.01):
                    connection.sendall(b"x")
            return
        if answer == RESET:
            now = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        else:
            connection.sendall(answer)
        connection.close()
        self._open.remove(connection)


def _whole(connection: socket.socket) -> bytes:
    """Read a request with a body of the length that it says."""
    found = b""
    while chunk := connection.recv(65536):
        found += chunk
        head, end, body = found.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            break
    return found


def _length(head: bytes) -> int:
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return int(fields.get(b"content-length", b"0"))


@contextmanager
def serving(*answers: bytes) -> Iterator[WebhookServer]:
    """Yield a server that gives these answers."""
    server = WebhookServer(answers)
    try:
        yield server
    finally:
        server.close()
