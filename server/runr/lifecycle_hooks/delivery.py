"""Call one lifecycle hook, whatever its target, and return what became of it as an event."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runr.config.settings import HookSettings
from runr.lifecycle_hooks import desktop, packages, points, webhook
from runr.lifecycle_hooks import payload as payloads
from runr.lifecycle_hooks.command import CommandResult, run_command
from runr.redaction import Redactor
from runr.runs.hook_events import HookFinished
from runr.text import flat


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where hooks are called: the folder, the variables, and what marks their processes.

    `environment` is that of this process, in which variables that the settings name are looked
    up; `child_environment` is what commands inherit of it. The `log` has what no user is shown.
    """

    folder: Path
    environment: Mapping[str, str]
    child_environment: Mapping[str, str]
    marker: str
    redact: Redactor
    log: Path | None = None


async def call(
    hook: HookSettings, point: points.Point, payload: bytes, around: Surroundings
) -> HookFinished:
    """Call a hook with an encoded payload; whatever happens to it is in the event."""
    (target,) = hook.targets
    try:
        result, tries = await _deliver(hook, target, payload, around)
    except Exception as error:  # noqa: BLE001 - the hooks after this one are called all the same
        why = around.redact(f"{type(error).__name__}: {error}")
        result, tries = CommandResult("failed", flat(why)), 1
    refuses = result.outcome != "ok" and points.may_refuse(point)
    return HookFinished(
        point=point,
        target=target,
        name=around.redact(points.name_of(hook)),
        outcome="refused" if refuses else result.outcome,
        detail=result.detail,
        seconds=result.seconds,
        exit_code=result.exit_code,
        tries=tries,
    )


async def _deliver(
    hook: HookSettings, target: str, payload: bytes, around: Surroundings
) -> tuple[CommandResult, int]:
    if target in ("webhook", "webhook_env"):
        return _send(hook, payload, around)
    return await _run(hook, target, payload, around), 1


async def _run(
    hook: HookSettings, target: str, payload: bytes, around: Surroundings
) -> CommandResult:
    argv = _command(hook, target, payload, around)
    if argv is None:
        return CommandResult("unavailable", "neither notify-send nor osascript is on PATH")
    return await run_command(
        argv,
        payload,
        folder=around.folder,
        environment={**around.child_environment, **payloads.variables(payload)},
        marker=around.marker,
        timeout_s=hook.timeout,
        redact=around.redact,
    )


def _command(
    hook: HookSettings, target: str, payload: bytes, around: Surroundings
) -> Sequence[str] | None:
    match target:
        case "package":
            return packages.command(hook.package or "", around.log)
        case "desktop":
            return desktop.command(payload, around.environment)
        case _:
            return hook.command


def _send(hook: HookSettings, payload: bytes, around: Surroundings) -> tuple[CommandResult, int]:
    url = hook.webhook or around.environment.get(hook.webhook_env or "", "")
    secret = around.environment.get(hook.secret_env, "") if hook.secret_env else ""
    missing = hook.secret_env if hook.secret_env and not secret else None
    if not url.startswith(("https://", "http://")):
        return CommandResult("failed", f"the variable {hook.webhook_env} holds no URL"), 1
    if missing:
        return CommandResult("failed", f"the variable {missing} holds no secret"), 1
    if secret and not webhook.key_of(secret):
        detail = f"what {hook.secret_env} holds after whsec_ is not base64"
        return CommandResult("failed", detail), 1
    request = webhook.Request(url, json.loads(payload)["id"], payload, secret)
    return webhook.send(
        request, timeout_s=hook.timeout, retries=hook.retries, wait_s=hook.retry_wait
    )
