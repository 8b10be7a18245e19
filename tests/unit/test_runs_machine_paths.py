"""Paths of a run: phases, further attempts, and resuming after a stop."""

import pytest

from runr.runs.machine import Action, next_action
from runr.runs.model import Phase
from runr.tasks.model import TaskType
from unit.run_timeline import CHECK, Timeline, good, start


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


def test_plan_and_review_are_skipped_unless_the_settings_name_a_worker() -> None:
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
        run.finish(Phase.CHECKPOINT, "ok", commit_sha=f"{number:040d}")
    assert next_action(run.state).phase is Phase.INTEGRATE
    assert len(run.state.checkpoints) == 2


def test_the_approval_of_one_milestone_does_not_count_for_the_next() -> None:
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
    assert run.add("run.rejected", by="Ada", reason="It reads badly").stop_reason == "rejected"
    run.add("run.resumed")
    action = next_action(run.state)
    assert (action.phase, action.attempt) == (Phase.WORK, 2)
    run.through(Phase.WORK, Phase.VERIFY)
    run.add("phase.started", phase=Phase.CHECKPOINT, attempt=2)
    run.finish(Phase.CHECKPOINT, "ok", commit_sha="3" * 40)
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
    assert next_action(run.state).code == "unstable_tree"
    run.add("run.stopped", code="unstable_tree")
    run.add("run.resumed")
    assert next_action(run.state).phase is Phase.VERIFY


@pytest.mark.parametrize(
    "outcome", ["review_unclear", "changes", "worker_outage", "scope_violation"]
)
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


@pytest.mark.parametrize(
    ("outcome", "code"), [("none", "no_checks"), ("scope_violation", "scope_violation")]
)
def test_a_stop_after_verification_repeats_the_verification_on_resume(
    outcome: str, code: str
) -> None:
    run = Timeline(start())
    run.through(Phase.PREPARE, Phase.WORK)
    run.add("phase.started", phase=Phase.VERIFY, attempt=1)
    assert next_action(run.finish(Phase.VERIFY, outcome)).code == code
    run.add("run.stopped", code=code)
    run.add("run.resumed")
    assert next_action(run.state) == Action(kind="perform", phase=Phase.VERIFY, attempt=1)


def test_no_checks_is_never_passed_and_an_approval_continues_the_run() -> None:
    run = Timeline(start())
    run.through(Phase.PREPARE, Phase.WORK)
    run.add("phase.started", phase=Phase.VERIFY, attempt=1)
    run.finish(Phase.VERIFY, "none")
    assert (run.state.verification.result, run.state.verified_tiers) == ("none", ())
    run.add("run.stopped", code="no_checks")
    run.add("run.approved", by="Ada", reason="I looked")
    run.add("run.resumed")
    assert next_action(run.state).phase is Phase.CHECKPOINT


def test_a_hybrid_task_waits_for_its_person_behind_the_checkpoint() -> None:
    run = Timeline(start(kind=TaskType.HYBRID))
    run.through(Phase.PREPARE, Phase.WORK, Phase.VERIFY, Phase.CHECKPOINT)
    assert next_action(run.state).code == "needs_human"
    run.add("run.stopped", code="needs_human")
    run.add("run.approved", by="Ada", reason="It is complete")
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


@pytest.mark.parametrize(
    ("worker", "action"),
    [("session", Action("wait")), ("script", Action("stop", code="no_changes"))],
)
def test_a_session_that_has_changed_nothing_can_still_do_the_work(
    worker: str, action: Action
) -> None:
    run = Timeline(start(worker))
    run.through(Phase.PREPARE, Phase.WORK)
    run.finish(Phase.VERIFY, "no_changes")
    assert next_action(run.state) == action


def test_a_phase_of_a_sessions_run_that_runr_performs_is_repeated_after_an_interruption() -> None:
    run = Timeline(start(worker="session"))
    run.add("phase.started", phase=Phase.PREPARE)
    assert next_action(run.state) == Action("perform", Phase.PREPARE)


def test_only_a_review_that_asks_for_the_same_again_is_a_loop() -> None:
    run = Timeline(start(attempts=9, review="reviewer"))
    run.through(Phase.PREPARE)
    for feedback in ("Add a heading.", "Remove that line."):
        run.through(Phase.WORK, Phase.VERIFY)
        run.finish(Phase.REVIEW, "changes", feedback=feedback)
        assert next_action(run.state).phase is Phase.WORK
    run.through(Phase.WORK, Phase.VERIFY)
    run.finish(Phase.REVIEW, "changes", feedback="Add a heading.")
    assert next_action(run.state).code == "review_loop"
    run.through(Phase.WORK)
    run.finish(Phase.VERIFY, "failed")
    assert next_action(run.state).phase is Phase.WORK


def test_the_reason_of_an_earlier_failure_is_dropped_when_the_work_is_verified_again() -> None:
    run = Timeline(start("session"))
    run.through(Phase.PREPARE, Phase.WORK)
    run.add("phase.started", phase=Phase.VERIFY, attempt=1)
    assert (
        run.finish(Phase.VERIFY, "scope_violation", detail="out of scope: x").detail
        == "out of scope: x"
    )
    run.through(Phase.WORK)
    run.add("phase.started", phase=Phase.VERIFY, attempt=2)
    assert run.finish(Phase.VERIFY, "none").detail is None


def test_cost_tokens_and_sessions_add_up_over_attempts() -> None:
    run = Timeline(start())
    usage = {"cost_usd": 0.5, "input_tokens": 5}
    run.finish(Phase.WORK, "ok", usage=usage | {"turns": 2}, session_id="one")
    run.finish(Phase.WORK, "ok", usage=usage | {"turns": 3}, session_id="two")
    state = run.finish(
        Phase.WORK, "ok", usage={"input_tokens": 5}, session_id="one", summary="done"
    )
    assert (state.usage.cost_usd, state.usage.input_tokens, state.usage.turns) == (1.0, 15, 5)
    assert (state.sessions, state.last_message) == (("one", "two"), "done")


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
    assert [check.passed for check in state.verification.checks] == [False]


@pytest.mark.parametrize("outcome", ["fails_on_target", "merge_conflict"])
def test_work_that_does_not_land_is_put_on_top_of_its_branch_once(outcome: str) -> None:
    run = Timeline(start(attempts=3, landing_attempts=1))
    run.through(Phase.PREPARE, Phase.WORK, Phase.VERIFY, Phase.CHECKPOINT)
    run.add("phase.started", phase=Phase.INTEGRATE, attempt=1)
    run.finish(Phase.INTEGRATE, outcome)
    assert next_action(run.state) == Action("perform", Phase.PREPARE, 1)
    run.add("phase.started", phase=Phase.PREPARE, attempt=1)
    run.finish(Phase.PREPARE, "ok", onto="b" * 40, files=["a"])
    assert (run.state.start.base_sha, run.state.checkpoints) == ("b" * 40, ())
    assert next_action(run.state) == Action("perform", Phase.WORK, 2)
    run.through(Phase.WORK, Phase.VERIFY, Phase.CHECKPOINT)
    run.add("phase.started", phase=Phase.INTEGRATE, attempt=2)
    run.finish(Phase.INTEGRATE, outcome)
    assert next_action(run.state) == Action("stop", code=outcome)
    # What a person lands later starts no worker.
    run.add("run.stopped", code=outcome)
    run.add("run.resumed")
    assert next_action(run.state) == Action("perform", Phase.INTEGRATE, 2)
