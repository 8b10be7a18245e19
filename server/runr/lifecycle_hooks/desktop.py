"""A notification on the desktop as a hook: the program of the system for it, if there is one."""

import json
import shutil
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runr.tasks.model import short_name

#: Texts are arguments of the script, so that none of them is read as a part of it.
_APPLE_SCRIPT = (
    "on run {title, body}",
    "display notification body with title title",
    "end run",
)


class Notification(NamedTuple):
    """What is shown."""

    title: str
    body: str


def notification(payload: bytes) -> Notification:
    """Return what a notification says about a run or a job."""
    facts = json.loads(payload)
    job, run = facts.get("job"), facts.get("run") or {}
    if job is not None:
        return Notification(f"runr: {job['headline']}", job.get("reason") or facts["repository"])
    name = short_name(run["task"]).removesuffix(".md")
    if run["result"] == "stopped":
        return Notification(f"runr: {name} stopped", run["stop_meaning"])
    return Notification(f"runr: {name} {run['result'] or 'begins'}", facts["repository"])


def command(payload: bytes, environment: Mapping[str, str]) -> Sequence[str] | None:
    """Return the command that shows it; None where no program for it is on PATH."""
    title, body = notification(payload)
    path = environment.get("PATH")
    if program := shutil.which("notify-send", path=path):
        return (program, "--app-name=runr", "--", title, body)
    if program := shutil.which("osascript", path=path):
        lines = (word for line in _APPLE_SCRIPT for word in ("-e", line))
        return (program, *lines, "--", title, body)
    return None
