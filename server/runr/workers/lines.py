"""A program's output, cut into lines as it comes."""

import os
from collections.abc import Callable

import anyio

#: A longer line is handed over in parts.
LINE_LIMIT = 8 * 1024 * 1024

_CHUNK = 64 * 1024


class Lines:
    """The program's output, cut into lines; also heard while the program is being ended."""

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
        """Hand over lines until the last writer is gone or nobody listens any longer."""
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
