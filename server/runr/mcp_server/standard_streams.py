"""The file descriptors of the protocol, which nothing else in the process can reach."""

import os
import select
import sys
from typing import NamedTuple


class StandardStreams(NamedTuple):
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

    def is_unread_within(self, seconds: float) -> bool:
        """Wait for the client to close its end of what is written; tell whether it did."""
        poll = select.poll()
        poll.register(self.sink, 0)  # Only what is reported unasked: the other end is closed.
        return bool(poll.poll(seconds * 1000))


def take_over() -> StandardStreams:
    """Take standard input and output for the protocol, for the rest of the process.

    From here on what anything prints goes to standard error, and what reads
    standard input finds it empty; programs that are started inherit that. Ends the process
    with a message where standard output is closed.
    """
    if sys.stdout is None:  # Closed by whoever started it.
        sys.exit("runr: mcp answers on standard output, which is closed")
    if sys.stderr is None:  # First of all: what is opened next would take its number.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = os.fdopen(2, "w")
    sys.stdout.flush()
    wire = StandardStreams(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return wire
