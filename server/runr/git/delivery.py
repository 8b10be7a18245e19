"""Bringing several commits into a branch: all of them or none, with one move of the branch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from runr.git import integrate, snapshot
from runr.git.repo import Repo, complaint, split

_AUTHOR = "--format=%an%x00%ae%x00%ad%x00%B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """The commits to be delivered, oldest first; `whole` has those on side branches, too."""

    commits: tuple[str, ...]
    whole: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a delivery would make of `target`, which stands at `old`."""

    target: str
    how: Literal["already", "fast-forward", "merge", "picked"]
    old: str
    new: str


def since(repo: Repo, base: str, tip: str) -> Parcel:
    """Return all that lies between two commits, as one line from the first to the last."""
    span = f"{base}..{tip}"
    line = repo.text("rev-list", "--first-parent", "--reverse", span).split()
    return Parcel(commits=tuple(line), whole=frozenset(repo.text("rev-list", span).split()))


def plan(repo: Repo, parcel: Parcel, target: str, message: str) -> Plan:
    """Return how the parcel gets into `target`; KeptError where it does not.

    No branch and no file is touched. The commits are merged where that brings
    in nothing else, and applied one by one where it would.
    """
    old, tip = integrate.tip_of(repo, target), parcel.commits[-1]
    if all(repo.is_ancestor(sha, old) for sha in parcel.commits):
        return Plan(target=target, how="already", old=old, new=old)
    integrate.refuse_if_busy(repo, target)
    if set(repo.text("rev-list", f"{old}..{tip}").split()) <= parcel.whole:
        if repo.is_ancestor(old, tip):
            return Plan(target=target, how="fast-forward", old=old, new=tip)
        new = integrate.merged(repo, old, tip, message)
        return Plan(target=target, how="merge", old=old, new=new)
    new = old
    for sha in parcel.commits:
        new = _picked(repo, sha, new)
    return Plan(target=target, how="already" if new == old else "picked", old=old, new=new)


def carry_out(repo: Repo, wanted: Plan, note: str) -> None:
    """Move the branch, with the user's files where it is checked out; KeptError moves nothing."""
    if wanted.new != wanted.old:
        integrate.move(repo, wanted.target, wanted.new, wanted.old, note)


def obstacle(repo: Repo, wanted: Plan) -> str | None:
    """Return what of the user's own changes is in the way, as `carry_out` would find it."""
    if wanted.new == wanted.old or repo.branch() != wanted.target:
        return None
    added = [c.path for c in snapshot.changed(repo, wanted.old, wanted.new) if c.status == "A"]
    there = [
        path for path in added if (repo.path / path).is_symlink() or (repo.path / path).exists()
    ]
    with snapshot.scratch_index(repo) as env:
        snapshot.seed(repo, Path(env["GIT_INDEX_FILE"]), env)
        repo.attempt("update-index", "-q", "--refresh", env=env)
        flags = ("-m", "-u", "--dry-run")
        tried = repo.attempt("read-tree", *flags, wanted.old, wanted.new, env=env)
        staged = set(split(repo.run("ls-files", "-z", env=env)))
    in_the_way = [path for path in there if path not in staged]
    if in_the_way:
        return f"it would overwrite your own files: {', '.join(in_the_way)}"
    return None if tried.ok else f"it would overwrite your own changes: {complaint(tried.err)}"


@contextmanager
def sandbox(repo: Repo) -> Iterator[Repo]:
    """Yield the repository in such a way that what git makes lies outside of it, and goes."""
    real = str(repo.common_dir() / "objects").replace("\\", "\\\\").replace('"', '\\"')
    with TemporaryDirectory(prefix="runr-objects-") as folder:
        variables = (
            ("GIT_OBJECT_DIRECTORY", folder),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES", f'"{real}"'),
        )
        yield Repo(repo.path, (*repo.variables, *variables))


def _picked(repo: Repo, sha: str, onto: str) -> str:
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
    env = repo.identity() | author
    return repo.text("commit-tree", tree, "-p", onto, stdin=os.fsencode(text), env=env)


def _applied(repo: Repo, sha: str, before: str, onto: str) -> str:
    """Return the tree of `onto` with what `sha` changed since `before`.

    `git merge-tree` takes a merge base of one's own only since 2.40, so it is
    given commits that have the wanted one.
    """
    base = _bare(repo, before)
    return integrate.merged_tree(repo, _bare(repo, onto, base), _bare(repo, sha, base))


def _bare(repo: Repo, tree: str, parent: str | None = None) -> str:
    parents = ("-p", parent) if parent else ()
    return repo.text("commit-tree", _tree(repo, tree), *parents, env=repo.identity())


def _tree(repo: Repo, commit: str) -> str:
    return repo.text("rev-parse", f"{commit}^{{tree}}")
