"""The INTEGRATE phase: the target moves to exactly the commit that was verified, or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from runr.execution import candidate, task_since, verification
from runr.execution.context import RunContext
from runr.git import dropped_work, merge, merge_drivers, obstacles, quarantine, recovery
from runr.git.dropped_work import Dropped, WorkDroppedError
from runr.git.merge import LostBaseError, MergePlan, MergeRefusedError, MovedError
from runr.git.repo import Repo
from runr.git.trailers import VERIFIED_TREE
from runr.runs import spec
from runr.runs.events import IntegrateFinished
from runr.runs.model import BASE_GONE, UNCHECKED, Candidate, CheckResult, RunState
from runr.storage import queue
from runr.text import join_limited

#: How many files are named in a sentence.
_NAMED = 5


async def integrate(context: RunContext, state: RunState) -> IntegrateFinished:
    """Land the checkpoint on the branch that the run started from.

    Runs that end together land in the order in which they got here. Where the branch has
    moved since the checks ran, they run again on the merge before it lands.
    """
    start = state.start
    if start.branch is None:
        return IntegrateFinished("ok", strategy="in-place", commit_sha=state.checkpoint_sha)
    # A run that began without a branch lands on the one that is checked out by now.
    target = start.target or context.root.branch()
    async with _turn(context, target):
        if state.is_retry and state.checkpoint_sha and context.root.branch() == target:
            recovery.adopt(context.root, state.checkpoint_sha)
        return await _Landing(context, state, target).land()


def _working_tree(root: Repo, target: str | None) -> Repo:
    """Return the working tree that has the branch checked out, the main one where none has."""
    if target is None or root.branch() == target:
        return root
    found = merge.checkout_of(root, target)
    return Repo(Path(found)) if found else root


@asynccontextmanager
async def _turn(context: RunContext, target: str | None) -> AsyncIterator[None]:
    """Wait for our turn to move the branch; those who come later wait for us."""
    if target is None:
        yield
        return
    ticket = queue.Ticket(context.layout.landing_queue(target))
    try:
        # A run that waits can be stopped: the wait does not block the process.
        while not ticket.is_first():  # noqa: ASYNC110 - another process makes us the first
            await anyio.sleep(queue.PAUSE_S)
        yield
    finally:
        ticket.close()


class _Landing:
    """The integration of one run, tried again while a git of the user's moves the branch."""

    def __init__(self, context: RunContext, state: RunState, target: str | None) -> None:
        self._context = context
        self._state = state
        self._target = target
        self._root = _working_tree(context.root, target)
        self._checks: tuple[CheckResult, ...] = ()
        self._candidate: Candidate | None = None
        self._dropped: tuple[str, ...] = ()

    async def land(self) -> IntegrateFinished:
        """Move the target, or return why the work stays on its branch."""
        for pause in merge.PAUSES_S:
            try:
                return await self._try()
            except MovedError:
                await anyio.sleep(pause)
            except MergeRefusedError as error:
                return self._refused(error)
        try:
            return await self._try()
        except MergeRefusedError as error:
            return self._refused(error)

    async def _try(self) -> IntegrateFinished:
        root, start = self._root, self._state.start
        branch, base = start.branch or "", start.base_sha
        try:
            plan = merge.plan_integration(root, branch, self._target, self._message, base=base)
        except LostBaseError:
            return IntegrateFinished(BASE_GONE, target=self._target)
        self._dropped = refuse_dropped(root, self._state, plan)
        if self._is_unchecked(plan):
            return IntegrateFinished(UNCHECKED, target=self._target)
        failed = await self._verify(plan)
        if failed is not None:
            return failed
        if plan.new != plan.old:
            if (refused := task_since.refusal(self._context, self._state)) is not None:
                return refused._replace(checks=self._checks, candidate=self._candidate)
            merge.move(root, plan.target, plan.new, plan.old, f"runr: merge {branch}")
        return IntegrateFinished(
            "ok",
            strategy=plan.how,
            commit_sha=plan.new,
            target=plan.target,
            checks=self._checks,
            candidate=self._candidate,
            dropped=self._dropped,
        )

    def _is_unchecked(self, plan: MergePlan) -> bool:
        """Tell whether the checks passed in the workspace, among other files than would land."""
        verified = self._state.verification
        known = verified.candidate if verified.result == "passed" else None
        if known is None or known.where != "workspace" or plan.how == "already":
            return False
        return self._root.text("rev-parse", f"{plan.new}^{{tree}}") != known.commit_tree

    def _message(self, tree: str) -> str:
        """Return the message of a merge; it lands only where its tree is verified, if any is."""
        subject = candidate.merge_subject(self._state)
        return f"{subject}\n\n{VERIFIED_TREE}: {tree}\n" if self._checked else subject

    @property
    def _checked(self) -> Candidate | None:
        """The last candidate on which checks ran in a clean checkout, passed or not."""
        known = self._candidate or self._state.verification.candidate
        ran = self._candidate or self._state.verification.result in ("passed", "failed")
        return known if known and known.where == "checkout" and ran else None

    def _passed(self, tree: str) -> bool:
        """Tell whether the checks passed on this tree, the last on which they ran."""
        checked = self._checked
        if checked is None or checked.tree != tree:
            return False
        if self._candidate is not None:
            return all(check.passed for check in self._checks)
        return self._state.verification.result == "passed"

    async def _verify(self, plan: MergePlan) -> IntegrateFinished | None:
        """Verify the commit unless its tree is the one that was verified; return the failure."""
        state, known = self._state, self._checked
        if known is None:
            return None
        if plan.new == state.checkpoint_sha and self._passed(known.commit_tree):
            return None
        built = candidate.of_merge(self._context, state, plan.new, plan.old)
        if self._passed(built.record.tree):
            return None
        checks = spec.checks_of(state.spec, state.verification.checks)
        result = await verification.verify_candidate(
            self._context, state._replace(spec=state.spec._replace(checks=checks)), built
        )
        self._checks, self._candidate = tuple(result.checks), result.record
        failed = next((check.command for check in result.checks if not check.passed), None)
        if failed is None and not result.written:
            return None
        if failed is None and plan.how != "already":
            return IntegrateFinished(UNCHECKED, target=self._target)
        what = f"`{failed}` fails" if failed else "the checks change files of verify.writes"
        return IntegrateFinished(
            "fails_on_target",
            detail=f"{what} with the work merged into {plan.target}, now at {plan.old[:12]}",
            checks=self._checks,
            candidate=self._candidate,
        )

    def _refused(self, error: MergeRefusedError) -> IntegrateFinished:
        return IntegrateFinished(
            "merge_conflict" if error.files else "land_blocked",
            detail=str(error),
            target=self._target,
            files=error.files,
            checks=self._checks,
            candidate=self._candidate,
            look=self._look(error),
        )

    def _look(self, error: MergeRefusedError) -> tuple[str, ...]:
        """Return the git command that shows what is in the way, or the work that is missing."""
        if isinstance(error, WorkDroppedError):
            return ("log", "-p", f"{self._state.start.base_sha}..{self._state.checkpoint_sha}")
        return obstacles.find_look(self._context.root, self._root, error.in_the_way)


