"""Decide what comes after a run: while it is running, after its end, and after a stop.

Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from runr.next_steps import commands
from runr.next_steps.step import NextStep

Action = Literal[
    "accept",
    "approve",
    "doctor",
    "inspect",
    "land",
    "log",
    "login",
    "merge",
    "reject",
    "report",
    "resume",
    "run",
    "status",
]


class RunFacts(NamedTuple):
    """What decides about the next steps of a run; `result` is None while it is running.

    `workdir` is empty where its tree is gone, `actions` are those of its stop
    reason, and `target` is the branch that its work lands on: where that is gone, `lands_on` is
    another one. `merging` tells whether a merge was begun in its tree, and its conflicts are left.
    `has_markers` tells that its tree has the files in conflict, with git's markers. `look` are the
    words of the git command that shows what keeps its work from landing.
    """

    id: str
    task: str
    result: str | None = None
    kind: str = "attempt"
    worker: str = ""
    branch: str = "HEAD"
    workdir: str = ""
    base: str = ""
    checkpoint: str = ""
    target: str = ""
    lands_on: str = ""
    merging: Literal["", "open", "resolved"] = ""
    actions: tuple[Action, ...] = ()
    has_markers: bool = False
    look: tuple[str, ...] = ("status",)


def _inspect(run: RunFacts) -> NextStep | None:
    """Return how the work is looked at: in its tree, or in its commit where the tree is gone."""
    if run.workdir:
        return commands.git("-C", run.workdir, "status")
    return _log(run) if run.checkpoint else None


def _log(run: RunFacts) -> NextStep:
    tip = run.branch if run.workdir else run.checkpoint or run.branch
    return commands.git("log", "-p", f"{run.base}..{tip}")


def _merge(run: RunFacts) -> NextStep | None:
    """Return how a conflict is resolved on the run's branch, in its tree."""
    if not (run.workdir and run.target):
        return None
    tree, onto = run.workdir, run.lands_on or run.target
    if run.has_markers:
        shown = commands.git("-C", tree, "diff", "HEAD").in_words(f"those with markers in {tree}")
        return shown.because("Resolve the conflict in these files")
    if run.merging == "resolved":
        done = commands.git("-C", tree, "commit", "--no-edit").in_words(f"in {tree}")
        return done.because("Its conflicts are resolved. Commit the merge")
    if run.merging == "open":
        look = commands.git("-C", tree, "status").in_words(f"in {tree}")
        return look.because("Resolve the conflict there, add the files and commit")
    merging = commands.git("-C", tree, "merge", onto).in_words(f"merge {onto} in {tree}")
    return merging.because("Resolve the conflict there and commit")


_ACCEPT = "Land the work as it is. `runr run` does the changed task instead"

#: The command of each action after a stop.
STOP_ACTIONS: Mapping[Action, Callable[[RunFacts], NextStep | None]] = {
    "accept": lambda run: commands.resume(run.id, accept_changes=True).because(_ACCEPT),
    "approve": lambda run: commands.approve(run.task),
    "doctor": lambda _: commands.doctor(),
    "inspect": _inspect,
    "land": lambda run: commands.land(run.id, to=run.lands_on).because("Land its verified work"),
    "log": _log,
    "login": lambda run: commands.login(run.worker).because("The user logs in"),
    "merge": _merge,
    "reject": lambda run: commands.reject(run.task),
    "report": lambda run: commands.report(run.id),
    "resume": lambda run: commands.resume(run.id),
    "run": lambda run: commands.run(run.task),
    "status": lambda run: commands.git(*run.look, at_root="--" in run.look),
}


def after_run(run: RunFacts) -> tuple[NextStep, ...]:
    """Return what to do about a run: three steps after a stop, none where all is done."""
    if run.result is None:
        return while_running(run.id)
    if run.result == "completed":
        return ()
    if run.kind == "manual_commit":
        return (commands.git("status"), commands.git("log", "-1"), commands.runs())
    if run.worker == "person":
        # A refused attestation cannot be resumed: it is repeated, or the task is run.
        return (commands.status(run.task), commands.attest(run.task))
    return tuple(step for action in run.actions if (step := STOP_ACTIONS[action](run)))


def while_running(run_id: str) -> tuple[NextStep, ...]:
    """Return what to do while a run is running in its own process."""
    return (commands.follow(run_id), commands.stop(run_id))


def continue_run(run_id: str, *, lands: bool) -> NextStep:
    """Return how a stopped run goes on: where only the landing `lands` is left, by that."""
    return commands.land(run_id) if lands else commands.resume(run_id)


def merge_by_hand(commit: str, *, switch_to: str = "", checkout: str = "") -> NextStep:
    """Return how git merges a commit: where the target is checked out, or after a switch to it."""
    if checkout:
        return commands.git("-C", checkout, "merge", commit)
    if switch_to:
        return commands.git("switch", switch_to).then_git("merge", commit)
    return commands.git("merge", commit)


def after_start(task: str, *, resumed: bool = False) -> tuple[NextStep, ...]:
    """Return how to follow a run that has just been started."""
    begun = "It is resumed" if resumed else "It runs by itself"
    return (commands.status(task).because(f"{begun}. Follow it"),)


def decision_first(steps: tuple[NextStep, ...]) -> tuple[NextStep, ...]:
    """Return the steps after a stop, the approval first."""
    return tuple(sorted(steps, key=lambda step: "approve" not in step.argv[1:2]))


def is_decision(step: NextStep) -> bool:
    """Tell whether a step decides about a run that waits for a person."""
    return step.argv[1:2] in (("approve",), ("reject",), ("resume",))


def after_brief(task: str) -> tuple[NextStep, ...]:
    """Return what a session does that has read its brief."""
    text = "You are the worker: do what the brief says, then"
    return (commands.complete(task).because(text),)


def after_lease_conflict(task: str, run_id: str, *, session: bool) -> tuple[NextStep, ...]:
    """Return what to do about a task that another session holds."""
    taking = (commands.take_over(task),) if session else ()
    reason = "why it is abandoned"
    return (commands.report(run_id), *taking, commands.stop(run_id, reason=reason))


def after_batch(
    *, ran: bool, stopped: Sequence[str], waiting: Sequence[str], landing: Sequence[str] = ()
) -> tuple[NextStep, ...]:
    """Return what to do about the tasks that several runs have left over, or why none `ran`.

    Of the `stopped` tasks, those in `landing` have verified work that waits.
    """
    land = (commands.land(every=True),) if landing else ()
    resume = (commands.resume(),) if set(stopped).difference(landing) else ()
    decide = (commands.list_tasks("--waiting"),) if waiting else ()
    steps = (*land, *resume, *decide)
    return steps if ran or steps else (commands.next_task("--explain"),)


def without_a_stop(
    running: Sequence[str], ready: Sequence[str], waiting: Sequence[str]
) -> tuple[NextStep, ...]:
    """Return what to do where no run has stopped: with tasks that are ready, or wait for a person.

    The first of each is the first by priority.
    """
    if running:
        return tuple(map(commands.follow, running))
    if ready:
        return (commands.run(ready[0]), commands.list_tasks("--ready"))
    if waiting:
        return (commands.status(waiting[0]), commands.list_tasks("--waiting"))
    return (commands.list_tasks(),)
