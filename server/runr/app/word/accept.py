"""Keeping a completion after a harmless change, on a person's word and on record."""

from runr.app.answers import Answer
from runr.app.project import Project
from runr.app.tasks.board import Board
from runr.app.word import testimony
from runr.core.staleness import Cause
from runr.core.standing import Standing
from runr.core.status import State
from runr.core.stops import quoted
from runr.engine import record
from runr.errors import UsageError


class Acceptance(Answer):
    """What was kept: `doubts` are the changes that the person has found harmless."""

    task: str
    by: str
    reason: str
    doubts: list[str]
    run: str


def accept(
    project: Project, wanted: str, *, reason: str | None = None, by: str | None = None
) -> Acceptance:
    """Record that the task's completion holds though something has changed since.

    Raises UsageError for a task that is not completed or not stale, for work
    that was reverted, inside a run, and where nobody answers for it.
    """
    board = Board.of(project)
    standing = board.standing(project.find_task(wanted, board.tasks))
    _refuse(project, standing)
    told = [doubt.told for doubt in standing.doubts if doubt.cause is not Cause.UPSTREAM]
    word = testimony.word(project, reason or f"still holds, though {'; '.join(told)}", by)
    target = project.repo.branch()
    with testimony.opened(project, standing.task, kind="acceptance", target=target) as context:
        context.log.append("run.approved", word.model_dump(), source="person")
        state = context.log.append("run.completed", {}, source="person")
        record.status(context, state)
        record.story(context, state)
    return Acceptance(task=standing.path, by=word.by, reason=word.reason, doubts=told, run=state.id)


def _refuse(project: Project, standing: Standing) -> None:
    outer = project.environment.get("RUNR_RUN_ID")
    if outer:
        raise UsageError(f"this is inside run {outer}: only a person keeps a completion")
    name = quoted(standing.task.name)
    look = [f"runr why {name}"]
    if standing.entry.status is not State.COMPLETED:
        raise UsageError(
            f"{standing.task.name} is not completed, so there is nothing to keep", next_steps=look
        )
    causes = {doubt.cause for doubt in standing.doubts}
    if Cause.REVERTED in causes:
        raise UsageError(
            f"the work of {standing.task.name} was reverted, so it is not there to be kept",
            next_steps=[f"runr run --task {name}", *look],
        )
    if not causes - {Cause.UPSTREAM}:
        before = standing.doubts[0].told if standing.doubts else "nothing has changed since"
        raise UsageError(f"{standing.task.name} is not stale itself: {before}", next_steps=look)
