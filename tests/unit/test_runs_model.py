"""What a run's state says about itself, and what is taken for what it does not record."""

import math
from typing import Any

import pytest

from runr.runs.codec import decode, encode
from runr.runs.model import (
    MOST_USED,
    Approval,
    Candidate,
    CheckResult,
    Decision,
    MovedRef,
    RunCreated,
    RunSpec,
    RunState,
    Usage,
    Verification,
)

REQUIRED: dict[str, Any] = {
    "task": ".runr/tasks/x/a.md",
    "worker": "codex",
    "workdir": "/w",
    "base_sha": "0",
    "base_tree": "1",
}


def state(start: dict[str, Any] | None = None, **facts: Any) -> RunState:
    created = decode(RunCreated, REQUIRED | (start or {}))
    return RunState(id="r", start=created, spec=RunSpec(), created_at="t", updated_at="t", **facts)


def check(exit_code: int | None, runs: int = 1, tier: str = "task") -> CheckResult:
    return CheckResult(tier, "make", exit_code, 1.0, runs=runs)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (check(0), (True, False, False)),
        (check(0, runs=2), (True, False, True)),
        (check(1), (False, True, False)),
        (check(1, runs=2), (False, True, False)),
        (check(None), (False, True, False)),
        (check(None, runs=0), (False, False, False)),
    ],
)
def test_a_check_passes_fails_or_is_skipped(
    result: CheckResult, said: tuple[bool, bool, bool]
) -> None:
    assert (result.passed, result.failed, result.flaky) == said


def test_what_was_used_adds_up_and_no_cost_is_not_a_cost_of_nothing() -> None:
    one = Usage(cost_usd=0.5, input_tokens=1, output_tokens=2, turns=3)
    assert one.plus(Usage(None, 10, 20, 30)) == Usage(0.5, 11, 22, 33)
    assert Usage(None, 1).plus(Usage(None, 2)) == Usage(None, 3)
    assert Usage(0.0).plus(Usage()) == Usage(0.0)
    assert one.plus(one).cost_usd == 1.0


@pytest.mark.parametrize(
    ("moved", "message"),
    [
        (
            MovedRef("main", "1" * 40, "2" * 40, by_worker=True),
            f"main: {'1' * 12} to {'2' * 12}, by the worker",
        ),
        (MovedRef("tag", None, "2" * 40), f"tag: nothing to {'2' * 12}, by whom is not known"),
        (
            MovedRef("tag", "1" * 40, by_worker=True, put_back=True),
            f"tag was deleted at {'1' * 12}, by the worker, put back",
        ),
        (
            MovedRef("HEAD", "refs/heads/main", "refs/heads/other"),
            "HEAD: refs/heads/main to refs/heads/other, by whom is not known",
        ),
    ],
)
def test_a_ref_that_moved_is_named_with_where_it_was(moved: MovedRef, message: str) -> None:
    assert moved.message == message


def test_a_rejection_counts_before_an_approval() -> None:
    yes, no = Approval("Ada", "right"), Approval("Eve", "wrong")
    assert Decision(approval=yes, approved=True, rejection=no).statement == yes
    assert Decision(approval=yes, rejection=no, rejected=True).statement == no


def test_the_last_session_and_the_last_worker_do_the_work() -> None:
    begun = {"worker": "session", "session_id": "one"}
    assert state().task_name == "x/a.md"
    assert (state().by_session, state().holder, state().last_worker) == (False, None, "codex")
    assert (state(begun).by_session, state(begun).holder) == (True, "one")
    assert state(begun, sessions=("two",)).holder == "two"
    assert state(begun, sessions=("one", "two", "three")).holder == "three"
    assert state(worker="claude-code").last_worker == "claude-code"


@pytest.mark.parametrize(
    ("planned", "committed", "milestone", "unfinished"),
    [(0, 0, 0, False), (0, 1, 0, False), (2, 0, 1, True), (2, 1, 2, True), (2, 2, 2, False)],
)
def test_milestones_are_counted_by_their_commits(
    planned: int,
    committed: int,
    milestone: int,
    unfinished: bool,
) -> None:
    run = state(milestones=("m",) * planned, checkpoints=("1",) * committed)
    assert (run.milestone, run.unfinished) == (milestone, unfinished)


def test_tiers_count_as_verified_only_when_all_checks_passed() -> None:
    checks = (check(0, tier="tier0"), check(0, tier="task"), check(0, tier="tier0"))
    assert state(verification=Verification("passed", checks)).verified_tiers == ("tier0", "task")
    assert state(verification=Verification("skipped", checks)).verified_tiers == ()


def test_a_record_of_an_earlier_version_claims_nothing_that_it_does_not_say() -> None:
    candidate = decode(Candidate, {"tree": "1", "commit_tree": "1"})
    assert not (candidate.mounted)
    assert not (candidate.confirms)
    assert not (candidate.covered)
    assert not (candidate.carried)
    run = state()
    assert not (run.phase_open)
    assert not (run.is_retry)
    assert not (run.reminded)
    assert not (run.start.in_place)
    assert not run.start.was_completed
    assert not (run.decision.approved)
    assert not (run.decision.rejected)
    assert not (MovedRef("main").by_worker)
    assert not (MovedRef("main").put_back)
    assert (run.verification.result, run.attempt, run.attempts_from) == ("none", 0, 1)
    assert decode(RunState, encode(run)) == run


@pytest.mark.parametrize(
    ("reported", "counted"),
    [
        (Usage(-1.0, -5, -6, -7), Usage(None, 0, 0, 0)),
        (Usage(math.nan, 2**70, 2**63, 2**63), Usage(None, MOST_USED, MOST_USED, MOST_USED)),
        (Usage(math.inf), Usage(float(MOST_USED))),
        (Usage(0.5, 1, 2, 3), Usage(0.5, 1, 2, 3)),
    ],
)
def test_what_no_run_can_use_is_not_counted(reported: Usage, counted: Usage) -> None:
    assert reported.bounded() == counted
    assert Usage().plus(reported) == counted
    assert counted.plus(counted) == counted.plus(counted).bounded()
