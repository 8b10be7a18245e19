"""The hash chain over a journal: each line ends with a digest of itself and of the one before.

A line that was added, changed or removed by anything but runr breaks it. Lines of earlier versions
have no digest; once there is one, every line has one. A torn last line is not a line.

Pure.
"""

from collections.abc import Sequence

_KEY = b',"chain":"'
_END = b'"}'
_LENGTH = 32


def sealed(line: bytes, before: bytes) -> bytes:
    """Return the line, a JSON object, with its digest; `before` is the line before it, if any."""
    return b"".join((line[:-1], _KEY, _digest(line, before), _END))


def split(line: bytes) -> tuple[bytes, bytes]:
    """Return the line as it was before it got a digest, and the digest; empty without one."""
    end = len(line) - len(_END)
    begin = end - _LENGTH
    if line[begin - len(_KEY) : begin] != _KEY or not line.endswith(_END):
        return line, b""
    return line[: begin - len(_KEY)] + b"}", line[begin:end]


def first_break(lines: Sequence[bytes]) -> int | None:
    """Return the number of the first line, from 1, that breaks the chain; None for a whole one."""
    before, begun = b"", False
    for number, line in enumerate(lines, 1):
        body, digest = split(line)
        begun = begun or bool(digest)
        if begun and digest != _digest(body, before):
            return number
        before = line
    return None


def _digest(line: bytes, before: bytes) -> bytes:
    # It takes long to load, and most hooks only read.
    from hashlib import sha256  # noqa: PLC0415 - see above

    # The digest of the line before covers all lines before that one.
    known = split(before)[1] or before
    return sha256(known + b"\n" + line).hexdigest()[:_LENGTH].encode()
