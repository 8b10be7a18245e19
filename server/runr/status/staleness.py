"""Why a completed task is stale: which of its inputs has changed since. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from runr.status.model import UNTOUCHED, Entry, State
from runr.tasks.model import Task, Watched, short_name


class StaleTrigger(StrEnum):
    """What made a task stale; `upstream` is a dependency that is stale itself, or was reset.

    `dropped` is a merge without the task's work, or a commit that undid it without saying so. It
    is watched where `reverted` is.
    """

    TEXT = "text"
    OWNS = "owns"
    DEPENDENCY = "dependency"
    REVERTED = "reverted"
    DROPPED = "dropped"
    UPSTREAM = "upstream"


class StaleReason(NamedTuple):
    """One reason why a completion may no longer hold.

    `commits` are those that caused it, the latest first.
    """

    cause: StaleTrigger
    message: str
    commits: tuple[str, ...] = ()


class Changes(NamedTuple):
    """What git says of the work of tasks.

    `reverted` names the commit that reverted it, `dropped` the merge that has nothing of it,
    `undone` the commit that took it back without saying so, `outside` those that changed what
    the task owns.
    """

    reverted: Mapping[str, str]
    dropped: Mapping[str, str]
    undone: Mapping[str, str]
    outside: Mapping[str, tuple[str, ...]]


NO_CHANGES = Changes(reverted={}, dropped={}, undone={}, outside={})


def triggers_for(task: Task, usual: Iterable[Watched]) -> frozenset[str]:
    """Return what makes a task stale: what the settings say and its header adds."""
    always = usual if isinstance(usual, frozenset) else frozenset(usual)
    return always.union(task.stale_on) if task.stale_on else always


def find_stale_reasons(
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    dependencies: Mapping[str, Collection[str]],
    usual: Iterable[Watched],
    changes: Changes = NO_CHANGES,
) -> dict[str, tuple[StaleReason, ...]]:
    """Return the completed tasks that are stale, each with all its reasons."""
    triggers = frozenset(usual)
    completed = {path for path, entry in entries.items() if _is_done(entry)}
    done = [task for task in tasks if task.path in completed]
    changed = set[str]().union(*changes)
    own = {
        task.path: found
        for task in done
        # Of most of many completions, nothing has changed that could make them stale.
        if (
            task.path in changed
            or dependencies.get(task.path)
            or is_edited(task, entries[task.path])
        )
        and (found := _own(task, entries, dependencies.get(task.path, ()), triggers, changes))
    }
    taken_back = {path for path, entry in entries.items() if is_reset(entry)}
    reset = {task.path for task in tasks if task.path in taken_back} if taken_back else set()
    if not own and not reset:
        return {}
    nearest = _nearest({**own, **dict.fromkeys(reset)}, dependencies)
    stale: dict[str, tuple[StaleReason, ...]] = {}
    for task in done:
        reasons = own.get(task.path, ())
        if upstream := nearest.get(task.path):
            why = "was reset" if upstream in reset else "is stale"
            message = f"it builds on {short_name(upstream)}, which {why}"
            reasons = (*reasons, StaleReason(cause=StaleTrigger.UPSTREAM, message=message))
        if reasons:
            stale[task.path] = reasons
    return stale


def is_edited(task: Task, entry: Entry) -> bool:
    """Tell whether the task's text has changed since it was completed."""
    known = entry.task_sha256
    return _is_done(entry) and bool(known) and known != task.sha256


def is_reset(entry: Entry) -> bool:
    """Tell whether the completion was taken back, and the task is not completed again."""
    return entry.reset_run is not None and not _is_done(entry)


def describe_reverted(by: str) -> str:
    """Say which commit reverted a task's work."""
    return f"its commit was reverted by {by[:12]}"


def describe_dropped(by: str) -> str:
    """Say which merge has nothing of a task's work."""
    return f"the merge {by[:12]} left its changes out"


def describe_undone(by: str) -> str:
    """Say which commit took a task's work back without saying so."""
    return f"its work was undone by {by[:12]}"


def _is_done(entry: Entry) -> bool:
    return entry.status is State.COMPLETED


def _own(
    task: Task,
    entries: Mapping[str, Entry],
    dependencies: Iterable[str],
    usual: Iterable[Watched],
    changes: Changes,
) -> tuple[StaleReason, ...]:
    entry, triggers = entries[task.path], triggers_for(task, usual)
    found = []
    if is_edited(task, entry):
        found.append(StaleReason(cause=StaleTrigger.TEXT, message="its text has changed since"))
    if by := changes.reverted.get(task.path):
        message = describe_reverted(by)
        found.append(StaleReason(cause=StaleTrigger.REVERTED, message=message, commits=(by,)))
    elif (by := changes.dropped.get(task.path)) and StaleTrigger.REVERTED in triggers:
        message = describe_dropped(by)
        found.append(StaleReason(cause=StaleTrigger.DROPPED, message=message, commits=(by,)))
    elif (by := changes.undone.get(task.path)) and StaleTrigger.REVERTED in triggers:
        message = describe_undone(by)
        found.append(StaleReason(cause=StaleTrigger.DROPPED, message=message, commits=(by,)))
    if commits := changes.outside.get(task.path):
        found.append(
            StaleReason(cause=StaleTrigger.OWNS, message=_outside(commits), commits=commits)
        )
    later = [path for path in dependencies if _again(entries.get(path, UNTOUCHED), entry)]
    if later:
        message = f"{', '.join(map(short_name, later))} was completed again later"
        found.append(StaleReason(cause=StaleTrigger.DEPENDENCY, message=message))
    watched = {*triggers, StaleTrigger.DROPPED}
    return tuple(stale_reason for stale_reason in found if stale_reason.cause in watched)


def _again(dependency: Entry, entry: Entry) -> bool:
    # What earlier versions recorded, and what was inferred at once, has no order.
    confirmed = max(entry.sequence, entry.acknowledged_sequence)
    return _is_done(dependency) and bool(confirmed) and dependency.sequence > confirmed


def _outside(commits: tuple[str, ...]) -> str:
    first = commits[0][:12]
    more = f" and {len(commits) - 1} more" if len(commits) > 1 else ""
    return f"what it owns was changed by {first}{more}"


def _nearest(stale: Collection[str], dependencies: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return for each task the nearest stale one that it depends on, directly or not.

    Of several as near, it is the one that the first dependencies lead to. Each
    link is looked at twice, however long the chains are.
    """
    dependents: dict[str, list[str]] = {}
    for path, needs in dependencies.items():
        for need in needs:
            dependents.setdefault(need, []).append(path)
    distance = dict.fromkeys(stale, 0)
    found: dict[str, str] = {}
    layer = list(stale)
    while layer:
        further = dict.fromkeys(path for need in layer for path in dependents.get(need, ()))
        steps = distance[layer[0]] + 1
        layer = [path for path in further if path not in distance]
        for path in further:
            if path in found:
                continue
            nearest = [need for need in dependencies[path] if distance.get(need) == steps - 1]
            ends = nearest if steps == 1 else [found[need] for need in nearest]
            # On a cycle, one of them is the task itself.
            other = next((end for end in ends if end != path), None)
            if other is not None:
                found[path] = other
        distance |= dict.fromkeys(layer, steps)
    return found
