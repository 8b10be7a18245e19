"""What the events of a run leave on record: sessions, reviews, decisions, milestones, commits."""

from typing import Any

import pytest

from runr.runs.codec import CodecError
from runr.runs.machine import Action, next_action
from runr.runs.model import Phase
from unit.run_timeline import CHECK, Timeline, start

WORK, VERIFY, REVIEW, CHECKPOINT = Phase.WORK, Phase.VERIFY, Phase.REVIEW, Phase.CHECKPOINT
PASSED, FAILED = CHECK | {"exit_code": 0}, CHECK | {"exit_code": 1}
CANDIDATE = {"tree": "t", "commit_tree": "c", "onto": "3" * 40}


def worked(review: str | None = None) -> Timeline:
    run = Timeline(start(review=review))
    run.through(WORK, VERIFY)
    return run


def test_the_session_that_took_a_run_over_last_holds_it() -> None:
    run = Timeline(start(worker="session"))
    for session in ("one", "two", "one"):
        run.add("session.attached", session_id=session)
    assert (run.state.holder, run.state.sessions) == ("one", ("two", "one"))


def test_a_session_is_reminded_once_until_the_run_is_resumed() -> None:
    run = Timeline(start(worker="session"))
    assert run.add("session.reminded", session_id="one").reminded
    run.add("run.stopped", code="interrupted")
    assert not run.add("run.resumed").reminded


def test_a_reviewer_is_on_record_when_the_review_approves() -> None:
    run = worked(review="reviewer")
    state = run.finish(REVIEW, "changes", feedback="Add a heading.", reviewer="reviewer")
    assert (state.review.approved_by, state.review.feedback) == (None, ("Add a heading.",))
    state = run.finish(REVIEW, "review_unclear", feedback="Hm.", reviewer="reviewer")
    assert (state.review.approved_by, state.review.feedback) == (None, ("Add a heading.",))
    assert run.finish(REVIEW, "ok", reviewer="reviewer").review.approved_by == "reviewer"


def test_the_rejection_of_a_stopped_run_is_why_it_is_stopped() -> None:
    run = worked()
    assert run.add("run.rejected", by="Ada", reason="It is wrong").stop_reason is None
    run.add("run.stopped", code="needs_human")
    assert run.add("run.rejected", by="Ada", reason="It is wrong").stop_reason == "rejected"


def test_a_planner_that_changed_files_leaves_no_plan() -> None:
    run = Timeline(start(plan="planner"))
    facts = {"milestones": ["One", "Two"], "violations": ["a.py"]}
    state = run.finish(Phase.PLAN, "scope_violation", **facts)
    assert (state.milestones, state.violations) == ((), ("a.py",))
    state = run.finish(Phase.PLAN, "ok", **facts)
    assert (state.milestones, state.violations) == (("One", "Two"), ())


def test_work_that_failed_to_integrate_is_in_no_branch() -> None:
    run = worked()
    state = run.finish(Phase.INTEGRATE, "conflict", strategy="merge")
    assert (state.integration.strategy, state.integration.commit_sha) == (None, None)
    state = run.finish(Phase.INTEGRATE, "ok", strategy="merge", commit_sha="2" * 40)
    assert (state.integration.strategy, state.integration.commit_sha) == ("merge", "2" * 40)


@pytest.mark.parametrize(
    ("checks", "result"), [([PASSED, FAILED], "failed"), ([PASSED, PASSED], "passed")]
)
def test_a_target_that_moved_is_verified_again_and_that_is_the_result(
    checks: list[dict[str, object]], result: str
) -> None:
    run = worked()
    state = run.finish(Phase.INTEGRATE, "ok", candidate=CANDIDATE, checks=checks)
    assert state.verification.result == result
    assert state.verification.candidate is not None
    assert state.verification.candidate.onto == "3" * 40


def test_without_another_verification_the_first_one_holds() -> None:
    run = worked()
    assert run.finish(Phase.INTEGRATE, "ok", checks=[FAILED]).verification.result == "passed"


def test_a_checkpoint_of_a_later_version_without_a_commit_is_damage() -> None:
    with pytest.raises(CodecError, match="a checkpoint without commit_sha"):
        worked().finish(CHECKPOINT, "ok", commit_sha=None)


def test_a_commit_that_is_found_again_is_one_milestone() -> None:
    run = Timeline(start(plan="planner"))
    run.finish(Phase.PLAN, "ok", milestones=["One", "Two", "Three"])
    for number in ("1", "2", "3", "3"):
        run.finish(CHECKPOINT, "ok", commit_sha=number * 40)
    assert run.state.checkpoints == ("1" * 40, "2" * 40, "3" * 40)
    run.add("run.stopped", code="interrupted")
    # The last one is searched again, after the one before.
    assert run.add("run.resumed", from_phase=CHECKPOINT).checkpoints == ("1" * 40, "2" * 40)
    assert next_action(run.state) == Action("perform", CHECKPOINT)


def test_a_checkpoint_that_failed_leaves_the_ones_before_it() -> None:
    run = Timeline(start(plan="planner"))
    run.finish(CHECKPOINT, "ok", commit_sha="1" * 40)
    run.finish(CHECKPOINT, "commit_failed")
    run.add("run.stopped", code="commit_failed")
    assert run.add("run.resumed", from_phase=CHECKPOINT).checkpoints == ("1" * 40,)


