"""A headless Chromium that is driven over a pipe: no port, no library, no network."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes.required import require_program


class Page:
    """One page: sends commands of the DevTools protocol, keeps the events that arrive."""

    def __init__(self, commands: int, answers: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._commands = os.fdopen(commands, "wb", buffering=0)
        self._answers = os.fdopen(answers, "rb")
        self._number = 0
        self._session: str | None = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> Any:
        """Return the result of a command."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def close(self) -> None:
        """Close both ends of the pipe."""
        self._commands.close()
        self._answers.close()

    def open(self, url: str) -> None:
        """Return when the page is loaded."""
        self.events.clear()
        self.send("Page.navigate", url=url)
        while all(event["method"] != "Page.loadEventFired" for event in self.events):
            self._read()

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression comes to in the page."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def seen(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of the events of a kind."""
        return [event["params"] for event in self.events if event["method"] == method]

    def _read(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "chromium ended"
            data += byte
        answer: dict[str, Any] = json.loads(data)
        if "method" in answer:
            self.events.append(answer)
        return answer


@contextmanager
def page(profile: Path) -> Iterator[Page]:
    """Yield an empty page of a Chromium of its own."""
    program = shutil.which("google-chrome") or require_program("chromium", "chromium")
    to_read, commands = os.pipe()
    answers, to_write = os.pipe()
    # Chromium reads commands from 3 and writes answers to 4; not every sh knows two-digit handles.
    wrapped = ["bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}', program]
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    with subprocess.Popen(
        [*wrapped, *options, "--no-first-run", f"--user-data-dir={profile}"],
        pass_fds=(to_read, to_write),
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(to_read)
        os.close(to_write)
        found = Page(commands, answers)
        try:
            yield found
        finally:
            process.kill()
            found.close()
