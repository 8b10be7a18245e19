"""Merge commits into a branch: a run's own when it ends, and those that are submitted."""

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from runr.git import commits as git_commits
from runr.git import quarantine, recovery, snapshot
from runr.git.failures import complaint
from runr.git.repo import EVERY_STAT, Output, Repo, split
from runr.text import join_names

_UNKNOWN_OPTION = 129
#: How long to wait before each further try, in seconds.
PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
#: What git says where another git is writing to the index or the branch.
_LOCKED = re.compile(r"(index|HEAD|refs/\S*)\.lock'?: File exists|cannot lock ref")
#: That part of it which comes when the files are moved already.
_REF_LOCKED = re.compile(r"cannot lock ref|(HEAD|refs/\S*)\.lock")
#: A file that keeps `read-tree` from switching to another tree.
_ENTRY = re.compile(r"Entry '(.+)' (?:not uptodate|would be overwritten)")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """How commits get into `target`, which moves from `old` to `new`."""

    target: str
    how: Literal["already", "fast-forward", "merge", "picked", "reverted"]
    old: str
    new: str


class MergeRefusedError(Exception):
    """The commits cannot be merged, for the reason given.

    `files` are those in conflict, `in_the_way` those of the working tree that would be overwritten.
    """

    def __init__(
        self, reason: str, files: tuple[str, ...] = (), in_the_way: tuple[str, ...] = ()
    ) -> None:
        super().__init__(reason)
        self.files = files
        self.in_the_way = in_the_way


class LostBaseError(MergeRefusedError):
    """The target no longer has the base of the work: a merge would bring it back."""


class MovedError(MergeRefusedError):
    """The target moved, or another git was writing to it, between the look and the move."""


def retry_if_moved(attempt: Callable[[], Result]) -> Result:
    """Return what `attempt` does; repeat it a few times while it raises MovedError.

    Runs exclude each other with a lock; only a git of the user's can interfere.
    """
    for pause in PAUSES_S:
        try:
            return attempt()
        except MovedError:
            time.sleep(pause)
    return attempt()


def plan_integration(
    root: Repo,
    branch: str,
    target: str | None,
    message: Callable[[str], str],
    *,
    base: str | None = None,
    may_sign: bool = True,
) -> MergePlan:
    """Return how a run's branch gets into `target`; MergeRefusedError where it does not.

    No branch and no file is changed. `message` returns that of a merge with a given tree. With
    `base`, where the work began, a LostBaseError where the target no longer has that.
    """
    found = root.tips(_ref(branch), *([_ref(target)] if target else []))
    if _ref(branch) not in found:
        raise MergeRefusedError(f"the branch {branch} is gone")
    tip, *parents = found[_ref(branch)]
    if target is None:
        raise MergeRefusedError("no branch is checked out: switch to the one that it lands on")
    if _ref(target) not in found:
        raise MergeRefusedError(f"the branch {target} is gone")
    old, *_ = found[_ref(target)]
    if base is not None and has_lost_base(root, base, tip, old):
        raise LostBaseError(f"{target} no longer has {base[:12]}, with which the work began")
    straight = old in parents or (old != tip and root.is_ancestor(old, tip))
    if not straight and root.is_ancestor(tip, old):
        return MergePlan(target=target, how="already", old=old, new=old)
    ensure_not_busy(root, target)
    new = tip if straight else merge_commit(root, old, tip, message, may_sign=may_sign)
    how: Literal["fast-forward", "merge"] = "fast-forward" if straight else "merge"
    return MergePlan(target=target, how=how, old=old, new=new)


def _ref(branch: str) -> str:
    return f"refs/heads/{branch}"


def tip_of(root: Repo, target: str) -> str:
    """Return the tip of `target`; MergeRefusedError where it is gone."""
    old = root.resolve(f"refs/heads/{target}")
    if old is None:
        raise MergeRefusedError(f"the branch {target} is gone")
    return old


def ensure_not_busy(root: Repo, target: str) -> None:
    """Raise MergeRefusedError during a merge or rebase, or while another worktree has `target`."""
    if unfinished := root.operation():
        raise MergeRefusedError(f"a {unfinished} is in progress in {root.path}")
    if root.branch() != target and (found := checkout_of(root, target)):
        raise MergeRefusedError(f"{target} is checked out in {found}")