@pytest.mark.parametrize("since", [VERIFY, REVIEW])
def test_a_resume_performs_the_phase_that_it_names(since: Phase) -> None:
    run = worked(review="reviewer")
    run.add("run.stopped", code="interrupted")
    run.add("run.resumed", from_phase=since)
    assert next_action(run.state) == Action("perform", since, 1)


def test_an_approved_review_is_not_repeated_on_resume() -> None:
    run = worked(review="reviewer")
    run.finish(REVIEW, "ok")
    run.add("run.stopped", code="interrupted")
    run.add("run.resumed")
    assert next_action(run.state) == Action("perform", CHECKPOINT, 1)


def test_an_interrupted_review_is_repeated_and_what_earlier_ones_asked_for_stays() -> None:
    run = worked(review="reviewer")
    run.finish(REVIEW, "changes", feedback="Add a heading.")
    run.through(WORK, VERIFY)
    run.add("phase.started", phase=REVIEW)
    run.add("run.stopped", code="interrupted")
    state = run.add("run.resumed")
    assert next_action(state) == Action("perform", REVIEW, 2)
    assert (state.review.feedback, state.is_retry) == (("Add a heading.",), True)
    assert not run.finish(REVIEW, "ok").is_retry


def test_what_was_altered_during_its_checks_is_verified_again_on_resume() -> None:
    run = worked()
    for _ in range(3):
        run.finish(CHECKPOINT, "altered")
    assert next_action(run.state).code == "unstable_tree"
    run.add("run.stopped", code="unstable_tree")
    run.add("run.resumed")
    assert next_action(run.state) == Action("perform", VERIFY, 1)
    for _ in range(2):
        run.finish(CHECKPOINT, "altered")
        assert next_action(run.state) == Action("perform", VERIFY, 1)
    run.finish(CHECKPOINT, "altered")
    assert next_action(run.state).code == "unstable_tree"


def test_a_resumed_run_has_all_its_attempts_again() -> None:
    run = Timeline(start(attempts=2))
    for attempt in (1, 2, 3, 4):
        run.through(WORK)
        action = next_action(run.finish(VERIFY, "failed"))
        if attempt % 2:
            assert action == Action("perform", WORK, attempt + 1)
        else:
            assert action.code == "verification_failed"
            run.add("run.stopped", code="verification_failed")
            run.add("run.resumed")


@pytest.mark.parametrize(
    ("outcome", "code", "resume", "made"),
    [
        ("usage_limit", "usage_limit", {}, 1),
        ("stopped", "stopped", {}, 1),
        ("", "stopped", {}, 1),
        ("", "interrupted", {}, 1),
        ("outage", "worker_outage", {"from_phase": "work"}, 1),
        ("error", "worker_failed", {}, 2),
    ],
)
def test_an_attempt_that_a_limit_or_a_user_ended_early_counts_once_with_the_one_that_continues_it(
    outcome: str, code: str, resume: dict[str, Any], made: int
) -> None:
    run = Timeline(start())
    run.add("phase.started", phase=WORK, attempt=1)
    if outcome:  # else it is stopped, or its process is gone, in the middle of it
        run.finish(WORK, outcome)
    run.add("run.stopped", code=code)
    run.add("run.resumed", **resume)
    run.through(WORK)
    assert (run.state.attempt, run.state.attempts_made) == (2, made)


def test_the_reason_of_a_stop_is_kept_until_the_run_resumes() -> None:
    run = worked()
    assert run.add("run.stopped", code="interrupted", detail="Ctrl-C").detail == "Ctrl-C"
    assert run.add("run.resumed").detail is None


def test_the_worker_that_stood_in_is_the_last_one() -> None:
    run = worked()
    assert run.state.last_worker == "script"
    assert run.finish(WORK, "ok", worker="codex").last_worker == "codex"
    assert run.finish(WORK, "error").last_worker == "codex"


def test_a_commit_that_failed_is_made_again_on_resume() -> None:
    run = worked()
    run.finish(CHECKPOINT, "commit_failed")
    run.add("run.stopped", code="commit_failed")
    run.add("run.resumed")
    assert next_action(run.state) == Action("perform", CHECKPOINT, 1)


def test_attempts_and_feedback_of_a_milestone_do_not_count_for_the_next() -> None:
    run = Timeline(start(plan="planner", review="reviewer", attempts=2))
    run.finish(Phase.PLAN, "ok", milestones=["One", "Two"])
    run.through(WORK, VERIFY)
    run.finish(REVIEW, "changes", feedback="Add a heading.")
    run.through(WORK)
    before = run.state
    assert (before.review.feedback, before.attempts_from) == (("Add a heading.",), 1)
    run.through(VERIFY, REVIEW, CHECKPOINT, WORK)
    assert run.state.review.feedback == ()
    run.finish(VERIFY, "failed")
    assert next_action(run.state) == Action("perform", WORK, 4)
    run.through(WORK)
    run.finish(VERIFY, "failed")
    assert next_action(run.state).code == "verification_failed"


def test_a_resume_after_the_files_were_restored_begins_with_the_work() -> None:
    run = worked()
    run.through(CHECKPOINT)
    run.finish(Phase.INTEGRATE, "fails_on_target", target="main")
    run.add("run.stopped", code="fails_on_target")
    run.add("work.restored", ref="refs/runr/1/restored/1", paths=["a.py"], tree="t")
    assert next_action(run.add("run.resumed")) == Action("perform", WORK, 2)