def refuse_dropped(repo: Repo, state: RunState, plan: MergePlan) -> tuple[str, ...]:
    """Return files of the work whose changes would not be on the branch; refuse if none would.

    Where the branch gets the commit as runr has made it, nothing is missing, unless a merge driver
    leaves something out.
    """
    work, tip = state.checkpoint_sha, f"refs/heads/{state.start.branch}"
    if work is None or (plan.how == "fast-forward" and plan.new == work):
        return ()
    untouched = plan.how == "merge" and work == repo.resolve(tip)
    gone = repo.resolve(work) is None
    if gone and plan.how == "already":
        # Nothing shows that this work was ever on the branch.
        raise MergeRefusedError(
            f"its commit {work[:12]} is not in this repository: fetch it from where it is, or run "
            "the task again"
        )
    if gone or (untouched and not merge_drivers.configured(repo)):
        return ()
    with quarantine.within(repo) as scratch:
        found = dropped_work.find_dropped(scratch, state.start.base_sha, work, plan)
    if found.is_all:
        raise WorkDroppedError(_explain(state, plan, found, by_driver=untouched))
    return found.files


def _explain(state: RunState, plan: MergePlan, found: Dropped, *, by_driver: bool) -> str:
    if by_driver:
        where = f"merged into {plan.target}, nothing is left of what the run changed"
        where += ", as a merge driver in the settings of git keeps the other side"
    elif found.by is None:
        where = f"{state.start.branch} has nothing left of what the run changed"
    else:
        by = f"commit {found.by[:12]} has the work behind it"
        where = f"{by}, and nothing of what the run changed is on {plan.target}"
    missing = f"missing are its changes to {join_limited(found.files, _NAMED)}"
    return f"{where}: {missing}; apply them again, or reject the work"
