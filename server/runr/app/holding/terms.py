"""What a run is judged by: written down when it is opened, and again when it is taken up."""

from runr.app.project import Project
from runr.core import plan
from runr.core.config import Config
from runr.core.runstate import Terms
from runr.core.task import Task
from runr.core.wishes import granted
from runr.store import files, taskfiles
from runr.store.layout import RunFiles


def write_down(
    project: Project, run: RunFiles, task: Task, config: Config, *, worker: str = "person"
) -> Terms:
    """Keep the task's text and the settings with the run, and return what follows from them.

    The worker's settings are those that the task asks for, where it does.
    """
    text = taskfiles.read_content(project.layout, task.path).decode("utf-8", "surrogateescape")
    clean = project.context(run).log.redact(text)
    files.replace(run.task, clean.encode("utf-8", "surrogateescape"))
    files.replace(
        run.config, granted(config, task, worker).model_dump_json(indent=1).encode() + b"\n"
    )
    return plan.terms(task, config)
