"""What the worker is told: the whole task, its limits, its judges, and what failed before. Pure."""

from collections.abc import Sequence

from runr.runs.model import Check, RunStart, RunState
from runr.runs.next_steps import Surface
from runr.runs.stop_reasons import quoted

_RULES = """\
Rules:
- Work in this folder only. Do not switch branches and do not change files under .runr/.
- You may commit or leave your changes uncommitted; runr makes the checkpoint commit itself.
- Do not weaken, skip or delete a check to make it pass.
- When you are done, stop. runr then runs the checks itself; saying that it works is not enough."""


def work_prompt(start: RunStart, body: str, state: RunState | None = None) -> str:
    """Return the prompt for the next attempt; `state` carries what failed in the last one."""
    milestone = _milestone(state) if state else ""
    text = body.strip() or start.title
    parts = [f"# Task {start.task}", text, milestone, scope_section(start), checks_section(start)]
    if start.task_type == "hybrid":
        parts.append("A person does the rest of this task afterwards: do the worker's part only.")
    if state is not None and state.attempt > 0:
        parts.append(feedback_section(state))
    parts.append(_RULES)
    return "\n\n".join(part for part in parts if part) + "\n"


def follow_up_prompt(start: RunStart, state: RunState) -> str:
    """Return what a session that knows the task is told in a further attempt."""
    failed = feedback_section(state)
    if not failed and not (state.milestone and state.attempt == state.first_attempt):
        failed = "The last attempt ended before its work could be checked."
    heading = f"# Attempt {state.attempt} at task {start.task}"
    parts = [heading, _milestone(state), failed, scope_section(start), _RULES]
    return "\n\n".join(part for part in parts if part) + "\n"


def continue_prompt(start: RunStart) -> str:
    """Return what a session is told that an outage of its model broke off."""
    broken = "The model's service did not answer for a while. Go on where you left off."
    return f"# Task {start.task}\n\n{broken}\n\n{_RULES}\n"


def feedback_section(state: RunState) -> str:
    """Return what the last attempt left to be mended: failed checks in full tails, and words."""
    message = _failures(state)
    if state.asked:
        asked = fenced(state.asked[-1])
        message.append(
            f"# What the reviewer asked for\n\nDo this, or it is refused again.\n\n{asked}"
        )
    if state.rejection and not state.worded:
        no = state.rejection
        message.append(f"# Why {no.by} rejected the result\n\n{fenced(no.reason)}")
    return "\n\n".join(message)


def _failures(state: RunState) -> list[str]:
    failed = [check for check in state.checks if check.failed]
    if not failed:
        return []
    message = [f"# What failed in attempt {state.judged}", "Your earlier changes are still here."]
    for check in failed:
        how = "ran out of time" if check.exit_code is None else f"exit code {check.exit_code}"
        output = fenced(check.tail) if check.tail.strip() else "It printed nothing."
        message.append(f"`{check.command}` ({check.tier}): {how}\n\n{output}")
    return message


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


def scope_section(start: RunStart) -> str:
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


def checks_section(start: RunStart) -> str:
    """Return the commands that will judge the work."""
    if not start.checks and not start.risks:
        return "No checks are configured: a person will look at the result."
    message = []
    if start.checks:
        whole = "These commands will judge the result, run from the top of this folder:"
        message.append(f"{whole}\n{_commands(start.checks)}")
    for risk in start.risks:
        more = f"Where you change `{risk.pattern}`, these judge it too:"
        message.append(f"{more}\n{_commands(risk.checks)}")
    return "\n\n".join(message)


def _commands(checks: Sequence[Check]) -> str:
    return "\n".join(f"- `{check.command}`" for check in checks)


def fenced(text: str) -> str:
    """Return `text` as a block of Markdown that nothing in it can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text.rstrip()}\n{fence}"


#: Of the session's own notes, how many are told again, and how much of each.
_NOTES = 10
_NOTE = 500


def session_brief(state: RunState, body: str, *, notes: Sequence[str], surface: Surface) -> str:
    """Return the brief: the task, what failed last, what was noted, and how it ends.

    It stands alone, because the session may have forgotten everything else.
    """
    parts = [
        work_prompt(state.start, body, state if state.checks else None).rstrip(),
        _out_of_scope(state),
        _noted(notes),
        _ending(state, surface),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _out_of_scope(state: RunState) -> str:
    if not state.violations:
        return ""
    paths = "\n".join(f"- {path}" for path in state.violations[:20])
    return f"# Changed out of scope\n\nUndo these before anything else:\n{paths}"


def _noted(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    lines = "\n".join(f"- {note[:_NOTE]}" for note in notes[-_NOTES:])
    return f"# Noted so far\n\n{lines}"


def _ending(state: RunState, surface: Surface) -> str:
    task = state.start.task
    name = quoted(task.removeprefix(".runr/tasks/"))
    return (
        f"# This session is the worker (run {state.id})\n\n"
        f"- Done means completed: {surface.complete(task)} checks, commits and records it, or says "
        "what failed and leaves the run open.\n"
        f"- Progress that must not be lost: `runr note {name} 'what was found or decided'`.\n"
        "- This brief again, with what failed and what was noted: "
        f"{surface.run(task, by_session=True)}.\n"
        f"- To give up, with the work kept: `runr stop {state.id} --reason 'why'`."
    )


_READ_ONLY = "Do not change, create or delete any file, and do not commit: only read and answer."

_STEPS = """\
Another worker will do this task, step by step. Each step is checked and committed before the next
one begins, so each has to leave the project in a state that passes."""

_LIST = """\
Answer with a numbered list of at most {most} milestones, in order, one line each: what is done, and
how one sees that it is. A task that is small is one milestone."""

_LOOK_FOR = """\
Look for what is wrong or missing by the task's own words: bugs, parts left out, checks that were
weakened. Matters of taste are no reason to ask for changes."""

_VERDICT = """\
Say what has to change, each with its file and why. End with one line of its own:
`VERDICT: approve` where the work may be committed as it is, else `VERDICT: changes`."""


def plan_prompt(start: RunStart, body: str, most: int) -> str:
    """Return what the planner is told; it answers with a numbered list."""
    parts = [
        f"# Plan task {start.task}",
        _STEPS,
        f"## The task\n\n{body.strip() or start.title}",
        scope_section(start),
        checks_section(start),
        _LIST.format(most=most),
        _READ_ONLY,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def review_prompt(state: RunState, body: str, patch: str, *, cut: bool) -> str:
    """Return what the reviewer is told; its answer ends with a verdict."""
    start = state.start
    changes = fenced(patch) if patch.strip() else "Nothing was changed."
    if cut:
        changes += "\n\nThis is only the beginning: look at the files for the rest."
    parts = [
        f"# Review the work on task {start.task}",
        f"## The task\n\n{body.strip() or start.title}",
        _milestone_section(state),
        scope_section(start),
        f"Its checks have passed. These are the changes:\n\n{changes}",
        _asked_before(state),
        _LOOK_FOR,
        _READ_ONLY,
        _VERDICT,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _milestone_section(state: RunState) -> str:
    if not state.milestone:
        return ""
    number, total = state.milestone, len(state.milestones)
    at_hand = state.milestones[number - 1]
    return f"This is milestone {number} of {total}, and only it is to be judged: {at_hand}"


def _asked_before(state: RunState) -> str:
    if not state.asked:
        return ""
    return f"You asked for this before; see whether it was done:\n\n{fenced(state.asked[-1])}"
