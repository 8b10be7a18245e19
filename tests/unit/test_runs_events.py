"""Events and states as JSON: everything comes back as it was, and what does not fit is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.runs import codec
from runr.runs.codec import CodecError
from runr.runs.events import (
    EVENTS,
    FINISHED,
    CheckFinished,
    Event,
    PhaseFinished,
    RunStopped,
    UnknownEvent,
    parse_data,
    parse_event,
)
from runr.runs.model import Phase, RunState

KINDS = (*EVENTS.values(), *FINISHED.values())
OWN_PHASE = {kind: phase for phase, kind in FINISHED.items()}
data = st.one_of(*map(st.from_type, KINDS)).map(
    lambda made: made._replace(phase=OWN_PHASE[type(made)]) if type(made) in OWN_PHASE else made
)


def numbered(made: Any) -> bool:
    """Tell whether JSON can hold it: it has no NaN and no infinity."""
    try:
        json.dumps(codec.encode(made), allow_nan=False)
    except ValueError:
        return False
    # A phase with facts of its own ends with the event that has them.
    return not (isinstance(made, PhaseFinished) and made.phase in FINISHED)


@given(data.filter(numbered), st.integers(1), st.text(), st.sampled_from(["runr", "session"]))
def test_every_event_is_read_as_it_was_written(made: Any, seq: int, time: str, source: str) -> None:
    event = Event(seq, time, made, source)
    assert parse_event(json.loads(json.dumps(event.to_json()))) == event


@given(st.from_type(RunState).filter(numbered))
def test_every_state_is_read_as_it_was_cached(state: RunState) -> None:
    assert codec.decode(RunState, json.loads(json.dumps(codec.encode(state)))) == state


def test_an_event_of_a_later_version_is_kept_whole() -> None:
    line = {"seq": 2, "time": "t", "type": "run.paused", "source": "runr", "payload": {"for": 3}}
    event = parse_event(line)
    assert event.data == UnknownEvent("run.paused", {"for": 3})
    assert event.to_json() == line


def test_a_fact_of_a_later_version_is_ignored() -> None:
    assert parse_data("run.stopped", {"code": "stopped", "mood": "bad"}) == RunStopped("stopped")


def test_a_check_whose_result_is_absent_has_not_passed() -> None:
    ended = parse_data(
        "check.finished", {"tier": "tier0", "command": "make", "exit_code": 0, "seconds": 1.0}
    )
    assert ended == CheckFinished("tier0", "make", 0, 1.0, runs=1, passed=False, flaky=False)


@pytest.mark.parametrize(
    ("name", "payload", "message"),
    [
        ("run.stopped", {}, "run.stopped: missing: code"),
        ("run.stopped", {"code": 5}, "run.stopped: code: expected str, found 5"),
        ("run.stopped", [], "payload: expected an object"),
        ("phase.started", {"phase": "lunch"}, "phase: expected one of prepare, plan, "),
        ("phase.started", {"phase": "work", "attempt": True}, "attempt: expected int, found True"),
        ("phase.finished", {"phase": "verify", "outcome": "passed"}, "missing: checks"),
        (
            "phase.finished",
            {"phase": "verify", "outcome": "passed", "checks": [{"tier": "tier0"}]},
            "phase.finished: checks: missing: command, exit_code, seconds",
        ),
        ("run.resumed", {"spec": {"owns": "src/"}}, "spec: owns: expected a list, found 'src/'"),
    ],
)
def test_a_fact_that_does_not_fit_is_named(name: str, payload: Any, message: str) -> None:
    with pytest.raises(CodecError) as caught:
        parse_data(name, payload)
    assert message in str(caught.value)


def test_facts_that_are_absent_are_not_written() -> None:
    assert Event(1, "t", RunStopped("stopped")).payload == {"code": "stopped"}
    assert Event(1, "t", PhaseFinished(Phase.RECORD, "ok")).type == "phase.finished"
