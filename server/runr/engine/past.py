"""What earlier attempts of a run left: their sessions, and when this stretch of it began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from runr.core.runstate import Event, Phase
from runr.workers.assignment import FollowUp, WorkReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What was used; the cost is None where no worker could tell."""

    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0

    def with_report(self, report: WorkReport) -> Self:
        """Return the sum with what a report says."""
        known = [cost for cost in (self.cost_usd, report.cost_usd) if cost is not None]
        return type(self)(
            cost_usd=sum(known) if known else None,
            input_tokens=self.input_tokens + report.input_tokens,
            output_tokens=self.output_tokens + report.output_tokens,
            turns=self.turns + report.turns,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A worker's session, and what of it has been counted."""

    id: str
    use: Use = Use()

    def follow_up(self, prompt: str) -> FollowUp:
        """Return how a worker goes on in it."""
        return FollowUp(
            session_id=self.id,
            prompt=prompt,
            cost_usd=self.use.cost_usd or 0.0,
            input_tokens=self.use.input_tokens,
            output_tokens=self.use.output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A run so far; `began` is when it was opened, or taken up for the last time.

    `worker` is the fallback that has taken over since, `sessions` are the last
    ones of each worker.
    """

    began: datetime
    worker: str | None
    sessions: Mapping[str, Session]


def look(events: Sequence[Event], asked: str) -> Past:
    """Return a run's past; `asked` is the worker that it was opened with."""
    began, worker = events[0].time, None
    sessions: dict[str, Session] = {}
    for event in events:
        facts = event.payload
        if event.type == "run.resumed":
            began, worker = event.time, None
        elif event.type == "worker.replaced":
            worker = facts["by"]
        elif event.type == "phase.finished" and facts["phase"] == Phase.WORK:
            session = _session(facts)
            if session:
                sessions[facts.get("worker") or asked] = session
    return Past(began=datetime.fromisoformat(began), worker=worker, sessions=sessions)


def _session(facts: Mapping[str, Any]) -> Session | None:
    found = facts.get("session_id")
    known = facts.get("session_use")
    return Session(id=found, use=Use(**known)) if found and known is not None else None
