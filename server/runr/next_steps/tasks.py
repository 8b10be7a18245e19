"""Decide what comes after a look at tasks: at one, at a list, and after a completion.

Pure.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple, get_args

from runr.next_steps import commands
from runr.next_steps.runs import decision_first, is_decision
from runr.next_steps.step import NextStep

#: What an agent gets for a task that has no next steps.
NOTHING = NextStep(text="Nothing to do: the task is completed.")

#: As many paths are named in a sentence.
_NAMED = 5

#: As many steps are shown beside an explanation.
_EXPLAINED = 2


class TaskFacts(NamedTuple):
    """What decides about the next steps of a task; `run_steps` are those of its last run.

    `problem` keeps its file from being run, `cause` is the first task that the
    others wait for, where the task is blocked, `unlanded` the job run whose branch has what it
    waits for, or its own work. `is_active` tells whether the
    session that holds it is active, `is_gone` whether the commit of an `unmerged` one is not
    in the repository, `for_person` whether the last run waits for
    a decision.
    """

    path: str
    status: str
    manual: bool = False
    problem: str = ""
    stale: bool = False
    unmerged: bool = False
    is_gone: bool = False
    cause: str | None = None
    unlanded: str | None = None
    checkpoint_sha: str | None = None
    run: str | None = None
    phase: str = ""
    by_session: bool = False
    is_active: bool = False
    for_person: bool = False
    run_steps: tuple[NextStep, ...] = ()


def for_task(task: TaskFacts, *, agent: bool = False) -> tuple[NextStep, ...]:
    """Return what to do about a task, the likeliest first; nothing for one that is done.

    An agent gets what it can do itself, or has to ask its user for.
    """
    if task.stale:
        return _stale(task, agent=agent)
    if task.status == "completed":
        return _merge(task) if task.unmerged else ()
    if task.status == "in_progress" and task.run:
        return _in_progress(task, task.run, agent=agent)
    if task.unlanded:
        text = "What it waits for is on the branch of a job"
        return (commands.job_land(task.unlanded).because(text),)
    if task.cause:
        text = "Another task has to be completed first"
        return (commands.why(task.cause).because(text),)
    if task.problem:
        return (commands.lint(task.path).because(f"Fix the file first ({task.problem})"),)
    return _open_agent(task) if agent else _open_person(task)


def _stale(task: TaskFacts, *, agent: bool) -> tuple[NextStep, ...]:
    look = commands.why(task.path, diff=True).because("See whether it still holds")
    again = () if task.manual else (commands.run(task.path).because("Do it again"),)
    holds = commands.acknowledge(task.path).because("Where it still holds")
    return (holds, *again) if agent else (look, holds, *again)


def _merge(task: TaskFacts) -> tuple[NextStep, ...]:
    if task.is_gone:
        return (commands.run(task.path).because("Its commit is gone. Do it again"),)
    if task.unlanded:
        return (commands.job_land(task.unlanded).because("Its commit is on the branch of a job"),)
    sha = task.checkpoint_sha or ""
    known = task.run_steps[:1] or (commands.git("merge", sha).in_words(f"merge {sha}"),)
    return tuple(step.because("Its commit is not on this branch") for step in known)


def _in_progress(task: TaskFacts, run: str, *, agent: bool) -> tuple[NextStep, ...]:
    complete = commands.complete(task.path)
    if task.by_session and not agent:
        return (complete,)
    if task.by_session and task.is_active:
        brief = commands.run_session(task.path).because("Its brief again")
        return (complete.because("Its session finishes the work, then"), brief)
    if task.by_session:
        taken = commands.run_session(task.path).because("Its session is gone. Continue its work")
        return (taken, complete.because("Complete what is there"))
    if agent:
        state = f"in phase {task.phase}" if task.phase else "starting"
        wait = f"Wait: run {run} is {state}. Then ask again"
        return (commands.status(task.path).because(wait),)
    return (commands.follow(run), commands.stop(run))


def _open_agent(task: TaskFacts) -> tuple[NextStep, ...]:
    if task.manual:
        return (commands.attest(task.path).because("A person does it, then"),)
    if task.for_person:
        approve = commands.approve(task.path).because("A person looks at it, then")
        return (approve, commands.reject(task.path).because("Or it is wrong"))
    if task.status in ("stopped", "failed") and task.run_steps:
        *others, last = task.run_steps
        explained = [step for step in others if step.text]
        return (*explained, last if last.text else last.because("Read what failed, then"))
    return (commands.run(task.path).because("Start it"),)


def _open_person(task: TaskFacts) -> tuple[NextStep, ...]:
    if task.status in ("stopped", "failed") and task.run_steps:
        return task.run_steps
    return (commands.attest(task.path) if task.manual else commands.run(task.path),)


def for_explanation(task: TaskFacts) -> tuple[NextStep, ...]:
    """Return at most two steps beside an explanation.

    After a stop they are the decision that a run waits for, the approval first, or what
    continues the run.
    """
    steps = for_task(task)
    if steps != task.run_steps:
        return steps[:_EXPLAINED]
    if task.for_person:
        return tuple(filter(is_decision, decision_first(steps)))
    return steps[-1:]


#: The kinds of tasks that cannot be started, in the order in which they are spoken of.
ListKind = Literal["in_progress", "blocked", "stale", "orphaned", "completed"]
LIST_KINDS: tuple[ListKind, ...] = get_args(ListKind)


class ListFacts(NamedTuple):
    """What decides about the next step of a list.

    `first` is by priority the first of its `ready` tasks, None where they are not
    ranked yet and several have the same priority; where none is ready, of those that wait for
    a person. `manual` tells whether it is a manual task, `stopped` is its stopped run.
    `in_all` counts the tasks without a filter; `landing` are the runs whose verified work waits to
    land, `unmerged` the tasks whose work is not on this branch. Where none of them can be started,
    `kind` is of which kind `alike` of them are, with `first` the first one. `template` is the text
    of a new task, where it is to be shown.
    """

    total: int
    in_all: int
    ready: int = 0
    waiting: int = 0
    first: str | None = None
    manual: bool = False
    stopped: str | None = None
    landing: tuple[str, ...] = ()
    unmerged: tuple[str, ...] = ()
    kind: ListKind = "blocked"
    alike: int = 0
    template: str = ""


def create_task(template: str) -> NextStep:
    """Return how a task is created by whoever can write a file."""
    return NextStep(text=f"To create a task, write .runr/tasks/NAME.md:\n{template}")


def after_list(tasks: ListFacts) -> tuple[NextStep, ...]:
    """Return what to do with the tasks of a list."""
    new = (create_task(tasks.template),) if tasks.template else ()
    return new if new and not tasks.in_all else (*_with_tasks(tasks), *new)


def _with_tasks(tasks: ListFacts) -> tuple[NextStep, ...]:
    if not tasks.in_all:
        text = "There are no tasks yet; task files are .runr/tasks/*.md"
        return (commands.new("first-task").because(text),)
    if not tasks.total:
        return (commands.list_tasks().because("No task matches the filter. All tasks"),)
    land = land_waiting(tasks.landing)
    if tasks.ready:
        able = f"{tasks.ready} can be started"
        if tasks.first is None:
            return (commands.next_task().because(f"{able}. The first by priority"), *land)
        begin = commands.resume(tasks.stopped) if tasks.stopped else commands.run(tasks.first)
        return (begin.because(f"{able}. Next"), *land)
    if tasks.first and tasks.waiting:
        step = commands.attest(tasks.first) if tasks.manual else commands.status(tasks.first)
        because = f"Nothing here is ready to run, {_waits(tasks.waiting)} for a person"
        return (step.because(because), *land)
    if land:
        return land
    if tasks.unmerged:
        one = len(tasks.unmerged) == 1
        look = commands.status(tasks.unmerged[0]) if one else commands.list_tasks("--unmerged")
        what = "the work of 1 task" if one else f"the work of {len(tasks.unmerged)} tasks"
        return (look.because(f"Nothing here is ready to run, and {what} is not on this branch"),)
    return (_nothing_to_start(tasks, tasks.first or ""),)


def _nothing_to_start(tasks: ListFacts, first: str) -> NextStep:
    """Return what to do about tasks that cannot be started."""
    are = "1 is" if tasks.alike == 1 else f"{tasks.alike} are"
    match tasks.kind:
        case "in_progress":
            return commands.status(first).because(f"{are} in progress. The first")
        case "blocked":
            return commands.next_task("--explain").because("Nothing here is ready to run")
        case "stale":
            return commands.why(first, diff=True).because(f"{are} stale. Why")
        case "orphaned":
            return commands.lint().because(f"{are} recorded without a task file")
        case "completed" if tasks.total == tasks.in_all:
            return NextStep(text="All tasks are completed.")
        case "completed":
            return commands.next_task().because("All of these are completed. What can be started")


def land_waiting(runs: Sequence[str]) -> tuple[NextStep, ...]:
    """Return how the verified work of runs lands that waits for it."""
    if not runs:
        return ()
    land = commands.land(runs[0]) if len(runs) == 1 else commands.land(every=True)
    return (land.because(f"Verified work of {_waits(len(runs))} to land"),)


def _waits(number: int) -> str:
    return "1 waits" if number == 1 else f"{number} wait"


class NextFacts(NamedTuple):
    """What decides about the next step after the choice of a task, None where there is none.

    `stopped` and `landing` are as in `ListFacts`.
    """

    task: str | None
    stopped: str | None = None
    landing: tuple[str, ...] = ()
    waiting: int = 0
    blocked: int = 0


def after_choice(chosen: NextFacts) -> tuple[NextStep, ...]:
    """Return how the chosen task is done, or which tasks are in the way of all."""
    land = land_waiting(chosen.landing)
    if chosen.task is None:
        if chosen.waiting:
            return (*land, commands.list_tasks("--waiting"))
        if land:
            return land
        return (commands.list_tasks("--blocked") if chosen.blocked else commands.list_tasks(),)
    if chosen.stopped:
        return (commands.status(chosen.task), commands.resume(chosen.stopped))
    return (commands.run(chosen.task),)


class CompletionFacts(NamedTuple):
    """How an attempt at completing a task ended.

    Where it is `unchanged`, `worktrees` are those below that have work. `unlanded` is the
    branch of a run whose work waits to land, and of which it has nothing. `for_person` tells that
    the run stopped for the decision of a person.
    """

    path: str
    run: str
    completed: bool
    for_person: bool = True
    running: bool = False
    asks_changes: bool = False
    unchanged: str = ""
    worktrees: Sequence[str] = ()
    mixed: bool = False
    violations: Sequence[str] = ()
    left_dirty: Sequence[str] = ()
    is_empty: bool = False
    unlanded: str = ""
    run_steps: tuple[NextStep, ...] = ()


_LACKS = "The work on {0} has not landed and is no part of it; `git merge {0}` makes it one."


def after_completion(done: CompletionFacts, *, agent: bool = False) -> tuple[NextStep, ...]:
    """Return what is left to do after an attempt at completing a task."""
    if done.completed:
        left = ", ".join(done.left_dirty[:_NAMED])
        dirty = f" Left uncommitted: {left}." if left else ""
        empty = " Nothing was changed by it." if done.is_empty else ""
        lacks = f" {_LACKS.format(done.unlanded)}" if done.unlanded else ""
        return (NextStep(text=f"Done: it is recorded.{empty}{dirty}{lacks}"),)
    if done.running:
        again = commands.complete(done.path).because(_before_another_try(done))
        if done.unchanged:
            needs = "If nothing is to be changed, a person says so"
            return (again, commands.attest(done.path)._replace(tool=None).because(needs))
        return (again,) if agent else (again, commands.report(done.run))
    if not agent:
        return done.run_steps
    if done.run_steps and not done.for_person:
        return (done.run_steps[-1].because("Read what failed, then"),)
    return (commands.attest(done.path).because("Needs a person"),)


def _before_another_try(done: CompletionFacts) -> str:
    if done.violations:
        paths = ", ".join(done.violations[:_NAMED])
        return f"Undo what is outside of the task's scope: {paths}. Then again"
    if done.asks_changes:
        return "Do what the reviewer asks for, then again"
    if done.mixed:
        return "Commit the files that it names as they are to be; the run stays open. Then again"
    if done.worktrees:
        where = ", ".join(done.worktrees[:_NAMED])
        return (
            f"Commit the work in {where}, and merge its branch here; the run stays open. Then again"
        )
    if done.unchanged:
        return f"Do the work ({done.unchanged}); the run stays open. Then again"
    return "Fix what failed; the run stays open. Then again"


def after_reset(
    path: str, *, manual: bool, stale: bool, job_run_id: str | None = None
) -> tuple[NextStep, ...]:
    """Return how a task is done again, and how what builds on it is found.

    The work of `job_run_id` is on the branch of that job run, where it is done again.
    """
    again = commands.attest(path) if manual else commands.run(path)
    again = commands.job_retry(job_run_id) if job_run_id else again
    look = (commands.list_tasks("--stale"),) if stale else ()
    return (again, *look)


def after_proof(
    path: str, codes: AbstractSet[str], *, manual: bool, unlanded: str | None = None
) -> tuple[NextStep, ...]:
    """Return what to do about a completion that is not proved; `codes` are its problems.

    `unlanded` is a branch with work that it lacks.
    """
    look = commands.why(path)
    if unlanded:
        return (commands.git("merge", unlanded), look)
    if not codes:
        return (commands.why(path, diff=True), commands.acknowledge(path))
    if codes <= {"branch", "dependencies"}:
        return (look,)
    again = commands.attest(path, force=True) if manual else commands.run(path, force=True)
    return (look, again.because("Do it again"))


def already_completed(why: str) -> tuple[NextStep, ...]:
    """Return what is said of a task that was completed before."""
    return (NextStep(text=f"It was completed already: {why}."),)


def uncompletable(
    path: str, *, manual: bool, run_steps: tuple[NextStep, ...] = ()
) -> tuple[NextStep, ...]:
    """Return how a task without an open run is completed; `run_steps` are those of a stopped one.

    An approval of that run is the word of a person already.
    """
    by_worker = run_steps or (() if manual else (commands.run(path),))
    is_decided = any(step.argv[1:2] == ("approve",) for step in by_worker)
    return by_worker if is_decided else (*by_worker, commands.attest(path))
