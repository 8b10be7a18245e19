"""What is in the working tree of a session and no work of its run: of other runs, or from before.

Sessions share the tree of the user. What another one changes there is not in the commit of this
run, and no advice has it undone: neither what has landed since the run began, nor files that only
the open task of the other session may change.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from typing import NamedTuple

from runr.errors import RunrError
from runr.git import snapshot
from runr.git.repo import Repo
from runr.git.snapshot import Change
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.runs import journal
from runr.runs.model import RunSpec, RunState
from runr.scope import rules


class Base(NamedTuple):
    """The commit, and the tree of the working tree, since which all is work of the run."""

    sha: str
    tree: str


class _Brought(NamedTuple):
    sha: str
    changes: tuple[Change, ...]


def base_of(project: Project, repo: Repo, state: RunState) -> Base:
    """Return since when all changes are the run's own: the work of the others comes before.

    `repo` is the working tree, with the objects of the run.
    """
    base, others = Base(state.start.base_sha, state.start.base_tree), tuple(_others(project, state))
    brought = _brought(repo, base.sha, others)
    # What landed of files that this run may change is compared with what it has done itself.
    if brought and any(_is_outside(change, state.spec) for change in brought.changes):
        base = Base(brought.sha, snapshot.with_changes(repo, base.tree, brought.changes))
    paths = {change.path for change in brought.changes} if brought else set()
    owned = [other.spec for other in others if not other.checkpoints and _is_here(other, state)]
    foreign = [
        change
        for change in snapshot.changed(repo, base.tree, snapshot.take(repo))
        if _is_outside(change, state.spec)
        and (change.path in paths or any(not _is_outside(change, each) for each in owned))
    ]
    if foreign:
        base = base._replace(tree=snapshot.with_changes(repo, base.tree, foreign))
    return base


def changed_before(repo: Repo, state: RunState) -> list[str]:
    """Return the files of the run's scope that were changed before it began and not committed.

    `repo` is the working tree, with the objects of the run.
    """
    start, head = state.start, repo.head()
    before = snapshot.changed(repo, start.base_sha, start.base_tree)
    if not before:
        return []
    since = snapshot.changed(repo, start.base_sha, head) if head else ()
    committed = {change.path for change in since}
    return [
        change.path
        for change in before
        if change.path not in committed and not _is_outside(change, state.spec)
    ]


def _others(project: Project, state: RunState) -> Iterator[RunState]:
    """Yield the last runs of the other tasks that this clone has a record of."""
    found = Snapshot.of(project)
    for task in found.tasks:
        last = found.entry(task).last_run_id
        if last is None or last == state.id:
            continue
        with suppress(RunrError, OSError):
            yield journal.require(project.layout.run(last))


def _brought(repo: Repo, base: str, others: tuple[RunState, ...]) -> _Brought | None:
    """Return the latest commit up to which only work of the others has come since `base`."""
    head = repo.head()
    if not base or head is None or head == base or not repo.is_ancestor(base, head):
        return None
    known = {sha for other in others for sha in (*other.checkpoints, other.integration.commit_sha)}
    since = repo.text("rev-list", "--reverse", "--first-parent", f"{base}..{head}").split()
    landed = list(takewhile(known.__contains__, since))
    return _Brought(landed[-1], snapshot.changed(repo, base, landed[-1])) if landed else None


def _is_here(other: RunState, state: RunState) -> bool:
    """Tell whether it is a session's run with a scope of its own, in the same tree."""
    return other.by_session and bool(other.spec.owns) and other.start.workdir == state.start.workdir


def _is_outside(change: Change, spec: RunSpec) -> bool:
    return bool(
        rules.violations(
            [change.path],
            owns=spec.owns,
            allow=spec.allow,
            deny=spec.deny,
            lockfiles=spec.lockfiles,
        )
    )
