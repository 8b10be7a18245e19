"""An MCP client that writes bytes and reads lines, to test what the SDK's client hides."""

import json
import os
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals
from typing import Any, Self

DEADLINE_S = 30
VERSION = "2026-07-28"
Message = dict[str, Any]


class RawClient:
    """A server process and its output."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._deadline_s = deadline_s
        self._process = subprocess.Popen(
            list(command),
            env=None if environment is None else dict(environment),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._log: list[bytes] = []
        self._news: queue.Queue[bytes] = queue.Queue()
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._listen, self._collect)
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._settle()

    @property
    def log(self) -> str:
        """The standard error of the server; complete after its end."""
        return b"".join(self._log).decode(errors="replace")

    def processor_seconds(self) -> float:
        """Return the processor time of the server and of the processes that it has awaited."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        ticks = stat.rpartition(")")[2].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def wait_for_log(self, text: str) -> None:
        """Return once the server has written a line with `text` to standard error."""
        while text.encode() not in self._news.get(timeout=DEADLINE_S):
            pass

    def write(self, data: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def send(self, *messages: Message) -> None:
        self.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def receive(self) -> Message:
        """Return the next message; every line has to be one."""
        line = self._lines.get(timeout=self._deadline_s)
        assert line is not None, f"the server ended; its log: {self.log}"
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0", line
        assert isinstance(message, dict)
        return message

    def ask(self, message: Message) -> Message:
        """Send a request and return its answer, whatever else arrives before it."""
        self.send(message)
        while (answer := self.receive()).get("id") != message["id"]:
            pass
        return answer

    def handshake(self, version: str = "2025-11-25") -> Message:
        """Open a connection as clients did until 2026."""
        answer = self.ask(initialize(version=version))
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def hang_up(self) -> int:
        """Close the server's input and return what it ends with."""
        assert self._process.stdin
        self._process.stdin.close()
        return self._settle()

    def kick(self, number: Signals) -> None:
        self._process.send_signal(number)

    def interrupt(self, number: Signals) -> int:
        """Send a signal, leave the input open, and return what the server ends with."""
        self.kick(number)
        return self._settle()

    def remaining(self) -> list[bytes]:
        """Return the lines that were not received; the server has ended."""
        lines = []
        while (line := self._lines.get(timeout=DEADLINE_S)) is not None:
            lines.append(line)
        return lines

    def _settle(self) -> int:
        code = self._process.wait(self._deadline_s)
        for reader in self._readers:
            reader.join(DEADLINE_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                stream.close()
        return code

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _collect(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self._log.append(line)
            self._news.put(line)


def initialize(request_id: int = 0, version: str = "2025-11-25") -> Message:
    params = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "0"},
    }
    return request("initialize", params, request_id)


def request(method: str, params: Message | None = None, request_id: int | str = 1) -> Message:
    """Return a request as clients wrote it until 2026."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}


def enveloped(
    method: str,
    params: Message | None = None,
    request_id: int | str = 1,
    **meta: Any,
) -> Message:
    """Return a request that carries its own protocol version."""
    envelope = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "0"},
        **meta,
    }
    return request(method, {**(params or {}), "_meta": envelope}, request_id)


def calling(tool: str, **arguments: Any) -> Message:
    """Return the parameters of a `tools/call`."""
    return {"name": tool, "arguments": arguments}
