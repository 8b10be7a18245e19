"""The working tree as a git tree, made without the user's index, and what a run changed in it."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from runr import nofollow
from runr.errors import GitError
from runr.git import forced_files, private_dir, quarantine, sparse, untracked, worktree
from runr.git.commits import checked_out
from runr.git.failures import complaint
from runr.git.repo import Checkout, Output, Repo, split
from runr.git.untracked import SETTINGS

#: What git says of a name that some system would read as `.git`.
_NO_NAME = re.compile(r"invalid path '(.+)'")

#: Where runr keeps its own files, which no snapshot is about.
_RUNRS = (".runr",)

#: The index of a run, which git never trusts beyond what it can see of the files.
_INDEX = "index"
_BASE = "index.base"

_WRITE = ("write-tree", "--missing-ok")
_DIFF = ("diff-tree", "-r", "--no-renames", "--ignore-submodules=none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that differs; a mode of `000000` says that there is nothing on that side."""

    path: str
    status: str
    old_mode: str
    new_mode: str
    old_id: str
    object_id: str

    @property
    def was_file(self) -> bool:
        """Whether the old side is a file or a symlink."""
        return self.old_mode[:2] in ("10", "12")


_HEX = frozenset("0123456789abcdef")
# The length of a whole object id; those of SHA-256 are longer.
_ID = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """Lines added and deleted, None for a binary file."""

    path: str
    added: int | None
    deleted: int | None


def take(repo: Repo, exclude: tuple[str, ...] = _RUNRS, *, head: str | None = None) -> str:
    """Return a tree of all that git does not ignore; excluded paths stay as in HEAD.

    `head` is the commit of HEAD, where it is known already.
    """
    # Where it is written out, git complains of an excluded folder that is ignored as well.
    out = [f":(top,exclude,glob){path[:-1]}[{path[-1]}]/**" for path in exclude]
    with scratch_index(repo) as env:
        index = Path(env["GIT_INDEX_FILE"])
        private = _begin(repo, index, env)
        reader = private or repo
        is_sparse = private is not None and sparse.follow(repo, private, env)
        added = _add(reader, ("-A", "--", ".", *out), env)
        if not added.ok:
            if named := _NO_NAME.search(added.err):
                raise GitError(
                    f"git accepts no file with the name {named[1]}: rename or remove it "
                    f"in {repo.path}"
                )
            raise GitError(
                f"git cannot add every file in {repo.path}: {complaint(added.err)}",
                next_steps=("make that file or folder readable, or list it in .gitignore",),
            )
        base = "" if private is None else head or repo.head() or empty_tree(repo)
        # The index that was kept has what is excluded as in the commit that it was reset to.
        if exclude and (is_sparse or not base or base != _kept_base(repo)):
            own = [f":(top,literal){path}" for path in exclude]
            reader.run(*SETTINGS, "reset", "--quiet", *filter(None, [base]), "--", *own, env=env)
        # Of files that are only known by their hash, there is no content.
        tree = reader.text(*SETTINGS, *_WRITE, env=env)
        if private is not None:
            if forced_files.follow(repo, private, tree, env):
                tree = reader.text(*SETTINGS, *_WRITE, env=env)
            _keep(repo, index, base if exclude == _RUNRS else "")
        return tree


def begin(repo: Repo, base: str = "") -> None:
    """Make the run's private git directory and its index, before a worker can change anything.

    From then on no snapshot depends on the index, the attributes or the settings
    of the working tree: only on the content of files, and on `.gitignore`. `base` is the
    commit that was just checked out, where nothing can have changed since.
    """
    folder = quarantine.folder_of(repo)
    if folder is None or private_dir.of(repo) is not None:
        return
    with scratch_index(repo) as env:
        index = Path(env["GIT_INDEX_FILE"])
        seed(repo, index, env)
        if any(repo.git_dir().glob("sharedindex.*")):
            # The other half of a split index would be looked for beside the private one.
            repo.run(*SETTINGS, "update-index", "--no-split-index", env=env)
        sparse.clear_flags(repo, env)
        private_dir.create(repo, folder)
        if untracked.is_remembered(folder):
            untracked.add_by_hash(private_dir.enter(repo, folder), folder, index)
        _keep(repo, index, base)


