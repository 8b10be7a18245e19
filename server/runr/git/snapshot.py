"""The working tree as a git tree, taken without the user's index, and what differs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from runr.errors import GitError
from runr.git.repo import Repo, complaint

_DIFF = ("diff-tree", "-r", "--no-renames", "--ignore-submodules=none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that differs; a mode of `000000` says that there is nothing on that side."""

    path: str
    status: str
    old_mode: str
    new_mode: str
    object_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """Lines added and deleted, None for a binary file."""

    path: str
    added: int | None
    deleted: int | None


def take(repo: Repo, exclude: tuple[str, ...] = (".runr",)) -> str:
    """Return a tree of all that git does not ignore; excluded paths stay as in HEAD."""
    out = [f":(top,exclude,literal){path}" for path in exclude]
    settings = ("-c", "core.safecrlf=false", "-c", "core.splitIndex=false")
    with scratch_index(repo) as env:
        seed(repo, Path(env["GIT_INDEX_FILE"]), env)
        added = repo.attempt(*settings, "add", "-A", "--", ".", *out, env=env)
        if not added.ok:
            raise GitError(
                f"git cannot take up every file in {repo.path}: {complaint(added.err)}",
                next_steps=("make that file or folder readable, or list it in .gitignore",),
            )
        _as_in_head(repo, exclude, env)
        return repo.text("write-tree", env=env)


def empty_tree(repo: Repo) -> str:
    """Return the tree without files."""
    return repo.text("mktree")


def changed(repo: Repo, old: str, new: str) -> tuple[Change, ...]:
    """Return the paths that differ between two trees or commits; a rename is two of them."""
    fields = iter(repo.fields(*_DIFF, "--raw", "-z", old, new))
    return tuple(read(facts, path) for facts, path in zip(fields, fields, strict=True))


def patch(repo: Repo, old: str, new: str) -> bytes:
    """Return the difference as `git apply` takes it, binary files included."""
    flags = ("-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv")
    return repo.run(*_DIFF, *flags, old, new)


def diffstat(repo: Repo, old: str, new: str) -> tuple[Stat, ...]:
    """Return how many lines changed in every path that differs."""
    flags = ("--numstat", "-z", "--no-ext-diff", "--no-textconv")
    return tuple(_stat(field) for field in repo.fields(*_DIFF, *flags, old, new))


@contextmanager
def scratch_index(repo: Repo) -> Iterator[dict[str, str]]:
    """Yield the variables that point git at an index of its own, gone afterwards."""
    folder = TemporaryDirectory(
        prefix="runr-index-", dir=repo.git_dir(), ignore_cleanup_errors=True
    )
    with folder as name:
        yield {"GIT_INDEX_FILE": str(Path(name) / "index")}


def seed(repo: Repo, index: Path, env: dict[str, str]) -> None:
    """Let a scratch index begin as the user's own."""
    try:
        # copy2 keeps the time of the file, by which git knows which entries it cannot trust.
        shutil.copy2(repo.git_dir() / "index", index)
    except FileNotFoundError:
        if repo.head():
            repo.run("read-tree", "HEAD", env=env)


def _as_in_head(repo: Repo, paths: tuple[str, ...], env: dict[str, str]) -> None:
    if not paths:
        return
    own = [f":(top,literal){path}" for path in paths]
    repo.run("rm", "-r", "-f", "-q", "--cached", "--ignore-unmatch", "--", *own, env=env)
    if repo.head():
        entries = repo.run("ls-tree", "-r", "-z", "--full-tree", "HEAD", "--", *paths)
        repo.run("update-index", "-z", "--index-info", stdin=entries, env=env)


def read(facts: str, path: str) -> Change:
    """Return the change that a line of `--raw` tells; `path` is the field after it."""
    old_mode, new_mode, _, object_id, status = facts.removeprefix(":").split(" ")
    return Change(
        path=path, status=status, old_mode=old_mode, new_mode=new_mode, object_id=object_id
    )


def _stat(field: str) -> Stat:
    added, deleted, path = field.split("\t", 2)
    if added == "-":
        return Stat(path=path, added=None, deleted=None)
    return Stat(path=path, added=int(added), deleted=int(deleted))
