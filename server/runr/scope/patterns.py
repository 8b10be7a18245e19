"""Path patterns: `*` and `?` within a folder, `**` across folders. Pure.

A pattern comes from a task file, which may be hostile: however many wildcards it has, a match takes
no more steps than about the length of the path times that of the pattern. A plain translation into
a regular expression would try every combination of what the wildcards could match. Here each part
between two wildcards is taken where it occurs first, in an atomic group. That loses no match: what
follows has most room then, and a wildcard that cannot leave a folder finds an occurrence nowhere
but in that folder.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

_TOKENS = re.compile(r"((?:(?<=/)|^)(?:\*\*/)+|\*\*+|\*|\?)")
#: How far an occurrence may be from where the last one ended; shortest first, and longest first.
_NEAREST = {"": "", "**": ".*?", "**/": "(?:|.*?/)"}
_ANY = {"": "", "**": ".*", "**/": "(?:.*/)?"}


class _Part(NamedTuple):
    """What is between two wildcards that cross folders; `texts` are separated by `*`."""

    wildcard: str
    texts: list[str]


def translate(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for `fullmatch`; a match of a folder covers all below it."""
    *parts, last = _parts(pattern)
    before = "".join(f"(?>{_NEAREST[part.wildcard]}{_nearest(part.texts)})" for part in parts)
    *texts, end = last.texts
    begun = f"{_nearest(texts)}[^/]*{end}" if texts else end
    return re.compile(f"{before}{_ANY[last.wildcard]}{begun}(?:/.*)?", re.DOTALL)


def _nearest(texts: list[str]) -> str:
    first, *others = texts
    return first + "".join(f"(?>[^/]*?{text})" for text in others)


def _parts(pattern: str) -> list[_Part]:
    """Divide a pattern; without a slash, one with wildcards matches in every folder."""
    anywhere = "/" not in pattern and any(each in pattern for each in "*?")
    parts = [_Part("**/" if anywhere else "", [""])]
    for sign in _TOKENS.split(pattern):
        if sign.startswith("**"):
            wildcard = "**/" if sign.endswith("/") else "**"
            if parts[-1].texts == [""] and parts[-1].wildcard:
                # Next to each other, they are as wide as the wider one.
                parts[-1] = _Part(min(wildcard, parts[-1].wildcard), [""])
            else:
                parts.append(_Part(wildcard, [""]))
        elif sign == "*":
            parts[-1].texts.append("")
        else:
            parts[-1].texts[-1] += "[^/]" if sign == "?" else re.escape(sign)
    return parts


#: What `.` matches, and a pattern that is empty.
_ALL = re.compile(".*", re.DOTALL)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether `path` is matched by one of the `patterns`, or below a match.

    A letter with an accent is the same one whether it is written as one character or as two: a
    person sees no difference, and file systems take one for the other.
    """
    name = composed(path)
    return any(compiled(pattern).fullmatch(name) is not None for pattern in patterns)


def composed(path: str) -> str:
    """Return the path with each letter and its accent as one character."""
    if path.isascii():
        return path
    import unicodedata  # noqa: PLC0415 - few paths need it, and a hook waits for it

    return unicodedata.normalize("NFC", path)


def normalized(pattern: str) -> str:
    """Return the pattern as it is compared with paths; an empty one matches all of them."""
    wanted = composed(pattern.strip().removeprefix("./").strip("/"))
    return "" if wanted == "." else wanted


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for `fullmatch` with a path as `composed` returns it."""
    wanted = normalized(pattern)
    return translate(wanted) if wanted else _ALL


class PathIndex:
    """Paths by the folders that they are in; a pattern matches as in `matches`."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._below: dict[str, list[str]] = {"": list(paths)}
        for path in self._below[""]:
            name = composed(path)
            end = name.find("/")
            while end >= 0:
                self._below.setdefault(name[:end], []).append(path)
                end = name.find("/", end + 1)
            self._below.setdefault(name, []).append(path)
        self.matching = cache(self._matching)

    def _matching(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that `pattern` matches, in the order in which they were given."""
        wanted = normalized(pattern)
        first = next((at for at, sign in enumerate(wanted) if sign in "*?"), None)
        if first is None:
            return tuple(self._below.get(wanted, ()))
        # Without a slash, a pattern with wildcards matches in every folder.
        folder = wanted[: max(wanted.rfind("/", 0, first), 0)]
        near = self._below.get(folder, ())
        return tuple(path for path in near if matches(path, (pattern,)))
