"""What a session is told when it starts: open work, then what is stale and what is ready."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

_SHOWN = 5


class Open(NamedTuple):
    """A task in progress; `mine` tells that this very session works on it."""

    name: str
    run_id: str
    holder: str
    mine: bool = False
    owns: tuple[str, ...] = ()


class Overview(NamedTuple):
    """How the tasks stand, each list in the order in which to show it.

    `stopped` holds a name, a run and a reason; `in_progress` a name and a run.
    """

    total: int = 0
    completed: int = 0
    in_progress: tuple[tuple[str, str], ...] = ()
    stopped: tuple[tuple[str, str, str], ...] = ()
    stale: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "Overview":
        """Return what `_asdict` made, after it was JSON."""
        return cls(
            total=raw["total"],
            completed=raw["completed"],
            in_progress=tuple((name, run) for name, run in raw["in_progress"]),
            stopped=tuple((name, run, why) for name, run, why in raw["stopped"]),
            stale=tuple(raw["stale"]),
            ready=tuple(raw["ready"]),
        )


def lines(overview: Overview, at_work: Sequence[Open]) -> list[str]:
    """Return at most ten lines; none where nothing is open, stale or ready."""
    mine = [_mine(work) for work in at_work if work.mine][:2]
    others = [
        f"{work.name} ({work.holder}, run {work.run_id})" for work in at_work if not work.mine
    ]
    stopped = [f"{name} ({why}): runr resume {run}" for name, run, why in overview.stopped]
    told = [
        *mine,
        *_list("In progress elsewhere", others),
        *(f"Stopped: {line}" for line in stopped[:2]),
        *([f"and {len(stopped) - 2} more stopped"] if len(stopped) > 2 else []),  # noqa: PLR2004
        *_list("Stale, changed since completion", overview.stale),
        *_list("Ready", overview.ready),
    ]
    return [headline(overview, at_work), *told] if told else []


def headline(overview: Overview, at_work: Sequence[Open]) -> str:
    """Return one line for people: how many tasks stand where."""
    counts = (
        (len(at_work), "in progress"),
        (len(overview.stopped), "stopped"),
        (len(overview.stale), "stale"),
        (len(overview.ready), "ready"),
    )
    told = ", ".join(f"{number} {word}" for number, word in counts if number)
    return f"runr: {overview.completed} of {overview.total} tasks completed" + (
        f"; {told}" if told else ""
    )


def _mine(work: Open) -> str:
    scope = f" You may change only: {', '.join(work.owns)}." if work.owns else ""
    return (
        f"This session has {work.name} open (run {work.run_id}).{scope} "
        "When it is done, call complete-task; do not open it again."
    )


def _list(title: str, names: Iterable[str]) -> list[str]:
    known = list(names)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return [f"{title}: {', '.join(known[:_SHOWN])}{more}"] if known else []
