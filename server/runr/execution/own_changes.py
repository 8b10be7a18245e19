"""Which changes are a run's own: neither from before it began, nor of others since."""

from collections.abc import Collection, Mapping

from runr import nofollow
from runr.execution import inputs
from runr.execution.context import RunContext
from runr.git import checkpoint, existing_commits, snapshot
from runr.git.checkpoint import Planned
from runr.git.fetched import fetched
from runr.git.repo import Repo
from runr.git.snapshot import ChangeSet
from runr.runs.model import RunState
from runr.storage.layout import RunFiles
from runr.text import join_limited

#: How many files or commits are named in a sentence.
_NAMED = 3

#: How many commits with the work are in a message.
_MOST_COMMITS = 20


def why_none(
    context: RunContext, state: RunState, workspace: Repo, planned: Planned, now: ChangeSet
) -> str | None:
    """Return why no change is the run's own, where that is so at its last milestone.

    What it has committed itself counts unless it is undone, or only written anew; commits
    that existed before it began do not, wherever they were merged from, nor what a session
    takes from them. In a tree that others work in, their commits do not either, nor
    those that came from a remote.
    """
    if len(state.checkpoints) + 1 < len(state.milestones):
        return None
    said = "nothing was changed since the run was opened"
    if planned.left:
        said += f"; changed before, and not part of it: {join_limited(planned.left, _NAMED)}"
    base, head = state.start.base_sha, planned.head
    if head is None:
        return None if planned.changes else said
    known = _existing(context.files, state)
    foreign = _foreign(state, workspace, base, head, known) if head != base else {}
    own = _own_commits(workspace, base, head, foreign) if head != base else set()
    if planned.changes or _leaves_changes(state, workspace, now, foreign, own):
        taken = _taken(state, workspace, planned, known, foreign) if state.by_session else ()
        named = join_limited([sha[:12] for sha in taken], _NAMED)
        return f"{said} but what was in commit {named} before" if taken else None
    if own and (foreign or state.start.branch is None):
        said += "; the commits of the run leave every file as it was"
    if not foreign:
        return said
    named = join_limited([f"{sha[:12]} {whose}" for sha, whose in foreign.items()], _NAMED)
    return f"{said} but by commit {named}"


def listed(
    context: RunContext, state: RunState, workspace: Repo, planned: Planned
) -> tuple[str, ...]:
    """Return the run's own commits with their subjects, where they hold all of its work."""
    since = state.checkpoints[-1] if state.checkpoints else state.start.base_sha
    head = planned.head
    if planned.changes or head is None or head == since:
        return ()
    foreign = _foreign(state, workspace, since, head, _existing(context.files, state))
    log = workspace.text("log", "--no-merges", "--format=%H %s", f"{since}..{head}").splitlines()
    own = [line for line in log if line.partition(" ")[0] not in foreign]
    return tuple(own[:_MOST_COMMITS])


def commits(repo: Repo, run: RunFiles, state: RunState) -> tuple[str, ...]:
    """Return all commits with the work of a run, the latest first: those that it made itself, too.

    Its checkpoints may have no changes, or only what was left for them.
    """
    made, base = state.checkpoints, state.start.base_sha
    if not made or not all(repo.resolve(sha) for sha in (base, *made)):
        return tuple(reversed(made))
    foreign = _foreign(state, repo, base, made[-1], _existing(run, state))
    own = repo.text("rev-list", "--no-merges", "--topo-order", f"{base}..{made[-1]}").split()
    return tuple(sha for sha in own if sha in made or sha not in foreign)


def _existing(run: RunFiles, state: RunState) -> dict[str, str]:
    """Return the commits that were noted when the run began."""
    if not state.spec.refs_sha256:
        return {}
    inputs.ensure_unchanged(run, state.spec)
    return existing_commits.parse(nofollow.read(run.refs))


def _foreign(
    state: RunState, workspace: Repo, base: str, head: str, known: Mapping[str, str]
) -> dict[str, str]:
    """Return the commits since the base that are no work of the run, and whose they are."""
    existing = existing_commits.older(workspace, base, head, known)
    before = dict.fromkeys(sorted(existing), "from before the run")
    if state.start.branch is not None:
        return before
    named = checkpoint.find(workspace, f"{base}..{head}")
    others = {
        ref.sha: f"of run {ref.run_ids[0]}"
        for ref in named
        if ref.run_ids and state.id not in ref.run_ids
    }
    remote = dict.fromkeys(sorted(fetched(workspace, base, head)), "of a remote")
    return {**before, **remote, **others}


def _own_commits(workspace: Repo, base: str, head: str, foreign: Collection[str]) -> set[str]:
    return {*workspace.text("rev-list", "--no-merges", f"{base}..{head}").split()} - {*foreign}


def _leaves_changes(
    state: RunState,
    workspace: Repo,
    now: ChangeSet,
    foreign: Collection[str],
    own: Collection[str],
) -> bool:
    """Tell whether the commits of the run have changed a file in the end."""
    # A commit that was only written anew, as by an amend or a rebase, has what the base had.
    changes = snapshot.changed(workspace, state.start.base_sha, now.head or "")
    if state.start.branch is not None and not foreign:
        return bool(changes)
    return _changes_anything(now, own, {change.path for change in changes})


def _taken(
    state: RunState,
    workspace: Repo,
    planned: Planned,
    known: Mapping[str, str],
    foreign: Collection[str],
) -> tuple[str, ...]:
    """Return the commits that had all changes of the run; empty where one is its own."""
    base = state.start.base_sha
    changes = snapshot.changed(workspace, base, planned.tree)
    return existing_commits.with_all(workspace, base, changes, known, foreign)


def _changes_anything(found: ChangeSet, commits: Collection[str], paths: Collection[str]) -> bool:
    """Tell whether one of the paths is another after the commits together."""
    before: dict[str, tuple[str, str]] = {}
    after: dict[str, tuple[str, str]] = {}
    for sha, change in found.committed:
        if sha in commits and change.path in paths:
            # The latest commit comes first.
            after.setdefault(change.path, (change.new_mode, change.object_id))
            before[change.path] = (change.old_mode, change.old_id)
    return before != after
