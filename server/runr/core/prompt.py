"""What the worker is told: the whole task, its limits, its judges, and what failed before."""

from collections.abc import Sequence

from runr.core.runstate import Check, RunStart, RunState

_RULES = """\
Rules:
- Work in this folder only. Do not switch branches and do not change files under .runr/.
- You may commit or leave your changes uncommitted; runr makes the checkpoint commit itself.
- Do not weaken, skip or delete a check to make it pass.
- When you are done, stop. runr then runs the checks itself; saying that it works is not enough."""


def compose(start: RunStart, body: str, state: RunState | None = None) -> str:
    """Return the prompt for the next attempt; `state` carries what failed in the last one."""
    milestone = _milestone(state) if state else ""
    text = body.strip() or start.title
    parts = [f"# Task {start.task}", text, milestone, scope(start), judges(start)]
    if start.task_type == "hybrid":
        parts.append("A person does the rest of this task afterwards: do the worker's part only.")
    if state is not None and state.attempt > 0:
        parts.append(feedback(state))
    parts.append(_RULES)
    return "\n\n".join(part for part in parts if part) + "\n"


def follow_up(start: RunStart, state: RunState) -> str:
    """Return what a session that knows the task is told in a further attempt."""
    failed = feedback(state)
    if not failed and not (state.milestone and state.attempt == state.first_attempt):
        failed = "The last attempt ended before its work could be checked."
    heading = f"# Attempt {state.attempt} at task {start.task}"
    parts = [heading, _milestone(state), failed, scope(start), _RULES]
    return "\n\n".join(part for part in parts if part) + "\n"


def go_on(start: RunStart) -> str:
    """Return what a session is told that an outage of its model broke off."""
    broken = "The model's service did not answer for a while. Go on where you left off."
    return f"# Task {start.task}\n\n{broken}\n\n{_RULES}\n"


def feedback(state: RunState) -> str:
    """Return what the last attempt left to be mended: failed checks in full tails, and words."""
    told = _failures(state)
    if state.asked:
        asked = fenced(state.asked[-1])
        told.append(f"# What the reviewer asked for\n\nDo this, or it is refused again.\n\n{asked}")
    if state.rejection and not state.worded:
        no = state.rejection
        told.append(f"# Why {no.by} rejected the result\n\n{fenced(no.reason)}")
    return "\n\n".join(told)


def _failures(state: RunState) -> list[str]:
    failed = [check for check in state.checks if check.failed]
    if not failed:
        return []
    told = [f"# What failed in attempt {state.judged}", "Your earlier changes are still here."]
    for check in failed:
        how = "ran out of time" if check.exit_code is None else f"exit code {check.exit_code}"
        output = fenced(check.tail) if check.tail.strip() else "It printed nothing."
        told.append(f"`{check.command}` ({check.tier}): {how}\n\n{output}")
    return told


def _milestone(state: RunState) -> str:
    """Return what is done, what is to be done now, and what is left for later."""
    if not state.milestone:
        return ""
    done, at_hand = len(state.checkpoints), state.milestone
    lines = [f"# Milestone {at_hand} of {len(state.milestones)}"]
    for number, title in enumerate(state.milestones, start=1):
        where = "done" if number <= done else "now" if number == at_hand else "later"
        lines.append(f"{number}. {title} ({where})")
    return "\n".join([*lines, "", "Do this milestone only: it is checked and committed first."])


def scope(start: RunStart) -> str:
    """Return what may be changed and what not; nothing where there are no limits."""
    lines = []
    if start.owns:
        lines.append("You may change only: " + ", ".join(start.owns))
        if start.allow:
            lines.append("Where that needs it, also: " + ", ".join(start.allow))
        if start.lockfiles == "follow":
            lines.append("A lockfile may change only together with its manifest.")
        if start.lockfiles == "allow":
            lines.append("Lockfiles may change.")
    if start.deny:
        lines.append("You must not change: " + ", ".join(start.deny))
    if start.lockfiles == "deny":
        lines.append("You must not change any lockfile.")
    return "\n".join([*lines, "A change outside of this stops the run."]) if lines else ""


def judges(start: RunStart) -> str:
    """Return the commands that will judge the work."""
    if not start.checks and not start.risks:
        return "No checks are configured: a person will look at the result."
    told = []
    if start.checks:
        whole = "These commands will judge the result, run from the top of this folder:"
        told.append(f"{whole}\n{_commands(start.checks)}")
    for risk in start.risks:
        more = f"Where you change `{risk.pattern}`, these judge it too:"
        told.append(f"{more}\n{_commands(risk.checks)}")
    return "\n\n".join(told)


def _commands(checks: Sequence[Check]) -> str:
    return "\n".join(f"- `{check.command}`" for check in checks)


def fenced(text: str) -> str:
    """Return `text` as a block of Markdown that nothing in it can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text.rstrip()}\n{fence}"
