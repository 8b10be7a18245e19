"""The receipt of a job run: what every task came to, from records alone, as one answer."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import NamedTuple

from runr.jobs import (
    branch,
    decisions,
    journal,
    outcomes,
    receipt_page,
    rejected,
    since,
    timeline,
    views,
    worker_usage,
)
from runr.jobs.blockers import Blockers
from runr.jobs.model import BY_A_PERSON
from runr.jobs.receipt_model import (
    Receipt,
    ReceiptCheck,
    ReceiptTask,
    ReceiptWait,
    ReceiptWorker,
)
from runr.jobs.state import JobState, TaskProgress
from runr.jobs.timeline import TaskTimes
from runr.jobs.work import Item
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query import presenters
from runr.runs import journal as run_journal
from runr.runs.model import RunState, Usage
from runr.status.model import UNTOUCHED, State
from runr.storage import files
from runr.storage.layout import RunFiles
from runr.tasks.model import short_name
from runr.text import join_limited, pluralize

#: How many tasks the headline names that have changed since.
_CHANGED = 2


def read(project: Project, wanted: str | None) -> Receipt:
    """Return the receipt of a job run; of one that is running, as it is so far."""
    job_run = journal.find(project.layout, wanted)
    return build(project, job_run, journal.require(job_run))


def write(project: Project, job_run: RunFiles, state: JobState) -> None:
    """Write the receipt beside the journal, as JSON and as a page."""
    made = build(project, job_run, state)
    text = json.dumps(asdict(made), indent=2, ensure_ascii=False)
    files.replace(job_run.folder / "receipt.json", text.encode(errors="backslashreplace") + b"\n")
    files.replace(
        job_run.report.with_name("receipt.md"),
        receipt_page.render(made).encode(errors="backslashreplace"),
    )


def build(project: Project, job_run: RunFiles, state: JobState) -> Receipt:
    """Return the receipt of a job run in this state."""
    state = decisions.as_decided(project, branch.as_landed(project, state))
    items = {item.task: item for item in state.start.work.items}
    events = journal.events(job_run)
    times, blockers, changed = timeline.of(events), Blockers(state), since.changes(project, state)
    now = state.ended_at or project.now()
    job = _Job(project, state, now)
    runs = {each.task: _runs(project, each) for each in state.tasks}
    tasks = [
        replace(
            _task(job, each, items[each.task], times.get(each.task, TaskTimes()), runs[each.task]),
            blocked_by=blockers.of(each),
            now=changed.get(each.task),
        )
        for each in state.tasks
    ]
    own = state.start.branch != state.start.target
    usage = state.usage
    lost = Counter(
        task.code or task.result for task in tasks if task.result not in ("completed", "left_out")
    )
    status = views.status_of(state, job_run)
    landed = [task for task in tasks if task.commit_sha and not task.now]
    # Nothing of the job was built on the last one, so that it can be taken back by itself.
    last = max(landed, key=lambda task: task.ended_at or "", default=None)
    landed_on = state.landed_on or state.start.branch
    return Receipt(
        id=state.id,
        job=state.name,
        status=status,
        headline=_headline(state, tasks, status) + _changed_since(tasks),
        reason=state.reason or None,
        landed_on=landed_on,
        lands_on=(state.start.target or None) if own and state.landed_on is None else None,
        landed_sha=state.landed_sha,
        land_step=_line(project, _land(project, state)) if own else None,
        take_back_step=_line(project, commands.reset(last.path, revert=True)) if last else None,
        base_sha=state.start.base_sha,
        tip_sha=project.repo.resolve(f"refs/heads/{landed_on}"),
        created_at=state.created_at,
        ended_at=state.ended_at,
        seconds=round(sum(span.seconds(now) for span in timeline.of_job(events)), 3),
        tasks=tasks,
        workers=list(_workers(project, state, runs)),
        stop_reasons=dict(lost.most_common()),
        cost_usd=usage.cost_usd,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        base_failures=list(state.base_failures or ()),
        failed_hooks=list(state.failed_hooks),
        not_ready=state.not_ready,
        next_steps=project.surface.lines(_after(project, state, status)),
    )


def _land(project: Project, state: JobState) -> NextStep:
    """Return the step towards a landing: rejected work is reverted first."""
    again = any(rejected.find(project, state))
    return commands.job_retry(state.id) if again else branch.land_step(project, state)


def _line(project: Project, step: NextStep) -> str:
    return project.surface.line(step)


def _after(project: Project, state: JobState, status: str) -> list[NextStep]:
    shown = commands.job_receipt(state.id)
    return [step for step in views.next_steps(project, state, status) if step != shown]


def _headline(state: JobState, tasks: Sequence[ReceiptTask], status: str) -> str:
    done = sum(task.result == "completed" for task in tasks)
    left_out = sum(task.result == "left_out" for task in tasks)
    beside = f", {left_out} left out" if left_out else ""
    beside += f", {len(state.not_ready)} not ready" if state.not_ready else ""
    count = f"{done} of {pluralize(len(tasks) - left_out, 'task')} completed{beside}"
    match status:
        case "running":
            return f"{state.name} is running: {count}"
        case "interrupted":
            return f"{state.name} was INTERRUPTED, and can be resumed: {count}"
        case "completed":
            every = "all " if done > 1 else ""
            why = f"; {state.reason}" if state.reason else ""
            return f"{state.name}: {every}{pluralize(done, 'task')} completed{beside}{why}"
        case "paused":
            return f"{state.name} waits for a person: {count}; {state.reason}"
        case "stopped":
            return f"{state.name} was stopped: {count}; {state.reason}"
        case _:
            return f"{state.name} FAILED: {count}; {state.reason}"


def _changed_since(tasks: Sequence[ReceiptTask]) -> str:
    changed = [f"{short_name(task.path)} is {task.now}" for task in tasks if task.now]
    return f"; now {join_limited(changed, _CHANGED)}" if changed else ""


class _Job(NamedTuple):
    """A job run, as it is `now`."""

    project: Project
    state: JobState
    now: str


def _task(
    job: _Job, each: TaskProgress, item: Item, times: TaskTimes, runs: Sequence[RunState]
) -> ReceiptTask:
    project, now = job.project, job.now
    last = runs[-1] if runs else None
    entry = project.entries().get(each.task, UNTOUCHED)
    completed = each.status == "completed"
    kept = last is not None and last.checkpoint_sha and not completed and last.id != each.rejected
    is_shown = completed and entry.status is State.COMPLETED and entry.evidence
    return ReceiptTask(
        path=each.task,
        track=item.track,
        step=item.step,
        result=each.status,
        reason=outcomes.reason(each) or None,
        code=each.code or None,
        detail=each.detail or None,
        needs_human=each.needs_human,
        evidence=entry.evidence.value if is_shown and entry.evidence else None,
        run_ids=list(each.runs),
        commit_sha=each.commit_sha if completed else None,
        changed_count=last.changed if last and (completed or kept) else None,
        kept_branch=last.start.branch if last and kept else None,
        checks=[
            ReceiptCheck(
                command=check.command,
                tier=check.tier,
                exit_code=check.exit_code,
                seconds=check.seconds,
            )
            for check in (last.verification.checks if last else ())
            if check.runs
        ],
        attempts=sum(run.attempts_made for run in runs),
        worker=each.worker or None,
        started_at=each.started_at,
        ended_at=each.ended_at,
        seconds=_worked(times, last, now) if times.work else None,
        not_before=each.not_before if each.status == "waiting" else None,
        waits=list(_waits(times, now)),
        cost_usd=each.usage.cost_usd,
        input_tokens=each.usage.input_tokens,
        output_tokens=each.usage.output_tokens,
        next_steps=project.surface.lines(_steps(project, job.state, each, last)),
    )


def _runs(project: Project, each: TaskProgress) -> list[RunState]:
    found = (journal.run_of(project.layout, run_id) for run_id in each.runs)
    return [run for run in found if run is not None]


def _worked(times: TaskTimes, last: RunState | None, now: str) -> float:
    """Return how long the runs of a task worked; the last one may have ended before it was seen."""
    *others, final = times.work
    ended = last.ended_at if last is not None and final.begun_at <= (last.ended_at or "") else None
    if ended is not None and ended < (final.ended_at or now):
        final = final._replace(ended_at=ended)
    return round(sum(span.seconds(now) for span in (*others, final)), 3)


def _waits(times: TaskTimes, now: str) -> Iterator[ReceiptWait]:
    for span in times.waits:
        yield ReceiptWait(
            started_at=span.begun_at,
            ended_at=span.ended_at,
            seconds=round(span.seconds(now), 3),
            code=span.code,
        )


def _steps(
    project: Project, state: JobState, each: TaskProgress, run: RunState | None
) -> Sequence[NextStep]:
    """Return what a person can do about a task that is not completed: what acts comes first."""
    if each.status == "completed":
        return ()
    if each.status == "waiting" and each.not_before:
        return ()  # it goes on by itself
    if each.rejected:
        return (commands.job_retry(state.id),)
    if run is not None and run.result == "stopped":
        return sorted(presenters.next_steps(run), key=_only_looks)
    if each.needs_human:
        return _of_a_person(project, state, each)
    if not os.path.lexists(f"{project.layout.root}/{each.task}"):
        return (commands.list_tasks(),)
    return (commands.why(each.task),)


def _only_looks(step: NextStep) -> bool:
    return step.argv[:2] == ("runr", "report") or (*step.argv[:1], *step.argv[-1:]) == (
        "git",
        "status",
    )


def _of_a_person(project: Project, state: JobState, each: TaskProgress) -> Sequence[NextStep]:
    """Return what takes a task further for which only a person can do something."""
    if each.unlanded_job_id:
        return (commands.job_land(each.unlanded_job_id),)
    if each.unmerged:
        switch = commands.git("switch", state.start.branch)
        return (switch, commands.git("merge", state.start.target))
    if each.waits_for == BY_A_PERSON:
        attest = commands.attest(each.task)
        if views.is_unlanded(state) and _builds_on_work(state, each.task):
            return (branch.land_step(project, state), attest)
        return (attest,)
    items = {item.task: item for item in state.start.work.items}
    if by_hand := [need for need in items[each.task].needs if items[need].manual]:
        return tuple(map(commands.attest, by_hand))
    return (commands.status(each.task),)


def _builds_on_work(state: JobState, task: str) -> bool:
    """Tell whether a task depends on one that this job has completed."""
    items = {item.task: item for item in state.start.work.items}
    done = {each.task for each in state.tasks if each.status == "completed" and each.run_id}
    return not done.isdisjoint(items[task].needs)


def _workers(
    project: Project, state: JobState, runs: Mapping[str, Sequence[RunState]]
) -> Iterator[ReceiptWorker]:
    used, tasks = defaultdict[str, Usage](Usage), Counter[str]()
    for each in state.tasks:
        found = _used(project, each, runs[each.task]) if each.worker else {}
        tasks.update(found.keys())
        for worker, usage in found.items():
            used[worker] = used[worker].plus(usage)
    for worker, usage in sorted(used.items()):
        yield ReceiptWorker(
            worker=worker,
            tasks=tasks[worker],
            cost_usd=usage.cost_usd,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )


def _used(project: Project, each: TaskProgress, runs: Sequence[RunState]) -> Mapping[str, Usage]:
    """Return what each worker used for a task."""
    if not any(map(worker_usage.is_shared, runs)) and len({run.last_worker for run in runs}) <= 1:
        return {each.worker: each.usage}
    found = defaultdict[str, Usage](Usage)
    for run in runs:
        events = (
            run_journal.events(project.layout.run(run.id)) if worker_usage.is_shared(run) else ()
        )
        for worker, usage in worker_usage.by_worker(run, events).items():
            found[worker] = found[worker].plus(usage)
    return found
