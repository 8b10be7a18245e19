"""From which phases a stopped run may resume, and the message where it may not."""

from typing import Any

import pytest

from runr.runs.model import Phase
from runr.runs.resume import follows, refusal
from unit.run_timeline import Timeline, start

PLAN, WORK, VERIFY, REVIEW = Phase.PLAN, Phase.WORK, Phase.VERIFY, Phase.REVIEW
CHECKPOINT, INTEGRATE = Phase.CHECKPOINT, Phase.INTEGRATE
DONE = (WORK, VERIFY, CHECKPOINT)


def after(*phases: Phase, **options: Any) -> Timeline:
    """Return a run that stopped after these phases, which all succeeded."""
    run = Timeline(start(**options))
    run.through(*phases)
    return run


def after_milestone(*phases: Phase) -> Timeline:
    """Return a run that stopped after the first of two milestones, and these phases."""
    run = after(plan="planner")
    run.finish(PLAN, "ok", milestones=["One", "Two"])
    run.through(*DONE, *phases)
    return run


def after_failure(phase: Phase, outcome: str, **facts: Any) -> Timeline:
    run = after(WORK, VERIFY, review="reviewer")
    run.finish(phase, outcome, **facts)
    return run


@pytest.mark.parametrize(
    ("run", "since"),
    [
        (after(), WORK),
        (after(plan="planner"), PLAN),
        (after(WORK, plan="planner"), PLAN),
        (after(WORK), VERIFY),
        (after(WORK, VERIFY), CHECKPOINT),
        (after(WORK, VERIFY, review="reviewer"), REVIEW),
        (after(WORK, VERIFY, REVIEW, review="reviewer"), REVIEW),
        (after(WORK, VERIFY, REVIEW, review="reviewer"), CHECKPOINT),
        (after_failure(REVIEW, "changes"), REVIEW),
        (after(*DONE), CHECKPOINT),
        (after(*DONE, INTEGRATE), CHECKPOINT),
        (after(*DONE, review="reviewer"), CHECKPOINT),
        (after_milestone(), WORK),
    ],
)
def test_a_run_resumes_from_a_phase_whose_work_is_there(run: Timeline, since: Phase) -> None:
    assert refusal(run.state, since) is None


@pytest.mark.parametrize(
    ("run", "since", "reason"),
    [
        (after(), PLAN, "settings name no planner"),
        (after(WORK), REVIEW, "settings name no reviewer"),
        (after(), VERIFY, "nothing has been done that could be verified"),
        (after(WORK, worker="session"), VERIFY, "when the session completes its task"),
        (after(worker="session", plan="planner"), PLAN, "a session does the work itself"),
        (after(WORK), CHECKPOINT, "work is not verified, and only verified work is committed"),
        (after(WORK, VERIFY, WORK), CHECKPOINT, "its work is not verified"),
        (after_failure(VERIFY, "failed"), CHECKPOINT, "its work is not verified"),
        (after_failure(VERIFY, "passed", violations=["x"]), CHECKPOINT, "work is not verified"),
        (after(WORK, VERIFY, review="reviewer"), CHECKPOINT, "its work is not reviewed"),
        (after_failure(REVIEW, "changes"), CHECKPOINT, "its work is not reviewed"),
        (after(WORK, review="reviewer"), REVIEW, "only verified work is reviewed"),
        (after(WORK, VERIFY, WORK, review="reviewer"), REVIEW, "only verified work is reviewed"),
        (after_failure(VERIFY, "failed"), REVIEW, "only verified work is reviewed"),
        (after(*DONE), WORK, "its checkpoint is made"),
        (after(*DONE), VERIFY, "its checkpoint is made"),
        (after(*DONE, INTEGRATE), WORK, "its checkpoint is made"),
        (
            after(*DONE, INTEGRATE, Phase.RECORD),
            CHECKPOINT,
            "its checkpoint is made and integrated",
        ),
        (after_milestone(), VERIFY, "its checkpoint is made"),
        (after_milestone(WORK), PLAN, "a milestone of its plan is committed already"),
    ],
)
def test_a_run_does_not_resume_from_a_phase_without_its_work(
    run: Timeline, since: Phase, reason: str
) -> None:
    assert reason in (refusal(run.state, since) or "")


def test_an_approval_takes_the_place_of_checks_and_review() -> None:
    run = after_failure(VERIFY, "failed")
    run.add("run.approved", by="Ada", reason="I looked")
    assert refusal(run.state, CHECKPOINT) is None


def test_rejected_work_is_done_again_although_its_checkpoint_is_made() -> None:
    run = after(*DONE)
    run.add("run.rejected", by="Ada", reason="It is wrong")
    assert refusal(run.state, WORK) is None
    assert follows(run.state, WORK).phase is WORK
