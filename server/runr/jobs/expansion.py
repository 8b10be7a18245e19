"""From a job to its work: which tasks its steps mean, as the task files and statuses are now."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runr.errors import RunrError, UsageError
from runr.jobs.model import ALL_READY, NOT_STOPPED, Job, Step, Track
from runr.jobs.work import Item, StepOrder, Work
from runr.next_steps import commands
from runr.project import Project
from runr.query import listing
from runr.query.filters import parse_filter
from runr.query.graph import describe_cycle
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.status.model import State
from runr.tasks.model import TaskType, short_name
from runr.tasks.names import natural_key
from runr.text import join_limited


class StepError(UsageError):
    """A step that cannot be used because of a `word`, such as a task that does not exist."""

    def __init__(self, step: str, message: str, word: str = "") -> None:
        super().__init__(f"step {step}: {message}", next_steps=[commands.list_tasks()])
        self.step = step
        self.word = word


@dataclass(frozen=True, slots=True)
class Expanded:
    """The work of a job; `completed` are its tasks that are done already.

    `absent` are completed ones whose commit is not on this branch, `not_ready` the pending tasks
    that a step with all ready ones does not have, with the reason.
    """

    work: Work
    completed: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    not_ready: Mapping[str, str] = field(default_factory=dict)


def expand(project: Project, job: Job, snapshot: Snapshot) -> Expanded:
    """Return the tasks of each step; StepError for one that does not exist, or is in two steps."""
    states = snapshot.task_states()
    place: dict[str, str] = {}
    chosen: list[tuple[Step, TaskState]] = []
    for step in job.steps:
        for word, state in _meant(project, step, snapshot, states):
            if state.path in place:
                if step.select is not None:
                    continue  # another step names it, and that one counts
                other = place[state.path]
                message = f"{state.task.name} is in the step {other}, too"
                raise StepError(step.name, message, word)
            place[state.path] = step.name
            chosen.append((step, state))
    usual = project.config().run.worker
    paths = snapshot.graph.edges
    among = set(place)
    items = tuple(
        _item(step, state, paths[state.path].paths if state.path in paths else (), among, usual)
        for step, state in chosen
    )
    done = [s for _, s in chosen if s.entry.status is State.COMPLETED and not s.renewed]
    return Expanded(
        Work(items, tuple(_orders(job))),
        completed=tuple(each.path for each in done if not each.unmerged),
        absent=tuple(each.path for each in done if each.unmerged),
        not_ready=_not_ready(job, snapshot, among),
    )


def expand_open(project: Project, job: Job, snapshot: Snapshot) -> Expanded:
    """Return the tasks of each step of a job that has something to do; UsageError for others."""
    expanded = expand(project, job, snapshot)
    done = {*expanded.completed, *expanded.absent}
    left = [item for item in expanded.work.items if item.task not in done]
    if job.on_manual == "skip" and left and all(item.manual for item in left):
        raise UsageError(
            f"the job {job.name} has nothing to do: only manual tasks are left, and it is to do "
            "without them (on_manual: skip)",
            next_steps=[commands.list_tasks("--waiting"), commands.list_jobs()],
        )
    if not left:
        what = "all of its tasks are completed" if expanded.work.items else "it has no tasks"
        names = [short_name(path) for path in expanded.absent]
        where = f", {join_limited(names, 3)} not on this branch" if names else ""
        unready = [f"{short_name(path)}: {why}" for path, why in expanded.not_ready.items()]
        where += f"; not ready: {join_limited(unready, 3)}" if unready else ""
        raise UsageError(
            f"the job {job.name} has nothing to do: {what}{where}",
            next_steps=[commands.list_tasks("--ready"), commands.list_jobs()],
        )
    return expanded


def _item(step: Step, state: TaskState, needs: Sequence[str], among: set[str], usual: str) -> Item:
    task = state.task
    return Item(
        task=task.path,
        step=step.name,
        needs=tuple(need for need in needs if need in among),
        owns=tuple(dict.fromkeys((*task.owns, *step.owns))),
        workers=step.workers or (task.worker or usual,),
        manual=task.type is TaskType.MANUAL,
        priority=task.priority,
        timeout_s=step.timeout_s or task.timeout_s,
        retries=step.retries,
    )


def _orders(job: Job) -> Iterable[StepOrder]:
    for track in job.tracks:
        previous = None
        for step in track.steps:
            yield StepOrder(step.name, step.depends_on, previous, step.when)
            previous = step.name


def _meant(
    project: Project, step: Step, snapshot: Snapshot, states: Mapping[str, TaskState]
) -> Iterator[tuple[str, TaskState]]:
    """Yield the tasks of a step, each behind the word that means it."""
    for word in step.tasks if step.select is None else (step.select,):
        try:
            if step.select is None:
                found = [states[project.find_task(word, snapshot.tasks).path]]
            else:
                found = snapshot.ranked(_selected(project, word, snapshot, states))
        except RunrError as error:
            raise StepError(step.name, error.message, word) from None
        yield from ((word, state) for state in found)


def _selected(
    project: Project, select: str, snapshot: Snapshot, states: Mapping[str, TaskState]
) -> list[TaskState]:
    if select in (ALL_READY, NOT_STOPPED):
        left = {path: state for path, state in states.items() if not _is_left(state, select)}
        return _startable(snapshot, left)
    matching = listing.select(project, states.values(), parse_filter(select))
    return [state for state in matching if state.open or state.renewed]


def _is_left(state: TaskState, select: str) -> bool:
    """Tell whether work of the task waits, which a new run would do again."""
    if state.needs_human:
        return False
    return state.lands or (select == NOT_STOPPED and state.interrupted)


def _startable(snapshot: Snapshot, states: Mapping[str, TaskState]) -> list[TaskState]:
    """Return the tasks that can be started, and those that can be once others are completed.

    Those others are of the job themselves, or worked on already. Tasks that a person has to do, or
    to decide about, are among them: whoever does them lets those behind them start.
    """
    edges = snapshot.graph.edges
    found: dict[str, TaskState] = {}
    working = {path for path, each in states.items() if each.entry.status is State.IN_PROGRESS}
    candidates = {
        path: state
        for path, state in states.items()
        if (state.open or state.renewed) and path not in working and state.task.error is None
    }
    grows = True
    while grows:
        grows = False
        for path, state in candidates.items():
            if path in found:
                continue
            edge = edges.get(path)
            blocked = [each for each in state.blocked_by if each not in found.keys() | working]
            if not blocked and not (edge and edge.problems):
                found[path] = state
                grows = True
    return list(found.values())


def _not_ready(job: Job, snapshot: Snapshot, chosen: set[str]) -> dict[str, str]:
    """Map the pending tasks that all that is ready leaves out to what keeps them from starting."""
    if not any(step.select in (ALL_READY, NOT_STOPPED) for step in job.steps):
        return {}
    found: dict[str, str] = {}
    for path, state in snapshot.task_states().items():
        works = state.entry.status is State.IN_PROGRESS
        if path in chosen or works or not (state.open or state.renewed):
            continue
        cycle, edge = snapshot.graph.cycles.get(path), snapshot.graph.edges.get(path)
        if state.task.error is not None:
            found[path] = f"its task file is broken: {state.task.error.message}"
        elif edge and edge.problems:
            found[path] = f"it depends on {edge.problems[0]}"
        elif state.lands:
            found[path] = "its verified work waits to land"
        elif state.interrupted and not state.blocked_by:
            found[path] = "its run has stopped"
        elif cycle:
            found[path] = describe_cycle(list(map(short_name, cycle)))
        else:
            found[path] = f"it waits for {join_limited(list(map(short_name, state.blocked_by)), 3)}"
    return dict(sorted(found.items(), key=lambda each: natural_key(each[0])))


def ad_hoc(name: str, select: str, *, parallel: int, worker: str | None = None) -> Job:
    """Return the job of a command without a file: one step with all tasks that are selected."""
    step = Step(f"{name}/1", select=select, workers=(worker,) if worker else ())
    job = Job(name=name, tracks=(Track(name, (step,)),), on_failure="continue")
    return job._replace(max_parallel=parallel)


def one_by_one(
    tasks: Sequence[str] = (),
    *,
    select: str = NOT_STOPPED,
    worker: str | None = None,
    wait_for_limit: bool = False,
) -> Job:
    """Return the job of the named tasks, or of all ready ones that have not stopped, one by one."""
    workers = (worker,) if worker else ()
    name = "named" if tasks else "ready"
    step = Step(f"{name}/1", tasks=tuple(tasks), select=None if tasks else select, workers=workers)
    job = Job(name=name, tracks=(Track(name, (step,)),), on_failure="continue", max_parallel=1)
    return job._replace(land="each", on_usage_limit="wait" if wait_for_limit else "stop")
