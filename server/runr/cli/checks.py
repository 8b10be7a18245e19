"""Checks as people read them in a terminal: what passed, failed, is flaky, or was not run."""

from click import style

from runr.app.answers import CheckView
from runr.core.duration import spoken
from runr.core.runstate import Event


def line(check: CheckView) -> str:
    """Return a check with how it ended, as a run's summary lists it."""
    return f"{_sign(check)} {check.command} ({_facts(check, took=True)})"


def progress(event: Event) -> str:
    """Return what an event about checks says while the run goes on."""
    facts = event.payload
    if event.type == "checks.added":
        return f"{facts['tier']} too: {facts['path']} is in {facts['pattern']}"
    check = CheckView.model_validate(facts | {"passed": facts["exit_code"] == 0})
    if event.type == "check.failed":
        return f"{_sign(check)} {check.command} (run {check.runs}; it is run again)"
    more = f" ({_facts(check, took=False)})" if check.runs > 1 else ""
    return f"{_sign(check)} {check.command}{more}"


def _sign(check: CheckView) -> str:
    if not check.runs:
        return style("-", dim=True)
    if check.passed:
        return style("✓", fg="yellow" if check.flaky else "green")
    return style("✗", fg="red")


def _facts(check: CheckView, *, took: bool) -> str:
    if not check.runs:
        return f"{check.tier}, not run"
    time = spoken(check.seconds) if took else ""
    again = f"failed in {check.runs} runs" if check.runs > 1 else ""
    again = f"flaky: passed in run {check.runs}" if check.flaky else again
    return ", ".join(part for part in (check.tier, time, again) if part)
