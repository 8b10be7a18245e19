"""The full record of what a worker put out: JSON lines, redacted, on disk as they come."""

import json
import os
from collections import deque
from pathlib import Path
from typing import Any, Self

from runr import nofollow
from runr.redaction import CleanLines, Redactor

_SAID_LINES = 1000
_TAIL_LINES = 20
_TAIL_CHARACTERS = 2000


class Transcript:
    """An open transcript; leaving its context puts it on disk for good."""

    def __init__(self, path: Path, redact: Redactor) -> None:
        self.redact = redact
        self._said: deque[str] = deque(maxlen=_SAID_LINES)
        self._clean = CleanLines(redact)
        # A second start of the same attempt goes on where the first was interrupted.
        self._file = nofollow.append_text(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def hear(self, line: str) -> dict[str, Any] | None:
        """Keep a line, and return the object that it is; None for plain output."""
        parsed = _object(line)
        if parsed is None:
            self.output(line)
        else:
            self._write(self.redact(line))
        return parsed

    def output(self, text: str, **where: int) -> None:
        """Keep a line of plain output; `where` is kept beside it."""
        clean = self._clean(text)
        self._said.append(clean)
        self._write(json.dumps({"type": "output", **where, "text": clean}, ensure_ascii=False))

    def exit(self, code: int | None, **where: int) -> None:
        """Keep how a program ended; None where it was ended."""
        self._write(json.dumps({"type": "exit", **where, "code": code}))

    @property
    def tail(self) -> str:
        """The last lines of plain output."""
        return "\n".join(list(self._said)[-_TAIL_LINES:]).strip()[-_TAIL_CHARACTERS:]

    @property
    def said(self) -> str:
        """All plain output, of which a long one only the end."""
        return "\n".join(self._said).strip()

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()


def _object(line: str) -> dict[str, Any] | None:
    """Return the line's object, or None where it is no JSON object."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