def move(root: Repo, target: str, new: str, old: str, note: str) -> None:
    """Move `target` from `old` to `new`, with the user's files where it is checked out.

    Raises MovedError where another try may succeed, else MergeRefusedError; branch
    and files are as before then.
    """
    if root.branch() == target:
        _refuse_locked(root, target)
        moved = _advance(root, new)
        if not moved.ok and _REF_LOCKED.search(moved.err):
            # git moves the files first, and locks the branch afterwards.
            recovery.put_back(root, old, new)
    else:
        moved = root.attempt("update-ref", "-m", note, f"refs/heads/{target}", new, old)
    if moved.ok:
        return
    if tip_of(root, target) != old:
        raise MovedError(f"{target} moved at the same moment")
    if _LOCKED.search(moved.err):
        raise MovedError(f"another git process holds {target}: {complaint(moved.err)}")
    raise _refusal(moved)


def _refuse_locked(root: Repo, target: str) -> None:
    """Raise MovedError while a lock would stop git, perhaps when files are moved already."""
    for lock in recovery.locks_in_the_way(root, target):
        raise MovedError(recovery.explain_lock(lock))


def merge_commit(
    root: Repo, old: str, tip: str, message: Callable[[str], str], *, may_sign: bool = True
) -> str:
    """Return a merge commit made without touching a file or a branch.

    `message` returns that of a merge with a given tree.
    """
    with quarantine.within(root) as scratch:
        tree = merged_tree(scratch, old, tip)
        text = message(tree).encode(errors="replace")
        try:
            sha = git_commits.create(scratch, tree, (old, tip), text, may_sign=may_sign)
        except git_commits.UnsignedError as error:
            raise MergeRefusedError(error.message) from None
        quarantine.publish(scratch, root, sha, old, tip)
    return sha


def merged_tree(root: Repo, old: str, tip: str) -> str:
    """Return the merge of two commits as a tree; MergeRefusedError names files in conflict."""
    tree, files = tree_with_conflicts(root, old, tip)
    if files:
        raise MergeRefusedError(f"both sides changed {join_names(files)}", files)
    return tree


def tree_with_conflicts(root: Repo, old: str, tip: str) -> tuple[str, tuple[str, ...]]:
    """Return the merge as a tree, and the files in conflict, which have git's markers in it."""
    flags = ("--write-tree", "-z", "--name-only", "--no-messages")
    merge = root.attempt("merge-tree", *flags, old, tip)
    if merge.code == 1:
        tree, *files = split(merge.out)
        return tree, tuple(dict.fromkeys(files))
    if merge.code == _UNKNOWN_OPTION:
        raise MergeRefusedError(
            "a merge is needed, and git before 2.38 cannot try one without touching files"
        )
    if not merge.ok:
        raise MergeRefusedError(complaint(merge.err))
    return split(merge.out)[0], ()


def is_left_out(repo: Repo, branch: str) -> bool:
    """Tell whether there is such a branch, and HEAD does not have its commits."""
    tip, head = repo.resolve(_ref(branch)), repo.head()
    return tip is not None and head is not None and not repo.is_ancestor(tip, head)


def has_lost_base(repo: Repo, base: str, work: str, onto: str) -> bool:
    """Tell whether `onto` no longer has the base of the work: a merge would bring it back."""
    return onto != base and not repo.is_ancestor(base, onto) and repo.is_ancestor(base, work)


def tree_on_top(repo: Repo, base: str, work: str, onto: str) -> tuple[str, tuple[str, ...]]:
    """Return `onto` with what changed from `base` to `work`, and the files in conflict.

    Where `onto` was merged into the work, its changes are those since `onto`.
    """
    merged = repo.is_ancestor(onto, work) and not repo.is_ancestor(onto, base)
    return tree_with_change(repo, onto if merged else base, work, onto)


def tree_with_change(repo: Repo, old: str, new: str, onto: str) -> tuple[str, tuple[str, ...]]:
    """Return `onto` with what changed from `old` to `new`, and the files in conflict."""
    since = _bare(repo, old)
    return tree_with_conflicts(repo, _bare(repo, onto, since), _bare(repo, new, since))


