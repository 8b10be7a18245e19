"""When the tasks of a job were worked on, and when they waited for a time to come. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from runr.clock import format_utc
from runr.jobs.events import (
    JobCreated,
    JobEnded,
    JobEvent,
    JobResumed,
    TaskEnded,
    TaskFound,
    TaskSkipped,
    TaskStarted,
    TimeLost,
)


class Span(NamedTuple):
    """From when until when; `ended_at` is None while it lasts. `code` is what ended or began it."""

    begun_at: str
    ended_at: str | None = None
    code: str = ""

    def seconds(self, until: str) -> float:
        """Return how long it took, up to `until` where it lasts."""
        begin, end = map(datetime.fromisoformat, (self.begun_at, self.ended_at or until))
        return max(0.0, (end - begin).total_seconds())


class TaskTimes(NamedTuple):
    """The spans in which runs of a task worked, and those in which it waited for a time to come.

    What is between them, as a turn or a job that was stopped, is neither.
    """

    work: tuple[Span, ...] = ()
    waits: tuple[Span, ...] = ()


def of(events: Iterable[JobEvent]) -> Mapping[str, TaskTimes]:
    """Return the times of all tasks that have any."""
    found = _Times()
    for event in events:
        found.take(event)
    return {
        task: TaskTimes(tuple(found.work.get(task, ())), tuple(found.waits.get(task, ())))
        for task in found.work.keys() | found.waits.keys()
    }


def of_job(events: Iterable[JobEvent]) -> tuple[Span, ...]:
    """Return the spans in which the job itself ran, without those in which nothing led it."""
    spans: list[Span] = []
    for event in events:
        if isinstance(event.data, JobCreated | JobResumed):
            spans.append(Span(event.time))
        elif isinstance(event.data, JobEnded) and spans and spans[-1].ended_at is None:
            spans[-1] = spans[-1]._replace(ended_at=event.time, code=event.data.code)
        elif isinstance(event.data, TimeLost) and spans:
            _leave_out(spans, event.data.seconds, event.time)
    return tuple(spans)


class _Times:
    def __init__(self) -> None:
        self.work: dict[str, list[Span]] = {}
        self.waits: dict[str, list[Span]] = {}
        self._until: dict[str, tuple[str, str]] = {}

    def take(self, event: JobEvent) -> None:
        """Take in the next event."""
        data, time = event.data, event.time
        match data:
            case TaskStarted():
                self._started(data.task, time)
            case TaskEnded():
                self._ended(data, time)
            case TaskFound() | TaskSkipped():
                self._close(self.waits, data.task, time)
                self._until.pop(data.task, None)
            case TimeLost():
                for spans in self.work.values():
                    _leave_out(spans, data.seconds, time)
            case JobEnded() | JobResumed():
                self._of_job(data, time)

    def _of_job(self, data: JobEnded | JobResumed, time: str) -> None:
        for task, (until, code) in self._until.items():
            if isinstance(data, JobEnded):
                self._close(self.waits, task, time)
            elif until > time:
                self.waits[task].append(Span(time, code=code))

    def _started(self, task: str, time: str) -> None:
        self._close(self.waits, task, time)
        self._until.pop(task, None)
        if not _is_open(self.work, task):
            self.work.setdefault(task, []).append(Span(time))

    def _ended(self, data: TaskEnded, time: str) -> None:
        self._close(self.work, data.task, time, data.code)
        if data.outcome == "waiting" and data.not_before:
            self._until[data.task] = data.not_before, data.code
            self.waits.setdefault(data.task, []).append(Span(time, code=data.code))

    @staticmethod
    def _close(spans: dict[str, list[Span]], task: str, time: str, code: str | None = None) -> None:
        if _is_open(spans, task):
            last = spans[task][-1]
            kept = last.code if code is None else code
            spans[task][-1] = last._replace(ended_at=time, code=kept)


def _leave_out(spans: list[Span], seconds: float, until: str) -> None:
    """Divide a span that lasts, without its last seconds."""
    last = spans[-1]
    if last.ended_at is None:
        begun = format_utc(datetime.fromisoformat(until) - timedelta(seconds=seconds))
        spans[-1] = last._replace(ended_at=max(begun, last.begun_at))
        spans.append(Span(until))


def _is_open(spans: Mapping[str, list[Span]], task: str) -> bool:
    return bool(spans.get(task)) and spans[task][-1].ended_at is None
