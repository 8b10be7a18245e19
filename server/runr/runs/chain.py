"""The chain of seals over a journal: each line ends with one, over itself and the line before.

A seal is made with the key of the clone. A line that was added, changed or removed by anything but
runr breaks the chain; a journal in which no line has the seal of the key is a record of another
clone. A torn last line is not a line.

Pure.
"""

from collections.abc import Sequence
from typing import NamedTuple

_NAME = b',"seal":"'
_END = b'"}'
_ID, _DIGEST = 16, 32
_LENGTH = _ID + 1 + _DIGEST


class Key(NamedTuple):
    """The key of a clone; its `id`, which is in every seal, is no secret."""

    id: bytes
    secret: bytes


def sealed(line: bytes, before: bytes, key: Key) -> bytes:
    """Return the line, a JSON object, with its seal; `before` is the line before it, if any."""
    return b"".join((line[:-1], _NAME, _seal(line, before, key), _END))


def split(line: bytes) -> tuple[bytes, bytes]:
    """Return the line as it was before it got a seal, and the seal; empty without one."""
    end = len(line) - len(_END)
    begin = end - _LENGTH
    if line[begin - len(_NAME) : begin] != _NAME or not line.endswith(_END):
        return line, b""
    return line[: begin - len(_NAME)] + b"}", line[begin:end]


def is_foreign(lines: Sequence[bytes], key: Key | None) -> bool:
    """Tell whether no line was sealed with the key."""
    return key is None or not any(split(line)[1].startswith(key.id) for line in lines)


def first_break(lines: Sequence[bytes], key: Key) -> int | None:
    """Return the number of the first line, from 1, that breaks the chain; None for a whole one."""
    before = b""
    for number, line in enumerate(lines, 1):
        body, seal = split(line)
        if seal != _seal(body, before, key):
            return number
        before = line
    return None


def _seal(line: bytes, before: bytes, key: Key) -> bytes:
    # It takes long to load, and most hooks only read.
    from hashlib import blake2b  # noqa: PLC0415 - see above

    # The seal of the line before covers all lines before that one.
    text = split(before)[1] + b"\n" + line
    digest = blake2b(text, digest_size=_DIGEST // 2, key=key.secret).hexdigest()
    return b":".join((key.id, digest.encode()))