def plan_on_top(repo: Repo, base: str, branch: str, target: str) -> MergePlan:
    """Return how the target would move to its tip with the work only, as a draft."""
    old, work = tip_of(repo, target), tip_of(repo, branch)
    ensure_not_busy(repo, target)
    tree, files = tree_on_top(repo, base, work, old)
    if files:
        raise MergeRefusedError(f"both sides changed {join_names(files)}", files)
    new = git_commits.create_draft(repo, tree, (old,), b"Work of a run\n")
    return MergePlan(target=target, how="picked", old=old, new=new)


def _advance(root: Repo, new: str) -> Output:
    # git itself refuses to overwrite what the user changed, staged, or keeps ignored in the way.
    flags = ("--ff-only", "--no-squash", "--no-autostash", "--no-overwrite-ignore", "--quiet")
    return root.attempt(*EVERY_STAT, "merge", *flags, new)


def _refusal(moved: Output) -> MergeRefusedError:
    files = tuple(line.strip() for line in moved.err.splitlines() if line.startswith("\t"))
    if not files and "GPG signature" in moved.err:
        return MergeRefusedError(
            f"merge.verifySignatures is set: {complaint(moved.err)} "
            "Unset it to land the commit, or set commit.gpgsign and run the task again."
        )
    if not files:
        return MergeRefusedError(complaint(moved.err))
    reason = f"it would overwrite uncommitted changes: {join_names(files)}"
    return MergeRefusedError(reason, in_the_way=files)


def checkout_of(root: Repo, target: str) -> str | None:
    """Return the worktree that has `target` checked out or is rebasing it."""
    ref = f"refs/heads/{target}"
    found = root.text("for-each-ref", "--format=%(worktreepath)", ref)
    return found or _rebasing(root.common_dir(), ref)


def _rebasing(common: Path, ref: str) -> str | None:
    for pattern in ("rebase-*/head-name", "worktrees/*/rebase-*/head-name"):
        for mark in common.glob(pattern):
            if mark.read_text(errors="surrogateescape").strip() == ref:
                return _worktree(common, mark.parent.parent)
    return None


def _worktree(common: Path, record: Path) -> str:
    if record == common:
        return str(common.parent)
    return str(Path((record / "gitdir").read_text(errors="surrogateescape").strip()).parent)


_AUTHOR = "--format=%an%x00%ae%x00%ad%x00%B"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSet:
    """The commits to be submitted, oldest first; `whole` has those on side branches, too."""

    commits: tuple[str, ...]
    whole: frozenset[str]


def commits_since(repo: Repo, base: str, tip: str) -> CommitSet:
    """Return the commits between two commits, along the first parents."""
    span = f"{base}..{tip}"
    line = repo.text("rev-list", "--first-parent", "--reverse", span).split()
    return CommitSet(commits=tuple(line), whole=frozenset(repo.text("rev-list", span).split()))


def plan_merge(repo: Repo, commit_set: CommitSet, target: str, message: str) -> MergePlan:
    """Return how the commits get into `target`; MergeRefusedError where they do not.

    No branch and no file is changed. They are merged where the merge has no other
    commits, and cherry-picked one by one where it would.
    """
    old = tip_of(repo, target)
    if all(repo.is_ancestor(sha, old) for sha in commit_set.commits):
        return MergePlan(target=target, how="already", old=old, new=old)
    ensure_not_busy(repo, target)
    with quarantine.within(repo) as scratch:
        # A dry run leaves nothing behind, so nothing is signed for it.
        may_sign = scratch is not repo
        wanted = _plan(scratch, commit_set, target, old, message, may_sign=may_sign)
        quarantine.publish(scratch, repo, wanted.new, old, commit_set.commits[-1])
    return wanted


def _plan(
    repo: Repo, commit_set: CommitSet, target: str, old: str, message: str, *, may_sign: bool
) -> MergePlan:
    tip = commit_set.commits[-1]
    if set(repo.text("rev-list", f"{old}..{tip}").split()) <= commit_set.whole:
        if repo.is_ancestor(old, tip):
            return MergePlan(target=target, how="fast-forward", old=old, new=tip)
        new = merge_commit(repo, old, tip, lambda _: message, may_sign=may_sign)
        return MergePlan(target=target, how="merge", old=old, new=new)
    new = old
    for sha in commit_set.commits:
        new = _picked(repo, sha, new, may_sign=may_sign)
    return MergePlan(target=target, how="already" if new == old else "picked", old=old, new=new)


