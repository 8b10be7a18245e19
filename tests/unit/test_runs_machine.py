"""The machine of a run, driven through random sequences of events."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.runs.machine import FOLLOWS, Action, next_action
from runr.runs.model import Phase
from runr.runs.reducers import fold
from runr.runs.stop_reasons import FOR_A_PERSON, STOPS, find
from runr.tasks.model import TaskType
from unit.run_timeline import RUN, Timeline, facts_of, start

WORDS = sorted({word for _, word in FOLLOWS})
CODES = sorted(STOPS)
#: A resume by itself changes nothing about these: a person has to speak first.
PERSONS = tuple(sorted(FOR_A_PERSON))
phases = st.sampled_from(list(Phase))
outcomes = st.sampled_from([*WORDS, *CODES, "a word of a later version"])
soup = st.lists(
    st.one_of(
        st.tuples(st.just("phase.started"), st.fixed_dictionaries({"phase": phases})),
        st.tuples(
            st.just("phase.started"),
            st.fixed_dictionaries({"phase": phases, "attempt": st.integers(0, 9)}),
        ),
        st.tuples(phases, outcomes).map(
            lambda drawn: (
                "phase.finished",
                {"phase": drawn[0], "outcome": drawn[1]} | facts_of(drawn[1]),
            )
        ),
        st.sampled_from(CODES).map(lambda code: ("run.stopped", {"code": code})),
        st.sampled_from(
            [
                ("run.resumed", {}),
                ("run.approved", {"by": "Ada", "reason": "I looked"}),
                ("run.rejected", {"by": "Ada", "reason": "It is wrong"}),
                ("session.attached", {"session_id": "two"}),
                ("run.completed", {}),
                ("run.stop_requested", {}),
                ("check.started", {"tier": "tier0", "command": "make test"}),
                ("an event of a later version", {"phase": "unheard of"}),
            ]
        ),
    ),
    max_size=25,
)
beginnings = st.builds(
    start,
    worker=st.sampled_from(["script", "session"]),
    attempts=st.integers(1, 4),
    kind=st.sampled_from([TaskType.AUTOMATED, TaskType.HYBRID]),
    plan=st.sampled_from([None, "planner"]),
    review=st.sampled_from([None, "reviewer"]),
)


@given(beginnings, soup)
def test_any_sequence_of_events_has_exactly_one_next_action(
    payload: dict[str, Any], happened: list[tuple[str, dict[str, Any]]]
) -> None:
    run = Timeline(payload)
    for kind, facts in happened:
        run.add(kind, **facts)
        action = next_action(run.state)
        assert (action.kind == "rest") == (run.state.result is not None)
        assert (action.phase is not None) == (action.kind == "perform")
        assert (action.code is not None) == (action.kind == "stop")
    assert fold(RUN, run.events) == run.state
    assert fold(RUN, run.events).seq == len(run.events)


#: Chance: hypothesis offers it to a strategy and to a test, in the same way.
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Engine:
    """A run whose phases end with random outcomes."""

    def __init__(self, run: Timeline, draw: Draw) -> None:
        self.run = run
        self.draw = draw
        self.begun: list[int] = []  # the attempts since the run began or went on
        self.used: list[int] = []  # all attempts ever

    def step(self) -> bool:
        """Perform the next action; return whether the run can continue."""
        state, action = self.run.state, next_action(self.run.state)
        match action.kind:
            case "perform":
                self._perform(action)
            case "stop":
                assert action.code in STOPS
                self.run.add("run.stopped", code=action.code, detail=state.detail)
            case "complete":
                self.run.add("run.completed")
            case "wait":
                self._session()
            case "rest":
                return self._rest()
        return True

    def _perform(self, action: Action) -> None:
        state, phase = self.run.state, action.phase
        assert phase is not None
        if phase is Phase.WORK:
            if state.phase is Phase.CHECKPOINT:
                self.begun = []  # the next milestone has attempts of its own
            self._attempt(action.attempt)
        if not (state.phase_open and state.phase is phase):
            self.run.add("phase.started", phase=phase, attempt=action.attempt)
        if self._dies():
            return
        well = [word for known, word in FOLLOWS if known is phase]
        bad = ["error", "worker_unavailable", "scope_violation"]
        if phase is Phase.WORK:
            bad += ["time_limit", "cost_limit", "turn_limit", "worker_failed", "worker_auth"]
        facts: dict[str, Any] = {}
        if phase is Phase.PLAN:
            facts = {"milestones": self.draw(st.sampled_from([[], ["one", "two", "three"]]))}
        elif phase is Phase.CHECKPOINT:
            # A commit that is looked for again is found.
            facts = {"commit_sha": f"{len(state.checkpoints):040d}"}
        elif phase is Phase.REVIEW:
            facts = {"feedback": self.draw(st.sampled_from(["Add a title", "Sort the lines"]))}
        self.run.finish(phase, self.draw(st.sampled_from([*well, *well, *bad])), **facts)
        self._dies()

    def _attempt(self, number: int) -> None:
        assert number not in self.used
        self.used.append(number)
        self.begun.append(number)

    def _dies(self) -> bool:
        """Kill the run's process at random."""
        if self.draw(st.integers(0, 7)):
            return False
        self.run.add("run.stopped", code=self.draw(st.sampled_from(["interrupted", "stopped"])))
        return True

    def _session(self) -> None:
        state = self.run.state
        if not (state.phase is Phase.WORK and state.phase_open):
            self.run.add("phase.started", phase=Phase.WORK, attempt=state.attempt + 1)
        self.run.finish(Phase.WORK, "ok")

    def _rest(self) -> bool:
        state = self.run.state
        code = state.stop_reason or ""
        if state.result == "completed" or not find(code).resumable:
            return False
        word = self.draw(st.sampled_from(["approved", "rejected", None]))
        if code in PERSONS and word:
            self.run.add(f"run.{word}", by="Ada", reason="I looked at it")
        self.begun = []
        resumed = self.run.add("run.resumed")
        assert resumed.result is None
        follows = next_action(resumed)
        if resumed.phase is Phase.CHECKPOINT and follows.kind == "stop":
            assert (follows.code, resumed.decision.approved) == ("needs_human", False)
        else:
            assert follows.kind in ("perform", "wait", "complete"), (state, follows)
        return True


