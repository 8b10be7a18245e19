"""What workers, planners and reviewers are asked to do: the task, its scope, its checks. Pure."""

from collections.abc import Sequence

from runr.next_steps import commands
from runr.next_steps.step import Surface
from runr.runs.model import Check, CheckResult, RunSpec, RunState
from runr.text import join_limited, markdown_code, readable_name

_RULES = """\
Rules:
- Work in this folder only. Do not switch branches and do not change files under .runr/.
- You may commit or leave your changes uncommitted; runr makes the checkpoint commit itself.
- Do not weaken, skip or delete a check to make it pass.
- When you are done, stop. runr then runs the checks itself; a statement that it works is not
  enough."""

_MISSING = """\
This check passes in the workspace and fails in a clean checkout of the commit. The likely reason
are files that are in no commit:"""
_BEFORE_ADVICE = """\
What was changed before the run began is not its work: commit such a file if it belongs to it."""
_MISSING_ADVICE = """\
Add an ignored file that belongs to the work with `git add -f`, or change .gitignore. A folder of
installed dependencies is named by `carry` under [verify] in .runr/config.toml."""

_HYBRID = "A person completes this task afterwards: do only the worker's part."


def work_prompt(state: RunState, body: str) -> str:
    """Return the prompt for the next attempt, with what failed in the last one."""
    parts = [
        f"# Task {state.start.task}",
        _task(state, body),
        _milestone(state),
        state.start.job.earlier if state.start.job else "",
        scope_section(state.spec),
        checks_section(state.spec),
        _HYBRID if state.spec.task_type == "hybrid" else "",
        feedback_section(state) if state.attempt > 0 else "",
        _RULES,
    ]
    return _joined(parts)


def follow_up_prompt(state: RunState) -> str:
    """Return the prompt of a further attempt for a session that knows the task."""
    failed = feedback_section(state)
    if not failed and not (state.milestone and state.attempt == state.attempts_from):
        failed = "The last attempt ended before its work could be checked."
    heading = f"# Attempt {state.attempt} at task {state.start.task}"
    return _joined([heading, _milestone(state), failed, scope_section(state.spec), _RULES])


def continue_prompt(state: RunState) -> str:
    """Return the prompt for a session that an outage of its model interrupted."""
    interrupted = "The model's service did not answer for a while. Continue where you stopped."
    return _joined([f"# Task {state.start.task}", interrupted, _RULES])


def feedback_section(state: RunState) -> str:
    """Return what the last attempt left to fix: failed checks with their output, and feedback."""
    sections = [*_restored(state), *_rework(state), *_failures(state)]
    if state.review.feedback:
        feedback = fenced(state.review.feedback[-1])
        sections.append(
            f"# Requested by the reviewer\n\nThe work is not accepted without this.\n\n{feedback}"
        )
    rejection = state.decision.rejection
    if rejection and not state.decision.approved:
        sections.append(f"# Rejected by {rejection.signature}\n\n{fenced(rejection.reason)}")
    return "\n\n".join(sections)


def _rework(state: RunState) -> list[str]:
    """Return that the work is on top of other commits now, and what conflicts with them."""
    rework = state.rework
    if rework.onto is None:
        return []
    what = f"Your work could not land on {state.start.target or 'its branch'}, which has moved."
    where = f"It is now on top of {rework.onto[:12]}, as uncommitted changes."
    lines = [f"# The branch has moved\n\n{what} {where}"]
    if rework.files:
        names = "\n".join(f"- {path}" for path in rework.files)
        lines.append(f"Both sides changed these files. Keep what both meant:\n{names}")
    return lines


def _restored(state: RunState) -> list[str]:
    if not state.restored:
        return []
    what = "What you had changed without success is not in these files any more. Begin again."
    look = f"`git diff {state.restored}^ {state.restored}` shows it."
    return [f"# The files are as before\n\n{what} {look}"]


