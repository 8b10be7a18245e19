"""What the end of a run means for its task, and for the account of its worker. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple

from runr.clock import format_utc
from runr.jobs.events import AccountParked, TaskEnded
from runr.jobs.model import Job, Retries
from runr.jobs.state import JobState, TaskProgress
from runr.jobs.work import Item
from runr.runs import stop_reasons
from runr.runs.events import WorkerFallback
from runr.runs.model import RunState, Usage
from runr.runs.prompts import fenced
from runr.text import markdown_code

#: How often a run whose process died is resumed in a row, and a service asked that does not answer.
MOST_INTERRUPTS = 5
#: The first wait for a service that does not answer; each further one is twice as long.
_OUTAGE_S = 60
_MOST_OUTAGE_S = 1800
#: The part of a wait for a reset that is added, so that not all begin in the same second.
JITTER_S = 60.0

#: What no further run of this worker could change: a person has to.
_ACCOUNT = frozenset({"worker_auth", "worker_billing", "worker_unavailable"})
_MOVED = frozenset({"merge_conflict", "fails_on_target"})
_OTHER_TASK = frozenset({"task_changed", "superseded"})
_WHY_AGAIN = {
    "merge_conflict": "An earlier attempt does not fit together with what has landed since it "
    "began.",
    "task_changed": "The task was changed while an earlier attempt worked.",
    "superseded": "The task was reset, or taken by another run, while an earlier attempt worked.",
}


class Outcome(NamedTuple):
    """The event about the task, and one about the account where all of its tasks are affected."""

    ended: TaskEnded
    parked: AccountParked | None = None


def assess(
    job: Job, item: Item, before: TaskProgress, run: RunState, *, now: datetime, chance: float
) -> Outcome:
    """Return what the end of a run means; `chance`, from 0 to 1, spreads waits."""
    code = run.stop_reason or ""
    ended = TaskEnded(
        item.task,
        "failed",
        run_id=run.id,
        code=code,
        detail=detail_of(run),
        failures=before.failures,
        conflicts=before.conflicts,
        interrupts=before.interrupts,
        worker=run.last_worker,
        commit_sha=run.integration.commit_sha or run.checkpoint_sha,
    )
    if run.result == "completed":
        return Outcome(ended._replace(outcome="completed", code="", detail=""))
    if code in stop_reasons.FOR_A_PERSON:
        return Outcome(ended._replace(outcome="held" if job.on_manual == "pause" else "failed"))
    if code in _ACCOUNT:
        parked = AccountParked(run.last_worker, code, None, run.detail or "")
        return Outcome(ended, parked)
    if code == "usage_limit":
        return _limited(job, ended._replace(limits=before.limits + 1), run, now, chance)
    if code in ("worker_outage", "interrupted"):
        return _interrupted(job, ended, run, now, chance)
    if code == "superseded" and before.interrupts < MOST_INTERRUPTS:
        # What has become of the task is seen at the next look: it may be completed.
        again = ended._replace(outcome="waiting", interrupts=before.interrupts + 1, afresh=True)
        return Outcome(again)
    if met_newer_work(run) and before.conflicts == 0:
        return Outcome(ended._replace(outcome="waiting", conflicts=1, afresh=True))
    return Outcome(_failed(item.retries, ended, now, chance))


def detail_of(run: RunState) -> str:
    """Return what is known of a stop beyond its code; of a rejection, who gave it and why."""
    rejection = run.decision.rejection if run.stop_reason == "rejected" else None
    return (
        f"rejected by {rejection.signature}: {rejection.reason}" if rejection else run.detail or ""
    )


def met_newer_work(run: RunState) -> bool:
    """Tell whether the work failed only, as far as is known, together with what landed before it.

    The checks of a run whose branch has moved run on the merge.
    """
    merged = run.verification.candidate is not None and run.verification.candidate.onto is not None
    return run.stop_reason in _MOVED or (run.stop_reason == "verification_failed" and merged)


def _limited(job: Job, ended: TaskEnded, run: RunState, now: datetime, chance: float) -> Outcome:
    """Park the account until its limit resets; that uses up no attempt."""
    until = now + timedelta(seconds=stop_reasons.UNKNOWN_RESET_S)
    if run.resets_at:
        # A limit that is met again at once is not over, whatever time it names.
        again = timedelta(seconds=_growing_s(ended.limits - 1) if ended.limits > 1 else 0)
        until = max(datetime.fromisoformat(run.resets_at), now + again)
    parked = park(job, run.last_worker, until, run.detail or "", now=now, chance=chance)
    if parked.until is None:
        unknown = parked if run.resets_at else parked._replace(detail="its reset is not known")
        return Outcome(ended, unknown)
    return Outcome(ended._replace(outcome="waiting", not_before=parked.until), parked)


def met_inside(
    job: Job, found: WorkerFallback, *, now: datetime, chance: float
) -> AccountParked | None:
    """Return what the account of a worker met in a run that another worker has ended."""
    if found.code in _ACCOUNT:
        return AccountParked(found.worker, found.code, None, found.reason)
    if found.code != "usage_limit":
        return None
    reset = now + timedelta(seconds=stop_reasons.UNKNOWN_RESET_S)
    if found.resets_at:
        reset = datetime.fromisoformat(found.resets_at)
    return park(job, found.worker, reset, found.reason, now=now, chance=chance)


def park(
    job: Job, worker: str, reset: datetime, detail: str, *, now: datetime, chance: float
) -> AccountParked:
    """Return until when an account is parked whose limit resets then; not all go on at once."""
    until = reset + timedelta(seconds=chance * JITTER_S)
    too_long = (until - now).total_seconds() > job.wait_at_most_s
    if job.on_usage_limit == "stop" or too_long:
        why = f"its limit resets at {format_utc(until)}"
        return AccountParked(worker, "usage_limit", None, why)
    return AccountParked(worker, "usage_limit", format_utc(until), detail)


def _growing_s(count: int) -> float:
    """Return how long to wait before the service is asked again, the `count`th time in a row."""
    return float(min(_OUTAGE_S << min(count - 1, MOST_INTERRUPTS), _MOST_OUTAGE_S))


def _interrupted(
    job: Job, ended: TaskEnded, run: RunState, now: datetime, chance: float
) -> Outcome:
    """Resume a run whose process, or whose service, was gone; later each time, and not for ever."""
    count = ended.interrupts + 1
    if count > MOST_INTERRUPTS:
        return Outcome(ended._replace(interrupts=count))
    again = ended._replace(outcome="waiting", interrupts=count)
    if run.stop_reason == "interrupted":
        return Outcome(again)
    wait_s = min(_growing_s(count) * (1 + chance / 4), job.wait_at_most_s)
    then = now + timedelta(seconds=wait_s)
    if run.resets_at:  # the service has asked to be left alone for so long
        then = max(then, datetime.fromisoformat(run.resets_at) + timedelta(seconds=chance))
    until = format_utc(then)
    if (then - now).total_seconds() > job.wait_at_most_s:
        why = f"the service may be asked again at {until}"
        return Outcome(
            ended._replace(interrupts=count), AccountParked(run.last_worker, ended.code, None, why)
        )
    parked = AccountParked(run.last_worker, ended.code, until, run.detail or "")
    return Outcome(again._replace(not_before=until), parked)


def lost(before: TaskProgress, why: str) -> TaskEnded:
    """Return the end of a run without a record: another one begins, though not for ever."""
    count = before.interrupts + 1
    return TaskEnded(
        before.task,
        "failed" if count > MOST_INTERRUPTS else "waiting",
        run_id=before.run_id or "",
        code="interrupted",
        detail=why,
        failures=before.failures,
        conflicts=before.conflicts,
        interrupts=count,
        afresh=True,
        worker=before.worker,
        usage=before.usage,
    )


def _failed(retries: Retries, ended: TaskEnded, now: datetime, chance: float) -> TaskEnded:
    count = ended.failures + 1
    stop = stop_reasons.find(ended.code or "error")
    # A person, or a guard, has to be heard first: another try would end like this one.
    hopeless = stop.family in ("scope", "operator", "landing") or not stop.resumable
    if count > retries.times or hopeless:
        return ended._replace(failures=count)
    until = now + timedelta(seconds=backoff_s(retries, count, chance))
    return ended._replace(outcome="waiting", failures=count, not_before=format_utc(until))


def backoff_s(retries: Retries, failures: int, chance: float) -> float:
    """Return how long to wait before the next try, after this number of failures."""
    growth: dict[str, int] = {
        "none": 1,
        "linear": failures,
        "exponential": 1 << (failures - 1),
    }
    wait = min(retries.wait_s * growth[retries.backoff], retries.max_wait_s)
    return wait * (1 + retries.jitter * chance)


#: The stops of which the run says more than their meaning: who asked for it, and why.
_DETAILED = ("stopped", "rejected", "interrupted")


def reason(each: TaskProgress) -> str:
    """Say why a task is not completed, or who completed it outside of the job."""
    if each.found_by is not None:
        return f"completed outside of the job (by {each.found_by})"
    if each.waits_for:
        return each.waits_for
    if each.code in _DETAILED and each.detail:
        return each.detail
    if each.code in stop_reasons.STOPS:
        return stop_reasons.explain(each.code, each.worker)
    return each.detail


def total(runs: tuple[RunState, ...]) -> Usage:
    """Return what several runs used."""
    usage = Usage()
    for run in runs:
        usage = usage.plus(run.usage)
    return usage


def earlier(run: RunState) -> str:
    """Return what the next attempt has to know of one whose work could not land."""
    if not (met_newer_work(run) or run.stop_reason in _OTHER_TASK):
        return ""
    work = f"The work of that attempt is kept on the branch {run.start.branch}"
    commit = f" (commit {run.checkpoint_sha})" if run.checkpoint_sha else ""
    shown = "; `git show` shows it" if run.checkpoint_sha else ""
    lines = [
        "# An earlier attempt",
        "",
        _WHY_AGAIN.get(run.stop_reason or "", _WHY_AGAIN["merge_conflict"]) + " You "
        "start from the branch as it is now. " + work + commit + shown + ". Do the "
        "task on top of what is here now.",
        "",
        f"What went wrong: {run.detail or run.stop_reason}",
    ]
    for check in run.verification.checks:
        if run.stop_reason != "merge_conflict" and check.failed:
            lines += [
                "",
                f"{markdown_code(check.command)} printed:",
                "",
                fenced(check.tail.strip()),
            ]
    return "\n".join(lines)


def spent(state: JobState) -> str | None:
    """Say which limit of what runs use is reached, or passed; None where none is."""
    limits = state.start.job.limits
    if limits.budget_usd is None and limits.max_tokens is None:
        return None  # a sum over many tasks takes long
    used = state.usage
    cost = used.cost_usd or 0
    if limits.budget_usd is not None and cost >= limits.budget_usd:
        return f"${cost:.2f} of the budget of the job, ${limits.budget_usd:.2f}, is spent"
    tokens = used.input_tokens + used.output_tokens
    if limits.max_tokens is not None and tokens >= limits.max_tokens:
        return f"{tokens:,} of {limits.max_tokens:,} tokens are used"
    return None
