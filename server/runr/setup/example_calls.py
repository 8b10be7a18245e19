"""Call the hooks of a point with an example, so that a user sees whether they work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from runr.clock import format_utc
from runr.config.settings import HookSettings
from runr.execution.context import inherited_environment
from runr.lifecycle_hooks import delivery, example, payload, webhook
from runr.lifecycle_hooks.delivery import Surroundings
from runr.lifecycle_hooks.points import Point
from runr.project import Project
from runr.query.models import Result
from runr.redaction import Redactor
from runr.runs.hook_events import HookFinished
from runr.setup.hook_list import in_order


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOutcome:
    """What became of one hook; `detail` is the end of its output, or the answer of its server.

    `signed_by` is the header with the signature of a webhook that is signed.
    """

    name: str
    target: str
    outcome: str
    detail: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    signed_by: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTest(Result):
    """The hooks of a point, each called once with an example."""

    point: str
    hooks: list[HookOutcome]


def call_with_example(project: Project, point: Point, job: Mapping[str, Any]) -> HookTest:
    """Call the hooks of a point; nothing is recorded, and nothing is rolled back.

    `job` is what a hook at `post_job` gets about a job.
    """
    project.refuse_inside("a run does not call the hooks of the settings itself")
    data, around = _payload(project, point, job), _surroundings(project)

    async def call_all() -> list[HookOutcome]:
        hooks = in_order(project.config().hooks.at(point))
        return [await _call(hook, point, data, around) for hook in hooks]

    return HookTest(point=point, hooks=anyio.run(call_all))


async def _call(hook: HookSettings, point: Point, data: bytes, around: Surroundings) -> HookOutcome:
    if hook.rollback:
        return HookOutcome(
            name=hook.rollback, target="rollback", outcome="left out", detail="there is no run"
        )
    once = hook.model_copy(update={"retries": 0})
    finished: HookFinished = await delivery.call(once, point, data, around)
    is_signed = bool(hook.secret_env and (hook.webhook or hook.webhook_env))
    return HookOutcome(
        name=finished.name,
        target=finished.target,
        outcome=finished.outcome,
        detail=finished.detail,
        exit_code=finished.exit_code,
        seconds=finished.seconds,
        signed_by=webhook.SIGNATURE if is_signed else None,
        failed=finished.failed,
    )


def _payload(project: Project, point: Point, job: Mapping[str, Any]) -> bytes:
    now, seen = format_utc(project.clock()), project.repo.checkout()
    commit, tree = (seen.commit, seen.tree) if seen else (None, None)
    facts = {"id_": f"example.{point}.{now}", "time": now, "repository": project.layout.root.name}
    if point == "post_job":
        made = payload.of_job(job, point, **facts)
    else:
        state = example.run_at(point, commit=commit, tree=tree, time=now)
        made = payload.of_run(state, point, **facts)
    return payload.encode(payload.as_example(made), Redactor(project.environment))


def _surroundings(project: Project) -> Surroundings:
    folder = project.layout.root
    return Surroundings(
        folder=folder,
        environment=project.environment,
        child_environment=inherited_environment(project.environment) | {"PWD": str(folder)},
        marker=f"hooks-test.{next(project.suffixes)}",
        redact=Redactor(project.environment),
    )
