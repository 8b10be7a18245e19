"""Whether what the lifecycle hooks in the settings call is there; nothing of it is called."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from runr.config.settings import HookPoints, HookSettings
from runr.execution import readiness
from runr.lifecycle_hooks import packages, points
from runr.redaction import Redactor
from runr.setup.doctor_checks import DoctorCheck
from runr.text import closest_match

_ADVICE = "install it, or correct it under [hooks] in .runr/config.toml"


def check_targets(
    hooks: HookPoints, root: Path, environment: Mapping[str, str]
) -> list[DoctorCheck]:
    """Describe each hook of which the target is missing for certain.

    At a point that may refuse, such a hook keeps every run from going on; elsewhere it fails.
    """
    redact = Redactor(environment)
    return [
        DoctorCheck(
            name="lifecycle hooks",
            state="bad" if points.may_refuse(point) else "note",
            message=redact(f"{point} hook `{points.name_of(hook)}`: {missing}"),
            advice=_ADVICE,
        )
        for point in HookPoints.model_fields
        for hook in hooks.at(point)
        for missing in find_missing(hook, root, environment)
    ]


def find_missing(hook: HookSettings, root: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what of a hook is not there for certain."""
    if hook.package and hook.package not in (known := packages.names()):
        near = closest_match(hook.package, known)
        meant = f"; did you mean {near}?" if near else ""
        yield f"no installed package offers it{meant}"
    for variable in (hook.webhook_env, hook.secret_env):
        if variable and not environment.get(variable):
            yield f"the variable {variable} is not set here"
    text = points.shell_text(hook.command)
    if text is not None:
        yield from _missing_in_text(text, root, environment)
    elif hook.command and not _is_program(hook.command[0], root, environment):
        yield f"{hook.command[0]} was not found"


def _missing_in_text(text: str, root: Path, environment: Mapping[str, str]) -> Iterator[str]:
    for _, program in readiness.missing_tools((text,), environment):
        yield f"{program} is not on PATH"
    script = readiness.script_of(text)
    if script and not (root / script).exists():
        yield f"{script} does not exist"


def _is_program(word: str, root: Path, environment: Mapping[str, str]) -> bool:
    # Hooks run in the main folder, where a path that is relative begins.
    place = str(root / word) if "/" in word else word
    return shutil.which(place, path=environment.get("PATH")) is not None
