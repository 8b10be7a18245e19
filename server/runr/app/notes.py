"""Progress notes: what a worker, a session or a person wants the next reader of a run to know."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from runr.app.answers import Done
from runr.app.holding.holder import SESSION
from runr.app.project import Project
from runr.core.runstate import Event
from runr.errors import UsageError
from runr.store import runlog

#: Characters of a note: it is no place for a log.
LONGEST = 2000

_KIND = "note.added"


class NoteRequest(BaseModel):
    """A wish to note something; `run` names a run, or a task that is at work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    text: str


def take(project: Project, request: NoteRequest) -> Done:
    """Write the note into the timeline of an open run."""
    text = request.text.strip()
    if not text:
        raise UsageError("a note needs a text", next_steps=["runr note RUN 'what was found'"])
    if len(text) > LONGEST:
        raise UsageError(f"a note has at most {LONGEST} characters, and this one has {len(text)}")
    run = project.find_run(request.run)
    state = runlog.require(run)
    if state.ended:
        raise UsageError(
            f"run {run.id} has ended ({state.ended}), so nothing can be noted any more",
            next_steps=[f"runr report {run.id}"],
        )
    session = project.environment.get(SESSION)
    inside = project.environment.get("RUNR_RUN_ID") == run.id
    source = "worker" if inside else "session" if session else "person"
    by = {"session_id": session} if session else {"by": project.repo.user()}
    project.context(run).log.append(_KIND, {"text": text} | ({} if inside else by), source=source)
    return Done(message=f"noted in run {run.id}", next=[f"runr report {run.id}"])


def told(events: Iterable[Event]) -> list[str]:
    """Return the notes of a run, oldest first, each with its time."""
    return [
        f"{event.time[:16]}Z {event.payload['text']}" for event in events if event.type == _KIND
    ]
