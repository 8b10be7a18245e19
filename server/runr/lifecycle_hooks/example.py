"""An example of a run for each point, with which the hooks of a repository are tested. Pure."""

from typing import Literal

from runr.lifecycle_hooks.points import Point
from runr.runs.model import (
    Check,
    CheckResult,
    Phase,
    RunCreated,
    RunSpec,
    RunState,
    Verification,
    VerificationResult,
)

_ID, _TASK = "20260101-000000-test", ".runr/tasks/example.md"
_CHECK = Check("tier1", "make test", 60)


def run_at(point: Point, *, commit: str | None, tree: str | None, time: str) -> RunState:
    """Return a run that has reached the point with a commit that exists."""
    failed = point == "on_failure"
    verified: VerificationResult = "failed" if failed else "passed"
    begins = point == "pre_run"
    checks = (CheckResult(_CHECK.tier, _CHECK.command, 1 if failed else 0, 1.5),)
    is_over = not point.startswith("pre_")
    return RunState(
        id=_ID,
        start=RunCreated(
            task=_TASK, worker="script", workdir="", base_sha=commit or "", base_tree=tree or ""
        ),
        spec=RunSpec(title="An example", checks=(_CHECK,)),
        created_at=time,
        updated_at=time,
        ended_at=time if is_over else None,
        phase=Phase.PREPARE if begins else Phase.VERIFY,
        attempt=0 if begins else 1,
        result=_result(point),
        stop_reason=_STOPS.get(point),
        verification=Verification()
        if begins
        else Verification(result=verified, checks=checks, attempt=1, tree=tree),
        checkpoint_sha=None if failed or begins else commit,
    )


_STOPS = {"on_failure": "verification_failed", "on_needs_human": "needs_human"}


def _result(point: Point) -> Literal["completed", "stopped"] | None:
    if point in _STOPS:
        return "stopped"
    return "completed" if point == "post_complete" else None
