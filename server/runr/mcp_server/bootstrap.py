"""The beginning of the server: it answers before the SDK is loaded.

Clients wait one to three seconds for a server, or fall back to an older protocol. Loading the
SDK takes most of a second on a quiet machine and longer on a busy one. So what clients open
with is answered with the standard library alone; the SDK is loaded once nothing more comes.
"""

from __future__ import annotations  # `Server` is named here, and must not be loaded for that.

import gc
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runr.mcp_server.prepared import REPLAYED, Opening
from runr.mcp_server.standard_streams import StandardStreams, take_over

if TYPE_CHECKING:
    from mcp.server import Server

_CHUNK = 65536
#: A client's next opening request comes sooner than this after an answer.
_IDLE_S = 0.03
#: Seconds for which the loading keeps the interpreter from a request that has come.
_SWITCH_S = 0.0005


def serve(repo: str | Path | None, environment: Mapping[str, str]) -> None:
    """Serve the repository around a folder over standard input and output; does not return."""
    start = start_folder(repo, environment)

    def build() -> Server[Any]:
        # The SDK: see the head of this file.
        from runr.mcp_server import server  # noqa: PLC0415 - see above

        return server.build(start, environment)

    run(build, prepared_answers())


def start_folder(repo: str | Path | None, environment: Mapping[str, str]) -> Path:
    """Return where the repository is: `repo`, else where Claude Code works, else here."""
    return Path(repo or environment.get("CLAUDE_PROJECT_DIR") or Path.cwd()).absolute()


def prepared_answers() -> dict[str, Any]:
    """Return the SDK's answers that are prepared, by era."""
    text = Path(__file__).with_name("prepared.json").read_text(encoding="utf-8")
    answers: dict[str, Any] = json.loads(text)
    return answers


def run(build: Callable[[], Server[Any]], prepared: Mapping[str, Any]) -> None:
    """Serve what `build` makes; it is called after the first answers. Does not return."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    wire = take_over()
    if os.isatty(wire.source):
        sys.stderr.write("runr mcp is started by MCP clients; press Ctrl-C to end it.\n")
    front = _Front(wire, Opening(prepared), build)
    try:
        loading = front.answer()
    except ConnectionError:  # The client is gone.
        loading = None
    if loading:
        loading.serve(wire, front.left)
    # Tearing the interpreter down takes longer than a client waits, and would
    # also wait for threads whose callers are gone.
    sys.stderr.flush()
    os._exit(0)


class _Front:
    """Answers the opening requests, also while the SDK is being loaded."""

    def __init__(
        self, wire: StandardStreams, opening: Opening, build: Callable[[], Server[Any]]
    ) -> None:
        self._wire = wire
        self._opening = opening
        self._build = build
        self._rest = b""
        self._loading: _Loading | None = None

    @property
    def left(self) -> bytes:
        """What the SDK has to read before the rest of the wire."""
        return self._opening.left + self._rest

    def answer(self) -> _Loading | None:
        """Answer until the SDK is loaded; None where the client hung up before it was needed."""
        timeout: float | None = None
        while not self._opening.full and len(self._rest) < _CHUNK:
            ready = self._wait(timeout)
            if self._loading and self._loading.ended in ready:
                return self._loading
            if self._wire.source in ready:
                chunk = self._wire.read(_CHUNK)
                if not chunk:
                    break
                self._take(chunk)
            if self._opening.waiting or not ready:
                self._load()
            timeout = None if self._loading else _IDLE_S
        if not self._opening.waiting and not self._rest.strip():
            return None
        loading = self._load()
        select.select([loading.ended], [], [])
        return loading

    def _wait(self, timeout: float | None) -> list[int]:
        """Return what there is to be read, of the wire and the end of the loading."""
        sources = [self._wire.source]
        if self._loading:
            sources.append(self._loading.ended)
        return select.select(sources, [], [], timeout)[0]

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            answer = self._opening.take(line)
            if answer:
                self._wire.write(answer)

    def _load(self) -> _Loading:
        self._loading = self._loading or _Loading(self._build)
        return self._loading


class _Loading:
    """The SDK, loaded on a thread of its own."""

    def __init__(self, build: Callable[[], Server[Any]]) -> None:
        # Not before the first answer.
        import threading  # noqa: PLC0415 - see above

        self._build = build
        self._server: Server[Any] | None = None
        self._failure: BaseException | None = None
        #: Can be read once the SDK is loaded.
        self.ended, self._end = os.pipe()
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        threading.Thread(target=self._load, name="mcp-load", daemon=True).start()

    def serve(self, wire: StandardStreams, head: bytes) -> None:
        """Serve what is on the wire behind `head`, which was read from it before."""
        # Loaded by the thread.
        from runr.mcp_server import stdio  # noqa: PLC0415 - see above

        sys.setswitchinterval(self._switch_s)
        os.close(self.ended)
        if self._failure:
            raise self._failure
        if self._server:
            stdio.serve(self._server, wire, head, answered=REPLAYED)

    def _load(self) -> None:
        # A collection during the loading finds nothing.
        gc.disable()
        try:
            from runr.mcp_server import stdio  # noqa: F401, PLC0415 - see above

            self._server = self._build()
        except BaseException as failure:  # noqa: BLE001 - raised by the main thread
            self._failure = failure
        gc.freeze()
        gc.enable()
        os.close(self._end)


def _leave(*_: object) -> None:
    """End at once: until the SDK serves there is nothing to put in order."""
    os._exit(0)
