"""Whether two path patterns can match the same path. Pure.

The patterns mean what they mean in `scope.patterns`: a match covers all that is below it. Where a
wildcard `**` stands within a name, more is taken for shared than is. A last name with an extension,
such as `*.md`, is that of a file: nothing is below it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import takewhile

from runr.scope.patterns import normalized

_ANY = "**"
#: Ends with an extension, and is no hidden folder such as `.github`.
_FILE = re.compile(r".+\.\w+")


def overlaps(some: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether a path can be matched by one of `some` and by one of `others`."""
    there = [_parts(pattern) for pattern in others]
    return any(_meet(_parts(pattern), other) for pattern in some for other in there)


def overlapping(owned: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Map each name to the others, in their order, whose patterns overlap with its own."""
    exact: dict[tuple[str, ...], set[str]] = defaultdict(set)
    below: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for name, patterns in owned.items():
        for lead in map(_lead, patterns):
            exact[lead].add(name)
            for length in range(len(lead) + 1):
                below[lead[:length]].add(name)
    places = {name: place for place, name in enumerate(owned)}
    found: dict[str, list[str]] = {}
    for name, patterns in owned.items():
        near: set[str] = set()
        for lead in map(_lead, patterns):
            near |= below[lead]
            for length in range(len(lead)):
                near |= exact.get(lead[:length], set())
        others = sorted(near - {name}, key=places.__getitem__)
        found[name] = [each for each in others if overlaps(patterns, owned[each])]
    return found


@cache
def _lead(pattern: str) -> tuple[str, ...]:
    """Return the names before the first wildcard.

    Of two patterns that meet, those of one begin with those of the other.
    """
    return tuple(takewhile(lambda name: not set(name) & set("*?"), _parts(pattern)))


@cache
def _parts(pattern: str) -> tuple[str, ...]:
    """Divide a pattern into names; behind the last one is everything below the match."""
    wanted = normalized(pattern)
    anywhere = "/" not in wanted and bool(set(wanted) & set("*?"))
    names = wanted.split("/") if wanted else []
    is_file = not pattern.rstrip().endswith("/") and names and _FILE.fullmatch(names[-1])
    return (
        *([_ANY] if anywhere else []),
        *(_ANY if _ANY in name else name for name in names),
        *([] if is_file else [_ANY]),
    )


@cache
def _meet(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return _reaches(some, others, _ANY, _names_meet)


def _names_meet(one: str, other: str) -> bool:
    return _reaches(one, other, "*", _letters_meet)


def _letters_meet(one: str, other: str) -> bool:
    return one == other or "?" in (one, other)


def _reaches(
    one: Sequence[str], other: Sequence[str], wildcard: str, meet: Callable[[str, str], bool]
) -> bool:
    """Tell whether both sequences can stand for the same one; `wildcard` stands for any part.

    Looks at each pair of places once, however many wildcards there are.
    """
    pending, seen = [(0, 0)], {(0, 0)}
    while pending:
        i, j = pending.pop()
        if i == len(one) and j == len(other):
            return True
        a = one[i] if i < len(one) else None
        b = other[j] if j < len(other) else None
        steps = []
        if a == wildcard:
            steps += [(i + 1, j)] + ([(i, j + 1)] if b is not None else [])
        if b == wildcard:
            steps += [(i, j + 1)] + ([(i + 1, j)] if a is not None else [])
        if a is not None and b is not None and wildcard not in (a, b) and meet(a, b):
            steps.append((i + 1, j + 1))
        for step in steps:
            if step not in seen:
                seen.add(step)
                pending.append(step)
    return False
