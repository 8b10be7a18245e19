"""Everything that a run touched: in its tree, in its own commits, and where git does not look."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runr.git import snapshot
from runr.git.repo import Repo
from runr.git.snapshot import Change

GITLINK = "160000"
SYMLINK = "120000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What differs between what was found and `tree`, and what commits touched in between.

    `committed` has each change with its commit.
    """

    tree: str
    changes: tuple[Change, ...]
    committed: tuple[tuple[str, Change], ...]

    @property
    def all(self) -> tuple[Change, ...]:
        """Every change, the tree's own first."""
        return (*self.changes, *(change for _, change in self.committed))

    @property
    def paths(self) -> frozenset[str]:
        """Every path that was touched, also where it is as before again."""
        return frozenset(change.path for change in self.all)

    @property
    def added(self) -> frozenset[str]:
        """The paths that were not there before."""
        return frozenset(change.path for change in self.all if not change.old_mode.strip("0"))


def take(repo: Repo, base_tree: str, since: str) -> Footprint:
    """Return what was touched since the tree `base_tree`, and in the commits of the range."""
    tree = snapshot.take(repo)
    return Footprint(
        tree=tree,
        changes=snapshot.changed(repo, base_tree, tree),
        committed=tuple(_committed(repo, since)),
    )


def unborn(repo: Repo) -> list[str]:
    """Return the folders that are git repositories without a commit: nothing can take them up."""
    others = repo.fields("ls-files", "-z", "--others", "--exclude-standard")
    nested = (path.rstrip("/") for path in others if path.endswith("/"))
    return [path for path in nested if Repo(repo.path / path).head() is None]


def escapes(repo: Repo, change: Change) -> str | None:
    """Return the target of a symlink that leads out of the repository, None where it does not."""
    if change.new_mode != SYMLINK:
        return None
    target = os.fsdecode(repo.run("cat-file", "blob", change.object_id))
    beside = os.path.normpath(os.path.join(os.path.dirname(change.path), target))  # noqa: PTH118, PTH120 - pathlib does not fold `..`
    if target.startswith("/") or beside == ".." or beside.startswith("../"):
        return target
    # By way of another link it may still lead out.
    link = repo.path / change.path
    top = os.path.realpath(repo.path)
    real = os.path.realpath(link)
    return target if link.is_symlink() and not _below(real, top) else None


def lost(repo: Repo, tree: str) -> Iterator[tuple[str, str]]:
    """Yield what would go with the working tree because no commit of it holds it, and why."""
    for path, commit in _gitlinks(repo, tree):
        folder = repo.path / path
        if not folder.is_dir():
            continue
        if not (folder / ".git").exists():
            for child in sorted(folder.iterdir()):
                yield f"{path}/{child.name}", "in the folder of an absent submodule: git ignores it"
            continue
        inner = Repo(folder)
        for name in inner.dirty():
            yield f"{path}/{name}", "in a submodule, and in no commit of it"
        if not _is_published(inner, commit):
            yield path, f"its commit {commit[:12]} is in no remote branch"


def _is_published(inner: Repo, commit: str) -> bool:
    return bool(inner.text("for-each-ref", "--contains", commit, "refs/remotes"))


def _below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def _gitlinks(repo: Repo, tree: str) -> Iterable[tuple[str, str]]:
    for entry in repo.fields("ls-tree", "-r", "-z", "--full-tree", tree):
        facts, _, path = entry.partition("\t")
        if facts.startswith(GITLINK):
            yield path, facts.split(" ")[2]


def _committed(repo: Repo, since: str) -> Iterator[tuple[str, Change]]:
    """Yield every change of every commit, those of a merge against each of its parents."""
    flags = ("-m", "-z", "--raw", "--no-abbrev", "--no-renames", "--format=%x01%H")
    out = repo.run("log", *flags, since, "--")
    commit, fields = "", iter(os.fsdecode(out).split("\0"))
    for field in fields:
        head = field.lstrip("\n")
        if head.startswith("\x01"):
            commit = head[1:]
        elif head.startswith(":"):
            yield commit, snapshot.read(head, next(fields))
