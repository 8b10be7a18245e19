"""Claude Code's terminal interface, driven through a pseudo-terminal as a person would."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path
from typing import Self

from claude.claude_place import ClaudePlace
from fakes.model_api import FakeModel
from fakes.screen import Screen

_SIZE = (50, 200)
_DEADLINE_S = 90.0
_READY = "(shift+tab to cycle)"
_KEYS = {"enter": b"\r", "escape": b"\x1b", "ctrl-c": b"\x03", "ctrl-d": b"\x04"}
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|.)")


class TerminalSession:
    """A session in a terminal of its own; leaving its context ends it.

    What was ever shown is what counts: Claude Code repaints, and a test waits
    for words, not for places. Blanks are left out, since it moves the cursor
    instead of printing them.
    """

    def __init__(self, place: ClaudePlace, model: FakeModel, *options: str) -> None:
        self._place = place
        self._model = model
        self._options = options
        self._raw = b""
        self._seen_up_to = 0

    def __enter__(self) -> Self:
        _skip_welcome(self._place)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
        self._screen = master
        self._process = subprocess.Popen(
            [str(self._place.claude), *self._place.options, *self._options],
            cwd=self._place.root,
            env=self._place.environment(self._model, TERM="xterm-256color", COLUMNS="", LINES=""),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        # What is typed before is lost.
        self.see(_READY)
        self._seen_up_to = 0
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_DEADLINE_S)
        os.close(self._screen)

    def see(self, words: str) -> None:
        """Wait until `words` are shown, later than the last ones that were waited for."""
        wanted = "".join(words.split())
        ends = time.monotonic() + _DEADLINE_S
        while (found := self.shown.find(wanted, self._seen_up_to)) < 0:
            assert self._read(ends), f"{words!r} was not shown in:\n{self.shown[-3000:]}"
        self._seen_up_to = found + len(wanted)

    def type(self, text: str) -> None:
        """Type a line, and Enter once the line is shown."""
        os.write(self._screen, text.encode())
        self.see(text)
        self.press("enter")

    def press(self, key: str) -> None:
        """Press one key."""
        os.write(self._screen, _KEYS[key])

    def ended(self) -> int:
        """Wait until the session has ended and return its exit code."""
        ends = time.monotonic() + _DEADLINE_S
        while self._process.poll() is None:
            assert self._read(ends), f"the session goes on:\n{self.shown[-3000:]}"
        return self._process.returncode

    @property
    def shown(self) -> str:
        """Everything that was shown so far, without blanks."""
        text = _ESCAPES.sub(b"", self._raw).decode(errors="replace")
        return "".join(text.split())

    def _read(self, ends: float) -> bool:
        """Read what comes next; False when nothing came until the deadline."""
        left = ends - time.monotonic()
        ready, _, _ = select.select([self._screen], [], [], min(max(left, 0), 0.5))
        if ready:
            try:
                self._raw += os.read(self._screen, 65536)
            except OSError:
                # The other side of the terminal is gone: the process ends.
                self._process.wait(max(left, 1))
        return left > 0


def open_screen(place: ClaudePlace, model: FakeModel, *options: str) -> Screen:
    """Return a session as what is on its screen, for a form that is repainted in part."""
    _skip_welcome(place)
    # `--allowedTools`, which may be among the options of the place, takes all words after it.
    words = [str(place.claude), *options, *place.options]
    return Screen(words, place.root, place.environment(model))


def _skip_welcome(place: ClaudePlace) -> None:
    """Answer what Claude Code asks at its very first start."""
    settings = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": ["dummy"], "rejected": []},
        "projects": {
            str(place.root): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        },
    }
    folder = Path(place.home) / ".claude"
    folder.mkdir(exist_ok=True)
    (folder / ".claude.json").write_text(json.dumps(settings), encoding="utf-8")