def _failures(state: RunState) -> list[str]:
    failed = [check for check in state.verification.checks if check.failed]
    if not failed:
        return []
    heading = f"# Failed checks of attempt {state.verification.attempt}"
    here = () if state.restored else ("Your earlier changes are still here.",)
    return [heading, *here, *map(_failure, failed)]


def _failure(check: CheckResult) -> str:
    how = "timed out" if check.exit_code is None else f"exit code {check.exit_code}"
    output = fenced(check.tail) if check.tail.strip() else "It printed nothing."
    return f"`{check.command}` ({check.tier}): {how}\n\n{output}"


def missing_files(ignored: Sequence[str], uncommitted: Sequence[str]) -> str:
    """Return why a check may pass in the workspace and fail on the commit; empty for no reason."""
    lines, advice = [], []
    if ignored:
        lines.append(f"- git ignores: {join_limited(ignored, 8)}")
        advice.append(_MISSING_ADVICE)
    if uncommitted:
        lines.append(f"- not part of the run's changes: {join_limited(uncommitted, 8)}")
        advice.append(_BEFORE_ADVICE)
    return "\n".join([_MISSING, *lines, *advice]) if lines else ""


def _milestone(state: RunState) -> str:
    """Return which milestones are done, which one is next, and which come later."""
    if not state.milestone:
        return ""
    done, current = len(state.checkpoints), state.milestone
    lines = [f"# Milestone {current} of {len(state.milestones)}"]
    for number, title in enumerate(state.milestones, start=1):
        when = "done" if number <= done else "now" if number == current else "later"
        lines.append(f"{number}. {title} ({when})")
    return "\n".join([*lines, "", "Do this milestone only: it is checked and committed first."])


def scope_section(spec: RunSpec) -> str:
    """Return which files may be changed and which not; nothing where there are no limits."""
    lines = []
    if spec.owns:
        lines.append("You may change only: " + ", ".join(spec.owns))
        if spec.allow:
            lines.append("Where necessary, also: " + ", ".join(spec.allow))
        if spec.lockfiles == "follow":
            lines.append("A lockfile may change only together with its manifest.")
        if spec.lockfiles == "allow":
            lines.append("Lockfiles may change.")
    if spec.deny:
        lines.append("You must not change: " + ", ".join(spec.deny))
    if spec.lockfiles == "deny":
        lines.append("You must not change any lockfile.")
    return "\n".join([*lines, "A change outside of this scope stops the run."]) if lines else ""


def checks_section(spec: RunSpec) -> str:
    """Return the commands that verify the work."""
    if not spec.checks and not spec.escalations:
        return "No checks are configured: a person reviews the result."
    sections = []
    if spec.checks:
        heading = "The result is verified with these commands, run from the top of this folder:"
        sections.append(f"{heading}\n{_commands(spec.checks)}")
    for escalation in spec.escalations:
        heading = f"Where you change {markdown_code(escalation.pattern)}, it is also verified with:"
        sections.append(f"{heading}\n{_commands(escalation.checks)}")
    return "\n\n".join(sections)


def _commands(checks: Sequence[Check]) -> str:
    return "\n".join(f"- {markdown_code(check.command)}" for check in checks)


def fenced(text: str) -> str:
    """Return `text` as a block of Markdown that nothing in it can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text.rstrip()}\n{fence}"


def _task(state: RunState, body: str) -> str:
    return body.strip() or state.spec.title


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


#: How many of the latest notes a brief repeats, and how many characters of each.
_NOTES = 10
_NOTE_LENGTH = 500

#: How many files a brief lists: those out of scope, and those changed before the run began.
_FILES = 20

_BEFORE = """\
# Changed before this run began

In the scope of the task, these files have changes that are in no commit and not part of this run:
{paths}

