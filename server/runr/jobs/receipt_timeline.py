"""When the tasks of a job were worked on, as bars of text below each other. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple

from runr.jobs.receipt_model import Receipt, ReceiptTask

_WORKED, _WAITED = "█", "·"


class Scale(NamedTuple):
    """From when until when the bars reach, and on how many columns."""

    begin: datetime
    end: datetime
    columns: int

    def position(self, time: str | None) -> float:
        """Return where a time is, in columns; None means the end."""
        whole = (self.end - self.begin).total_seconds()
        moment = self.end if time is None else datetime.fromisoformat(time)
        past = (moment - self.begin).total_seconds()
        return self.columns * min(1.0, max(0.0, past / whole)) if whole > 0 else 0.0


def scale_of(receipt: Receipt, columns: int) -> Scale:
    """Return the scale on which all tasks of a receipt are shown; one of them has started."""
    begun = [datetime.fromisoformat(task.started_at) for task in receipt.tasks if task.started_at]
    ended = [datetime.fromisoformat(task.ended_at) for task in receipt.tasks if task.ended_at]
    # A task that has not ended is worked on for as long as the job goes on.
    lasts = datetime.fromisoformat(receipt.created_at) + timedelta(seconds=receipt.seconds)
    goes_on = any(task.started_at and not task.ended_at for task in receipt.tasks)
    return Scale(min(begun), max(*begun, *ended, *([lasts] if goes_on else [])), columns)


def bar(task: ReceiptTask, scale: Scale) -> str:
    """Return the bar of a task: at least one column from its start, with dots where it waited."""
    first = min(int(scale.position(task.started_at)), scale.columns - 1)
    last = max(first + 1, round(scale.position(task.ended_at)))
    waits = [
        (scale.position(each.started_at), scale.position(each.ended_at)) for each in task.waits
    ]
    signs = (
        _WAITED if any(begin <= column + 0.5 < end for begin, end in waits) else _WORKED
        for column in range(first, last)
    )
    return " " * first + "".join(signs)