def plan_revert(
    repo: Repo, commits: Sequence[str], message: str, branch: str | None = None
) -> MergePlan:
    """Return how a branch gets rid of the commits, the latest first, by a new commit.

    It is the one that is checked out where none is named. Raises MergeRefusedError where
    later commits changed the same. No branch and no file is changed. The plan is `already`
    where nothing of them is left.
    """
    target = branch or repo.branch()
    if target is None:
        raise MergeRefusedError("no branch is checked out")
    old = tip_of(repo, target)
    for sha in commits:
        if repo.resolve(sha) is None or not repo.is_ancestor(sha, old):
            raise MergeRefusedError(f"the commit {sha[:12]} is not on {target}")
    ensure_not_busy(repo, target)
    with quarantine.within(repo) as scratch:
        tree = before = _tree(scratch, old)
        for sha in commits:
            parent = scratch.resolve(f"{sha}^1") or snapshot.empty_tree(scratch)
            tree = _applied(scratch, parent, sha, tree)
        if tree == before:
            return MergePlan(target=target, how="already", old=old, new=old)
        # A dry run leaves nothing behind, so nothing is signed for it.
        may_sign = scratch is not repo
        text = message.encode(errors="replace")
        new = git_commits.create(scratch, tree, (old,), text, may_sign=may_sign)
        quarantine.publish(scratch, repo, new, old)
    return MergePlan(target=target, how="reverted", old=old, new=new)


def apply_plan(repo: Repo, wanted: MergePlan, note: str) -> None:
    """Move the branch as planned, with the user's files where it is checked out; see `move`."""
    if wanted.new != wanted.old:
        move(repo, wanted.target, wanted.new, wanted.old, note)


def merge_obstacle(repo: Repo, wanted: MergePlan) -> str | None:
    """Return which of the user's own changes would keep `apply_plan` from succeeding."""
    if wanted.new == wanted.old or repo.branch() != wanted.target:
        return None
    added = [c.path for c in snapshot.changed(repo, wanted.old, wanted.new) if c.status == "A"]
    there = [
        path for path in added if (repo.path / path).is_symlink() or (repo.path / path).exists()
    ]
    with snapshot.scratch_index(repo) as env:
        snapshot.seed(repo, Path(env["GIT_INDEX_FILE"]), env)
        repo.attempt(*EVERY_STAT, "update-index", "-q", "--refresh", env=env)
        flags = ("-m", "-u", "--dry-run")
        tried = repo.attempt(*EVERY_STAT, "read-tree", *flags, wanted.old, wanted.new, env=env)
        staged = set(split(repo.run("ls-files", "-z", env=env)))
    in_the_way = [path for path in there if path not in staged]
    if in_the_way:
        return f"it would overwrite untracked files: {join_names(in_the_way)}"
    if tried.ok:
        return None
    changed = ", ".join(dict.fromkeys(_ENTRY.findall(tried.err))) or complaint(tried.err)
    return f"it would overwrite uncommitted changes: {changed}"


def _picked(repo: Repo, sha: str, onto: str, *, may_sign: bool) -> str:
    """Return the commit with the change of `sha` on top of `onto`; `onto` where it is there."""
    before = repo.resolve(f"{sha}^1")
    if before == onto:
        return sha
    base = before or snapshot.empty_tree(repo)
    tree = _applied(repo, sha, base, onto)
    if tree == _tree(repo, onto) and _tree(repo, base) != _tree(repo, sha):
        return onto
    name, mail, date, text = repo.fields("log", "-1", "-z", _AUTHOR, "--date=raw", sha)
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": f"@{date}"}
    message = os.fsencode(text)
    return git_commits.create(repo, tree, (onto,), message, env=author, may_sign=may_sign)


def _applied(repo: Repo, sha: str, before: str, onto: str) -> str:
    """Return the tree of `onto` with what `sha` changed since `before`.

    `git merge-tree` takes a merge base of one's own only since 2.40, so it is
    given commits that have the wanted one.
    """
    base = _bare(repo, before)
    return merged_tree(repo, _bare(repo, onto, base), _bare(repo, sha, base))


def _bare(repo: Repo, tree: str, parent: str | None = None) -> str:
    parents = (parent,) if parent else ()
    return git_commits.create(repo, _tree(repo, tree), parents, b"", may_sign=False)


def _tree(repo: Repo, commit: str) -> str:
    return repo.text("rev-parse", f"{commit}^{{tree}}")
