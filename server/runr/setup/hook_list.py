"""Which lifecycle hooks the settings have, and what each of them needs."""

from dataclasses import dataclass, field

from runr.config.settings import HookPoints, HookSettings
from runr.lifecycle_hooks import packages, points
from runr.project import Project
from runr.query.models import Result
from runr.redaction import Redactor
from runr.setup.hook_targets import find_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSummary:
    """One hook of the settings; `timeout_s` is its limit, for a webhook that of each try.

    `offered_by` is the object and the package of an installed hook, and `signed_with` the variable
    that holds the secret of a webhook. `missing` is what of it is not there.
    """

    point: str
    name: str
    target: str
    timeout_s: float
    refuses: bool = False
    retries: int = 0
    signed_with: str | None = None
    offered_by: str | None = None
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookList(Result):
    """Every hook of the settings, in the order in which they are called.

    `unused` are those of installed packages that the settings do not name: they are not called.
    """

    hooks: list[HookSummary]
    unused: list[str] = field(default_factory=list)


def list_hooks(project: Project) -> HookList:
    """Describe the hooks of the settings; none of them is called, and no package is imported."""
    settings = project.config().hooks
    rows = [
        _row(project, point, hook)
        for point in HookPoints.model_fields
        for hook in in_order(settings.at(point))
    ]
    used = {hook.package for point in HookPoints.model_fields for hook in settings.at(point)}
    return HookList(hooks=rows, unused=[name for name in packages.names() if name not in used])


def in_order(hooks: tuple[HookSettings, ...]) -> list[HookSettings]:
    """Return the hooks of a point as they are called: those last that are not waited for."""
    return sorted(hooks, key=lambda hook: not points.is_waited_for(hook))


def _row(project: Project, point: str, hook: HookSettings) -> HookSummary:
    (target,) = hook.targets
    redact = Redactor(project.environment)
    is_webhook = not points.is_waited_for(hook)
    return HookSummary(
        point=point,
        name=redact(points.name_of(hook)),
        target=target,
        timeout_s=hook.timeout,
        refuses=points.may_refuse(point),
        retries=hook.retries if is_webhook else 0,
        signed_with=hook.secret_env if is_webhook else None,
        offered_by=packages.origin(hook.package) if hook.package else None,
        missing=list(map(redact, find_missing(hook, project.layout.root, project.environment))),
    )
