"""The checks that judge the work, run one after the other."""

from collections.abc import Collection, Sequence
from pathlib import Path

from runr import nofollow
from runr.execution import scope_guard
from runr.execution.context import PhaseOutcome, RunContext
from runr.redaction import CleanLines
from runr.runs import terms
from runr.runs.model import Check, CheckResult, RunStart, RunState
from runr.text import join_limited
from runr.workers import process

#: Characters of a check's output that are kept for the next attempt and for the report.
OUTPUT_TAIL = 6000


async def verify(context: RunContext, state: RunState) -> PhaseOutcome:
    """Judge the work: scope, checks, and scope again, for checks write files too."""
    before = scope_guard.check_scope(context, state)
    if before.violations:
        return _out_of_scope(before.violations, [])
    checks = _judges(context, state.start, before.paths)
    results = await run_checks(context, state, checks)
    after = scope_guard.check_scope(context, state, before)
    if after.violations:
        return _out_of_scope(after.violations, results, when=" (since the checks ran)")
    facts = [result.model_dump(mode="json") for result in results]
    return PhaseOutcome(verification_result(results), {"checks": facts, "tree": after.tree})


def verification_result(results: Sequence[CheckResult]) -> str:
    """Return passed, failed, skipped where all were left out, none where there is nothing."""
    if not results:
        return "none"
    if not any(result.runs for result in results):
        return "skipped"
    return "passed" if all(result.passed for result in results) else "failed"


async def run_checks(
    context: RunContext, state: RunState, checks: Sequence[Check]
) -> list[CheckResult]:
    """Run the checks in order; a tier with a failure is finished, later tiers are left out."""
    results: list[CheckResult] = []
    for check in checks:
        broken = next((result.tier for result in results if not result.passed), check.tier)
        if broken != check.tier:
            results.append(unchecked(check))
            continue
        context.log.append("check.started", {"tier": check.tier, "command": check.command})
        result = await _settled(context, state, check)
        results.append(result)
        said = result.model_dump(mode="json", exclude={"tail"})
        facts = said | {"passed": result.passed, "flaky": result.flaky}
        context.log.append("check.finished", facts)
    return results


def unchecked(check: Check) -> CheckResult:
    """Return the result of a check that is not run."""
    return CheckResult(tier=check.tier, command=check.command, exit_code=None, seconds=0, runs=0)


def _judges(context: RunContext, start: RunStart, paths: Collection[str]) -> tuple[Check, ...]:
    """Return the checks, with those that risky changes add; these are told in the timeline."""
    taken = terms.overridden(start, paths)
    for risk, path in taken:
        facts = {"pattern": risk.pattern, "tier": risk.tier, "path": path}
        context.log.append("checks.added", facts)
    return terms.verifies_anything(start, [risk for risk, _ in taken])


async def _settled(context: RunContext, state: RunState, check: Check) -> CheckResult:
    """Run a check, and again where it fails, as often as the settings say."""
    result = await _run_check(context, state, check)
    while result.failed and result.exit_code is not None and result.runs <= state.start.rerun:
        facts = result.model_dump(mode="json", exclude={"tail"})
        context.log.append("check.failed", facts)
        again = await _run_check(context, state, check)
        runs, seconds = result.runs + 1, round(result.seconds + again.seconds, 3)
        result = again.model_copy(update={"runs": runs, "seconds": seconds})
    return result


async def _run_check(context: RunContext, state: RunState, check: Check) -> CheckResult:
    lines: list[str] = []
    log = context.files.verify_log(max(state.attempt, 1))
    with nofollow.append_text(log) as kept:
        kept.write(f"$ {context.log.redact(check.command)}\n")
        cleaned = CleanLines(context.log.redact)

        def heard(line: str) -> None:
            clean = cleaned(line)
            kept.write(clean + "\n")
            lines.append(clean)

        # The command is the user's own, handed over whole.
        ended = await process.run(
            ["sh", "-c", check.command],
            cwd=Path(state.start.workdir),
            env=context.child_environment(state),
            on_line=heard,
            timeout_s=check.timeout_s,
            marker=state.id,
        )
        how = "timed out" if ended.timed_out else f"exit code {ended.exit_code}"
        kept.write(f"[{how} after {ended.seconds:.1f}s]\n")
    return CheckResult(
        tier=check.tier,
        command=check.command,
        exit_code=None if ended.timed_out else ended.exit_code,
        seconds=round(ended.seconds, 3),
        tail="\n".join(lines)[-OUTPUT_TAIL:],
    )


def _out_of_scope(
    paths: list[str], results: Sequence[CheckResult], *, when: str = ""
) -> PhaseOutcome:
    shown = join_limited(paths, 5)
    return PhaseOutcome(
        "guard",
        {
            "checks": [result.model_dump(mode="json") for result in results],
            "violations": paths,
            "detail": f"out of scope: {shown}{when}",
        },
    )
