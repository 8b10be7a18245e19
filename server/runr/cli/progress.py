"""The live progress of a run."""

from datetime import datetime

from click import style

from runr.cli import checks
from runr.core.runstate import Event


def line(event: Event) -> str | None:
    """Return an event as a line of live progress; None for one that nobody waits for."""
    facts = event.payload
    clock = f"{datetime.fromisoformat(event.time).astimezone():%H:%M:%S}"
    match event.type:
        case "phase.started":
            attempt = f", attempt {facts['attempt']}" if facts["phase"] == "work" else ""
            part = f", milestone {facts['milestone']}" if "milestone" in facts else ""
            return f"  {style(clock, dim=True)} {facts['phase']}{attempt}{part}"
        case "check.finished" | "check.failed" | "checks.added":
            return f"  {style(clock, dim=True)}   {checks.progress(event)}"
        case "phase.finished" if facts.get("asked"):
            told = f"{facts['reviewer']} asks: {facts['asked'].splitlines()[0]}"
            return f"  {style(clock, dim=True)}   {told}"
        case "phase.finished" if facts.get("detail"):
            return f"  {style(clock, dim=True)}   {facts['detail'].splitlines()[0]}"
        case "worker.waiting" | "worker.replaced" | "note.added" | "session.joined":
            return f"  {style(clock, dim=True)}   {_aside(event)}"
        case _:
            return None


def _aside(event: Event) -> str:
    facts = event.payload
    match event.type:
        case "note.added":
            return f"noted: {facts['text'].splitlines()[0]}"
        case "session.joined":
            return f"taken up by session {facts['session_id']}: {facts['why']}"
        case _:
            return str(facts["reason"])
