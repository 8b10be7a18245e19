"""Which lifecycle hooks the runs of a task have called, read from their journals."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from runr import nofollow
from runr.errors import DamagedStateError
from runr.runs import journal
from runr.runs.hook_events import HookFinished
from runr.storage.layout import Layout, RunFiles

_MARK = b'"hook.finished"'


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCall:
    """One call of a lifecycle hook; `detail` is the last line of what it said, or of why."""

    time: str
    run_id: str
    point: str
    name: str
    target: str
    outcome: str
    detail: str | None = None


def of_runs(layout: Layout, run_ids: Iterable[str]) -> list[HookCall]:
    """Return the calls on record, oldest first; a record that is gone or damaged has none."""
    found = [call for run_id in dict.fromkeys(run_ids) for call in _calls(layout.run(run_id))]
    return sorted(found, key=lambda call: call.time)


def _calls(run: RunFiles) -> Iterator[HookCall]:
    with suppress(OSError, DamagedStateError):
        # Most runs call none, and to look for that is far quicker than to read the events.
        if _MARK not in nofollow.read(run.timeline):
            return
        for event in journal.events(run):
            if isinstance(data := event.data, HookFinished):
                yield HookCall(
                    time=event.time,
                    run_id=run.id,
                    point=data.point,
                    name=data.name,
                    target=data.target,
                    outcome=data.outcome,
                    detail=data.why or None,
                )
