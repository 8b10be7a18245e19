"""The machine of a run, driven through every order of events that chance comes up with."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import runr
from runr.core.run import FOLLOWS, Action, apply, begin, fold, next_action
from runr.core.runstate import Event, Phase, RunState
from runr.core.stops import FOR_A_PERSON, STOPS, commands, find
from runr.core.task import TaskType
from runr.errors import ExitCode

RUN = "20250108-143022-k7qf"
WORDS = sorted({word for _, word in FOLLOWS})
CODES = sorted(STOPS)
#: A resume by itself changes nothing about these: a person has to speak first.
PERSONS = tuple(sorted(FOR_A_PERSON))
CHECK = {"tier": "tier1", "command": "make test", "seconds": 1.0}


def start(
    worker: str = "script",
    attempts: int = 3,
    kind: TaskType = TaskType.AUTOMATED,
    *,
    plan: str | None = None,
    review: str | None = None,
) -> dict[str, Any]:
    return {
        "plan": plan,
        "review": review,
        "task": ".runr/tasks/a.md",
        "worker": worker,
        "task_type": kind,
        "workdir": "/repo",
        "base_sha": "0" * 40,
        "base_tree": "1" * 40,
        "attempts": attempts,
    }


class Timeline:
    """A run's events and the state that they lead to, one after the other."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.events = [self._event(1, "run.created", payload)]
        self.state = begin(RUN, self.events[0])

    def add(self, kind: str, **payload: Any) -> RunState:
        event = self._event(self.state.seq + 1, kind, payload)
        self.events.append(event)
        self.state = apply(self.state, event)
        return self.state

    def finish(self, phase: Phase, outcome: str, **facts: Any) -> RunState:
        return self.add("phase.finished", phase=phase, outcome=outcome, **(told(outcome) | facts))

    def through(self, *phases: Phase) -> None:
        """Let phases begin and end well."""
        for phase in phases:
            attempt = self.state.attempt + (phase is Phase.WORK)
            self.add("phase.started", phase=phase, attempt=attempt)
            self.finish(phase, good(phase))

    @staticmethod
    def _event(seq: int, kind: str, payload: dict[str, Any]) -> Event:
        return Event(seq=seq, time=f"2025-01-08T14:30:{seq % 60:02d}Z", type=kind, payload=payload)


def good(phase: Phase) -> str:
    """Return the outcome of a phase that went well."""
    return "passed" if phase is Phase.VERIFY else "ok"


