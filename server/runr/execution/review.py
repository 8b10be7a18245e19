"""The phases in which a worker only reads and answers: the plan, and the review."""

from runr.config.settings import WorkerSettings
from runr.execution import attempt
from runr.execution.attempt import Briefing
from runr.execution.context import PhaseOutcome, RunContext
from runr.execution.worker_session import Brief, WorkerSession
from runr.git import snapshot
from runr.runs import prompts, replies
from runr.runs.model import RunState
from runr.workers.protocol import Assignment, WorkReport

#: Characters of a patch that a reviewer is shown in the prompt; git shows it the rest.
_SHOWN = 60_000

#: How often a reviewer is asked until its verdict can be read.
_ASKED = 2


async def run_plan(context: RunContext, state: RunState) -> PhaseOutcome:
    """Let the planner divide the task into milestones."""
    worker_session, report = await _ask(context, state, state.start.plan or "", _plan_brief)
    facts = worker_session.facts() | {"planner": state.start.plan, "summary": report.summary}
    if report.stop:
        return PhaseOutcome(report.stop, facts | {"detail": report.summary})
    if altered := _altered(context, state, state.start.base_tree):
        return _trespass("planner", altered, facts)
    found = replies.parse_milestones(_answer(report), worker_session.config.phases.milestones)
    # Work that nothing checks waits for a person: asked once for all of it, not for every part.
    return PhaseOutcome("ok", facts | {"milestones": list(found) if state.start.checks else []})


async def run_review(context: RunContext, state: RunState) -> PhaseOutcome:
    """Let the reviewer look at work that was verified."""
    reviewer = state.start.review or ""
    for _ in range(_ASKED):
        if state.tree and (altered := _altered(context, state, state.tree)):
            return _trespass("reviewer", altered, {"reviewer": reviewer})
        worker_session, report = await _ask(context, state, reviewer, _review_brief)
        facts = worker_session.facts() | {"reviewer": reviewer, "summary": report.summary}
        if report.stop:
            return PhaseOutcome(report.stop, facts | {"detail": report.summary})
        if state.tree and (altered := _altered(context, state, state.tree)):
            return _trespass("reviewer", altered, facts)
        said = replies.parse_verdict(_answer(report))
        if said is not None:
            asked = {} if said.approved else {"asked": said.asked}
            return PhaseOutcome("ok" if said.approved else "changes", facts | asked)
    return PhaseOutcome("review_unclear", facts | {"detail": f"no verdict from {reviewer}"})


async def _ask(
    context: RunContext, state: RunState, name: str, brief: Brief
) -> tuple[WorkerSession, WorkReport]:
    worker_session = WorkerSession(context, state, brief)
    _, report = await worker_session.by_someone([name])
    return worker_session, report


def _answer(report: WorkReport) -> str:
    return report.answer or report.summary


def _plan_brief(worker_session: WorkerSession, _: str, settings: WorkerSettings) -> Assignment:
    text = attempt.task_text(worker_session.context, worker_session.state)
    message = prompts.plan_prompt(
        worker_session.state.start, text, worker_session.config.phases.milestones
    )
    return attempt.assignment(
        worker_session, text, Briefing(message, part="plan", phase="plan"), settings
    )


def _review_brief(worker_session: WorkerSession, _: str, settings: WorkerSettings) -> Assignment:
    context, state = worker_session.context, worker_session.state
    text = attempt.task_text(context, state)
    patch = _patch(context, state)
    message = prompts.review_prompt(state, text, patch[:_SHOWN], cut=len(patch) > _SHOWN)
    part = f"{state.attempt}-review"
    return attempt.assignment(
        worker_session, text, Briefing(message, part=part, phase="review"), settings
    )


def _patch(context: RunContext, state: RunState) -> str:
    """Return what the work at hand changed, since the last checkpoint."""
    workspace = context.workspace(state)
    before = state.checkpoints[-1] if state.checkpoints else state.start.base_tree
    after = state.tree or snapshot.take(workspace)
    before = snapshot.comparable(workspace, before, after)
    return snapshot.patch(workspace, before, after).decode("utf-8", "replace")


def _altered(context: RunContext, state: RunState, tree: str) -> list[str]:
    """Return the files that are not as they were in `tree`."""
    workspace = context.workspace(state)
    now = snapshot.take(workspace)
    return [change.path for change in snapshot.changed(workspace, tree, now)]


def _trespass(who: str, paths: list[str], facts: dict[str, object]) -> PhaseOutcome:
    detail = f"files changed while the {who} was only to read: {', '.join(paths[:5])}"
    return PhaseOutcome("guard", facts | {"violations": paths, "detail": detail})
