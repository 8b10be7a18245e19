"""The answer to a session that does the work itself."""

from runr.app import notes
from runr.app.answers import RunAnswer
from runr.app.holding import holder
from runr.app.project import Project
from runr.core.brief import brief
from runr.core.runstate import RunState
from runr.store import runlog, taskfiles
from runr.store.layout import RunFiles


def answer(project: Project, run: RunFiles, state: RunState) -> RunAnswer:
    """Return the session's brief, as often as it asks for it."""
    body = taskfiles.text_of(run.task.read_bytes())
    noted = notes.told(runlog.events(run))
    return RunAnswer(
        run=holder.show(project, state, run),
        brief=brief(state, body, notes=noted, voice=project.voice),
        next=(
            "You are the worker: do what the brief says, then "
            f"{project.voice.complete(state.start.task)}."
        ),
    )
