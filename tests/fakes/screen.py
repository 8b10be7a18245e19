"""A program in a terminal as its user sees it: what is on the screen now, drawn by tmux."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from fakes.required import require_program

_SIZE = ("-x", "200", "-y", "60")
_DEADLINE_S = 90.0
#: A question that has just come up takes no keys, so one without an effect is pressed again.
_REPEAT_S = 4.0
_LOOK_S = 0.2


class Screen:
    """A program in a terminal of its own; leaving its context ends it."""

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._words = words
        self._folder = folder
        self._environment = environment
        self._tmux = require_program("tmux", "tmux")

    def __enter__(self) -> Self:
        # The path of a socket is short; that of a test's folder may not be.
        self._sockets = TemporaryDirectory(prefix="tmux")
        begin = ["-f", "/dev/null", "new-session", "-d", *_SIZE, "-c", str(self._folder)]
        self._ask(*begin, *self._words)
        return self

    def __exit__(self, *_: object) -> None:
        self._ask("kill-server", check=False)
        self._sockets.cleanup()

    def see(self, words: str) -> None:
        """Wait until `words` are on the screen; blanks and where a line ends do not count."""
        self._wait(words, key=None)

    def press_until(self, key: str, words: str) -> None:
        """Press a key until `words` are on the screen."""
        self._wait(words, key=key)

    def press(self, key: str) -> None:
        """Press one key, by its name in tmux, or type a text."""
        self._ask("send-keys", key)

    @property
    def shown(self) -> str:
        """What is on the screen."""
        return self._ask("capture-pane", "-p")

    def _wait(self, words: str, key: str | None) -> None:
        ends = time.monotonic() + _DEADLINE_S
        again = 0.0
        while _packed(words) not in _packed(shown := self.shown):
            assert time.monotonic() < ends, f"{words!r} was not shown in:\n{shown}"
            if key and time.monotonic() >= again:
                self.press(key)
                again = time.monotonic() + _REPEAT_S
            time.sleep(_LOOK_S)

    def _ask(self, *words: str, check: bool = True) -> str:
        socket = f"{self._sockets.name}/socket"
        done = subprocess.run(
            [self._tmux, "-S", socket, *words],
            env={**self._environment, "TERM": "xterm-256color"},
            capture_output=True,
            text=True,
            check=check,
        )
        return done.stdout


def _packed(text: str) -> str:
    return "".join(text.split())
