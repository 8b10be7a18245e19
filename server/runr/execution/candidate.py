"""The candidate: the commit that would land, made as an object before the checks run on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runr.execution import own_changes
from runr.execution.context import RunContext
from runr.git import checkpoint, commits, merge
from runr.git.ignored import ignored_files
from runr.git.merge import MergeRefusedError
from runr.git.repo import Repo
from runr.git.snapshot import ChangeSet
from runr.git.trailers import Trailers
from runr.git.trailers import message as compose
from runr.runs.model import Candidate, RunState
from runr.text import one_line

#: How many ignored files are named.
_MOST_IGNORED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A candidate as a commit in the quarantine of `source`; `known` are its real ancestors.

    `left` are changes in the workspace that belong to the user and are in no commit of the run.
    `unchanged` says that the run has changed nothing, and who has instead.
    """

    record: Candidate
    commit: str
    source: Repo
    known: tuple[str, ...]
    left: tuple[str, ...] = ()
    unchanged: str | None = None


def build(context: RunContext, state: RunState, now: ChangeSet, ignored: Sequence[str]) -> Built:
    """Return the commit of the snapshot in `now`, merged with the target where that has moved.

    Where both sides changed the same lines, it is the run's own commit: the merge is refused later.
    `ignored` are the files as `list_ignored` has them.
    """
    start, workspace = state.start, context.workspace(state)
    planned = checkpoint.plan(
        workspace, now.seen, base=start.base_sha, base_tree=start.base_tree, now=now.tree
    )
    parents = (planned.head,) if planned.head else ()
    own = _commit(workspace, planned.tree, parents, _text(state))
    unchanged = own_changes.why_none(context, state, workspace, planned, now)
    left = (*planned.shared, *planned.left)
    record = Candidate(
        planned.tree,
        planned.tree,
        planned.head,
        ignored=_without(workspace, planned.tree, ignored),
        confirms=unchanged is not None and not planned.changes and start.was_completed,
        work=own_changes.listed(context, state, workspace, planned) if unchanged is None else (),
    )
    built = Built(
        record=record,
        commit=own,
        source=workspace,
        known=parents,
        left=left,
        unchanged=unchanged,
    )
    tip = context.root.resolve(f"refs/heads/{start.target}") if start.branch else None
    if tip in (None, start.base_sha, planned.head) or planned.head is None:
        return built
    if workspace.is_ancestor(tip, planned.head) or not workspace.is_ancestor(start.base_sha, tip):
        # Without the base, a merge would bring it back: the work is moved when it is to land.
        return built
    try:
        tree = merge.merged_tree(workspace, tip, own)
    except MergeRefusedError:
        return built
    return Built(
        record=record._replace(tree=tree, onto=tip),
        commit=_commit(workspace, tree, (tip, own), merge_subject(state).encode(errors="replace")),
        source=workspace,
        known=(tip, *parents),
        left=left,
        unchanged=unchanged,
    )


def _without(workspace: Repo, tree: str, ignored: Sequence[str]) -> tuple[str, ...]:
    """Leave out the files that the tree has: a worker can have set what git ignores since."""
    listed = ("ls-tree", "-z", "--name-only", tree, "--", *ignored)
    there = set(workspace.fields(*listed)) if ignored else ()
    return tuple(path for path in ignored if path not in there)


def of_merge(context: RunContext, state: RunState, commit: str, onto: str) -> Built:
    """Return the candidate of a merge commit that exists in the repository."""
    before = state.verification.candidate or Candidate("", "")
    tree = context.root.text("rev-parse", f"{commit}^{{tree}}")
    source = context.workspace(state)
    record = before._replace(tree=tree, onto=onto)
    return Built(record=record, commit=commit, source=source, known=(commit,))


def commit_message(state: RunState) -> str:
    """Return subject and body of the run's commit, without trailers."""
    title = state.spec.title or state.start.task
    checked = state.verification.candidate
    if checked and checked.confirms:
        return f"Confirm: {title}\n\nNothing was changed, and the checks pass."
    work = _named(checked.work) if checked else ""
    if not state.milestone:
        return f"{title}{work}"
    number, total = state.milestone, len(state.milestones)
    return f"{state.milestones[number - 1]}\n\nMilestone {number} of {total}: {title}{work}"


def _named(work: Sequence[str]) -> str:
    """Return the paragraph about the commits that hold the work of a commit without changes."""
    # A line that begins with a dash is never read as a trailer.
    lines = [f"- {sha[:12]} {one_line(subject)}" for sha, _, subject in map(_parted, work)]
    return "\n".join(["\n\nThe work is in these commits:\n", *lines]) if lines else ""


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(" ")


def merge_subject(state: RunState) -> str:
    """Return the subject of the commit that merges the run's branch."""
    return f"Merge {state.start.branch}: {state.spec.title or state.start.task}"


def trailers(state: RunState) -> Trailers:
    """Return the trailers of the run's commit."""
    verified = state.verification.candidate if state.verification.result == "passed" else None
    return Trailers(
        run_id=state.id,
        task=state.start.task,
        verified=state.verified_tiers,
        verified_tree=verified.tree if verified and verified.where == "checkout" else None,
        worker=state.last_worker,
        session=state.holder,
        milestone=f"{state.milestone}/{len(state.milestones)}" if state.milestone else None,
    )


def _text(state: RunState) -> bytes:
    subject, _, body = commit_message(state).partition("\n")
    return compose(subject, body, trailers(state)).encode()


def _commit(repo: Repo, tree: str, parents: Sequence[str], message: bytes) -> str:
    # The commit that lands is made, and signed, once this one is verified.
    return commits.create_draft(repo, tree, parents, message)


def list_ignored(state: RunState, workspace: Repo) -> tuple[str, ...]:
    """Return the ignored files of the run; in the user's own tree, those that changed since."""
    own_tree = state.start.branch is not None
    since = None if own_tree else datetime.fromisoformat(state.created_at).timestamp()
    return ignored_files(workspace, since=since, skip=state.spec.carry, most=_MOST_IGNORED)