def _kept_base(repo: Repo) -> str | None:
    folder = quarantine.folder_of(repo)
    if folder is None or not nofollow.exists(folder / _BASE):
        return None
    return nofollow.read(folder / _BASE).decode("ascii", "replace")


def _keep(repo: Repo, index: Path, base: str = "") -> None:
    """Keep an index for the next snapshot, which then reads only files that changed since.

    `base` is the commit as in which it has what is excluded.
    """
    folder = quarantine.folder_of(repo)
    if folder is None or not index.exists():
        return
    begun = folder / f"{_INDEX}.{os.getpid()}.new"
    nofollow.unlink(begun, missing_ok=True)
    # copy2 keeps the time of the file: see `seed`.
    shutil.copy2(index, begun)
    nofollow.rename(begun, _INDEX)
    if base != _kept_base(repo):
        private_dir.write(folder / _BASE, base.encode())


def _add(repo: Repo, words: tuple[str, ...], env: dict[str, str]) -> Output:
    added = repo.attempt(*SETTINGS, "add", *words, env=env)
    if "sparse-checkout" in added.err:
        # A new file outside of what the user has checked out counts all the same.
        return repo.attempt(*SETTINGS, "add", "--sparse", *words, env=env)
    return added


def take_first(repo: Repo) -> str:
    """Return the snapshot with which a run in the user's own working tree begins.

    It holds the content of what git tracks, and only the hashes of what it does not.
    """
    folder = quarantine.folder_of(repo)
    if folder is not None:
        untracked.remember(repo, folder, _RUNRS)
        begin(repo)
    return take(repo)


def comparable(repo: Repo, old: str, new: str) -> str:
    """Return the tree `old` without what differs in `new` and is only known by its hash.

    In a patch from it, such a file is a new one: what was in it before is not known.
    """
    if not untracked.is_remembered(quarantine.folder_of(repo)):
        return old
    before = [change for change in changed(repo, old, new) if change.was_file]
    unknown = missing(repo, (change.old_id for change in before))
    if not unknown:
        return old
    paths = (change.path for change in before if change.old_id in unknown)
    with scratch_index(repo) as env:
        repo.run("read-tree", old, env=env)
        gone = "".join(f"0 {'0' * len(old)}\t{path}\0" for path in paths)
        repo.run("update-index", "-z", "--index-info", stdin=os.fsencode(gone), env=env)
        return repo.text("write-tree", "--missing-ok", env=env)


def missing(repo: Repo, ids: Iterable[str]) -> set[str]:
    """Return those of the objects that are only known by their hash."""
    wanted = "".join(f"{each}\n" for each in ids).encode()
    looked = repo.text("cat-file", "--batch-check", stdin=wanted).split("\n")
    return {line.removesuffix(" missing") for line in looked if line.endswith(" missing")}


def entries(changes: Iterable[Change]) -> bytes:
    """Return the lines with which `git update-index` takes over the changes, in any order.

    Where a file takes the place of a folder, git drops what was in it, and a path that
    is not there is deleted without complaint.
    """
    lines = (f"{change.new_mode} {change.object_id} 0\t{change.path}\0" for change in changes)
    return b"".join(os.fsencode(line) for line in lines)


def with_changes(repo: Repo, tree: str, changes: Iterable[Change]) -> str:
    """Return the tree with the new side of each change."""
    with scratch_index(repo) as env:
        repo.run("read-tree", tree, env=env)
        repo.run("update-index", "-z", "--index-info", stdin=entries(changes), env=env)
        return repo.text("write-tree", "--missing-ok", env=env)


def empty_tree(repo: Repo) -> str:
    """Return the tree without files, which git knows without being given it."""
    return repo.text("hash-object", "-t", "tree", "--stdin")


def changed(repo: Repo, old: str, new: str) -> tuple[Change, ...]:
    """Return the paths that differ between two trees or commits; a rename is two of them."""
    by_id = all(len(each) >= _ID and not set(each) - _HEX for each in (old, new))
    return (_remembered if by_id else _changed)(repo, old, new)


