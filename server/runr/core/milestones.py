"""The milestones of a plan, as a planner writes them down."""

import re

_ITEM = re.compile(r"\s{0,3}(?:\*\*)?(\d{1,3})[.)](?:\*\*)?\s+(\S.*)")
_LONGEST = 200


def parse(text: str, most: int) -> tuple[str, ...]:
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
