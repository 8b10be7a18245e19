"""The VERIFY phase: the scope of the changes, then the checks, one after the other."""

from collections.abc import Collection, Sequence
from pathlib import Path

from runr import nofollow
from runr.execution import scope_guard
from runr.execution.context import RunContext
from runr.redaction import CleanLines
from runr.runs import spec
from runr.runs.events import (
    CheckFailed,
    CheckFinished,
    ChecksEscalated,
    CheckStarted,
    VerifyFinished,
)
from runr.runs.model import Check, CheckResult, RunState, VerificationResult
from runr.text import join_limited
from runr.workers import process

#: Characters of a check's output that are kept for the next attempt and for the report.
OUTPUT_TAIL = 6000


async def verify(context: RunContext, state: RunState) -> VerifyFinished:
    """Verify the work: scope, checks, and scope again, because checks write files too."""
    before = scope_guard.check_scope(context, state)
    if before.violations:
        return _scope_violation(before.violations, [])
    checks = _checks(context, state, before.paths)
    results = await run_checks(context, state, checks)
    after = scope_guard.check_scope(context, state, before)
    if after.violations:
        return _scope_violation(after.violations, results, when=" (since the checks ran)")
    return VerifyFinished(verification_result(results), tuple(results), tree=after.tree)


def verification_result(results: Sequence[CheckResult]) -> VerificationResult:
    """Return passed, failed, skipped where no check was run, none where there is no check."""
    if not results:
        return "none"
    if not any(result.runs for result in results):
        return "skipped"
    return "passed" if all(result.passed for result in results) else "failed"


async def run_checks(
    context: RunContext, state: RunState, checks: Sequence[Check]
) -> list[CheckResult]:
    """Run the checks in order; the checks after a tier with a failure are skipped."""
    results: list[CheckResult] = []
    for check in checks:
        failed = next((result.tier for result in results if not result.passed), check.tier)
        if failed != check.tier:
            results.append(unchecked(check))
            continue
        context.journal.append(CheckStarted(check.tier, check.command))
        result = await _run_with_retries(context, state, check)
        results.append(result)
        context.journal.append(
            CheckFinished(
                tier=result.tier,
                command=result.command,
                exit_code=result.exit_code,
                seconds=result.seconds,
                runs=result.runs,
                passed=result.passed,
                flaky=result.flaky,
            )
        )
    return results


def unchecked(check: Check) -> CheckResult:
    """Return the result of a check that is skipped."""
    return CheckResult(check.tier, check.command, exit_code=None, seconds=0, runs=0)


def _checks(context: RunContext, state: RunState, paths: Collection[str]) -> tuple[Check, ...]:
    """Return the run's checks, with those that the changed paths add; that is recorded."""
    triggered = spec.triggered(state.spec, paths)
    for escalation, path in triggered:
        context.journal.append(ChecksEscalated(escalation.pattern, escalation.tier, path))
    return spec.escalated_checks(state.spec, [escalation for escalation, _ in triggered])


async def _run_with_retries(context: RunContext, state: RunState, check: Check) -> CheckResult:
    """Run a check, and again while it fails, as often as the settings allow."""
    result = await _run_check(context, state, check)
    retries = state.spec.verify_retries
    while result.failed and result.exit_code is not None and result.runs <= retries:
        context.journal.append(
            CheckFailed(
                tier=result.tier,
                command=result.command,
                exit_code=result.exit_code,
                seconds=result.seconds,
                runs=result.runs,
            )
        )
        again = await _run_check(context, state, check)
        seconds = round(result.seconds + again.seconds, 3)
        result = again._replace(runs=result.runs + 1, seconds=seconds)
    return result


async def _run_check(context: RunContext, state: RunState, check: Check) -> CheckResult:
    lines: list[str] = []
    path = context.files.verify_log(max(state.attempt, 1))
    with nofollow.append_text(path) as log:
        log.write(f"$ {context.journal.redact(check.command)}\n")
        redacted = CleanLines(context.journal.redact)

        def on_line(line: str) -> None:
            clean = redacted(line)
            log.write(clean + "\n")
            lines.append(clean)

        # The command is the user's own: a shell gets it unchanged.
        ended = await process.run(
            ["sh", "-c", check.command],
            cwd=Path(state.start.workdir),
            env=context.child_environment(state),
            on_line=on_line,
            timeout_s=check.timeout_s,
            marker=state.id,
        )
        how = "timed out" if ended.timed_out else f"exit code {ended.exit_code}"
        log.write(f"[{how} after {ended.seconds:.1f}s]\n")
    return CheckResult(
        tier=check.tier,
        command=check.command,
        exit_code=None if ended.timed_out else ended.exit_code,
        seconds=round(ended.seconds, 3),
        tail="\n".join(lines)[-OUTPUT_TAIL:],
    )


def _scope_violation(
    paths: Sequence[str], results: Sequence[CheckResult], *, when: str = ""
) -> VerifyFinished:
    return VerifyFinished(
        "scope_violation",
        tuple(results),
        detail=f"out of scope: {join_limited(paths, 5)}{when}",
        violations=tuple(paths),
    )
