"""Replaying all runs in any order gives the status file."""

import random
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from runr.runs.events import Event, parse_data
from runr.runs.model import RunState
from runr.runs.reducers import apply, begin
from runr.status.model import UNTOUCHED, Entry, State, fold, next_sequence, replay

TASK = ".runr/tasks/a.md"
START = {"task": TASK, "workdir": "/w", "base_sha": "0" * 40, "base_tree": "1" * 40}
ADA = {"by": "Ada", "reason": "did it"}
NOTHING: Mapping[str, object] = {}

#: What is not the fold's business: how often it was written, and how often runs took turns.
COUNTS = {"revision", "updated_at", "run_count"}


class Simulation:
    """A task that runs take one after the other, with its status kept as runr keeps it."""

    def __init__(self) -> None:
        self.now = 0
        self.clock = 5000
        self.runs: dict[str, RunState] = {}
        self.claimed: dict[str, str] = {}
        self.entry = UNTOUCHED

    @property
    def open(self) -> str | None:
        return next((name for name, run in self.runs.items() if run.result is None), None)

    def tick(self) -> str:
        self.now += 1
        self.clock += 1
        hours, seconds = divmod(self.clock, 3600)
        return f"2026-01-01T{hours:02}:{seconds // 60:02}:{seconds % 60:02}.000Z"

    def tell(self, name: str, kind: str, payload: Mapping[str, object] = NOTHING) -> None:
        run = self.runs.get(name)
        seq = run.seq + 1 if run else 1
        event = Event(seq, self.tick(), parse_data(kind, dict(payload)))
        self.runs[name] = apply(run, event) if run else begin(name, event)
        if kind in ("run.created", "run.resumed"):
            self.claimed[name] = event.time

    def record(self, name: str) -> None:
        self.entry = fold(self.entry, self.runs[name], f"{self.tick():.19}Z")

    def create(self, **more: object) -> str:
        name = f"run-{self.now * 7919 % 1000:03}-{len(self.runs)}"
        spec = {"task_sha256": f"text {self.now}"}
        self.tell(name, "run.created", START | {"spec": spec, "sequence": self.sequence()} | more)
        return name

    def sequence(self) -> int:
        return next_sequence([self.entry])

    def set_the_clock_back(self) -> None:
        self.clock = max(0, self.clock - 1000)

    def start(self) -> None:
        self.record(self.create(worker="script"))

    def stop(self, code: str = "scope_violation") -> None:
        if name := self.open:
            self.tell(name, "run.stopped", {"code": code})
            self.record(name)

    def turn(self) -> None:
        if self.open is None:
            self.start()
        else:
            self.stop()

    def fail(self) -> None:
        self.stop("error")

    def complete(self) -> None:
        if name := self.open:
            facts = {"commit_sha": f"{self.now:040}", "changed": 1}
            self.tell(name, "phase.finished", {"phase": "checkpoint", "outcome": "ok"} | facts)
            self.tell(name, "run.completed")
            self.record(name)

    def resume(self) -> None:
        stopped = [
            n for n, run in self.runs.items() if run.result == "stopped" and self._taken(run)
        ]
        done = self.entry.status is State.COMPLETED
        if self.open is None and stopped and not done:
            self.tell(stopped[0], "run.resumed", {"sequence": self.sequence()})
            self.record(stopped[0])

    def attest(self) -> None:
        if self.open is None:
            name = self.create(worker="person")
            self.tell(name, "run.approved", ADA)
            self.tell(name, "run.completed")
            self.record(name)

    def refuse(self) -> None:
        if self.open is None:
            name = self.create(worker="person")
            self.tell(name, "run.stopped", {"code": "verification_failed"})
            self.record(name)

    def accept(self) -> None:
        if self.entry.status is State.COMPLETED:
            name = self.create(worker="person", kind="acknowledgement")
            self.tell(name, "run.approved", ADA)
            self.tell(name, "run.completed")
            self.record(name)

    def intervene(self) -> None:
        name = self.create(worker="person", kind="manual_commit")
        self.tell(name, "run.approved", ADA)
        self.tell(name, "run.completed")

    def settle(self) -> None:
        """Let a run learn something long after its end, and write its task down once more."""
        for name, run in list(self.runs.items()):
            if run.result and self._taken(run):
                use = {"cost_usd": 1.0, "input_tokens": 1, "output_tokens": 1, "turns": 1}
                self.tell(name, "usage.recorded", {"usage": use})
                if self.entry.last_run_id == name:
                    self.record(name)

    @staticmethod
    def _taken(run: RunState) -> bool:
        return run.start.worker != "person"


#: Runs that take turns are what goes wrong first, so they come more often.
DEEDS = st.sampled_from(
    [
        *("turn", "turn", "turn", "turn", "resume", "resume", "resume", "complete", "complete"),
        *("fail", "attest", "refuse", "accept", "intervene", "settle"),
        "set_the_clock_back",
    ]
)


def seen(entry: Entry) -> dict[str, object]:
    return {key: value for key, value in entry._asdict().items() if key not in COUNTS}


@settings(max_examples=300)
@given(st.lists(DEEDS, max_size=25), st.randoms(use_true_random=False))
def test_the_runs_in_any_order_make_the_status_that_was_written(
    deeds: list[str], shuffle: random.Random
) -> None:
    simulation = Simulation()
    for deed in deeds:
        getattr(simulation, deed)()
    found = [(simulation.claimed[name], run) for name, run in simulation.runs.items()]
    shuffle.shuffle(found)
    assert seen(replay(found)) == seen(simulation.entry)


@given(st.lists(DEEDS, max_size=25))
def test_a_run_that_is_written_down_again_changes_nothing(deeds: list[str]) -> None:
    simulation = Simulation()
    for deed in deeds:
        getattr(simulation, deed)()
    for name in (simulation.entry.last_run_id, simulation.entry.acknowledged_run):
        if name is not None:
            assert fold(simulation.entry, simulation.runs[name], "later") == simulation.entry
