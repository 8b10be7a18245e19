"""Make the commit of a run, and find the commits that name runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from runr.errors import GitError
from runr.git import commits, quarantine, recovery, snapshot, sparse, staged_before, user_changes
from runr.git.failures import complaint
from runr.git.merge_entry import NOTHING, Entry, old_side
from runr.git.repo import Checkout, Repo
from runr.git.snapshot import Change
from runr.git.trailers import RUN_ID, TASK, Block, Trailers, parse_trailers
from runr.git.trailers import message as compose
from runr.next_steps import commands

_FORMAT = "--format=%H%x1f%cI%x1f%B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A run's commit; `paths` are those that differ from its parent.

    `shared` are those of them that have further changes, which the commit leaves out.
    """

    sha: str
    parent: str | None
    tree: str
    paths: tuple[str, ...]
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A commit on top of `head` that is not made yet.

    `left` are the files whose changes it leaves out, `shared` those of which it has only
    a part.
    """

    head: str | None
    tree: str
    changes: tuple[Change, ...]
    left: tuple[str, ...]
    shared: tuple[str, ...]


class TreeChangedError(GitError):
    """The commit would not be the one that was verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRef:
    """A commit that names runs or tasks; `time` is the committer's, in ISO 8601."""

    sha: str
    time: str
    blocks: tuple[Block, ...]

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Every run that the commit names."""
        return self._all(RUN_ID)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every task that the commit names."""
        return self._all(TASK)

    @property
    def checkpoint(self) -> bool:
        """Whether any run made it, or is squashed into it."""
        return any(block.checkpoint for block in self.blocks)

    def of(self, task: str) -> "CheckpointRef | None":
        """Return the blocks about one task, None where the commit is no checkpoint of it."""
        own = tuple(b for b in self.blocks if b.checkpoint and task in b.all(TASK))
        return CheckpointRef(sha=self.sha, time=self.time, blocks=own) if own else None

    def _all(self, key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for block in self.blocks for value in block.all(key)))


def find(repo: Repo, rev_range: str = "HEAD") -> tuple[CheckpointRef, ...]:
    """Return the commits that name a run or a task, newest first, children before parents."""
    if rev_range == "HEAD" and repo.head() is None:
        return ()
    # The pattern only spares git from printing every other message; `parse` decides.
    flags = ("-z", "--date-order", "-E", f"--grep=^ *({RUN_ID}|{TASK}): ", _FORMAT)
    log = repo.run("log", *flags, "--end-of-options", rev_range, "--")
    refs = (_ref(record) for record in log.decode(errors="surrogateescape").split("\0") if record)
    return tuple(ref for ref in refs if ref.run_ids or ref.tasks)


def by_task(repo: Repo, tip: str) -> dict[str, list[CheckpointRef]]:
    """Return the checkpoints of each task, newest first, with their blocks about it."""
    found: dict[str, list[CheckpointRef]] = {}
    for ref in find(repo, tip):
        for task in ref.tasks:
            if own := ref.of(task):
                found.setdefault(task, []).append(own)
    return found


def commit(
    repo: Repo,
    *,
    base: str | None,
    base_tree: str,
    message: str,
    trailers: Trailers,
    after: str | None = None,
    now: str | None = None,
    tree: str | None = None,
    seen: Checkout | None = None,
    refresh: bool = True,
) -> Checkpoint:
    """Commit what the run changed, on top of HEAD; a second call finds the first one's commit.

    `base` is the commit, `base_tree` the snapshot with which the run began, `now`
    the snapshot that is to be committed, which is taken where it is not given.
    What the user had changed before stays as it was, in the files and in the index. A
    run of several milestones makes each commit `after` the one before. The
    first line of `message` is the subject. With `tree`, the tree that was
    verified, a commit with another one is refused: a TreeChangedError. `seen` is
    what was checked out for `now`. Without `refresh`, git has to look at the
    changed files again when it next needs to know whether they differ.
    """
    seen, after = seen or repo.checkout(), after or base
    head = seen.commit if seen else None
    if head != after and (made := _made(repo, after, trailers.run_id)):
        return made
    # Plumbing, not `git commit`: HEAD moves in one step and only from where it was seen, a call
    # that was killed can be made again, and a detached run starts no hook.
    now = now or snapshot.take(repo, head=head)
    planned = plan(repo, seen, base=base, base_tree=base_tree, now=now)
    changes = planned.changes
    if planned.head != head or tree not in (None, planned.tree):
        raise TreeChangedError(f"the commit would have the tree {planned.tree}, not {tree}")
    subject, _, body = message.partition("\n")
    text = compose(subject, body, trailers).encode()
    parents = (head,) if head else ()
    sha, real = commits.create(repo, planned.tree, parents, text), quarantine.outside(repo)
    quarantine.publish(repo, real, sha, *parents)
    # The index goes first: a kill in between leaves the work staged, never an index that undoes it.
    before = staged_before.recall(repo)
    staged = user_changes.staged(real, before, head, changes)
    stage(real, staged, refresh=refresh)
    with unstaged_on_failure(real, staged, before):
        move_head(real, sha, head, f"runr: checkpoint {trailers.run_id}")
    paths = tuple(change.path for change in changes)
    return Checkpoint(sha=sha, parent=head, tree=planned.tree, paths=paths, shared=planned.shared)


