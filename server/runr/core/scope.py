"""Which changed files a task may have: what it owns, what nobody may touch, what is runr's own."""

import re
from collections.abc import Iterable
from functools import lru_cache


def violations(paths: Iterable[str], *, owns: Iterable[str], deny: Iterable[str]) -> list[str]:
    """Return the changed `paths` that are out of scope, sorted.

    `owns` and `deny` hold folders (`src/api/`), files, or patterns with `*`,
    `**` and `?`; `.` is everything. A task that owns nothing in particular may change everything
    that is not denied. runr's own files never count.
    """
    allowed, denied = tuple(owns), tuple(deny)
    return sorted(
        path
        for path in paths
        if not is_runrs(path)
        and (matches(path, denied) or (allowed and not matches(path, allowed)))
    )


def is_runrs(path: str) -> bool:
    """Tell whether `path` is one of runr's own files."""
    return path == ".runr" or path.startswith(".runr/")


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether `path` lies under one of the `patterns`."""
    return any(_compiled(pattern).fullmatch(path) is not None for pattern in patterns)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Translate a pattern: a match of a folder covers everything below it."""
    wanted = pattern.strip().removeprefix("./").strip("/")
    if wanted in ("", "."):
        return re.compile(".*", re.DOTALL)
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", wanted)
    table = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(table.get(part) or re.escape(part) for part in parts if part)
    anywhere = "" if "/" in wanted or not set(wanted) & set("*?") else "(?:.*/)?"
    return re.compile(f"{anywhere}{body}(?:/.*)?", re.DOTALL)