def _changed(repo: Repo, old: str, new: str) -> tuple[Change, ...]:
    return read_all(repo.fields(*_DIFF, "--raw", "-z", old, new))


# One run asks several times about the same two trees.
_remembered = lru_cache(maxsize=4)(_changed)


def patch(repo: Repo, old: str, new: str) -> bytes:
    """Return the difference as `git apply` takes it, binary files included."""
    flags = ("-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv")
    return repo.run(*_DIFF, *flags, old, new)


def diffstat(repo: Repo, old: str, new: str) -> tuple[tuple[Stat, ...], bytes]:
    """Return how many lines changed in every path that differs, and the patch."""
    flags = ("--numstat", "-z", "-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv")
    counts, _, changes = repo.run(*_DIFF, *flags, old, new).partition(b"\0\0")
    return tuple(_stat(field) for field in split(counts + b"\0") if field), changes


@contextmanager
def scratch_index(repo: Repo) -> Iterator[dict[str, str]]:
    """Yield the variables that point git at an index of its own, gone afterwards."""
    where = quarantine.folder_of(repo) or repo.git_dir()
    folder = TemporaryDirectory(prefix="runr-index-", dir=where, ignore_cleanup_errors=True)
    with folder as name:
        yield {"GIT_INDEX_FILE": str(Path(name) / "index")}


def seed(repo: Repo, index: Path, env: dict[str, str]) -> None:
    """Copy the user's index, or HEAD where there is none, into a scratch index."""
    try:
        # copy2 keeps the time of the file, by which git knows which entries it cannot trust.
        shutil.copy2(repo.git_dir() / "index", index)
    except FileNotFoundError:
        if repo.head():
            repo.run("read-tree", "HEAD", env=env)


def _begin(repo: Repo, index: Path, env: dict[str, str]) -> Repo | None:
    """Prepare a scratch index with everything whose content need not be read again.

    Returns the repository with its private git directory; None where none was made.
    """
    folder = quarantine.folder_of(repo)
    private = private_dir.of(repo)
    if folder is not None and private is not None and nofollow.exists(folder / _INDEX):
        _copy_excludes(repo, folder)
        shutil.copy2(folder / _INDEX, index)
        return private
    seed(repo, index, env)
    if folder is not None and untracked.is_remembered(folder):
        untracked.add_by_hash(repo, folder, index)
    return None


def _copy_excludes(repo: Repo, folder: Path) -> None:
    """Copy the repository's `info/exclude`; a private git directory has none of its own.

    Other worktrees of the repository are ignored where they are in this one.
    """
    try:
        content = (repo.common_dir() / "info" / "exclude").read_bytes()
    except OSError:
        content = b""
    others = [re.sub(r"([\\*?\[ ])", r"\\\1", path) for path in worktree.below(repo)]
    lines = "".join(f"/{path}/\n" for path in others if "\n" not in path)
    nofollow.make_folder(folder / "info")
    private_dir.write(folder / "info" / "exclude", content + b"\n" + os.fsencode(lines))


def read_all(fields: Iterable[str]) -> tuple[Change, ...]:
    """Return the changes that `--raw -z` lists."""
    each = iter(fields)
    return tuple(read(facts, path) for facts, path in zip(each, each, strict=True))


def read(facts: str, path: str) -> Change:
    """Return the change of a `--raw` line; `path` is the field after it."""
    old_mode, new_mode, old_id, object_id, status = facts.removeprefix(":").split(" ")
    return Change(
        path=path,
        status=status,
        old_mode=old_mode,
        new_mode=new_mode,
        old_id=old_id,
        object_id=object_id,
    )


def _stat(field: str) -> Stat:
    added, deleted, path = field.split("\t", 2)
    if added == "-":
        return Stat(path=path, added=None, deleted=None)
    return Stat(path=path, added=int(added), deleted=int(deleted))


