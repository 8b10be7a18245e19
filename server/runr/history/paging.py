"""A page of an answer: a bounded number of rows, after those of the page before. Pure."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from runr.errors import UsageError

Row = TypeVar("Row")

#: The number of rows on a page, unless the caller says otherwise; and at most.
USUAL, MOST = 20, 500


class Page(NamedTuple):
    """Which page: `cursor` is the `next_cursor` of the one before, None for the first."""

    limit: int = USUAL
    cursor: str | None = None

    @classmethod
    def of(cls, limit: int | None = None, cursor: str | None = None) -> "Page":
        """Return the page; UsageError for a limit that is none."""
        wanted = USUAL if limit is None else limit
        if not 1 <= wanted <= MOST:
            raise UsageError(f"the limit is {wanted}: a page has 1 to {MOST} rows")
        return cls(wanted, cursor)


def cut(
    rows: Sequence[Row], page: Page, name: Callable[[Row], str]
) -> tuple[Sequence[Row], str | None]:
    """Return the rows of a page, and the cursor of the next one; None after the last.

    A cursor is what `name` returns for the last row of a page. UsageError where it is no row's:
    the rows have changed since.
    """
    start = 0
    if page.cursor is not None:
        places = [place for place, row in enumerate(rows, 1) if name(row) == page.cursor]
        if not places:
            raise unknown_cursor(page.cursor)
        start = places[0]
    end = start + page.limit
    return rows[start:end], name(rows[end - 1]) if end < len(rows) else None


def unknown_cursor(cursor: str) -> UsageError:
    """Return the error for a cursor that leads nowhere."""
    return UsageError(f"unknown cursor {cursor!r}: start again without one")
