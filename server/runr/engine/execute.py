"""Carry a run on: next action, event, effect, event, until it ends or waits."""

from runr.core.run import next_action
from runr.core.runstate import Phase, RunState
from runr.engine import ending
from runr.engine.context import RunContext
from runr.engine.outcome import Outcome
from runr.engine.steps import STEPS
from runr.errors import GitError, GuardError, RunrError, WorkerUnavailableError
from runr.store import runlog


async def proceed(context: RunContext) -> RunState:
    """Perform actions until the run has ended, or until its session has work to do."""
    state = runlog.require(context.files)
    while True:
        action = next_action(state)
        if action.kind in ("rest", "wait"):
            return state
        if action.kind == "stop":
            return ending.stop(context, action.code or "error", state.detail)
        if action.kind == "complete":
            return ending.complete(context)
        phase = action.phase or Phase.PREPARE
        if not (state.open and state.phase is phase):
            payload = {"phase": phase, "attempt": action.attempt} | _milestone(state, phase)
            state = context.log.append("phase.started", payload)
        state = await _perform(context, state, phase)


async def _perform(context: RunContext, state: RunState, phase: Phase) -> RunState:
    try:
        outcome = await STEPS[phase](context, state)
    except RunrError as error:
        outcome = Outcome(_code(error), {"checks": [], "detail": error.message})
    return context.log.append(
        "phase.finished", {"phase": phase, "outcome": outcome.word} | outcome.facts
    )


def _milestone(state: RunState, phase: Phase) -> dict[str, str]:
    """Return, for those who follow, which part of its plan the run begins to work at."""
    if phase is not Phase.WORK or not state.milestone:
        return {}
    title = state.milestones[state.milestone - 1]
    return {"milestone": f"{state.milestone}/{len(state.milestones)} {title}"}


def _code(error: RunrError) -> str:
    if isinstance(error, WorkerUnavailableError):
        return "worker_unavailable"
    if isinstance(error, GitError):
        return "git_failed"
    return "guard" if isinstance(error, GuardError) else "error"
