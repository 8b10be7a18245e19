"""Dependencies among imported tasks, and what they put on hold. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from runr.interchange.external_task import ExternalStatus, ExternalTask, Record
from runr.query.backlog import groups
from runr.query.graph import leads
from runr.text import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The ids that a task depends on, what was changed about them, and why it is on hold."""

    depends_on: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)


def link(rows: Sequence[tuple[Record, ExternalTask | None]]) -> dict[str, Links]:
    """Return the links of each task; a record without a task is not imported."""
    tasks = {task.id: task for _, task in rows if task}
    others = {record.id: record for record, task in rows if task is None}
    shared = {task.duplicate_of for task in tasks.values() if task.duplicate_of}
    links = {own: _own_links(task, tasks, others, shared) for own, task in tasks.items()}
    needs = {own: found.depends_on for own, found in links.items()}
    _order_families(tasks, needs)
    for circle in groups(needs):
        for own in circle if len(circle) > 1 else ():
            links[own].changes.append("depends on itself by way of other tasks: it cannot start")
    _hold_children(tasks, others, links)
    return links


def _own_links(
    task: ExternalTask,
    tasks: Mapping[str, ExternalTask],
    others: Mapping[str, Record],
    shared: set[str],
) -> Links:
    found = Links()
    for wanted in dict.fromkeys(task.depends_on):
        name = f"depends on {one_line(wanted)}"
        if wanted == task.id:
            found.changes.append("depends on itself: that dependency is left out")
        elif wanted in tasks:
            found.depends_on.append(wanted)
            if wanted in shared:
                found.changes.append(f"{name}, which is there twice: the first is meant")
        elif wanted not in others:
            found.holds.append(f"{name}, which is not in the source")
        elif others[wanted].damaged:
            found.holds.append(f"{name}, which could not be imported")
        elif not _is_done(others[wanted]):
            found.changes.append(f"{name}, which is left out: so is the dependency")
    return found


def _is_done(record: Record) -> bool:
    return record.task is not None and record.task.status is ExternalStatus.DONE


def _order_families(tasks: Mapping[str, ExternalTask], needs: dict[str, list[str]]) -> None:
    """Let parts wait for what the whole waits for, and the whole for its parts."""
    families = [
        (own, task.parent)
        for own, task in tasks.items()
        if task.parent is not None and task.parent in tasks and task.parent != own
    ]
    together = _all_at_once(tasks, needs, families)
    if not _never_free(together):
        for own, all_needs in together.items():
            needs[own][:] = all_needs
        return
    # Slower, as each one is looked at by itself: only what closes a cycle is left out.
    for own, parent in families:
        for before in needs[parent]:
            if tasks[before].parent != parent:
                _wait(needs, before=before, after=own)
    for own, parent in families:
        _wait(needs, before=own, after=parent)


def _all_at_once(
    tasks: Mapping[str, ExternalTask],
    needs: Mapping[str, Sequence[str]],
    families: Sequence[tuple[str, str]],
) -> dict[str, dict[str, None]]:
    found = {own: dict.fromkeys(before) for own, before in needs.items()}
    for own, parent in families:
        inherited = (before for before in found[parent] if tasks[before].parent != parent)
        found[own] |= dict.fromkeys(inherited)
    for own, parent in families:
        found[parent][own] = None
    return found


def _wait(needs: dict[str, list[str]], *, before: str, after: str) -> None:
    """Let `after` wait for `before`, unless that would close a cycle."""
    if before not in (after, *needs[after]) and not leads(needs.__getitem__, before, after):
        needs[after].append(before)


def _never_free(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Return what can never begin: the tasks in cycles, and their dependents."""
    waiting = {own: len(set(before)) for own, before in needs.items()}
    behind: dict[str, list[str]] = {own: [] for own in needs}
    for own, before in needs.items():
        for other in set(before):
            behind[other].append(own)
    free = [own for own, number in waiting.items() if not number]
    while free:
        for own in behind[free.pop()]:
            waiting[own] -= 1
            if not waiting[own]:
                free.append(own)
    return [own for own, number in waiting.items() if number]


def _hold_children(
    tasks: Mapping[str, ExternalTask], others: Mapping[str, Record], links: Mapping[str, Links]
) -> None:
    """Put the parts of what may not be started on hold as well."""
    for own, task in tasks.items():
        parent, seen = task.parent, {own}
        if parent is not None and parent not in tasks and parent not in others:
            name = one_line(parent)
            links[own].changes.append(f"its parent {name} is not in the source: left out")
        while parent is not None and parent not in seen:
            if reason := _stopped(parent, tasks, others, links):
                links[own].holds.append(f"its parent {one_line(parent)} {reason}")
                break
            seen.add(parent)
            parent = tasks[parent].parent if parent in tasks else None


def _stopped(
    own: str,
    tasks: Mapping[str, ExternalTask],
    others: Mapping[str, Record],
    links: Mapping[str, Links],
) -> str:
    """Return why the parts of a task may not be started; nothing if they may."""
    if own in tasks:
        held = tasks[own].status is ExternalStatus.ON_HOLD or links[own].holds
        done = tasks[own].status is ExternalStatus.DONE
        return "is on hold" if held and not done else ""
    if own not in others or _is_done(others[own]):
        return ""
    return "could not be imported" if others[own].damaged else "is left out"
