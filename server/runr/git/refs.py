"""The branches and tags of a repository and what its working trees have checked out, compared.

Whether git itself moved a ref in a working tree is read from the log of that tree's HEAD.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from runr.git.repo import Repo

_HEADS, _TAGS = "refs/heads/", "refs/tags/"
_SYMBOLIC = "ref: "


class WorkingTree(NamedTuple):
    """What a working tree has checked out; `log_size` is the size of the log of its HEAD."""

    git_dir: Path
    head: str
    log_size: int

    @property
    def ref(self) -> str | None:
        """The branch that is checked out, None where HEAD is detached."""
        return self.head.removeprefix(_SYMBOLIC) if self.head.startswith(_SYMBOLIC) else None


class Refs(NamedTuple):
    """Branches and tags with their objects, and the working trees by their git directory."""

    objects: Mapping[str, str]
    trees: Mapping[Path, WorkingTree]


class Move(NamedTuple):
    """A ref that is another one than before; `old` or `new` is None where there is none."""

    ref: str
    old: str | None
    new: str | None


def read(repo: Repo) -> Refs:
    """Return the refs of the repository as they are now."""
    common = repo.common_dir()
    folders = (common, *sorted(common.glob("worktrees/*")))
    # The logs before the refs: what is committed in between is then a step since the first of them.
    trees = {folder: tree for folder in folders if (tree := _working_tree(folder))}
    listed = repo.run("for-each-ref", "--format=%(objectname) %(refname)", _HEADS, _TAGS)
    rows = (line.split(" ", 1) for line in os.fsdecode(listed).split("\n") if line)
    return Refs(objects={ref: sha for sha, ref in rows}, trees=trees)


def _working_tree(git_dir: Path) -> WorkingTree | None:
    log_size = _log_size(git_dir)
    try:
        head = (git_dir / "HEAD").read_text(errors="surrogateescape").strip()
    except OSError:
        return None
    return WorkingTree(git_dir, head, log_size)


def _log_size(git_dir: Path) -> int:
    try:
        return (git_dir / "logs" / "HEAD").stat().st_size
    except OSError:
        return 0


def moves(before: Refs, after: Refs) -> Iterator[Move]:
    """Yield the refs that existed before and are now another commit, or gone."""
    for ref, old in before.objects.items():
        new = after.objects.get(ref)
        if new != old:
            yield Move(ref, old, new)


def logged_steps(tree: WorkingTree) -> set[tuple[str, str]]:
    """Return how HEAD of a working tree moved since it was read: pairs of an old and a new id.

    What git does for a user has a reason in the log, which plumbing has not.
    """
    steps = set()
    with suppress(OSError), (tree.git_dir / "logs" / "HEAD").open("rb") as log:
        log.seek(tree.log_size)
        for line in log:
            step, _, why = line.partition(b"\t")
            ids = step.decode("ascii", "replace").split(" ", 2)
            if len(ids) == 3 and why.strip():  # noqa: PLR2004 - old, new, and who
                steps.add((ids[0], ids[1]))
    return steps


def reached(steps: set[tuple[str, str]], old: str) -> set[str]:
    """Return the commits to which the steps lead from one commit, with that commit."""
    found, open_ = {old}, [old]
    while open_:
        at = open_.pop()
        for before, after in steps:
            if before == at and after not in found:
                found.add(after)
                open_.append(after)
    return found


def put_back(repo: Repo, move: Move, note: str) -> bool:
    """Move the ref back from where it was seen; tell whether it is back.

    A ref that has moved on since then stays.
    """
    expected = move.new or "0" * len(move.old or "")
    args = ("update-ref", "--no-deref", "--create-reflog", "-m", note, move.ref)
    return repo.attempt(*args, move.old or "", expected).ok


def put_head_back(repo: Repo, tree: WorkingTree) -> bool:
    """Let HEAD of a working tree name what it named before; tell whether it does."""
    variables = {"GIT_DIR": str(tree.git_dir)}
    if tree.ref is None:
        return repo.attempt("update-ref", "--no-deref", "HEAD", tree.head, env=variables).ok
    return repo.attempt("symbolic-ref", "HEAD", tree.ref, env=variables).ok


def encode(refs: Refs) -> dict[str, object]:
    """Return the refs as JSON."""
    trees = [(str(tree.git_dir), tree.head, tree.log_size) for tree in refs.trees.values()]
    return {"objects": dict(refs.objects), "trees": trees}


def decode(raw: Mapping[str, Any]) -> Refs:
    """Return the refs that `encode` has written; KeyError, TypeError or ValueError for others."""
    found = [WorkingTree(Path(folder), head, size) for folder, head, size in raw["trees"]]
    return Refs(objects=dict(raw["objects"]), trees={tree.git_dir: tree for tree in found})
