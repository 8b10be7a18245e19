"""Notes on the progress of an open run, as its journal has them."""

from collections.abc import Iterable

from runr.errors import UsageError
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import CommandResult
from runr.query.presenters import SESSION
from runr.runs import journal
from runr.runs.events import Event, NoteAdded

#: Characters of a note; longer texts belong into files.
MAX_LENGTH = 2000


def add_note(project: Project, wanted: str, text: str) -> CommandResult:
    """Add a note to the journal of the open run that `wanted` names, by its id or its task."""
    text = text.strip()
    if not text:
        raise UsageError("a note needs a text", next_steps=[commands.note(wanted)])
    if len(text) > MAX_LENGTH:
        raise UsageError(f"a note has at most {MAX_LENGTH} characters, not {len(text)}")
    run = project.find_run(wanted)
    state = journal.require(run)
    if state.result:
        raise UsageError(
            f"run {run.id} has ended ({state.result}), so nothing can be noted any more",
            next_steps=[commands.report(run.id)],
        )
    session = project.environment.get(SESSION)
    inside = project.environment.get("RUNR_RUN_ID") == run.id
    agent = session or not project.channel.is_person
    source = "worker" if inside else "session" if agent else "person"
    note = NoteAdded(text)
    if not inside:
        note = NoteAdded(text, session_id=session, by=None if session else project.actor())
    project.context(run).journal.append(note, source=source)
    steps = project.surface.lines([commands.report(run.id)])
    return CommandResult(message=f"noted in run {run.id}", next_steps=steps)


def format_notes(events: Iterable[Event]) -> list[str]:
    """Return the notes of a run, oldest first, each with its time."""
    return [
        f"{event.time[:16]}Z {event.data.text}"
        for event in events
        if isinstance(event.data, NoteAdded)
    ]
