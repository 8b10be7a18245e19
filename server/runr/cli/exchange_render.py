"""What an import or an export did, for people."""

from click import style

from runr.app.exchange.imports import Imported, ImportedTask
from runr.core.enumeration import counted
from runr.core.foreignkind import TITLES
from runr.store.layout import TASKS

_MARKS = {
    "write": ("+", "green"),
    "known": ("=", None),
    "taken": ("!", "red"),
    "leave": ("-", None),
}


def imported(answer: Imported) -> str:
    """Return each task with what becomes of it, and the sum of it."""
    names = {task.source: _name(task) for task in answer.tasks}
    width = max(map(len, names.values()), default=0)
    lines = [f"{TITLES[answer.tool]}, {answer.file}:"]
    for task in answer.tasks:
        mark, colour = _MARKS[task.action]
        told = "  ".join(filter(None, (f"{names[task.source]:<{width}}", _told(task))))
        lines.append(f"  {style(mark, fg=colour)} {told}".rstrip())
        notes = task.notes if task.action == "write" else []
        lines += [f"      {style('note', fg='yellow')}: {note}" for note in notes]
    lines.append(_sum(answer))
    lines += [f"{style('note', fg='yellow')}: {note}" for note in answer.notes]
    if answer.next:
        lines += ["Next:", *(f"  {step}" for step in answer.next)]
    return "\n".join(lines)


def _name(task: ImportedTask) -> str:
    return task.path.removeprefix(f"{TASKS}/") if task.path else task.source


def _told(task: ImportedTask) -> str:
    if task.action == "leave":
        return f"left out: {', '.join(task.notes)}"
    if task.action == "taken":
        return "a file with this name is there already"
    here = "here already" if task.action == "known" else ""
    done = f"{task.said} there: attested, not verified" if task.completed else ""
    waits = f"after {', '.join(task.depends_on)}" if task.depends_on else ""
    return "  ".join(part for part in (here, done, waits) if part)


def _sum(answer: Imported) -> str:
    would = "would be " if answer.dry_run else ""
    told = f"{counted(answer.written, 'task')} {would}written"
    counts = {"known": "here already", "taken": "with a taken name", "leave": "left out"}
    for action, words in counts.items():
        number = sum(task.action == action for task in answer.tasks)
        told += f", {number} {words}" if number else ""
    if answer.completed:
        told += (
            f"; {answer.completed} {would}recorded as completed on the word of {answer.by}, "
            "since runr checked nothing"
        )
    return f"{told}."
