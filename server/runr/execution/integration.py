"""The INTEGRATE phase: the target moves to exactly the commit that was verified, or not at all."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from runr.execution import candidate, verification
from runr.execution.context import RunContext
from runr.git import merge, recovery
from runr.git.merge import Integration, MergePlan, MergeRefusedError, MovedError
from runr.git.trailers import VERIFIED_TREE
from runr.runs import spec
from runr.runs.events import IntegrateFinished
from runr.runs.model import Candidate, CheckResult, RunState
from runr.storage import files

#: Seconds between two looks at whether another run still integrates into the branch.
_PAUSE_S = 0.05


async def integrate(context: RunContext, state: RunState) -> IntegrateFinished:
    """Integrate the checkpoint into the branch that the run started from.

    Runs that end together integrate one after the other. Where the branch has
    moved since the checks ran, they run again on the merge before it lands.
    """
    start = state.start
    if start.branch is None:
        return IntegrateFinished("ok", strategy="in-place", commit_sha=state.checkpoint_sha)
    async with _exclusive(context, start.target):
        if state.is_retry and state.checkpoint_sha and context.root.branch() == start.target:
            recovery.adopt(context.root, state.checkpoint_sha)
        return await _Landing(context, state).land()


@asynccontextmanager
async def _exclusive(context: RunContext, target: str | None) -> AsyncIterator[None]:
    """Hold the branch's lock, which is free as soon as its owner is dead."""
    path = context.layout.branch_lock(target) if target else None
    if path is None:
        yield
        return
    # A run that waits can be stopped: the wait does not block the process.
    while (lock := files.hold(path)) is None:  # noqa: ASYNC110 - another process frees it
        await anyio.sleep(_PAUSE_S)
    try:
        yield
    finally:
        os.close(lock)


class _Landing:
    """The integration of one run, tried again while a git of the user's moves the branch."""

    def __init__(self, context: RunContext, state: RunState) -> None:
        self._context = context
        self._state = state
        self._checks: tuple[CheckResult, ...] = ()
        self._candidate: Candidate | None = None

    async def land(self) -> IntegrateFinished:
        """Move the target, or return why the work stays on its branch."""
        for pause in merge.PAUSES_S:
            try:
                return await self._try()
            except MovedError:
                await anyio.sleep(pause)
            except MergeRefusedError as error:
                return self._kept(error)
        try:
            return await self._try()
        except MergeRefusedError as error:
            return self._kept(error)

    async def _try(self) -> IntegrateFinished:
        root, start = self._context.root, self._state.start
        branch = start.branch or ""
        plan = merge.plan_integration(root, branch, start.target, self._message)
        if plan.new != plan.old:
            failed = await self._verify(plan)
            if failed is not None:
                return failed
            merge.move(root, plan.target, plan.new, plan.old, f"runr: merge {branch}")
        return IntegrateFinished(
            "ok",
            strategy=plan.how,
            commit_sha=plan.new,
            checks=self._checks,
            candidate=self._candidate,
        )

    def _message(self, tree: str) -> str:
        """Return the message of a merge; it lands only where its tree is verified, if any is."""
        subject = candidate.merge_subject(self._state)
        return f"{subject}\n\n{VERIFIED_TREE}: {tree}\n" if self._verified else subject

    @property
    def _verified(self) -> Candidate | None:
        """The last candidate that passed in a clean checkout."""
        known = self._candidate or self._state.verification.candidate
        passed = self._state.verification.result == "passed"
        return known if known and known.where == "checkout" and passed else None

    async def _verify(self, plan: MergePlan) -> IntegrateFinished | None:
        """Verify the commit unless its tree is the one that was verified; return the failure."""
        state, known = self._state, self._verified
        if known is None:
            return None
        if plan.new == state.checkpoint_sha and known.tree == known.commit_tree:
            return None
        built = candidate.of_merge(self._context, state, plan.new, plan.old)
        if built.record.tree == known.tree:
            return None
        checks = spec.checks_of(state.spec, state.verification.checks)
        result = await verification.verify_candidate(
            self._context, state._replace(spec=state.spec._replace(checks=checks)), built
        )
        self._checks, self._candidate = tuple(result.checks), result.record
        failed = next((check.command for check in result.checks if not check.passed), None)
        if failed is None and not result.written:
            return None
        what = f"`{failed}` fails" if failed else "the checks change files of verify.writes"
        return IntegrateFinished(
            "fails_on_target",
            detail=f"{what} with the work merged into {plan.target}, now at {plan.old[:12]}",
            checks=self._checks,
            candidate=self._candidate,
        )

    def _kept(self, error: MergeRefusedError) -> IntegrateFinished:
        start = self._state.start
        done: Integration = merge.kept(
            self._context.root, start.branch or "", start.target, str(error)
        )
        return IntegrateFinished(
            "ok",
            detail=done.reason,
            strategy="pending",
            command=done.command,
            checks=self._checks,
            candidate=self._candidate,
        )
