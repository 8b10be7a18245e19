"""The phases in which a worker only reads and answers: PLAN and REVIEW."""

from collections.abc import Sequence

from runr.config.settings import WorkerSettings
from runr.execution import attempt
from runr.execution.attempt import Briefing
from runr.execution.context import RunContext
from runr.execution.worker_session import Brief, WorkerSession
from runr.git import snapshot
from runr.runs import prompts, replies
from runr.runs.events import PlanFinished, ReviewFinished
from runr.runs.model import RunState
from runr.text import join_limited
from runr.workers.protocol import Assignment, WorkReport

#: Characters of a patch that the prompt of a reviewer contains; the rest is in git.
_PATCH_LENGTH = 60_000

#: How often a reviewer is asked until its answer has a verdict.
_TRIES = 2


async def run_plan(context: RunContext, state: RunState) -> PlanFinished:
    """Let the planner divide the task into milestones."""
    work, report = await _ask(context, state, state.spec.plan or "", _plan_brief)
    finished = PlanFinished(
        "ok",
        planner=state.spec.plan,
        summary=report.summary,
        usage=work.usage,
        denied=work.denied,
    )
    if report.stop:
        return finished._replace(outcome=report.stop, detail=report.summary)
    if altered := _altered(context, state, state.start.base_tree):
        return finished._replace(
            outcome="scope_violation", violations=altered, detail=_violation("planner", altered)
        )
    found = replies.parse_milestones(_answer(report), work.config.phases.milestones)
    # Without checks a person reviews the work: once for all of it, not for every milestone.
    return finished._replace(milestones=found if state.spec.checks else ())


async def run_review(context: RunContext, state: RunState) -> ReviewFinished:
    """Let the reviewer examine verified work."""
    finished = ReviewFinished("review_unclear", reviewer=state.spec.review)
    for _ in range(_TRIES):
        finished = await _review_once(context, state, state.spec.review or "")
        if finished.outcome != "review_unclear":
            break
    return finished


async def _review_once(context: RunContext, state: RunState, reviewer: str) -> ReviewFinished:
    tree = state.verification.tree
    if tree and (altered := _altered(context, state, tree)):
        return _altered_review(ReviewFinished("ok", reviewer=reviewer), altered)
    work, report = await _ask(context, state, reviewer, _review_brief)
    finished = ReviewFinished(
        "ok", reviewer=reviewer, summary=report.summary, usage=work.usage, denied=work.denied
    )
    if report.stop:
        return finished._replace(outcome=report.stop, detail=report.summary)
    if tree and (altered := _altered(context, state, tree)):
        return _altered_review(finished, altered)
    verdict = replies.parse_verdict(_answer(report))
    if verdict is None:
        detail = f"no verdict from {reviewer}"
        return finished._replace(outcome="review_unclear", detail=detail)
    if verdict.approved:
        return finished
    return finished._replace(outcome="changes", feedback=verdict.feedback)


def _altered_review(finished: ReviewFinished, altered: tuple[str, ...]) -> ReviewFinished:
    return finished._replace(
        outcome="scope_violation", violations=altered, detail=_violation("reviewer", altered)
    )


async def _ask(
    context: RunContext, state: RunState, name: str, brief: Brief
) -> tuple[WorkerSession, WorkReport]:
    work = WorkerSession(context, state, brief)
    _, report = await work.run_with_fallbacks([name])
    return work, report


def _answer(report: WorkReport) -> str:
    return report.answer or report.summary


def _plan_brief(work: WorkerSession, _: str, settings: WorkerSettings) -> Assignment:
    text = attempt.task_text(work.context, work.state)
    prompt = prompts.plan_prompt(work.state, text, work.config.phases.milestones)
    return attempt.assignment(work, text, Briefing(prompt, part="plan", phase="plan"), settings)


def _review_brief(work: WorkerSession, _: str, settings: WorkerSettings) -> Assignment:
    context, state = work.context, work.state
    text = attempt.task_text(context, state)
    patch = _patch(context, state)
    cut = len(patch) > _PATCH_LENGTH
    prompt = prompts.review_prompt(state, text, patch[:_PATCH_LENGTH], cut=cut)
    part = f"{state.attempt}-review"
    return attempt.assignment(work, text, Briefing(prompt, part=part, phase="review"), settings)


def _patch(context: RunContext, state: RunState) -> str:
    """Return the changes since the last checkpoint."""
    workspace = context.workspace(state)
    before = state.checkpoints[-1] if state.checkpoints else state.start.base_tree
    after = state.verification.tree or snapshot.take(workspace)
    before = snapshot.comparable(workspace, before, after)
    return snapshot.patch(workspace, before, after).decode("utf-8", "replace")


def _altered(context: RunContext, state: RunState, tree: str) -> tuple[str, ...]:
    """Return the files that differ from those in `tree`."""
    workspace = context.workspace(state)
    now = snapshot.take(workspace)
    return tuple(change.path for change in snapshot.changed(workspace, tree, now))


def _violation(who: str, paths: Sequence[str]) -> str:
    return f"files changed although the {who} may only read: {join_limited(paths, 5)}"