GITLINK = "160000"
_LINKED = GITLINK.encode()
SYMLINK = "120000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A commit since the base; `message` is all of it."""

    sha: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """The changes between the tree that a run began with and `tree`, and those of its commits.

    `seen` is what was checked out, `committed` has each change with its commit,
    `repositories` the paths in the tree that are repositories of their own, each with
    its commit.
    """

    tree: str
    seen: Checkout | None
    changes: tuple[Change, ...]
    commits: tuple[Made, ...]
    committed: tuple[tuple[str, Change], ...]
    repositories: tuple[tuple[str, str], ...]

    @property
    def head(self) -> str | None:
        """The commit that was checked out, None before the first one."""
        return self.seen.commit if self.seen else None

    @property
    def all(self) -> tuple[Change, ...]:
        """Every change, the tree's own first."""
        return (*self.changes, *(change for _, change in self.committed))

    @property
    def paths(self) -> frozenset[str]:
        """Every changed path, also one that is as before again."""
        return frozenset(change.path for change in self.all)

    @property
    def added(self) -> frozenset[str]:
        """The paths that were not there before."""
        return frozenset(change.path for change in self.all if not change.old_mode.strip("0"))


def collect_changes(
    repo: Repo, base_tree: str, base: str, before: ChangeSet | None = None
) -> ChangeSet:
    """Return the changes since the tree `base_tree`, and those of the commits since `base`.

    With a change set from `before`, git is asked only where tree or HEAD differ from it.
    """
    seen = checked_out(repo)
    head = seen.commit if seen else None
    tree = take(repo, head=head)
    if before is not None and (before.tree, before.head) == (tree, head):
        return before
    commits, committed = _commits(repo, f"{base}..{head}") if head != base else ((), ())
    changes = changed(repo, base_tree, tree)
    repositories = dict(_gitlinks(repo, base_tree))
    for change in changes:
        repositories.pop(change.path, None)
        if change.new_mode == GITLINK:
            repositories[change.path] = change.object_id
    return ChangeSet(
        tree=tree,
        seen=seen,
        changes=changes,
        commits=commits,
        committed=committed,
        repositories=tuple(repositories.items()),
    )


def commitless_repos(repo: Repo) -> list[str]:
    """Return the folders that are git repositories without a commit, which git cannot add."""
    return [path for path in nested_repos(repo) if Repo(repo.path / path).head() is None]


def nested_repos(repo: Repo) -> list[str]:
    """Return the folders that are git repositories and that no commit has."""
    others = repo.fields("ls-files", "-z", "--others", "--exclude-standard")
    return [path.rstrip("/") for path in others if path.endswith("/")]


def symlink_escape(repo: Repo, change: Change) -> str | None:
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


def unreachable_work(repo: Repo, found: ChangeSet) -> Iterator[tuple[str, str]]:
    """Yield what would be lost with the working tree because no commit has it, and why."""
    for path, _ in found.repositories:
        folder = repo.path / path
        if not folder.is_dir():
            continue
        if not (folder / ".git").exists():
            for child in sorted(folder.iterdir()):
                yield f"{path}/{child.name}", "in the folder of an absent submodule: git ignores it"
            continue
        for name in Repo(folder).dirty():
            yield f"{path}/{name}", "in a submodule, and in no commit of it"


def _below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


# It lists the whole tree, and that with which a run began stays the same.
@lru_cache(maxsize=4)
def _gitlinks(repo: Repo, tree: str) -> tuple[tuple[str, str], ...]:
    listed = repo.run("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")
    found = (entry.split(b"\t", 1) for entry in listed if entry.startswith(_LINKED))
    return tuple((os.fsdecode(path), facts.split(b" ")[2].decode()) for facts, path in found)


def _commits(repo: Repo, since: str) -> tuple[tuple[Made, ...], tuple[tuple[str, Change], ...]]:
    """Return the commits, and every change of each, those of a merge against all its parents."""
    flags = ("-m", "-z", "--raw", "--no-abbrev", "--no-renames", "--format=%x01%H%x01%B")
    out = repo.run("log", *flags, since, "--")
    made: dict[str, str] = {}
    changes: list[tuple[str, Change]] = []
    sha, fields = "", iter(os.fsdecode(out).split("\0"))
    for field in fields:
        head = field.lstrip("\n")
        if head.startswith("\x01"):
            _, sha, made[sha] = head.split("\x01", 2)
        elif head.startswith(":"):
            changes.append((sha, read(head, next(fields))))
    return tuple(Made(sha=sha, message=text) for sha, text in made.items()), tuple(changes)
