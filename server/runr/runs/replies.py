"""Milestones and verdicts in the answers of planners and reviewers. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_ITEM = re.compile(r"\s{0,3}(?:\*\*)?(\d{1,3})[.)](?:\*\*)?\s+(\S.*)")
_MAX_TITLE = 200


def parse_milestones(text: str, most: int) -> tuple[str, ...]:
    """Return the items of the last numbered list in `text`, at most `most`.

    Items beyond that are joined into the last one. Fewer than two are no plan:
    the task is done in one piece.
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
    return tuple(item[:_MAX_TITLE] for item in items) if len(items) > 1 else ()


def _plain(text: str) -> str:
    return " ".join(text.replace("**", "").replace("`", "").split())


# What follows `changes`, such as `requested`, does not make it an approval.
_VERDICT = re.compile(
    r"[\s>*_`#-]*verdict[\s*_`]*:[\s*_`]*(?:(approve)\w*[\s.*_`]*|changes\b.*)", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{3,}")

#: Feedback that shares this much of its words asks for the same.
_SIMILARITY = 0.8


class ReviewVerdict(NamedTuple):
    """Whether the work may be committed; `feedback` is what has to change first."""

    approved: bool
    feedback: str = ""


def parse_verdict(text: str) -> ReviewVerdict | None:
    """Return the verdict of the last line `VERDICT: …`; None where there is no such line."""
    lines = text.strip().splitlines()
    for number in range(len(lines) - 1, -1, -1):
        found = _VERDICT.fullmatch(lines[number])
        if found and found[1]:
            return ReviewVerdict(approved=True)
        if found:
            feedback = "\n".join(lines[:number] + lines[number + 1 :]).strip()
            return ReviewVerdict(approved=False, feedback=feedback or "No details were given.")
    return None


def repeats(feedback: Sequence[str]) -> bool:
    """Tell whether the last feedback asks for the same as an earlier one."""
    return any(_similar(feedback[-1], earlier) for earlier in feedback[:-1])


def _similar(one: str, other: str) -> bool:
    """Compare by words: numbers of lines and attempts differ from one review to the next."""
    first, second = (set(_WORD.findall(text.lower())) for text in (one, other))
    union = first | second
    return not union or len(first & second) / len(union) >= _SIMILARITY
