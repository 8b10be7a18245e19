"""A completion on a person's word: checked first, then recorded as a run of its own."""

from collections.abc import Sequence

import anyio

from runr.app.project import Project
from runr.app.word import testimony
from runr.core import stops
from runr.core.runstate import Approval, Phase, RunState
from runr.core.task import Task, TaskType
from runr.engine import record, verify
from runr.engine.context import RunContext
from runr.errors import BlockedError, UsageError, VerificationError


def attest(
    project: Project,
    task: Task,
    blockers: Sequence[str],
    word: Approval | None,
    *,
    force: bool,
    skip: bool = False,
) -> RunState:
    """Record that the task is done because `word` says so, unless its checks say otherwise.

    With `skip` the checks are not asked, and the record says so.
    """
    name = stops.quoted(task.name)
    if word is None:
        by_worker = [] if task.type is TaskType.MANUAL else [f"runr run --task {name}"]
        raise UsageError(
            f"{task.name} has no open run, so a person has to say that it is done, and why",
            next_steps=[*by_worker, f"runr complete-task {name} --reason 'what was done'"],
        )
    if blockers and not force:
        raise BlockedError(
            f"{task.name} waits for {', '.join(blockers)}",
            next_steps=["runr list-tasks --blocked", _forced(name)],
        )
    forced = f"open dependencies: {', '.join(blockers)}" if blockers else None
    with testimony.opened(project, task, forced=forced) as context:
        return _record(task, context, word, force=force, skip=skip)


def _record(
    task: Task, context: RunContext, word: Approval, *, force: bool, skip: bool
) -> RunState:
    state = _judge(context, skip=skip)
    if state.verification == "failed" and not force:
        context.log.append("run.stopped", {"code": "verification_failed"})
        failed = next(check for check in state.checks if check.failed)
        raise VerificationError(
            f"{task.name} is not completed: `{failed.command}` failed\n{failed.tail[-1500:]}",
            next_steps=[f"runr report {state.id}", _forced(stops.quoted(task.name))],
        )
    context.log.append("run.approved", word.model_dump(), source="person")
    state = context.log.append("run.completed", {}, source="person")
    record.status(context, state)
    record.story(context, state)
    return state


def _judge(context: RunContext, *, skip: bool) -> RunState:
    state = context.log.append("phase.started", {"phase": Phase.VERIFY})
    checks = state.start.checks
    if skip:
        results = [verify.left_out(check) for check in checks]
    else:
        results = anyio.run(verify.run_checks, context, state, checks)
    return context.log.append(
        "phase.finished",
        {
            "phase": Phase.VERIFY,
            "outcome": verify.judgement(results),
            "checks": [result.model_dump(mode="json") for result in results],
        },
    )


def _forced(name: str) -> str:
    return f"runr complete-task {name} --force --reason 'why it counts all the same'"
