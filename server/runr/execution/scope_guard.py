"""The scope check: which changes of a run are outside of what its task may change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runr import nofollow
from runr.errors import GitError
from runr.execution import inputs
from runr.execution.context import RunContext
from runr.git import file_changes, published, snapshot, worktree
from runr.git.published import Remote
from runr.git.repo import Repo
from runr.git.snapshot import GITLINK, ChangeSet
from runr.git.trailers import RUN_ID, parse_trailers
from runr.runs.model import RunSpec, RunState
from runr.scope import rules

_UNNAMED = "a git repository of its own: owns or scope.allow has to name it"
_COMMITLESS = "a git repository without a commit: git can keep nothing of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeReport:
    """What a run has changed, and which of it is out of scope; `found` is None if git has none."""

    paths: frozenset[str]
    violations: list[str]
    found: ChangeSet | None

    @property
    def tree(self) -> str | None:
        """The snapshot of the working tree that was examined."""
        return self.found.tree if self.found else None


def check_scope(
    context: RunContext, state: RunState, before: ScopeReport | None = None
) -> ScopeReport:
    """Return what was changed since the run began, and which of it is out of scope.

    Every difference between the tree at the start and the tree now counts, and
    every path that a commit of the worker touched, even if a later one reverted
    it. Files that git ignores do not count. A report from `before` saves git
    processes for what is unchanged.
    """
    start = state.start
    if start.branch is not None:
        worktree.refuse_foreign(context.root, Path(start.workdir))
    workspace = context.workspace(state)
    known = before.found if before else None
    try:
        found = snapshot.collect_changes(workspace, start.base_tree, start.base_sha, known)
    except GitError as error:
        return _commitless_repos(workspace, error)
    whole = found
    found = _without_base(workspace, start.base_sha, whole)
    violations = _violations(workspace, state.spec, found)
    if start.branch is not None:
        violations += _committed_inputs(state.spec, found)
    violations += _unreachable_work(context, state, workspace, found)
    violations += _forged_checkpoints(state, found)
    return ScopeReport(paths=found.paths, violations=violations, found=whole)


def _without_base(workspace: Repo, base: str, found: ChangeSet) -> ChangeSet:
    """Leave out what rewritten commits only bring back: what the run began with is not its own."""
    head = found.head
    if not (found.committed and head) or workspace.is_ancestor(base, head):
        return found
    begun = file_changes.files_of(workspace, base)
    own = tuple(
        (sha, change)
        for sha, change in found.committed
        if begun.get(change.path) != f"{change.new_mode} {change.object_id}"
    )
    return replace(found, committed=own)


def _commitless_repos(workspace: Repo, error: GitError) -> ScopeReport:
    """Return the repositories that git cannot add; raise the error again where there are none."""
    paths = [path for path in snapshot.commitless_repos(workspace) if not rules.is_runrs(path)]
    if not paths:
        raise error
    violations = [f"{path} ({_COMMITLESS})" for path in paths]
    return ScopeReport(paths=frozenset(paths), violations=violations, found=None)


def _violations(workspace: Repo, spec: RunSpec, found: ChangeSet) -> list[str]:
    """Return the violations; a special one is reported instead of the path's own."""
    special = dict(_special_violations(workspace, spec, found))
    notes = dict(_notes(found))
    described = {rules.describe_violation(path, why, found.added) for path, why in special.items()}
    plain = rules.violations(
        found.paths - special.keys(),
        owns=spec.owns,
        allow=spec.allow,
        deny=spec.deny,
        lockfiles=spec.lockfiles,
        added=found.added,
    )
    return sorted(described | {f"{p} ({notes[p]})" if p in notes else p for p in plain})


def _special_violations(
    workspace: Repo, spec: RunSpec, found: ChangeSet
) -> Iterator[tuple[str, str]]:
    """Yield symlinks that leave the repository, and nested repositories that no scope names."""
    for change in found.all:
        if rules.is_runrs(change.path):
            continue
        target = snapshot.symlink_escape(workspace, change)
        if target is not None:
            yield change.path, f"a symlink that leads out of the repository, to {target}"
        named = change.new_mode == GITLINK and rules.names(change.path, (*spec.owns, *spec.allow))
        if change.new_mode == GITLINK and not named:
            yield change.path, _UNNAMED


def _committed_inputs(spec: RunSpec, found: ChangeSet) -> list[str]:
    """Return the settings and task files that the worker committed: they count for later runs.

    What it only writes there is in no commit.
    """
    allowed = (*spec.owns, *spec.allow)
    return sorted(
        {
            f"{change.path} (in commit {commit[:12]}: other runs are verified by it)"
            for commit, change in found.committed
            if change.path.startswith((".runr/config.toml", ".runr/tasks/"))
            and not rules.names(change.path, allowed)
        }
    )


def _notes(found: ChangeSet) -> Iterator[tuple[str, str]]:
    """Yield where to find a change that the tree, or a diff, does not show."""
    there = {change.path for change in found.changes}
    for commit, change in found.committed:
        if change.path not in there:
            yield change.path, f"in commit {commit[:12]}"
    for change in found.changes:
        modes = {change.old_mode, change.new_mode}
        if modes == {"100644", "100755"}:
            yield change.path, f"its mode, {change.old_mode[-3:]} to {change.new_mode[-3:]}"


def _unreachable_work(
    context: RunContext, state: RunState, workspace: Repo, found: ChangeSet
) -> list[str]:
    """Return what no clone could have: commits that only a submodule here has.

    In the run's own working tree, also what would be lost with it, because no commit has it.
    """
    known = _known_remotes(context, state) if found.repositories else {}
    unpublished = published.unpublished_commits(workspace, found, known)
    has_own_tree = state.start.branch is not None
    lost = snapshot.unreachable_work(workspace, found) if has_own_tree else ()
    return [f"{path} ({why})" for path, why in (*lost, *unpublished)]


def _known_remotes(context: RunContext, state: RunState) -> Mapping[str, Sequence[Remote]]:
    """Return what was known of the remotes of submodules when the run began."""
    if not state.spec.refs_sha256:
        return {}
    inputs.ensure_unchanged(context.files, state.spec)
    return published.parse(nofollow.read(context.files.refs))


def _forged_checkpoints(state: RunState, found: ChangeSet) -> list[str]:
    """Return commits that look like checkpoints of the run but are not on record."""
    return [
        f"commit {made.sha[:12]} claims to be this run's checkpoint"
        for made in found.commits
        if made.sha not in state.checkpoints and _claims(made.message, state.id)
    ]


def _claims(message: str, run_id: str) -> bool:
    blocks = parse_trailers(message) if "Runr-" in message else ()
    named = any(run_id in block.all(RUN_ID) for block in blocks)
    return named and any(block.checkpoint for block in blocks)
