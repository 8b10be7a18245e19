"""How commands of a shell can end, and what follows them. Pure."""

from enum import Enum


class End(Enum):
    """How a command can end; `NO_TEST` is a success of one that ran nothing of the project.

    After an `EXIT` no command follows; `EXIT_LAST` passes on how the one before has ended.
    """

    OK = "ok"
    NO_TEST = "no test"
    FAILED = "failed"
    EXIT_OK = "exit, ok"
    EXIT_FAILED = "exit, failed"
    EXIT_LAST = "exit"


Ends = frozenset[End]

EITHER: Ends = frozenset({End.OK, End.FAILED})
OK: Ends = frozenset({End.OK})
FAILED: Ends = frozenset({End.FAILED})
NO_TEST: Ends = frozenset({End.NO_TEST})


def after(end: End, following: Ends) -> Ends:
    """Return the ends of what follows a command that has ended so."""
    if end is End.NO_TEST:
        following = frozenset(end if each is End.OK else each for each in following)
    if End.EXIT_LAST not in following:
        return following
    exits = End.EXIT_FAILED if end is End.FAILED else End.EXIT_OK
    return following - {End.EXIT_LAST} | {exits}


def after_any(following: Ends) -> Ends:
    """Return the ends of what follows a command that may have ended in any way."""
    return after(End.OK, following) | after(End.FAILED, following)


def resolved(found: Ends) -> Ends:
    """Return the ends of a text before which nothing ran: a bare `exit` succeeds."""
    return after(End.OK, found)


def inside(found: Ends) -> Ends:
    """Return how a shell of its own ends that ends so."""
    outside = {End.EXIT_OK: End.OK, End.EXIT_FAILED: End.FAILED}
    return frozenset(outside.get(end, end) for end in after_any(found))
