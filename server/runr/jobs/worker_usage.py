"""What each worker of a run used: a fallback is not charged for the worker before it. Pure."""

from collections.abc import Iterable

from runr.runs.events import Event, PlanFinished, ReviewFinished, WorkerFallback, WorkFinished
from runr.runs.model import RunState, Usage


def is_shared(run: RunState) -> bool:
    """Tell whether more than one worker may have worked in a run."""
    names = (run.start.worker, run.spec.plan, run.spec.review)
    return any(name not in (None, run.last_worker) for name in names)


def by_worker(run: RunState, events: Iterable[Event]) -> dict[str, Usage]:
    """Map the workers of a run to what they used; the last one has what no other used."""
    last, found = run.last_worker, dict[str, Usage]()
    replaced = Usage()
    for event in events:
        name, usage = "", Usage()
        match event.data:
            case WorkerFallback(code="worker_unavailable"):
                continue
            case WorkerFallback(worker=name, usage=usage):
                replaced = replaced.plus(usage)
            case WorkFinished(worker=worker, usage=total):
                name, usage = worker or run.start.worker, total.minus(replaced)
                replaced = Usage()
            case PlanFinished(planner=str(name), usage=usage):
                pass
            case ReviewFinished(reviewer=str(name), usage=usage):
                pass
        if name and name != last:
            found[name] = found.get(name, Usage()).plus(usage)
    rest = run.usage
    for usage in found.values():
        rest = rest.minus(usage)
    return {**found, last: rest}