Commit those that belong to the task before you change them: then they are checked with your work.
Leave the others as they are. If you did not make the changes, ask the user first."""


def session_brief(
    state: RunState, body: str, *, before: Sequence[str], notes: Sequence[str], surface: Surface
) -> str:
    """Return the brief: the task, what failed last, the notes, and how to end.

    `before` are files of the scope that had changes before the run began.

    It is complete by itself, because the session may have lost everything else.
    """
    return _joined(
        [
            work_prompt(state, body).rstrip(),
            _out_of_scope(state),
            _changed_before(before),
            _notes(notes),
            _session_rules(state, surface),
        ]
    )


def _out_of_scope(state: RunState) -> str:
    if not state.violations:
        return ""
    paths = "\n".join(f"- {readable_name(path)}" for path in state.violations[:_FILES])
    return f"# Changed outside of the scope\n\nRevert these first:\n{paths}"


def _changed_before(before: Sequence[str]) -> str:
    if not before:
        return ""
    paths = "\n".join(f"- {markdown_code(readable_name(path))}" for path in before[:_FILES])
    left = len(before) - _FILES
    return _BEFORE.format(paths=f"{paths}\n- and {left} more" if left > 0 else paths)


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    lines = "\n".join(f"- {note[:_NOTE_LENGTH]}" for note in notes[-_NOTES:])
    return f"# Notes so far\n\n{lines}"


def _session_rules(state: RunState, surface: Surface) -> str:
    task, stop = state.start.task, commands.stop(state.id, reason="why")
    return (
        f"# This session is the worker (run {state.id})\n\n"
        f"- To finish: {surface.inline(commands.complete(task))} checks, commits and records the "
        "work, or reports what failed and leaves the run open.\n"
        f"- To keep findings or decisions: {surface.inline(commands.note(state.task_name))}.\n"
        "- To read this brief again, with failures and notes: "
        f"{surface.inline(commands.run_session(task))}.\n"
        f"- To give up, with the work kept: {surface.inline(stop)}."
    )


_READ_ONLY = "Do not change, create or delete any file, and do not commit: only read and answer."

_PLAN = """\
Another worker will do this task in milestones. Each milestone is checked and committed before the
next one begins, so each has to leave the project in a state that passes the checks."""

_PLAN_FORMAT = """\
Answer with a numbered list of at most {most} milestones, in order, one line each: what is done, and
how to verify it. A small task is one milestone."""

_REVIEW = """\
Look for what is wrong or missing according to the task: bugs, omissions, checks that were weakened.
Do not ask for changes as a matter of taste."""

_REVIEW_FORMAT = """\
List what has to change, each item with its file and the reason. End with a line of its own:
`VERDICT: approve` where the work can be committed as it is, else `VERDICT: changes`."""


def plan_prompt(state: RunState, body: str, most: int) -> str:
    """Return the planner's prompt; its answer is a numbered list."""
    return _joined(
        [
            f"# Plan task {state.start.task}",
            _PLAN,
            f"## The task\n\n{_task(state, body)}",
            scope_section(state.spec),
            checks_section(state.spec),
            _PLAN_FORMAT.format(most=most),
            _READ_ONLY,
        ]
    )


def review_prompt(state: RunState, body: str, patch: str, *, cut: bool) -> str:
    """Return the reviewer's prompt; its answer ends with a verdict."""
    changes = fenced(patch) if patch.strip() else "Nothing was changed."
    if cut:
        changes += "\n\nThis is only the beginning: read the files for the rest."
    return _joined(
        [
            f"# Review the work on task {state.start.task}",
            f"## The task\n\n{_task(state, body)}",
            _reviewed_milestone(state),
            scope_section(state.spec),
            f"Its checks have passed. These are the changes:\n\n{changes}",
            _previous_feedback(state),
            _REVIEW,
            _READ_ONLY,
            _REVIEW_FORMAT,
        ]
    )


def _reviewed_milestone(state: RunState) -> str:
    if not state.milestone:
        return ""
    number, total = state.milestone, len(state.milestones)
    return f"This is milestone {number} of {total}; review only it: {state.milestones[number - 1]}"


def _previous_feedback(state: RunState) -> str:
    if not state.review.feedback:
        return ""
    feedback = fenced(state.review.feedback[-1])
    return f"You asked for this before; check whether it was done:\n\n{feedback}"
