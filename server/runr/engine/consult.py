"""The phases in which a worker only reads and answers: the plan, and the review."""

from runr.core import consultation, milestones, review
from runr.core.config import WorkerSettings
from runr.core.runstate import RunState
from runr.engine import briefing
from runr.engine.briefing import Told
from runr.engine.context import RunContext
from runr.engine.outcome import Outcome
from runr.engine.shift import Brief, Shift
from runr.git import snapshot
from runr.workers.assignment import Assignment, WorkReport

#: Characters of a patch that a reviewer is shown in the prompt; git shows it the rest.
_SHOWN = 60_000

#: How often a reviewer is asked until its verdict can be read.
_ASKED = 2


async def plan(context: RunContext, state: RunState) -> Outcome:
    """Let the planner divide the task into milestones."""
    shift, report = await _ask(context, state, state.start.plan or "", _plan_brief)
    facts = shift.facts() | {"planner": state.start.plan, "summary": report.summary}
    if report.stop:
        return Outcome(report.stop, facts | {"detail": report.summary})
    if altered := _altered(context, state, state.start.base_tree):
        return _trespass("planner", altered, facts)
    found = milestones.parse(_answer(report), shift.config.phases.milestones)
    # Work that nothing checks waits for a person: asked once for all of it, not for every part.
    return Outcome("ok", facts | {"milestones": list(found) if state.start.checks else []})


async def inspect(context: RunContext, state: RunState) -> Outcome:
    """Let the reviewer look at work that was verified."""
    reviewer = state.start.review or ""
    for _ in range(_ASKED):
        if state.tree and (altered := _altered(context, state, state.tree)):
            return _trespass("reviewer", altered, {"reviewer": reviewer})
        shift, report = await _ask(context, state, reviewer, _review_brief)
        facts = shift.facts() | {"reviewer": reviewer, "summary": report.summary}
        if report.stop:
            return Outcome(report.stop, facts | {"detail": report.summary})
        if state.tree and (altered := _altered(context, state, state.tree)):
            return _trespass("reviewer", altered, facts)
        said = review.verdict(_answer(report))
        if said is not None:
            asked = {} if said.approved else {"asked": said.asked}
            return Outcome("ok" if said.approved else "changes", facts | asked)
    return Outcome("review_unclear", facts | {"detail": f"no verdict from {reviewer}"})


async def _ask(
    context: RunContext, state: RunState, name: str, brief: Brief
) -> tuple[Shift, WorkReport]:
    shift = Shift(context, state, brief)
    _, report = await shift.by_someone([name])
    return shift, report


def _answer(report: WorkReport) -> str:
    return report.answer or report.summary


def _plan_brief(shift: Shift, _: str, settings: WorkerSettings) -> Assignment:
    text = briefing.task_text(shift.context, shift.state)
    told = consultation.plan(shift.state.start, text, shift.config.phases.milestones)
    return briefing.assignment(shift, text, Told(told, part="plan", phase="plan"), settings)


def _review_brief(shift: Shift, _: str, settings: WorkerSettings) -> Assignment:
    context, state = shift.context, shift.state
    text = briefing.task_text(context, state)
    patch = _patch(context, state)
    told = consultation.review(state, text, patch[:_SHOWN], cut=len(patch) > _SHOWN)
    part = f"{state.attempt}-review"
    return briefing.assignment(shift, text, Told(told, part=part, phase="review"), settings)


def _patch(context: RunContext, state: RunState) -> str:
    """Return what the work at hand changed, since the last checkpoint."""
    workspace = context.workspace(state)
    before = state.checkpoints[-1] if state.checkpoints else state.start.base_tree
    after = state.tree or snapshot.take(workspace)
    return snapshot.patch(workspace, before, after).decode("utf-8", "replace")


def _altered(context: RunContext, state: RunState, tree: str) -> list[str]:
    """Return the files that are not as they were in `tree`."""
    workspace = context.workspace(state)
    now = snapshot.take(workspace)
    return [change.path for change in snapshot.changed(workspace, tree, now)]


def _trespass(who: str, paths: list[str], facts: dict[str, object]) -> Outcome:
    detail = f"files changed while the {who} was only to read: {', '.join(paths[:5])}"
    return Outcome("guard", facts | {"violations": paths, "detail": detail})
