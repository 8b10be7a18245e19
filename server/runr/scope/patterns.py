"""Path patterns: `*` and `?` within a folder, `**` across folders. Pure.

A pattern comes from a task file, which may be hostile: however many wildcards it has, a match takes
no more steps than about the length of the path times that of the pattern. A plain translation into
a regular expression would try every combination of what the wildcards could match. Here each part
between two wildcards is taken where it occurs first, in an atomic group. That loses no match: what
follows has most room then, and a wildcard that cannot leave a folder finds an occurrence nowhere
but in that folder.
"""

import re
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
