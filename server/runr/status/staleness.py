"""Why a completion can be doubted: what has changed since, and who says so. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from runr.status.model import UNTOUCHED, Entry, State
from runr.tasks.model import Task, Watched


class StaleTrigger(StrEnum):
    """What a doubt comes from; `upstream` is the doubt of a dependency, handed on."""

    TEXT = "text"
    OWNS = "owns"
    DEPENDENCY = "dependency"
    REVERTED = "reverted"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleReason:
    """One reason why a completed task may not be what was completed.

    `commits` are those that brought it about, the latest first.
    """

    cause: StaleTrigger
    message: str
    commits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What git says: who took a task's work back, and who changed what a task owns."""

    reverted: Mapping[str, str]
    outside: Mapping[str, tuple[str, ...]]


NO_CHANGES = Changes(reverted={}, outside={})


def triggers_for(task: Task, usual: Iterable[Watched]) -> frozenset[str]:
    """Return what a task is watched for: what the settings say and its header adds."""
    return frozenset((*usual, *task.stale_on))


def find_stale_reasons(
    tasks: Iterable[Task],
    entries: Mapping[str, Entry],
    dependencies: Mapping[str, Collection[str]],
    usual: Iterable[Watched],
    changes: Changes = NO_CHANGES,
) -> dict[str, tuple[StaleReason, ...]]:
    """Return the completed tasks that can be doubted, each with all its reasons."""
    asked = tuple(usual)
    done = [task for task in tasks if _is_done(entries.get(task.path, UNTOUCHED))]
    own = {
        task.path: found
        for task in done
        if (found := _own(task, entries, dependencies.get(task.path, ()), asked, changes))
    }
    if not own:
        return {}
    message = {
        task.path: (*own.get(task.path, ()), *_upstream(task.path, dependencies, own))
        for task in done
    }
    return {path: all_ for path, all_ in message.items() if all_}


def confirmed_at(entry: Entry) -> str:
    """Return when somebody last vouched for the completion."""
    return max(entry.completed_at or "", entry.accepted_at or "")


def is_edited(task: Task, entry: Entry) -> bool:
    """Tell whether the task's text has changed since it was completed."""
    known = entry.task_sha256
    return _is_done(entry) and bool(known) and known != task.sha256


def _is_done(entry: Entry) -> bool:
    return entry.status is State.COMPLETED


def _own(
    task: Task,
    entries: Mapping[str, Entry],
    dependencies: Iterable[str],
    usual: Iterable[Watched],
    changes: Changes,
) -> tuple[StaleReason, ...]:
    entry, asked = entries[task.path], triggers_for(task, usual)
    found = []
    if is_edited(task, entry):
        found.append(StaleReason(cause=StaleTrigger.TEXT, message="its text has changed since"))
    if by := changes.reverted.get(task.path):
        message = f"its commit was reverted by {by[:12]}"
        found.append(StaleReason(cause=StaleTrigger.REVERTED, message=message, commits=(by,)))
    if commits := changes.outside.get(task.path):
        found.append(
            StaleReason(cause=StaleTrigger.OWNS, message=_outside(commits), commits=commits)
        )
    later = [path for path in dependencies if _again(entries.get(path, UNTOUCHED), entry)]
    if later:
        message = f"{', '.join(map(_name, later))} was completed again later"
        found.append(StaleReason(cause=StaleTrigger.DEPENDENCY, message=message))
    return tuple(stale_reason for stale_reason in found if stale_reason.cause in asked)


def _again(dependency: Entry, entry: Entry) -> bool:
    return _is_done(dependency) and (dependency.completed_at or "") > confirmed_at(entry)


def _outside(commits: tuple[str, ...]) -> str:
    first = commits[0][:12]
    more = f" and {len(commits) - 1} more" if len(commits) > 1 else ""
    return f"what it owns was changed by {first}{more}"


def _upstream(
    path: str,
    dependencies: Mapping[str, Collection[str]],
    own: Mapping[str, tuple[StaleReason, ...]],
) -> tuple[StaleReason, ...]:
    """Return the doubt that stands behind a task: that of the nearest dependency which has one."""
    pending, seen = list(dependencies.get(path, ())), {path}
    while pending:
        nearest = pending.pop(0)
        if nearest in own:
            message = f"it builds on {_name(nearest)}, which is stale"
            return (StaleReason(cause=StaleTrigger.UPSTREAM, message=message),)
        if nearest not in seen:
            seen.add(nearest)
            pending += dependencies.get(nearest, ())
    return ()


def _name(path: str) -> str:
    return path.removeprefix(".runr/tasks/")