def told(outcome: str) -> dict[str, Any]:
    """Return the facts that any phase may finish with."""
    code = {"passed": 0, "failed": 1}.get(outcome)
    return {
        "checks": [] if code is None else [CHECK | {"exit_code": code}],
        "sha": "2" * 40,
        "changed": 1,
        "how": "merge",
        "asked": "Add a heading.",
        "input_tokens": 5,
        "cost_usd": 0.5,
        "session_id": "one",
    }


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
                {"phase": drawn[0], "outcome": drawn[1]} | told(drawn[1]),
            )
        ),
        st.sampled_from(CODES).map(lambda code: ("run.stopped", {"code": code})),
        st.sampled_from(
            [
                ("run.resumed", {}),
                ("run.approved", {"by": "Ada", "reason": "I looked"}),
                ("run.rejected", {"by": "Ada", "reason": "It is wrong"}),
                ("session.joined", {"session_id": "two"}),
                ("run.completed", {}),
                ("stop.requested", {}),
                ("check.started", {"command": "make test"}),
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
def test_whatever_happens_in_whatever_order_there_is_one_next_action(
    payload: dict[str, Any], happened: list[tuple[str, dict[str, Any]]]
) -> None:
    run = Timeline(payload)
    for kind, facts in happened:
        run.add(kind, **facts)
        action = next_action(run.state)
        assert (action.kind == "rest") == (run.state.ended is not None)
        assert (action.phase is not None) == (action.kind == "perform")
        assert (action.code is not None) == (action.kind == "stop")
    assert fold(RUN, run.events) == run.state
    assert fold(RUN, run.events).seq == len(run.events)


#: Chance: hypothesis offers it to a strategy and to a test, in the same way.
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Engine:
    """What `engine` and the use cases do with a run, where chance says how each phase ends."""

    def __init__(self, run: Timeline, draw: Draw) -> None:
        self.run = run
        self.draw = draw
        self.begun: list[int] = []  # the attempts since the run began or went on
        self.used: list[int] = []  # all attempts ever

    def step(self) -> bool:
        """Do what comes next; tell whether the run can go on at all."""
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
        if not (state.open and state.phase is phase):
            self.run.add("phase.started", phase=phase, attempt=action.attempt)
        if self._dies():
            return
        well = [word for known, word in FOLLOWS if known is phase]
        bad = ["error", "worker_unavailable", "guard"]
        if phase is Phase.WORK:
            bad += ["time_limit", "budget", "turns", "worker_failed", "worker_auth"]
        facts: dict[str, Any] = {}
        if phase is Phase.PLAN:
            facts = {"milestones": self.draw(st.sampled_from([[], ["one", "two", "three"]]))}
        elif phase is Phase.CHECKPOINT:
            # A commit that is looked for again is found.
            facts = {"sha": f"{len(state.checkpoints):040d}"}
        elif phase is Phase.REVIEW:
            facts = {"asked": self.draw(st.sampled_from(["Add a title", "Sort the lines"]))}
        self.run.finish(phase, self.draw(st.sampled_from([*well, *well, *bad])), **facts)
        self._dies()

    def _attempt(self, number: int) -> None:
        assert number not in self.used
        self.used.append(number)
        self.begun.append(number)

    def _dies(self) -> bool:
        """Kill the run's process, now and then."""
        if self.draw(st.integers(0, 7)):
            return False
        self.run.add("run.stopped", code=self.draw(st.sampled_from(["interrupted", "stopped"])))
        return True

    def _session(self) -> None:
        state = self.run.state
        if not (state.phase is Phase.WORK and state.open):
            self.run.add("phase.started", phase=Phase.WORK, attempt=state.attempt + 1)
        self.run.finish(Phase.WORK, "ok")

    def _rest(self) -> bool:
        state = self.run.state
        code = state.stop or ""
        if state.ended == "completed" or not find(code).resumable:
            return False
        word = self.draw(st.sampled_from(["approved", "rejected", None]))
        if code in PERSONS and word:
            self.run.add(f"run.{word}", by="Ada", reason="I looked at it")
        self.begun = []
        resumed = self.run.add("run.resumed")
        assert resumed.ended is None
        follows = next_action(resumed)
        if resumed.phase is Phase.CHECKPOINT and follows.kind == "stop":
            assert (follows.code, resumed.worded) == ("needs_human", False)
        else:
            assert follows.kind in ("perform", "wait", "complete"), (state, follows)
        return True


@settings(deadline=None)
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
            assert len(engine.begun) <= payload["attempts"]
    state = run.state
    if state.ended == "completed":
        assert state.checkpoint_sha is not None
        assert state.integration is not None
        assert state.verification == "passed" or state.approval is not None
        if payload["task_type"] is TaskType.HYBRID:
            assert state.approval is not None
            assert state.worded
        if state.milestones:
            assert len(state.checkpoints) >= len(state.milestones)
        if payload["review"] and not state.worded:
            assert state.reviewed_by or state.verification == "passed"
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
    assert not (approved and action.kind == "stop")


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


def test_a_run_without_trouble_goes_through_every_phase_once() -> None:
    run = Timeline(start(plan="planner", review="reviewer"))
    seen: list[Phase | None] = []
    while (action := next_action(run.state)).kind == "perform":
        assert action.phase is not None
        seen.append(action.phase)
        run.add("phase.started", phase=action.phase, attempt=action.attempt)
        run.finish(action.phase, good(action.phase))
    assert action.kind == "complete"
    assert seen == list(Phase)
    assert run.state.attempt == 1


def test_nobody_plans_or_reviews_where_the_settings_name_nobody() -> None:
    run = Timeline(start())
    run.through(Phase.PREPARE)
    assert next_action(run.state).phase is Phase.WORK
    run.through(Phase.WORK, Phase.VERIFY)
    assert next_action(run.state).phase is Phase.CHECKPOINT


def test_behind_each_checkpoint_but_the_last_comes_the_next_milestone() -> None:
    run = Timeline(start(attempts=1, plan="planner"))
    run.through(Phase.PREPARE)
    run.add("phase.started", phase=Phase.PLAN, attempt=0)
    run.finish(Phase.PLAN, "ok", milestones=["one", "two"])
    for number in (1, 2):
        assert run.state.milestone == number
        action = next_action(run.state)
        assert (action.phase, action.attempt) == (Phase.WORK, number)
        run.through(Phase.WORK, Phase.VERIFY)
        run.add("phase.started", phase=Phase.CHECKPOINT, attempt=number)
        run.finish(Phase.CHECKPOINT, "ok", sha=f"{number:040d}")
    assert next_action(run.state).phase is Phase.INTEGRATE
    assert len(run.state.checkpoints) == 2


def test_a_persons_word_for_one_milestone_is_none_for_the_next() -> None:
    run = Timeline(start(plan="planner"))
    run.finish(Phase.PLAN, "ok", milestones=["one", "two"])
    run.through(Phase.WORK)
    run.finish(Phase.VERIFY, "none")
    run.add("run.approved", by="Ada", reason="I looked")
    run.add("phase.started", phase=Phase.CHECKPOINT)
    run.finish(Phase.CHECKPOINT, "ok")
    run.through(Phase.WORK)
    run.finish(Phase.VERIFY, "none")
    assert next_action(run.state).code == "no_checks"


def test_a_rejected_result_is_worked_at_again_and_waits_for_its_person_again() -> None:
    run = Timeline(start(kind=TaskType.HYBRID))
    run.through(Phase.PREPARE, Phase.WORK, Phase.VERIFY, Phase.CHECKPOINT)
    run.add("run.stopped", code="needs_human")
    assert run.add("run.rejected", by="Ada", reason="It reads badly").stop == "rejected"
    run.add("run.resumed")
    action = next_action(run.state)
    assert (action.phase, action.attempt) == (Phase.WORK, 2)
    run.through(Phase.WORK, Phase.VERIFY)
    run.add("phase.started", phase=Phase.CHECKPOINT, attempt=2)
    run.finish(Phase.CHECKPOINT, "ok", sha="3" * 40)
    assert next_action(run.state).code == "needs_human"
    assert len(run.state.checkpoints) == 2


def test_work_that_goes_on_changing_behind_its_checks_is_never_committed() -> None:
    run = Timeline(start())
    run.through(Phase.PREPARE, Phase.WORK)
    for _ in range(2):
        run.through(Phase.VERIFY)
        run.add("phase.started", phase=Phase.CHECKPOINT, attempt=1)
        run.finish(Phase.CHECKPOINT, "altered")
        assert next_action(run.state).phase is Phase.VERIFY
    run.through(Phase.VERIFY)
    run.add("phase.started", phase=Phase.CHECKPOINT, attempt=1)
    run.finish(Phase.CHECKPOINT, "altered")
    assert next_action(run.state).code == "unsettled"
    run.add("run.stopped", code="unsettled")
    run.add("run.resumed")
    assert next_action(run.state).phase is Phase.VERIFY


@pytest.mark.parametrize("outcome", ["review_unclear", "changes", "worker_outage", "guard"])
def test_a_review_that_approved_nothing_is_preceded_by_the_checks_on_resume(outcome: str) -> None:
    run = Timeline(start(attempts=1, review="reviewer"))
    run.through(Phase.PREPARE, Phase.WORK, Phase.VERIFY)
    run.add("phase.started", phase=Phase.REVIEW, attempt=1)
    stop = next_action(run.finish(Phase.REVIEW, outcome))
    assert stop.code == ("review_failed" if outcome == "changes" else outcome)
    run.add("run.stopped", code=stop.code)
    run.add("run.resumed")
    assert next_action(run.state) == Action(kind="perform", phase=Phase.VERIFY, attempt=1)


def test_failing_checks_are_given_back_until_the_attempts_are_used_up() -> None:
    run = Timeline(start(attempts=3))
    run.through(Phase.PREPARE)
    for attempt in (1, 2, 3):
        action = next_action(run.state)
        assert (action.phase, action.attempt) == (Phase.WORK, attempt)
        run.add("phase.started", phase=Phase.WORK, attempt=attempt)
        run.finish(Phase.WORK, "ok")
        run.add("phase.started", phase=Phase.VERIFY, attempt=attempt)
        run.finish(Phase.VERIFY, "failed")
    assert next_action(run.state).code == "verification_failed"
    run.add("run.stopped", code="verification_failed")
    run.add("run.resumed")
    action = next_action(run.state)
    assert (action.phase, action.attempt) == (Phase.WORK, 4)


def test_work_that_was_finished_is_not_done_again_after_an_interruption() -> None:
    run = Timeline(start())
    run.through(Phase.PREPARE, Phase.WORK)
    run.add("run.stopped", code="interrupted")
    run.add("run.resumed")
    assert next_action(run.state) == Action(kind="perform", phase=Phase.VERIFY, attempt=1)


def test_work_that_was_interrupted_is_a_new_attempt() -> None:
    run = Timeline(start(attempts=1))
    run.through(Phase.PREPARE)
    run.add("phase.started", phase=Phase.WORK, attempt=1)
    run.add("run.stopped", code="interrupted")
    run.add("run.resumed")
    assert next_action(run.state) == Action(kind="perform", phase=Phase.WORK, attempt=2)


@pytest.mark.parametrize("phase", [Phase.PREPARE, Phase.VERIFY, Phase.CHECKPOINT, Phase.RECORD])
def test_a_phase_that_could_not_be_performed_is_performed_again_on_resume(phase: Phase) -> None:
    run = Timeline(start())
    run.add("phase.started", phase=phase, attempt=1)
    run.finish(phase, "worker_unavailable")
    run.add("run.stopped", code="worker_unavailable")
    run.add("run.resumed")
    assert next_action(run.state) == Action(kind="perform", phase=phase, attempt=1)


@pytest.mark.parametrize(("outcome", "code"), [("none", "no_checks"), ("guard", "guard")])
def test_what_was_judged_and_stopped_is_judged_again_on_resume(outcome: str, code: str) -> None:
    run = Timeline(start())
    run.through(Phase.PREPARE, Phase.WORK)
    run.add("phase.started", phase=Phase.VERIFY, attempt=1)
    assert next_action(run.finish(Phase.VERIFY, outcome)).code == code
    run.add("run.stopped", code=code)
    run.add("run.resumed")
    assert next_action(run.state) == Action(kind="perform", phase=Phase.VERIFY, attempt=1)


def test_no_checks_are_never_passed_and_a_persons_word_lets_the_run_go_on() -> None:
    run = Timeline(start())
    run.through(Phase.PREPARE, Phase.WORK)
    run.add("phase.started", phase=Phase.VERIFY, attempt=1)
    run.finish(Phase.VERIFY, "none")
    assert (run.state.verification, run.state.verified_tiers) == ("none", ())
    run.add("run.stopped", code="no_checks")
    run.add("run.approved", by="Ada", reason="I looked")
    run.add("run.resumed")
    assert next_action(run.state).phase is Phase.CHECKPOINT


def test_a_hybrid_task_waits_for_its_person_behind_the_checkpoint() -> None:
    run = Timeline(start(kind=TaskType.HYBRID))
    run.through(Phase.PREPARE, Phase.WORK, Phase.VERIFY, Phase.CHECKPOINT)
    assert next_action(run.state).code == "needs_human"
    run.add("run.stopped", code="needs_human")
    run.add("run.approved", by="Ada", reason="It reads well")
    run.add("run.resumed")
    assert next_action(run.state).phase is Phase.INTEGRATE


def test_a_sessions_run_waits_for_the_session_and_never_stops_by_itself() -> None:
    run = Timeline(start("session", attempts=1))
    run.through(Phase.PREPARE)
    run.add("phase.started", phase=Phase.WORK, attempt=1)
    assert next_action(run.state).kind == "wait"
    for attempt in (1, 2, 3):
        run.finish(Phase.WORK, "ok")
        run.add("phase.started", phase=Phase.VERIFY, attempt=attempt)
        run.finish(Phase.VERIFY, "failed")
        assert next_action(run.state).kind == "wait"
        run.add("phase.started", phase=Phase.WORK, attempt=attempt + 1)


def test_the_reason_of_an_earlier_trouble_is_forgotten_when_the_work_is_judged_again() -> None:
    run = Timeline(start("session"))
    run.through(Phase.PREPARE, Phase.WORK)
    run.add("phase.started", phase=Phase.VERIFY, attempt=1)
    assert run.finish(Phase.VERIFY, "guard", detail="out of scope: x").detail == "out of scope: x"
    run.through(Phase.WORK)
    run.add("phase.started", phase=Phase.VERIFY, attempt=2)
    assert run.finish(Phase.VERIFY, "none").detail is None


def test_cost_tokens_and_sessions_add_up_over_attempts() -> None:
    run = Timeline(start())
    run.finish(Phase.WORK, "ok", turns=2, session_id="one")
    run.finish(Phase.WORK, "ok", turns=3, session_id="two")
    state = run.finish(Phase.WORK, "ok", cost_usd=None, session_id="one", summary="done")
    assert (state.cost_usd, state.input_tokens, state.turns) == (1.0, 15, 5)
    assert (state.sessions, state.words) == (("one", "two"), "done")


def test_verified_tiers_are_named_once_and_only_when_all_passed() -> None:
    run = Timeline(start())
    checks = [
        {"tier": tier, "command": "c", "exit_code": 0, "seconds": 1}
        for tier in ("tier0", "tier0", "task")
    ]
    passed = run.finish(Phase.VERIFY, "passed", checks=checks)
    assert passed.verified_tiers == ("tier0", "task")
    assert run.finish(Phase.VERIFY, "failed", checks=checks).verified_tiers == ()


def test_a_check_that_ran_out_of_time_has_not_passed() -> None:
    run = Timeline(start())
    state = run.finish(Phase.VERIFY, "failed", checks=[CHECK | {"exit_code": None}])
    assert [check.passed for check in state.checks] == [False]


@pytest.mark.parametrize("code", CODES)
def test_every_stop_has_three_commands_that_a_shell_reads_as_they_are_meant(code: str) -> None:
    stop = STOPS[code]
    assert len(stop.next) == 3
    assert stop.exit_code in ExitCode
    assert stop.exit_code not in (ExitCode.DONE, ExitCode.USAGE)
    assert stop.meaning
    facts = {"run": RUN, "task": "it's $(here).md", "branch": "b", "workdir": "/a b", "base": "0"}
    filled = commands(code, **facts)
    assert len(filled) == 3
    assert not any("{" in command or "$(here)" in command.split("'")[::2] for command in filled)


def test_a_stop_that_another_version_wrote_reads_as_an_error() -> None:
    assert find("lost its way").code == "error"


def test_every_code_that_the_engine_and_the_workers_stop_with_is_registered() -> None:
    used = set(_codes())
    assert {"worker_outage", "time_limit", "worker_unavailable", "interrupted"} <= used
    assert used <= set(STOPS)


def test_every_outcome_of_a_phase_is_known() -> None:
    used = {word for tree in _modules() for word in _first_words(tree, "Outcome")}
    assert {"ok", "guard"} <= used
    assert used <= {*WORDS, *STOPS}


def test_no_stop_is_registered_that_nothing_stops_with() -> None:
    assert set(STOPS) == set(_codes())


#: Functions that return the code of a stop, alone or first in a pair.
_NAMES = ("_code", "_stop", "judge", "_judge", "limit", "reached")


def _modules() -> Iterator[ast.Module]:
    package = Path(runr.__file__).parent
    for folder in ("core", "engine", "workers", "app"):
        for path in sorted((package / folder).rglob("*.py")):
            if path.name != "stops.py":
                yield ast.parse(path.read_text(encoding="utf-8"))


def _codes() -> Iterator[str]:
    """Yield the codes in `stop=`, `code=`, `stop(context, …)`, tables and functions of codes."""
    for tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _in_call(node)
            elif isinstance(node, ast.Assign) and _named(node.targets, "stop"):
                yield from _answers(node.value)
            elif isinstance(node, ast.Assign) and _named(node.targets, "_STOPS", "_WORDS"):
                yield from (code for code in _texts(node.value) if code in STOPS or "_" in code)
            elif isinstance(node, ast.FunctionDef) and node.name in _NAMES:
                returned = (part.value for part in ast.walk(node) if isinstance(part, ast.Return))
                yield from (code for value in returned for code in _answers(value))


def _in_call(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    function = call.func.id if isinstance(call.func, ast.Name) else ""
    for keyword in call.keywords:
        if keyword.arg in ("stop", "code") and function in ("Action", "WorkReport"):
            yield from _answers(keyword.value)
    if function in ("_stop", "Outcome") and call.args:
        yield from (code for code in _answers(call.args[0]) if code in STOPS)
    if "stop" in (name, function) and len(call.args) > 1:
        yield from _answers(call.args[1])


def _answers(value: ast.expr | None) -> Iterator[str]:
    """Yield the constants that an expression may come out as: its first part, if it is a pair."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from (*_answers(body), *_answers(other))
        case ast.Tuple(elts=[first, *_]):
            yield from _answers(first)
        case ast.BoolOp(values=values):
            yield from (text for part in values for text in _answers(part))
        case ast.Call(func=ast.Name(id="next"), args=[_, other]):
            yield from _answers(other)
        case _:
            return


def _first_words(tree: ast.AST, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called), args=[first, *_]) if called == name:
                yield from _answers(first)
            case _:
                pass


def _named(targets: list[ast.expr], *names: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id in names for target in targets)


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts in the places of values: of a table, or last in a row."""
    match node:
        case ast.Dict(values=values):
            yield from (text for value in values for text in _answers(value))
        case ast.Tuple(elts=rows):
            for row in rows:
                if isinstance(row, ast.Tuple):
                    yield from _answers(row.elts[-1])
        case _:
            return
