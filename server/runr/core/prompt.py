"""What the worker is told: the whole task, its limits, its judges, and what failed before."""

from runr.core.runstate import RunStart, RunState

_RULES = """\
Rules:
- Work in this folder only. Do not switch branches and do not change files under .runr/.
- You may commit or leave your changes uncommitted; runr makes the checkpoint commit itself.
- Do not weaken, skip or delete a check to make it pass.
- When you are done, stop. runr then runs the checks itself; saying that it works is not enough."""


def compose(start: RunStart, body: str, state: RunState | None = None) -> str:
    """Return the prompt for the next attempt; `state` carries what failed in the last one."""
    parts = [f"# Task {start.task}", body.strip() or start.title, _scope(start), _judges(start)]
    if start.task_type == "hybrid":
        parts.append("A person does the rest of this task afterwards: do the worker's part only.")
    if state is not None and state.attempt > 0:
        parts.append(feedback(state))
    parts.append(_RULES)
    return "\n\n".join(part for part in parts if part) + "\n"


def follow_up(start: RunStart, state: RunState) -> str:
    """Return what a session that knows the task is told in a further attempt."""
    failed = feedback(state) or "The last attempt ended before its work could be checked."
    parts = [f"# Attempt {state.attempt} at task {start.task}", failed, _scope(start), _RULES]
    return "\n\n".join(part for part in parts if part) + "\n"


def go_on(start: RunStart) -> str:
    """Return what a session is told that an outage of its model broke off."""
    broken = "The model's service did not answer for a while. Go on where you left off."
    return f"# Task {start.task}\n\n{broken}\n\n{_RULES}\n"


def feedback(state: RunState) -> str:
    """Return what failed in the last attempt, in full tails."""
    failed = [check for check in state.checks if not check.passed]
    if not failed:
        return ""
    told = [f"# What failed in attempt {state.judged}", "Your earlier changes are still here."]
    for check in failed:
        how = "ran out of time" if check.exit_code is None else f"exit code {check.exit_code}"
        output = _fenced(check.tail) if check.tail.strip() else "It printed nothing."
        told.append(f"`{check.command}` ({check.tier}): {how}\n\n{output}")
    return "\n\n".join(told)


def _scope(start: RunStart) -> str:
    if not start.owns and not start.deny:
        return ""
    lines = []
    if start.owns:
        lines.append("You may change only: " + ", ".join(start.owns))
    if start.deny:
        lines.append("You must not change: " + ", ".join(start.deny))
    return "\n".join(lines) + "\nA change outside of this stops the run."


def _judges(start: RunStart) -> str:
    if not start.checks:
        return "No checks are configured: a person will look at the result."
    commands = "\n".join(f"- `{check.command}`" for check in start.checks)
    return f"These commands will judge the result, run from the top of this folder:\n{commands}"


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text.rstrip()}\n{fence}"
