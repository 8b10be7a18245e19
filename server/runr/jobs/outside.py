"""What keeps the tasks of a job from starting outside of it: runs, persons, branches, files."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple, get_args

from runr.execution import process
from runr.jobs import journal
from runr.jobs.model import BY_A_PERSON
from runr.jobs.planner import Wait
from runr.jobs.work import Item
from runr.project import Project
from runr.query import explain, git_changes
from runr.query.graph import Edges, describe_cycle
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.runs import stop_reasons
from runr.status import branch
from runr.status.branch import Absence
from runr.status.model import State
from runr.storage.layout import RunFiles
from runr.tasks.model import TaskType, short_name
from runr.text import join_limited

#: How many tasks or branches a sentence names.
_NAMED = 3


class Needs(NamedTuple):
    """What a task needs that the job does not do: `wait` can come about, `never` cannot."""

    wait: Wait | None = None
    never: str | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """How the tasks are around a job, whose `target` is the branch that it started from."""

    project: Project
    target: str
    snapshot: Snapshot

    def needs(self, item: Item, *, runs: Collection[str], completed: Collection[str]) -> Needs:
        """Return what a waiting task needs that the job does not do.

        `runs` are its runs in the job, `completed` the tasks that are completed as the job knows.
        """
        found = self.snapshot.task_states()[item.task]
        if found.task.error is not None:
            return Needs(Wait(f"its task file is broken: {found.task.error.message}"))
        if where := elsewhere(self.project, self.target, found):
            why = f"it is completed, and its commit is {where}"
            return Needs(Wait(why, job_run_id=self._job_of(found)))
        if found.entry.last_run_id not in runs and (wait := self._of_others(found)):
            return Needs(wait)
        manual = found.task.type is TaskType.MANUAL
        by_person = Needs(Wait(BY_A_PERSON)) if manual else Needs()
        return self._before(item, completed) or by_person

    def _of_others(self, found: TaskState) -> Wait | None:
        """Return what a run outside of the job keeps the task for."""
        last, entry = found.entry.last_run_id, found.entry
        if entry.status is State.IN_PROGRESS:
            return working(self.project, last) or Wait(f"{self._holder(last)} has it")
        if entry.stop_reason in stop_reasons.FOR_A_PERSON and found.needs_human:
            return Wait(f"run {last}: {stop_reasons.explain(entry.stop_reason, '')}")
        return None

    def _job_of(self, found: TaskState) -> str | None:
        """Return the job run that completed a task, while its branch is there."""
        last = found.entry.last_run_id
        run = journal.run_of(self.project.layout, last)
        if run is None or run.start.job is None:
            return None
        there = self.project.repo.resolve(f"refs/heads/{run.start.target}")
        return run.start.job.job_run_id if there else None

    def _holder(self, run_id: str | None) -> str:
        run = journal.run_of(self.project.layout, run_id)
        return f"the session of run {run_id}" if run and run.by_session else f"run {run_id}"

    def _before(self, item: Item, completed: Collection[str]) -> Needs | None:
        """Return what the task needs of those before it, as far as the job does not do them."""
        graph = self.snapshot.graph
        own, cycle = graph.edges.get(item.task, Edges()), graph.cycles.get(item.task)
        if own.problems or cycle:
            reasons = [f"it depends on {each}" for each in own.problems]
            return Needs(never=reasons[0] if reasons else describe_cycle(cycle or ()))
        by_job = set(item.needs).difference(completed)
        blocked = self.snapshot.task_states()[item.task].blocked_by
        lasting: list[Wait] = []
        ending: list[Wait] = []
        for need in own.paths:
            # One that is completed, and cannot be built on, has the reason behind it.
            why = next((each for each in blocked if f"{each} (".startswith(f"{need} (")), None)
            if why is not None and need not in by_job:
                wait = self._end_of(need)
                (ending if wait else lasting).append(wait or self._missing(need, why))
        if lasting:
            named = join_limited([wait.reason for wait in lasting], _NAMED)
            on_target = any(wait.on_target for wait in lasting)
            of_job = next((wait.job_run_id for wait in lasting if wait.job_run_id), None)
            return Needs(Wait(f"it waits for {named}", on_target=on_target, job_run_id=of_job))
        return Needs(ending[0]) if ending else None

    def _end_of(self, need: str) -> Wait | None:
        entry = self.snapshot.task_states()[need].entry
        works = entry.status is State.IN_PROGRESS
        return working(self.project, entry.last_run_id, short_name(need)) if works else None

    def _missing(self, need: str, why: str) -> Wait:
        found = self.snapshot.task_states()[need]
        if found.entry.status is State.IN_PROGRESS:
            return Wait(f"{short_name(need)}, which {self._holder(found.entry.last_run_id)} has")
        if found.absent is None:
            return Wait(short_name(why))
        where = elsewhere(self.project, self.target, found)
        where_else = f"on {self.target}, which does not merge into the branch of the job"
        named = f"{short_name(need)}, whose commit is {where or where_else}"
        of_job = self._job_of(found) if where else None
        return Wait(named, on_target=where is None, job_run_id=of_job)


def working(project: Project, run_id: str | None, task: str = "it") -> Wait | None:
    """Return the wait for the end of a run; None where it does not go on by itself.

    One that a session left open may never end.
    """
    files = project.layout.run(run_id) if run_id else None
    is_sure = files is not None and _goes_on(project, files)
    return Wait(f"run {run_id} works on {task}", run_id) if is_sure else None


def _goes_on(project: Project, files: RunFiles) -> bool:
    if process.is_alive(files):
        return True
    run = journal.run_of(project.layout, files.id)
    # Its process has ended just now: what became of it is seen at the next look.
    return run is not None and run.result is None and not run.by_session


def elsewhere(project: Project, target: str, found: TaskState) -> str | None:
    """Say where the commit of a completed task is that a job and its target do not have."""
    if found.absent is None:
        return None
    tip = project.repo.resolve(f"refs/heads/{target}") if target else None
    task = found.task.path
    gone = git_changes.gone_from(project, tip, {task: found.entry}) if tip else {}
    if tip and task not in gone:
        return None
    if tip and gone[task] not in map(branch.describe, get_args(Absence)):
        return f"on {target}, and {gone[task]}"
    holders = explain.branches_of(project, found.entry)
    return f"on {join_limited(holders, _NAMED)} only" if holders else branch.describe(found.absent)
