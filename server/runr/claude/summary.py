"""The summary that a session starts with: open tasks, then stale and ready ones. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any, NamedTuple

from runr.next_steps import commands
from runr.next_steps.runs import continue_run
from runr.runs.stop_reasons import FOR_A_PERSON, LANDABLE
from runr.text import join_limited

_SHOWN = 5
_STOPS = 2
_FOLDER = ".runr/tasks/"


class OpenTask(NamedTuple):
    """A task in progress; `mine` tells that the starting session works on it."""

    name: str
    run_id: str
    holder: str
    mine: bool = False
    owns: tuple[str, ...] = ()


class Overview(NamedTuple):
    """The state of all tasks, each list in the order in which to show it.

    `stopped` holds a name, a run and a reason; `in_progress` a name and a run;
    `waiting` the manual tasks that a person can do now; `unmerged` the completed ones
    whose commit is not on this branch, which `completed` does not count; `weaker`
    counts of the others those that are not verified, by their evidence.
    """

    total: int = 0
    completed: int = 0
    weaker: tuple[tuple[str, int], ...] = ()
    in_progress: tuple[tuple[str, str], ...] = ()
    stopped: tuple[tuple[str, str, str], ...] = ()
    stale: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unmerged: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "Overview":
        """Return the overview that was stored as JSON of `_asdict`."""
        return cls(
            total=raw["total"],
            completed=raw["completed"],
            weaker=tuple((evidence, number) for evidence, number in raw["weaker"]),
            in_progress=tuple((name, run) for name, run in raw["in_progress"]),
            stopped=tuple((name, run, why) for name, run, why in raw["stopped"]),
            stale=tuple(raw["stale"]),
            ready=tuple(raw["ready"]),
            waiting=tuple(raw["waiting"]),
            unmerged=tuple(raw["unmerged"]),
        )

    def with_entries(self, entries: Mapping[str, Mapping[str, Any]]) -> "Overview":
        """Return the overview with newer entries of the status file.

        Their consequences for other tasks, such as a dependent that is ready now, are left out.
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

        unmerged = still(self.unmerged, "completed")
        done = {name: e for name, e in known.items() if e.get("status") == "completed"}
        here = [entry.get("evidence") for name, entry in done.items() if name not in unmerged]
        return self._replace(
            completed=len(here),
            weaker=weaker(here),
            in_progress=tuple((name, run) for name, run, _ in runs("in_progress")),
            stopped=tuple(runs("stopped", "failed")),
            stale=still(self.stale, "completed"),
            ready=still(self.ready, "pending"),
            waiting=still(self.waiting, "pending"),
            unmerged=unmerged,
        )


def weaker(evidence: Iterable[str | None]) -> tuple[tuple[str, int], ...]:
    """Return how many completions have which evidence that is weaker than verified."""
    counted = Counter(level or "without evidence" for level in evidence)
    return tuple(sorted((k, n) for k, n in counted.items() if k != "verified"))


def lines(
    overview: Overview, open_tasks: Sequence[OpenTask], pending_changes: Sequence[str] = ()
) -> list[str]:
    """Return at most ten lines; none where nothing is open, stale or ready.

    `pending_changes` names what has changed since; where all tasks are done, only changed
    tasks matter.
    """
    mine = [_mine(task) for task in open_tasks if task.mine][:2]
    others = [
        f"{task.name} ({task.holder}, run {task.run_id})" for task in open_tasks if not task.mine
    ]
    stopped = [*starmap(_stopped, overview.stopped[:_STOPS])]
    if len(overview.stopped) > _STOPS:
        stopped[-1] += f"; and {len(overview.stopped) - _STOPS} more"
    shown = [
        *mine,
        *_list("In progress elsewhere", others),
        *(f"Stopped: {line}" for line in stopped),
        *_list("Completed, but not on this branch", overview.unmerged),
        *_list("Stale, changed since completion", overview.stale),
        *_list("Ready", overview.ready),
        *_list("Waiting for a person", overview.waiting),
    ]
    incomplete = bool(shown) or overview.completed < overview.total
    if pending_changes and (incomplete or not {"commits", "status"}.issuperset(pending_changes)):
        shown.append("list-tasks takes these changes into account.")
    return [headline(overview, open_tasks, pending_changes), *shown] if shown else []


def headline(
    overview: Overview, open_tasks: Sequence[OpenTask], pending_changes: Sequence[str] = ()
) -> str:
    """Return one line for people: how many tasks are in which state."""
    counts = (
        (len(open_tasks), "in progress"),
        (len(overview.stopped), "stopped"),
        (len(overview.unmerged), "not on this branch"),
        (len(overview.stale), "stale"),
        (len(overview.ready), "ready"),
        (len(overview.waiting), "waiting for a person"),
    )
    states = ", ".join(f"{number} {word}" for number, word in counts if number)
    others = (f"{number} {level.replace('_', ' ')}" for level, number in overview.weaker)
    weak = f" ({', '.join(others)})" if overview.weaker else ""
    completed = f"runr: {overview.completed} of {overview.total} tasks completed{weak}"
    parts = (completed, states, *_list("changed since", pending_changes))
    return "; ".join(part for part in parts if part)


def _mine(task: OpenTask) -> str:
    scope = f" You may change only: {', '.join(task.owns)}." if task.owns else ""
    return (
        f"This session has {task.name} open (run {task.run_id}).{scope} "
        "run-task returns its brief again; when it is done, call complete-task."
    )


def _stopped(name: str, run_id: str, why: str) -> str:
    """Return the stop, with how the run is continued or what there is to decide about."""
    if why in FOR_A_PERSON:
        step = commands.status(name)
    else:
        step = continue_run(run_id, lands=why in LANDABLE)
    return f"{name} ({why}): {step}"


def _list(title: str, names: Sequence[str]) -> list[str]:
    return [f"{title}: {join_limited(names, _SHOWN)}"] if names else []
