"""What a session is told when it starts: open work, then what is stale and what is ready. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from runr.text import join_limited

_SHOWN = 5
_FOLDER = ".runr/tasks/"


class OpenTask(NamedTuple):
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

    def brought_up(self, entries: Mapping[str, Mapping[str, Any]]) -> "Overview":
        """Return how the tasks stand by newer entries of the status file.

        What follows from them for other tasks, as that one is ready now, is not found out.
        """
        known = {name.removeprefix(_FOLDER): entry for name, entry in entries.items()}

        def still(names: Iterable[str], status: str) -> tuple[str, ...]:
            return tuple(
                name for name in names if known.get(name, {}).get("status", "pending") == status
            )

        def runs(*wanted: str) -> Iterator[tuple[str, str, str]]:
            for name, entry in known.items():
                if entry.get("status") in wanted and entry.get("last_run_id"):
                    why = entry.get("stop_reason") or entry["status"]
                    yield name, entry["last_run_id"], why

        return self._replace(
            completed=sum(entry.get("status") == "completed" for entry in known.values()),
            in_progress=tuple((name, run) for name, run, _ in runs("in_progress")),
            stopped=tuple(runs("stopped", "failed")),
            stale=still(self.stale, "completed"),
            ready=still(self.ready, "pending"),
        )


def lines(
    overview: Overview, at_work: Sequence[OpenTask], uncounted: Sequence[str] = ()
) -> list[str]:
    """Return at most ten lines; none where nothing is open, stale or ready.

    `uncounted` names what has changed since; where all was done, only changed tasks are news.
    """
    mine = [_mine(work) for work in at_work if work.mine][:2]
    others = [
        f"{work.name} ({work.holder}, run {work.run_id})" for work in at_work if not work.mine
    ]
    stopped = [f"{name} ({why}): runr resume {run}" for name, run, why in overview.stopped]
    message = [
        *mine,
        *_list("In progress elsewhere", others),
        *(f"Stopped: {line}" for line in stopped[:2]),
        *([f"and {len(stopped) - 2} more stopped"] if len(stopped) > 2 else []),  # noqa: PLR2004 - those shown above
        *_list("Stale, changed since completion", overview.stale),
        *_list("Ready", overview.ready),
    ]
    undone = bool(message) or overview.completed < overview.total
    if uncounted and (undone or not {"commits", "status"}.issuperset(uncounted)):
        message.append("What is not yet counted, list-tasks counts.")
    return [headline(overview, at_work, uncounted), *message] if message else []


def headline(overview: Overview, at_work: Sequence[OpenTask], uncounted: Sequence[str] = ()) -> str:
    """Return one line for people: how many tasks stand where."""
    counts = (
        (len(at_work), "in progress"),
        (len(overview.stopped), "stopped"),
        (len(overview.stale), "stale"),
        (len(overview.ready), "ready"),
    )
    message = ", ".join(f"{number} {word}" for number, word in counts if number)
    completed = f"runr: {overview.completed} of {overview.total} tasks completed"
    parts = (completed, message, *_list("not yet counted", uncounted))
    return "; ".join(part for part in parts if part)


def _mine(work: OpenTask) -> str:
    scope = f" You may change only: {', '.join(work.owns)}." if work.owns else ""
    return (
        f"This session has {work.name} open (run {work.run_id}).{scope} "
        "run-task gives its brief again; when it is done, call complete-task."
    )


def _list(title: str, names: Sequence[str]) -> list[str]:
    return [f"{title}: {join_limited(names, _SHOWN)}"] if names else []
