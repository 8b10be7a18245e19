"""Build a run from a sequence of events."""

import json
from typing import Any

from runr.runs.events import Event, parse_data
from runr.runs.model import Phase, RunState
from runr.runs.reducers import apply, begin
from runr.tasks.model import TaskType

RUN = "20250108-143022-k7qf"
CHECK = {"tier": "tier1", "command": "make test", "seconds": 1.0}


def start(
    worker: str = "script",
    attempts: int = 3,
    kind: TaskType = TaskType.AUTOMATED,
    *,
    plan: str | None = None,
    review: str | None = None,
    landing_attempts: int = 0,
) -> dict[str, Any]:
    return {
        "task": ".runr/tasks/a.md",
        "worker": worker,
        "workdir": "/repo",
        "base_sha": "0" * 40,
        "base_tree": "1" * 40,
        "spec": {
            "plan": plan,
            "review": review,
            "task_type": kind,
            "attempts": attempts,
            "landing_attempts": landing_attempts,
        },
    }


class Timeline:
    """A run's events, and the state after the last one."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.events = [self._event(1, "run.created", payload)]
        self.state = begin(RUN, self.events[0])

    def add(self, kind: str, **payload: Any) -> RunState:
        event = self._event(self.state.seq + 1, kind, payload)
        self.events.append(event)
        self.state = apply(self.state, event)
        return self.state

    def finish(self, phase: Phase, outcome: str, **facts: Any) -> RunState:
        return self.add(
            "phase.finished", phase=phase, outcome=outcome, **(facts_of(outcome) | facts)
        )

    def through(self, *phases: Phase) -> None:
        """Add the start and the successful end of each phase."""
        for phase in phases:
            attempt = self.state.attempt + (phase is Phase.WORK)
            self.add("phase.started", phase=phase, attempt=attempt)
            self.finish(phase, good(phase))

    @staticmethod
    def _event(seq: int, kind: str, payload: dict[str, Any]) -> Event:
        data = parse_data(kind, json.loads(json.dumps(payload)))
        return Event(seq, f"2025-01-08T14:30:{seq % 60:02d}Z", data)


def good(phase: Phase) -> str:
    """Return the outcome of a successful phase."""
    return "passed" if phase is Phase.VERIFY else "ok"


def facts_of(outcome: str) -> dict[str, Any]:
    """Return a payload that fits the end of any phase."""
    code = {"passed": 0, "failed": 1}.get(outcome)
    return {
        "checks": [] if code is None else [CHECK | {"exit_code": code}],
        "commit_sha": "2" * 40,
        "changed": 1,
        "strategy": "merge",
        "feedback": "Add a heading.",
        "usage": {"input_tokens": 5, "cost_usd": 0.5},
        "session_id": "one",
    }
