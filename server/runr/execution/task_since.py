"""What has become of a task while its run worked: looked at just before the work lands."""

from contextlib import suppress

from runr import nofollow
from runr.errors import RunrError
from runr.execution.context import RunContext
from runr.git.repo import Repo
from runr.runs import journal
from runr.runs.events import IntegrateFinished, RunResumed
from runr.runs.model import RunCreated, RunState
from runr.status import store
from runr.status.model import UNTOUCHED, Entry, State
from runr.tasks import parser, repository


def refusal(context: RunContext, state: RunState) -> IntegrateFinished | None:
    """Return why work for the task does not land any more; None where nothing has happened."""
    kept, target = f"the work is kept on the branch {state.start.branch}", state.start.target
    if why := _superseded(context, state):
        return IntegrateFinished("superseded", f"{why}; {kept}", target=target)
    if why := _changed(context, state):
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


def _changed(context: RunContext, state: RunState) -> str:
    """Compare the task with the copy that the run made when it began, or was last resumed.

    In the user's tree it says nothing where that tree has other commits than the branch on which
    the work lands: then only what that branch has of it counts. A job reads the tree as it is.
    """
    path = state.start.task
    created, accepted = _history(context)
    try:
        known = nofollow.read(context.files.task)
    except OSError:
        return ""  # a run of an earlier version, without a copy
    except RunrError as error:
        return error.message
    elsewhere = _is_elsewhere(context.root, state)
    if not (elsewhere and _is_of_other_commits(context.root, path, created)):
        try:
            now = repository.read_content(context.layout, path)
        except RunrError as error:
            return "" if accepted and accepted.spec is None else error.message
        if not _is_same(context, path, known, now):
            return f"{path} is not what it was when the run began"
    if elsewhere and not accepted and state.start.target == created.target:
        return _changed_on_target(context, created, known)
    return ""


def _history(context: RunContext) -> tuple[RunCreated, RunResumed | None]:
    """Return how the run began, and its last resume if a person accepted the changes then."""
    known = [event.data for event in journal.events(context.files)]
    created = next(data for data in known if isinstance(data, RunCreated))
    last = next((data for data in reversed(known) if isinstance(data, RunResumed)), None)
    return created, last if last and last.accepted_by else None


def _is_elsewhere(root: Repo, state: RunState) -> bool:
    """Tell whether the user's tree has another branch than the one on which the work lands."""
    return state.start.job is None and state.start.target not in (None, root.branch())


def _is_of_other_commits(root: Repo, path: str, created: RunCreated) -> bool:
    """Tell whether the task in the user's tree came with commits without the base of the run."""
    head = root.head()
    if head is None or root.is_ancestor(created.base_sha, head):
        return False
    return not root.run("status", "--porcelain", "--ignored", "--", _literal(path))


def _changed_on_target(context: RunContext, created: RunCreated, known: bytes) -> str:
    """Say so if the branch has another text than where the run began, and than the run."""
    path, target = created.task, created.target
    before = _blob(context.root, created.base_sha, path)
    now = _blob(context.root, f"refs/heads/{target}", path)
    if now == before:
        return ""
    if now is None:
        return f"{path} is no longer on {target}"
    if _is_same(context, path, known, context.root.run("cat-file", "blob", now)):
        return ""
    return f"{path} on {target} is not what it was when the run began"


def _blob(root: Repo, rev: str, path: str) -> str | None:
    """Return the object of a file in a commit; None where that has no such file."""
    if root.resolve(rev) is None:
        return None
    listed = root.run("ls-tree", "-z", "--full-tree", rev, "--", path)
    _, kind, name = listed.partition(b"\t")[0].decode().split(" ") if listed else ("", "", "")
    return name if kind == "blob" else None


def _literal(path: str) -> str:
    return f":(top,literal){path}"


def _is_same(context: RunContext, path: str, known: bytes, now: bytes) -> bool:
    # The copy is without secrets.
    shown = context.journal.redact(now.decode("utf-8", "surrogateescape"))
    now = shown.encode("utf-8", "surrogateescape")
    return parser.parse(path, now).sha256 == parser.parse(path, known).sha256