def plan(
    repo: Repo, seen: Checkout | None, *, base: str | None, base_tree: str, now: str
) -> Planned:
    """Return the commit that `commit` would make of the snapshot `now`, without making it.

    A MixedChangesError where it could not be made without changes of the user.
    """
    head = seen.commit if seen else None
    left, changes = _parted(repo, base, base_tree, seen, now)
    shared: tuple[str, ...] = ()
    if base and changes and (seen is None or (head, seen.tree) != (base, base_tree)):
        own = user_changes.part(repo, base, base_tree, changes, (*left, *changes))
        left, changes, shared = (*left, *own.left), own.changes, own.shared
    user_changes.staged(repo, staged_before.recall(repo), head, changes)
    tree = _tree(repo, head, changes) if left or shared else now
    names = tuple(change.path for change in left)
    return Planned(head=head, tree=tree, changes=changes, left=names, shared=shared)


def _made(repo: Repo, base: str | None, run_id: str) -> Checkpoint | None:
    for ref in find(repo, f"{base}..HEAD" if base else "HEAD"):
        if any(block.checkpoint and run_id in block.all(RUN_ID) for block in ref.blocks):
            parent = repo.resolve(f"{ref.sha}^")
            changes = snapshot.changed(repo, parent or snapshot.empty_tree(repo), ref.sha)
            return Checkpoint(
                sha=ref.sha,
                parent=parent,
                tree=repo.text("rev-parse", f"{ref.sha}^{{tree}}"),
                paths=tuple(change.path for change in changes),
            )
    return None


def _parted(
    repo: Repo, base: str | None, base_tree: str, seen: Checkout | None, now: str
) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """Return the changes from HEAD to the snapshot: those of others, and those of the run.

    The run's is what changed since the first snapshot, and what commits since the
    base touched: a file that a worker committed and then deleted is gone. Where the base was
    reset away, what its commit had is not the run's.
    """
    nothing = snapshot.empty_tree(repo) if base is None or seen is None else ""
    start = seen.commit if seen else nothing
    since = snapshot.changed(repo, base_tree, now)
    if seen and (seen.commit, seen.tree) == (base, base_tree):
        return (), since
    gone = base is not None and seen is not None and not repo.is_ancestor(base, start)
    made = () if gone else snapshot.changed(repo, base or nothing, start)
    touched = {change.path for change in (*since, *made)}
    between = snapshot.changed(repo, start, now)
    left = tuple(change for change in between if change.path not in touched)
    return left, tuple(change for change in between if change.path in touched)


def _tree(repo: Repo, head: str | None, changes: tuple[Change, ...]) -> str:
    with snapshot.scratch_index(repo) as env:
        if head:
            repo.run("read-tree", head, env=env)
        repo.run("update-index", "-z", "--index-info", stdin=snapshot.entries(changes), env=env)
        return repo.text("write-tree", env=env)


def stage(repo: Repo, changes: tuple[Change, ...], *, refresh: bool = True) -> None:
    """Stage the changes in the user's index, and nothing else."""
    if changes:
        out = sparse.left_out(repo) or {}
        repo.run("update-index", "-z", "--index-info", stdin=snapshot.entries(changes))
        sparse.keep_out(repo, (change.path for change in changes if change.path in out), {})
        if refresh:
            repo.attempt("update-index", "-q", "--refresh")


@contextmanager
def unstaged_on_failure(
    repo: Repo, staged: tuple[Change, ...], before: Mapping[str, Entry | None]
) -> Iterator[None]:
    """Where HEAD is not moved in the end, put back in the index what the changes replaced.

    `before` is what the user had staged before.
    """
    try:
        yield
    except GitError:
        stage(repo, tuple(_taken_back(change, before) for change in staged))
        raise


def _taken_back(change: Change, before: Mapping[str, Entry | None]) -> Change:
    entry = before[change.path] if change.path in before else old_side(change)
    mode, object_id = entry or (NOTHING, "0" * len(change.object_id))
    return replace(change, new_mode=mode, object_id=object_id)


def move_head(repo: Repo, sha: str, seen: str | None, note: str) -> None:
    """Move HEAD to `sha`, if it is still at `seen`."""
    moved = repo.attempt("update-ref", "-m", note, "HEAD", sha, seen or "")
    if moved.ok:
        return
    if locks := recovery.locks_in_the_way(repo, repo.branch()):
        raise GitError(recovery.explain_lock(locks[0]), next_steps=[commands.resume()])
    raise GitError(
        f"HEAD in {repo.path} moved while {sha} was being made its next commit: "
        f"{complaint(moved.err)}",
        next_steps=[commands.resume()],
    )


def _ref(record: str) -> CheckpointRef:
    sha, time, body = record.split("\x1f", 2)
    return CheckpointRef(sha=sha, time=time, blocks=parse_trailers(body))
