"""Whether a run stayed within its task's scope."""

from collections.abc import Iterator
from dataclasses import dataclass

from runr.errors import GitError
from runr.execution.context import RunContext
from runr.git import snapshot
from runr.git.repo import Repo
from runr.git.snapshot import GITLINK, ChangeSet
from runr.git.trailers import RUN_ID, parse_trailers
from runr.runs.model import RunStart, RunState
from runr.scope import rules

_UNNAMED = "a git repository of its own: owns or scope.allow has to name it"
_UNBORN = "a git repository without a commit: git can keep nothing of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeReport:
    """What a run has changed, and what of it it may not; `found` is None where git cannot tell."""

    paths: frozenset[str]
    violations: list[str]
    found: ChangeSet | None

    @property
    def tree(self) -> str | None:
        """The working tree as it was looked at."""
        return self.found.tree if self.found else None


def check_scope(
    context: RunContext, state: RunState, before: ScopeReport | None = None
) -> ScopeReport:
    """Return what was changed, in the tree or in any commit since, and what of it is refused.

    Everything between the tree that the run found and the tree as it is now
    counts, and every path that a commit of the worker's own touched, even if
    a later one took it back. What git ignores does not count. A look `before`
    spares questions about what is still the same.
    """
    start, workspace = state.start, context.workspace(state)
    known = before.found if before else None
    try:
        found = snapshot.collect_changes(workspace, start.base_tree, start.base_sha, known)
    except GitError as error:
        return _unborn(workspace, error)
    refused = _refused(workspace, start, found) + _lost(workspace, start, found)
    refused += _forged(state, found)
    return ScopeReport(paths=found.paths, violations=refused, found=found)


def _unborn(workspace: Repo, error: GitError) -> ScopeReport:
    """Return which repositories git cannot add; raise the error again where it was not that."""
    paths = [path for path in snapshot.commitless_repos(workspace) if not rules.is_runrs(path)]
    if not paths:
        raise error
    text = [f"{path} ({_UNBORN})" for path in paths]
    return ScopeReport(paths=frozenset(paths), violations=text, found=None)


def _refused(workspace: Repo, start: RunStart, found: ChangeSet) -> list[str]:
    """Return what lies out of scope; what is worse than its place is told instead of that."""
    worse = dict(_worse(workspace, start, found))
    notes = dict(_notes(found))
    strange = {rules.describe_violation(path, why, found.added) for path, why in worse.items()}
    plain = rules.violations(
        found.paths - worse.keys(),
        owns=start.owns,
        allow=start.allow,
        deny=start.deny,
        lockfiles=start.lockfiles,
        added=found.added,
    )
    return sorted(strange | {f"{p} ({notes[p]})" if p in notes else p for p in plain})


def _worse(workspace: Repo, start: RunStart, found: ChangeSet) -> Iterator[tuple[str, str]]:
    """Yield symlinks that lead out, and repositories in the repository that nobody asked for."""
    for change in found.all:
        if rules.is_runrs(change.path):
            continue
        target = snapshot.symlink_escape(workspace, change)
        if target is not None:
            yield change.path, f"a symlink that leads out of the repository, to {target}"
        named = change.new_mode == GITLINK and rules.names(change.path, (*start.owns, *start.allow))
        if change.new_mode == GITLINK and not named:
            yield change.path, _UNNAMED


def _notes(found: ChangeSet) -> Iterator[tuple[str, str]]:
    """Yield what helps to find a change that the tree, or a diff, does not show at once."""
    there = {change.path for change in found.changes}
    for commit, change in found.committed:
        if change.path not in there:
            yield change.path, f"in commit {commit[:12]}"
    for change in found.changes:
        modes = {change.old_mode, change.new_mode}
        if modes == {"100644", "100755"}:
            yield change.path, f"its mode, {change.old_mode[-3:]} to {change.new_mode[-3:]}"


def _lost(workspace: Repo, start: RunStart, found: ChangeSet) -> list[str]:
    """Return what would be gone with the run's own working tree, and in no commit."""
    if start.branch is None:
        return []
    return [f"{path} ({why})" for path, why in snapshot.unreachable_work(workspace, found)]


def _forged(state: RunState, found: ChangeSet) -> list[str]:
    """Only runr writes checkpoints: what looks like one, and is not on record, is a forgery."""
    return [
        f"commit {made.sha[:12]} claims to be this run's checkpoint"
        for made in found.commits
        if made.sha not in state.checkpoints and _claims(made.message, state.id)
    ]


def _claims(message: str, run_id: str) -> bool:
    blocks = parse_trailers(message) if "Runr-" in message else ()
    named = any(run_id in block.all(RUN_ID) for block in blocks)
    return named and any(block.checkpoint for block in blocks)
