"""What a planner and a reviewer are told."""

from runr.core.prompt import fenced, judges, scope
from runr.core.runstate import RunStart, RunState

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


def plan(start: RunStart, body: str, most: int) -> str:
    """Return what the planner is told; it answers with a numbered list."""
    parts = [
        f"# Plan task {start.task}",
        _STEPS,
        f"## The task\n\n{body.strip() or start.title}",
        scope(start),
        judges(start),
        _LIST.format(most=most),
        _READ_ONLY,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def review(state: RunState, body: str, patch: str, *, cut: bool) -> str:
    """Return what the reviewer is told; its answer ends with a verdict."""
    start = state.start
    changes = fenced(patch) if patch.strip() else "Nothing was changed."
    if cut:
        changes += "\n\nThis is only the beginning: look at the files for the rest."
    parts = [
        f"# Review the work on task {start.task}",
        f"## The task\n\n{body.strip() or start.title}",
        _milestone(state),
        scope(start),
        f"Its checks have passed. These are the changes:\n\n{changes}",
        _asked_before(state),
        _LOOK_FOR,
        _READ_ONLY,
        _VERDICT,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _milestone(state: RunState) -> str:
    if not state.milestone:
        return ""
    number, total = state.milestone, len(state.milestones)
    at_hand = state.milestones[number - 1]
    return f"This is milestone {number} of {total}, and only it is to be judged: {at_hand}"


def _asked_before(state: RunState) -> str:
    if not state.asked:
        return ""
    return f"You asked for this before; see whether it was done:\n\n{fenced(state.asked[-1])}"
