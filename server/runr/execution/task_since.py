"""What has become of a task while its run worked: looked at just before the work lands."""

from contextlib import suppress

from runr import nofollow
from runr.errors import RunrError
from runr.execution.context import RunContext
from runr.git.repo import Repo
from runr.runs.events import IntegrateFinished
from runr.runs.model import RunState
from runr.status import store
from runr.status.model import UNTOUCHED, Entry, State
from runr.tasks import parser, repository


def refusal(context: RunContext, state: RunState) -> IntegrateFinished | None:
    """Return why work for the task does not land any more; None where nothing has happened."""
    kept, target = f"the work is kept on the branch {state.start.branch}", state.start.target
    if why := _superseded(context, state):
        return IntegrateFinished("superseded", f"{why}; {kept}", target=target)
    why = _changed(context, state.start.task)
    if why and not _was_left(context.root, state):
        return IntegrateFinished("task_changed", f"{why}; {kept}", target=target)
    return None


def _superseded(context: RunContext, state: RunState) -> str:
    entry = _entry(context, state.start.task)
    if entry.last_run_id in (None, state.id) or entry.sequence < state.sequence:
        return ""  # an older status file, as of another branch, says nothing about what came later
    if entry.status is State.COMPLETED:
        return f"{state.task_name} was completed meanwhile (by {entry.completed_by})"
    if entry.reset_run == entry.last_run_id:
        return f"{state.task_name} was reset meanwhile (by {entry.reset_by}: {entry.reason})"
    return f"run {entry.last_run_id} has taken {state.task_name} meanwhile"


def _entry(context: RunContext, task: str) -> Entry:
    with suppress(RunrError):  # what is damaged is said, and repaired, where it is written
        return store.read(context.layout).tasks.get(task, UNTOUCHED)
    return UNTOUCHED


def _was_left(repo: Repo, state: RunState) -> bool:
    """Tell whether the user's tree is now one of other commits, so that its task says nothing.

    A job reads its tasks from the tree as it is.
    """
    head, base = repo.head(), state.start.base_sha
    if state.start.job is not None or head is None or repo.branch() == state.start.target:
        return False
    return state.rework.lost_base or not repo.is_ancestor(base, head)


def _changed(context: RunContext, path: str) -> str:
    """Compare the task with the copy that the run made when it began, or was last resumed."""
    try:
        known, now = (
            nofollow.read(context.files.task),
            repository.read_content(context.layout, path),
        )
    except OSError:
        return ""  # a run of an earlier version, without a copy
    except RunrError as error:
        return error.message
    shown = context.journal.redact(now.decode("utf-8", "surrogateescape"))
    now = shown.encode("utf-8", "surrogateescape")
    if parser.parse(path, now).sha256 == parser.parse(path, known).sha256:
        return ""
    return f"{path} is not what it was when the run began"
