"""Bringing a run's branch into the branch that it started from."""

import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from runr.git.repo import Output, Repo, complaint, split

_UNKNOWN_OPTION = 129

#: How long to wait before each further try, in seconds.
_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
#: What git says where another git is writing to the index or the branch.
_LOCKED = re.compile(r"(index|HEAD|refs/\S*)\.lock'?: File exists|cannot lock ref")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """What became of a branch.

    `sha` is the target's commit that contains it. Where it was kept, `reason`
    says why and `command` brings it in once that is out of the way.
    """

    how: Literal["fast-forward", "merge", "already", "kept"]
    sha: str | None = None
    reason: str = ""
    command: str | None = None


class KeptError(Exception):
    """The branch cannot be brought in, for the reason given; `files` are those in conflict."""

    def __init__(self, reason: str, files: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.files = files


class MovedError(KeptError):
    """The target moved, or another git was writing to it, between the look and the move."""


def retry_if_moved(attempt: Callable[[], Result]) -> Result:
    """Return what `attempt` does; while it raises MovedError, let it look and try again.

    Runs keep each other out with a lock; only a git of the user's gets in between.
    """
    for pause in _PAUSES_S:
        try:
            return attempt()
        except MovedError:
            time.sleep(pause)
    return attempt()


def bring_in(root: Repo, *, branch: str, target: str | None, message: str) -> Integration:
    """Move `target` to contain `branch`, or keep the branch; the user's changes stay untouched."""
    tip = root.resolve(f"refs/heads/{branch}")
    if tip is None:
        return Integration(how="kept", reason=f"the branch {branch} is gone")
    try:
        return retry_if_moved(lambda: _bring_in(root, tip, branch, target, message))
    except KeptError as error:
        command = _command(root, branch, target)
        return Integration(how="kept", reason=str(error), command=command)


def _bring_in(root: Repo, tip: str, branch: str, target: str | None, message: str) -> Integration:
    if target is None:
        raise KeptError("the run started where no branch was checked out")
    old = tip_of(root, target)
    if root.is_ancestor(tip, old):
        return Integration(how="already", sha=old)
    refuse_if_busy(root, target)
    straight = root.is_ancestor(old, tip)
    new = tip if straight else merged(root, old, tip, message)
    move(root, target, new, old, f"runr: bring in {branch}")
    return Integration(how="fast-forward" if straight else "merge", sha=new)


def tip_of(root: Repo, target: str) -> str:
    """Return the commit that `target` stands at."""
    old = root.resolve(f"refs/heads/{target}")
    if old is None:
        raise KeptError(f"the branch {target} is gone")
    return old


def refuse_if_busy(root: Repo, target: str) -> None:
    """Raise KeptError while the user is in the middle of something, or works on `target`."""
    if unfinished := root.operation():
        raise KeptError(f"a {unfinished} is in progress in {root.path}")
    if root.branch() != target and (found := place(root, target)):
        raise KeptError(f"{target} is checked out in {found}")


def move(root: Repo, target: str, new: str, old: str, note: str) -> None:
    """Let `target` go from `old` to `new`, with the user's files where it is checked out.

    Raises MovedError where looking again may help, else KeptError; nothing is moved then.
    """
    if root.branch() == target:
        moved = _advance(root, new)
    else:
        moved = root.attempt("update-ref", "-m", note, f"refs/heads/{target}", new, old)
    if moved.ok:
        return
    if tip_of(root, target) != old:
        raise MovedError(f"{target} moved at the same moment")
    if _LOCKED.search(moved.err):
        raise MovedError(f"another git is at work on {target}: {complaint(moved.err)}")
    raise KeptError(_refusal(moved))


def merged(root: Repo, old: str, tip: str, message: str) -> str:
    """Return a merge commit made without touching a file or a branch."""
    text = message.encode(errors="replace")
    parents = ("-p", old, "-p", tip)
    tree = merged_tree(root, old, tip)
    return root.text("commit-tree", tree, *parents, stdin=text, env=root.identity())


def merged_tree(root: Repo, old: str, tip: str) -> str:
    """Return the tree in which two commits meet; KeptError names the files in conflict."""
    flags = ("--write-tree", "-z", "--name-only", "--no-messages")
    merge = root.attempt("merge-tree", *flags, old, tip)
    if merge.code == 1:
        files = tuple(dict.fromkeys(split(merge.out)[1:]))
        raise KeptError(f"both sides changed {', '.join(files)}", files)
    if merge.code == _UNKNOWN_OPTION:
        raise KeptError("a merge is needed, and this git (older than 2.38) cannot try one safely")
    if not merge.ok:
        raise KeptError(complaint(merge.err))
    return split(merge.out)[0]


def _advance(root: Repo, new: str) -> Output:
    # git itself refuses to overwrite what the user changed, staged, or keeps ignored in the way.
    flags = ("--ff-only", "--no-squash", "--no-autostash", "--no-overwrite-ignore", "--quiet")
    return root.attempt("merge", *flags, new, env=root.identity())


def _refusal(moved: Output) -> str:
    files = [line.strip() for line in moved.err.splitlines() if line.startswith("\t")]
    if files:
        return f"it would overwrite your own changes: {', '.join(files)}"
    return complaint(moved.err)


def place(root: Repo, target: str) -> str | None:
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


def _command(root: Repo, branch: str, target: str | None) -> str:
    merge = f"git merge {shlex.quote(branch)}"
    if target is None or root.branch() == target or not root.resolve(f"refs/heads/{target}"):
        return merge
    if found := place(root, target):
        return f"git -C {shlex.quote(found)} merge {shlex.quote(branch)}"
    return f"git switch {shlex.quote(target)} && {merge}"
