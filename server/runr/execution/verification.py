"""The VERIFY phase: the scope of the changes, then the checks, one after the other."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runr import nofollow
from runr.errors import GitError, VerificationError, WorkerUnavailableError
from runr.execution import candidate, check_place, own_branch, reserved_checkout, scope_guard
from runr.execution.candidate import Built
from runr.execution.check_place import CheckPlace, CleanCheckout, Workspace
from runr.execution.context import RunContext
from runr.execution.reserved_checkout import Reserved
from runr.execution.rework import marked_files
from runr.execution.scope_guard import ScopeReport
from runr.git import object_check, snapshot
from runr.git.merge_entry import NOTHING
from runr.git.repo import Repo
from runr.git.snapshot import ChangeSet
from runr.redaction import CleanLines
from runr.runs import prompts, spec
from runr.runs.events import (
    CheckFailed,
    CheckFinished,
    ChecksEscalated,
    CheckStarted,
    VerifyFinished,
)
from runr.runs.model import (
    UNCHECKED,
    Candidate,
    Check,
    CheckResult,
    RunState,
    VerificationResult,
)
from runr.tasks.empty_checks import explain
from runr.text import join_limited
from runr.workers import process

#: Characters of a check's output that are kept for the next attempt and for the report.
OUTPUT_TAIL = 6000

#: How often the checks may change files that they are declared to write.
_MOST_REWRITES = 3

_SINCE = " (since the checks ran)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateResult:
    """The checks of a candidate; `record` says how it was checked out.

    `written` are the declared files that a check has changed: the candidate is another one then.
    """

    checks: Sequence[CheckResult]
    record: Candidate
    written: bool = False


async def verify(context: RunContext, state: RunState) -> VerifyFinished:
    """Verify the work: its scope, then the checks on the commit that would land."""
    # What the worker has put into the repository must not stand in for the content of its files.
    began = datetime.fromisoformat(state.created_at).timestamp()
    object_check.refuse_wrong(context.root, began)
    if wrong := own_branch.why_absent(state):
        raise GitError(wrong)
    with _reserved(context, state) as reserved:
        before = scope_guard.check_scope(context, state)
        if before.violations or before.found is None:
            return _scope_violation(before.violations, [])
        if marked := [*marked_files(context, state, before.found.tree)]:
            left = f"git's markers of the conflict are left in {join_limited(marked, 5)}"
            return VerifyFinished("failed", (), detail=left, tree=before.found.tree)
        checks = _checks(context, state, before.paths)
        if spec.are_empty(checks):
            empty = (*state.spec.empty_checks, *(check.command for check in checks))
            detail = "; ".join(map(explain, empty)) or None
            return VerifyFinished("none", (), detail=detail, tree=before.found.tree)
        state = state._replace(spec=state.spec._replace(checks=checks))
        if reserved is None:
            return await _verify_workspace(context, state, before)
        return await _verify_commit(context, state, before, before.found, reserved)


def _reserved(context: RunContext, state: RunState) -> AbstractContextManager[Reserved | None]:
    """Reserve the clean checkout, which is looked at while git looks at the workspace."""
    if state.spec.where == "workspace":
        return nullcontext()
    return reserved_checkout.reserve(context, state)


async def _verify_workspace(
    context: RunContext, state: RunState, before: ScopeReport
) -> VerifyFinished:
    """Run the checks among the files of the workspace; again, where they have changed those."""
    if state.rework.unchanged and _has_moved(context, state):
        return VerifyFinished(UNCHECKED, (), tree=before.tree)
    first, times = before, 0
    while True:
        results, times = await run_checks(context, state, state.spec.checks), times + 1
        after = scope_guard.check_scope(context, state, before)
        if after.violations or after.found is None:
            return _scope_violation(after.violations, results, when=_SINCE)
        changed = _rewritten(context.workspace(state), first, before, after)
        again = changed and verification_result(results) == "passed"
        if not again or times == _MOST_REWRITES:
            break
        before = after
    ignored = candidate.list_ignored(state, context.workspace(state))
    built = candidate.build(context, state, after.found, ignored)
    record = built.record
    outcome, detail = _outcome(results, built)
    if again:
        outcome = "failed"
        detail = f"the checks change the files that they verify: {join_limited(changed, 5)}"
    return VerifyFinished(
        outcome,
        tuple(results),
        detail=detail,
        tree=after.tree,
        candidate=record._replace(tree=record.commit_tree, where="workspace"),
    )


def _has_moved(context: RunContext, state: RunState) -> bool:
    """Tell whether the target is ahead of the commit on which the work was put."""
    tip = context.root.resolve(f"refs/heads/{state.start.target}")
    base = state.start.base_sha
    return tip not in (None, base) and context.root.is_ancestor(base, tip)


def _rewritten(
    workspace: Repo, first: ScopeReport, before: ScopeReport, after: ScopeReport
) -> Sequence[str]:
    """Return the files that were there at first and that the checks have changed.

    A file that they have made, such as a report of the tests, was checked by none of them.
    """
    begun, old, now = first.tree, before.tree, after.tree
    if begun is None or old is None or now is None or now == old:
        return ()
    made = snapshot.changed(workspace, begun, now)
    new = {change.path for change in made if change.old_mode == NOTHING}
    found = snapshot.changed(workspace, old, now)
    return [change.path for change in found if change.path not in new]


async def _verify_commit(
    context: RunContext,
    state: RunState,
    before: ScopeReport,
    found: ChangeSet,
    reserved: Reserved,
) -> VerifyFinished:
    """Run the checks in a clean checkout; again, where they have written what they may write."""
    for _ in range(_MOST_REWRITES):
        built = candidate.build(context, state, found, reserved.ignored())
        # A merge is in no workspace, so what checks change of it is not copied into one.
        is_merge = built.record.tree != built.record.commit_tree
        write_to = None if is_merge else Path(state.start.workdir)
        done = await verify_candidate(context, state, built, reserved=reserved, write_to=write_to)
        if done.written and is_merge:
            return VerifyFinished(UNCHECKED, tuple(done.checks), tree=found.tree)
        if not done.written:
            results, missing = await _explained(context, state, built, done)
            outcome, detail = _outcome(results, built)
            return VerifyFinished(
                outcome,
                tuple(results),
                detail=detail or missing,
                tree=found.tree,
                candidate=done.record,
            )
        before = scope_guard.check_scope(context, state, before)
        if before.violations or before.found is None:
            return _scope_violation(before.violations, done.checks, when=_SINCE)
        found = before.found
    detail = "the checks change the files of verify.writes every time that they run"
    return VerifyFinished("failed", tuple(done.checks), detail=detail, tree=found.tree)


def _outcome(results: Sequence[CheckResult], built: Built) -> tuple[str, str | None]:
    """Return the outcome and its detail: checks that pass prove no work where none was done.

    They confirm what was completed before.
    """
    result = verification_result(results)
    if result == "passed" and built.unchanged and not built.record.confirms:
        return "no_changes", built.unchanged
    return result, None


async def verify_candidate(
    context: RunContext,
    state: RunState,
    built: Built,
    *,
    reserved: Reserved | None = None,
    write_to: Path | None = None,
) -> CandidateResult:
    """Run the run's checks in a clean checkout of the candidate.

    What checks change of declared files is copied to `write_to`, where it is given.
    """
    with check_place.clean(context, state, built, reserved) as place:
        failed = await _set_up(context, state, place)
        if failed is not None:
            skipped = [unchecked(check) for check in state.spec.checks]
            return CandidateResult(checks=[failed, *skipped], record=place.finished_record())
        results = await run_checks(context, state, state.spec.checks, place)
        if place.written and write_to is not None:
            place.copy_written(write_to)
        return CandidateResult(
            checks=results, record=place.finished_record(), written=bool(place.written)
        )


async def _set_up(context: RunContext, state: RunState, place: CleanCheckout) -> CheckResult | None:
    """Install the dependencies unless they are kept; return the command that failed."""
    commands = place.begin_setup()
    checks = [Check("setup", command, state.spec.timeout_s) for command in commands]
    with place.observe_setup() as reads:
        results = await run_checks(context, state, checks, place)
    failed = next((result for result in results if not result.passed), None)
    if failed is None and results:
        place.finish_setup(reads)
    return failed


async def _explained(
    context: RunContext, state: RunState, built: Built, done: CandidateResult
) -> tuple[list[CheckResult], str | None]:
    """Return the results; if the first failure passes in the workspace, with the likely reason."""
    results = list(done.checks)
    failed = next((n for n, result in enumerate(results) if result.failed), None)
    if failed is not None and results[failed].tier == "setup":
        return results, None
    missing = prompts.missing_files(done.record.ignored, built.left)
    if failed is None or not missing or results[failed].exit_code is None:
        return results, None
    check = Check(results[failed].tier, results[failed].command, state.spec.checks[0].timeout_s)
    there = await _run_check(context, state, check, Workspace(state))
    if not there.passed:
        return results, None
    tail = f"{results[failed].tail}\n\n{missing}".strip()
    results[failed] = results[failed]._replace(tail=tail)
    files = join_limited((*done.record.ignored, *built.left), 3)
    return results, f"it passes in the workspace, among files that are in no commit: {files}"


def verification_result(results: Sequence[CheckResult]) -> VerificationResult:
    """Return passed, failed, skipped where no check was run, none where there is no check."""
    if not results:
        return "none"
    if not any(result.runs for result in results):
        return "skipped"
    return "passed" if all(result.passed for result in results) else "failed"


async def run_checks(
    context: RunContext,
    state: RunState,
    checks: Sequence[Check],
    place: CheckPlace | None = None,
) -> list[CheckResult]:
    """Run the checks in order, in the workspace unless a `place` is given.

    The checks after a tier with a failure are skipped; none follows one that wrote declared files.
    """
    place = place or Workspace(state)
    results: list[CheckResult] = []
    for check in checks:
        failed = next((result.tier for result in results if not result.passed), check.tier)
        if failed != check.tier:
            results.append(unchecked(check))
            continue
        context.journal.append(CheckStarted(check.tier, check.command))
        result = await _run_with_retries(context, state, check, place)
        result = result._replace(note=place.finish())
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
        if place.written:
            break
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


async def _run_with_retries(
    context: RunContext, state: RunState, check: Check, place: CheckPlace
) -> CheckResult:
    """Run a check, and again while it fails, as often as the settings allow."""
    result = await _run_check(context, state, check, place)
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
        again = await _run_check(context, state, check, place, again=True)
        seconds = round(result.seconds + again.seconds, 3)
        result = again._replace(runs=result.runs + 1, seconds=seconds)
    return result


async def _run_check(
    context: RunContext, state: RunState, check: Check, place: CheckPlace, *, again: bool = False
) -> CheckResult:
    place.begin(again=again)
    lines: list[str] = []
    path = context.files.verify_log(max(state.attempt, 1))
    with nofollow.append_text(path) as log:
        log.write(f"$ {context.journal.redact(check.command)}\n")
        redacted = CleanLines(context.journal.redact)

        def on_line(line: str) -> None:
            clean = redacted(place.shown(line))
            log.write(clean + "\n")
            lines.append(clean)

        try:
            ended = await process.run(
                place.command(check.command),
                cwd=place.folder(),
                env=place.environment(context.child_environment(state)),
                on_line=on_line,
                timeout_s=check.timeout_s,
                marker=state.id,
            )
        except WorkerUnavailableError as error:
            raise VerificationError(f"a check could not be started: {error.message}") from None
        place.refuse_unprepared()
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
