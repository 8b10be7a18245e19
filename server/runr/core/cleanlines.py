"""Secrets kept out of output that comes line by line."""

from collections.abc import Callable

from runr.core.redact import REDACTED

_KEY_LINES = 200


class CleanLines:
    """One stream of lines, each redacted; a private key goes over many of them."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._key_lines_left = 0

    def __call__(self, line: str) -> str:
        """Return the next line without secrets."""
        if self._key_lines_left:
            self._key_lines_left -= 1
            if "-----END" in line:
                self._key_lines_left = 0
            return REDACTED
        clean = self._redact(line)
        if "-----BEGIN" in clean and "PRIVATE KEY" in clean:
            self._key_lines_left = _KEY_LINES
        return clean
