"""The file descriptors of the protocol, which nothing else in the process can reach."""

import os
import sys
from typing import NamedTuple


class StdioChannel(NamedTuple):
    """Where messages come from and where they go.

    No dataclass: loading those would take a third of the time to the first answer.
    """

    source: int
    sink: int

    def read(self, size: int) -> bytes:
        """Return what has arrived; nothing means that the client hung up."""
        return os.read(self.source, size)

    def write(self, data: bytes) -> None:
        """Write all of `data`, however slowly the client reads."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.sink, rest) :]


def acquire_stdio() -> StdioChannel:
    """Take standard input and output for the protocol, for the rest of the process.

    From here on what anything prints goes to standard error, and what reads
    standard input finds it empty; programs that are started inherit that.
    """
    sys.stdout.flush()
    wire = StdioChannel(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # Started without standard error.
        os.dup2(null, 1)
    os.close(null)
    return wire