@given(st.data(), beginnings)
def test_a_run_keeps_its_attempts_goes_on_after_every_stop_and_completes_only_on_evidence(
    data: st.DataObject, payload: dict[str, Any]
) -> None:
    run = Timeline(payload)
    engine = Engine(run, data.draw)
    for _ in range(40):
        if not engine.step():
            break
        if payload["worker"] != "session":
            assert len(engine.begun) <= payload["spec"]["attempts"]
    state = run.state
    if state.result == "completed":
        assert state.checkpoint_sha is not None
        assert state.integration is not None
        assert state.verification.result == "passed" or state.decision.approval is not None
        if payload["spec"]["task_type"] is TaskType.HYBRID:
            assert state.decision.approval is not None
            assert state.decision.approved
        if state.milestones:
            assert len(state.checkpoints) >= len(state.milestones)
        if payload["spec"]["review"] and not state.decision.approved:
            assert state.review.approved_by or state.verification.result == "passed"
    assert fold(RUN, run.events) == state


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize("worker", ["script", "session"])
@pytest.mark.parametrize(("phase", "word"), FOLLOWS)
def test_every_good_outcome_of_a_phase_leads_somewhere(
    phase: Phase, word: str, worker: str, *, approved: bool
) -> None:
    run = Timeline(start(worker))
    if approved:
        run.add("run.approved", by="Ada", reason="I looked")
    run.add("phase.started", phase=phase, attempt=1)
    action = next_action(run.finish(phase, word))
    assert action.kind in ("perform", "complete", "wait", "stop")
    assert action.kind != "stop" or action.code in STOPS
    # Approved work that cannot land waits for a person.
    assert action.kind != "stop" or not approved or phase is Phase.INTEGRATE or word == "conflict"


@pytest.mark.parametrize(
    ("phase", "code"),
    [(phase, code) for phase in Phase for code in CODES if (phase, code) not in FOLLOWS],
)
def test_the_code_of_a_stop_ends_every_phase_and_no_other_phase_is_begun(
    phase: Phase, code: str
) -> None:
    run = Timeline(start())
    run.add("phase.started", phase=phase, attempt=1)
    action = next_action(run.finish(phase, code, detail="why"))
    assert (action.kind, action.code, run.state.detail) == ("stop", code, "why")
