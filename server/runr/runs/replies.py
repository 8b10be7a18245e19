"""What a reviewer said: the verdict, and whether it is what was said before. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ITEM = re.compile(r"\s{0,3}(?:\*\*)?(\d{1,3})[.)](?:\*\*)?\s+(\S.*)")
_LONGEST = 200


def parse_milestones(text: str, most: int) -> tuple[str, ...]:
    """Return the items of the last numbered list in `text`, `most` at the most.

    The last milestone takes the place of all that there would be beyond. Less
    than two are no plan: the task is done in one piece.
    """
    items: list[str] = []
    for line in text.splitlines():
        found = _ITEM.fullmatch(line.rstrip())
        if found is None:
            continue
        if found[1] == "1":
            items = []
        items.append(_plain(found[2]))
    if len(items) > most:
        items = [*items[: most - 1], "; ".join(items[most - 1 :])]
    return tuple(item[:_LONGEST] for item in items) if len(items) > 1 else ()


def _plain(text: str) -> str:
    return " ".join(text.replace("**", "").replace("`", "").split())


_VERDICT = re.compile(
    r"[\s>*_`#-]*verdict[\s*_`]*:[\s*_`]*(approve|changes)\w*[\s.*_`]*", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{3,}")

#: Two requests that share this much of their words ask for the same.
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class ReviewVerdict:
    """Whether the work may be committed; `asked` is what has to change first."""

    approved: bool
    asked: str = ""


def parse_verdict(text: str) -> ReviewVerdict | None:
    """Return what the last line `VERDICT: …` says; None where there is no such line."""
    lines = text.strip().splitlines()
    for number in range(len(lines) - 1, -1, -1):
        found = _VERDICT.fullmatch(lines[number])
        if found and found[1].lower() == "approve":
            return ReviewVerdict(approved=True)
        if found:
            asked = "\n".join(lines[:number] + lines[number + 1 :]).strip()
            return ReviewVerdict(approved=False, asked=asked or "It said nothing further.")
    return None


def repeats(asked: Sequence[str]) -> bool:
    """Tell whether the last request asks again for what an earlier one asked for."""
    return any(_alike(asked[-1], earlier) for earlier in asked[:-1])


def _alike(one: str, other: str) -> bool:
    """Compare by words: numbers of lines and attempts differ from one review to the next."""
    first, second = (set(_WORD.findall(text.lower())) for text in (one, other))
    union = first | second
    return not union or len(first & second) / len(union) >= _ALIKE
