"""Checkouts of runr's own, each a repository by itself, which are kept and moved from tree to tree.

A checkout holds exactly the files of a commit. What programs do in it reaches neither the commit
nor the user's repository: its refs, settings and new objects are its own.
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runr import nofollow
from runr.errors import GitError, MixedChangesError
from runr.git import private_dir, quarantine, snapshot, submodules
from runr.git.repo import Repo
from runr.git.snapshot import Change
from runr.git.untracked import SETTINGS

#: Where the objects of the user's repository are mounted, beside those of the checkout.
SHARED_OBJECTS = "shared"

_SUBMODULES = "modules"
_NO_LOGS = b"[core]\n\tlogallrefupdates = false\n"
_REFS = ("refs/heads", "refs/tags", "refs/remotes")


class Checkout(NamedTuple):
    """A checkout at `path`; `index_file`, its index, is beside it, out of reach of its programs."""

    path: Path
    index_file: Path

    @property
    def git_dir(self) -> Path:
        """The git directory of the checkout."""
        return self.path / ".git"

    @property
    def outer_git_dir(self) -> Path:
        """The git directory with which runr looks at the checkout, beside it like the index."""
        return self.path.with_name(f"{self.path.name}.git")

    @property
    def repo(self) -> Repo:
        """The checkout as runr's own git sees it, with its own settings and index only."""
        inside = private_dir.enter(Repo(self.path), self.outer_git_dir)
        return Repo(self.path, (*inside.variables, ("GIT_INDEX_FILE", str(self.index_file))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a checkout holds: the commit, as the tip of `branch`, with its submodules.

    `source` is the working tree that the commit was made from, in its quarantine, with its `refs`
    as `list_refs` has them; `known` are the ancestors that the repository itself has. The
    folders `carried` are ignored in it.
    """

    source: Repo
    commit: str
    known: Sequence[str]
    refs: Sequence[bytes]
    branch: str | None
    carried: Sequence[str] = ()


def list_refs(source: Repo) -> list[bytes]:
    """Return the branches and tags that checks find in the checkout, as git packs them."""
    listed = source.run("for-each-ref", "--format=%(objectname) %(refname)", *_REFS)
    return [line for line in listed.split(b"\n") if line]


def prepare(checkout: Checkout, content: Content, keep: Sequence[str] = ()) -> None:
    """Make the checkout hold the content, and nothing else.

    What is at the paths `keep` stays, where git does not track it.
    """
    try:
        is_new = not nofollow.exists(checkout.path)
        _remove(checkout.git_dir)
        restore_git(checkout, content)
        _move_to(checkout, content.commit, keep, is_new=is_new)
    except (GitError, OSError):
        # A program may have left what cannot be read or removed: it is made anew.
        _discard(checkout)
        restore_git(checkout, content)
        _move_to(checkout, content.commit, keep, is_new=True)
    if has_submodules(checkout):
        submodules.populate(content.source, Repo(checkout.path), fresh=True)


def has_submodules(checkout: Checkout) -> bool:
    """Tell whether the commit may have submodules, in which a change can hide."""
    return (checkout.path / ".gitmodules").exists()


def _move_to(checkout: Checkout, commit: str, keep: Sequence[str], *, is_new: bool) -> None:
    # It looks at every file, as `read-tree --reset -u` does, and takes less time.
    flags = ("--hard", "--quiet", "--no-recurse-submodules")
    checkout.repo.run(*SETTINGS, "reset", *flags, commit, "--")
    if not is_new:
        _remove_others(checkout, keep)
    _give_index(checkout)


def remove_others(checkout: Checkout, content: Content, keep: Sequence[str] = ()) -> None:
    """Undo what a program has done that changed no file of the commit."""
    try:
        restore_git(checkout, content)
        _remove_others(checkout, keep)
    except (GitError, OSError):
        prepare(checkout, content, keep)
    else:
        _give_index(checkout)


def _remove_others(checkout: Checkout, keep: Sequence[str]) -> None:
    kept = [f"--exclude=/{pattern.strip('/')}" for pattern in keep]
    checkout.repo.run(*SETTINGS, "clean", "-ffdxq", *kept)


def _give_index(checkout: Checkout) -> None:
    shutil.copy2(checkout.index_file, checkout.git_dir / "index")


def changes(checkout: Checkout, commit: str) -> tuple[Change, ...]:
    """Return what programs changed of the files that git does not ignore."""
    repo = checkout.repo
    with _copied_index(checkout) as env:
        repo.run(*SETTINGS, "add", "-A", env=env)
        return snapshot.changed(repo, commit, repo.text("write-tree", env=env))


def is_untouched(checkout: Checkout, content: Content) -> bool:
    """Tell whether no program has written to a file of the commit, or put another in its place.

    One that has the same content again counts as touched, and so may one in a submodule.
    """
    if has_submodules(checkout):
        return False
    _write_outer(checkout, content)
    return not checkout.repo.run(*SETTINGS, "diff-files", "--name-only", "-z")


def changed_files(checkout: Checkout) -> tuple[str, ...]:
    """Return which of the commit's files programs changed or removed."""
    flags = ("--porcelain=v1", "-z", "--untracked-files=no", "--no-renames")
    fields = checkout.repo.fields(*SETTINGS, "status", *flags)
    return tuple(field[3:] for field in fields)


def copy_changes(checkout: Checkout, changed: Sequence[Change], workspace: Repo) -> None:
    """Write changed files of the checkout into a workspace that has the same folders.

    Raises MixedChangesError, with nothing written, for a file that has other content there than the
    checkout had: it is the user's, and in no commit.
    """
    # With the user's own settings, the files there may have other line ends than those of a clone.
    here = private_dir.of(workspace) or workspace
    for change in changed:
        file = workspace.path / change.path
        if not any(_is_as_committed(repo, change, file) for repo in (checkout.repo, here)):
            raise MixedChangesError(
                f"{change.path} has changes of yours that are in no commit, so what a check writes "
                "cannot be copied there: commit them, or leave the file out of verify.writes"
            )
    for change in changed:
        target = workspace.path / change.path
        if target.parent.resolve() != workspace.path.resolve() / Path(change.path).parent:
            raise GitError(f"{change.path} is behind a link in {workspace.path}")
        target.unlink(missing_ok=True)
        if change.new_mode.startswith("100"):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(checkout.repo.run("cat-file", "blob", change.object_id))
            target.chmod(0o755 if change.new_mode == "100755" else 0o644)


def _is_as_committed(repo: Repo, change: Change, file: Path) -> bool:
    """Tell whether a file of the workspace is what the checkout began with."""
    if not change.was_file:
        return not os.path.lexists(file)
    if file.is_symlink():
        content = os.fsencode(file.readlink())
        return repo.text("hash-object", "--stdin", stdin=content) == change.old_id
    if not file.is_file():
        return False
    named = ("hash-object", "--stdin", f"--path={change.path}")
    content = file.read_bytes()
    ids = (repo.text(*words, stdin=content) for words in (named, named[:2]))
    return change.old_id in ids


def _discard(checkout: Checkout) -> None:
    _remove(checkout.path)
    _remove(checkout.outer_git_dir)
    nofollow.unlink(checkout.index_file, missing_ok=True)


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, where there is one."""
    if path.is_dir() and not path.is_symlink():
        nofollow.remove_tree(path)
    else:
        nofollow.unlink(path, missing_ok=True)


def restore_git(checkout: Checkout, content: Content) -> None:
    """Write the git directory anew, whatever a program has made of it; files stay.

    Those of submodules are kept until the next `prepare`.
    """
    _begin(checkout, content)
    _fetch(checkout, content)
    _write_outer(checkout, content)


def _write_outer(checkout: Checkout, content: Content) -> None:
    """Write the git directory beside the checkout anew; its objects are those of the checkout."""
    folder = checkout.outer_git_dir
    for name in ("objects/info", "info", "refs"):
        nofollow.make_folder(folder / name)
    common = content.source.common_dir() / "objects"
    alternates = f"{_line(str(checkout.git_dir / 'objects'))}\n{_line(str(common))}\n"
    written = {
        "objects/info/alternates": os.fsencode(alternates),
        "info/exclude": _excludes(content),
        "config": private_dir.clone_config(content.source) + _NO_LOGS,
        "HEAD": f"{content.commit}\n".encode(),
    }
    for name, text in written.items():
        private_dir.write(folder / name, text)


def _excludes(content: Content) -> bytes:
    return os.fsencode("".join(f"/{_pattern(folder)}/\n" for folder in content.carried))


def _begin(checkout: Checkout, content: Content) -> None:
    git_dir = checkout.git_dir
    if git_dir.is_symlink() or not git_dir.is_dir():
        _remove(git_dir)
    nofollow.make_folder(git_dir)
    for child in git_dir.iterdir():
        if child.name != _SUBMODULES:
            _remove(child)
    # A git that was killed has left it; no other run uses the checkout.
    lock = checkout.index_file.with_name(f"{checkout.index_file.name}.lock")
    nofollow.unlink(lock, missing_ok=True)
    for name in ("objects/info", "info", "refs", SHARED_OBJECTS):
        (git_dir / name).mkdir(parents=True, exist_ok=True)
    (git_dir / "config").write_bytes(private_dir.clone_config(content.source))
    (git_dir / "HEAD").write_text("ref: refs/heads/none\n")
    (git_dir / "info" / "exclude").write_bytes(_excludes(content))
    common = content.source.common_dir()
    alternates = f"{_line(str(common / 'objects'))}\n../{SHARED_OBJECTS}\n"
    (git_dir / "objects" / "info" / "alternates").write_bytes(os.fsencode(alternates))
    with suppress(FileNotFoundError):
        shutil.copyfile(common / "shallow", git_dir / "shallow")


def _line(path: str) -> str:
    """Return the path as one line of a list of git's."""
    if "\n" not in path:
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _pattern(path: str) -> str:
    """Return a line of .gitignore that matches exactly this path."""
    return re.sub(r"([\\*?\[ #!])", r"\\\1", path)


def _fetch(checkout: Checkout, content: Content) -> None:
    """Copy the commit into the checkout, and the branches and tags of the repository."""
    source, commit, branch = content.source, content.commit, content.branch
    if not quarantine.copy_objects(source, checkout.git_dir / "objects"):
        within = private_dir.enter(Repo(checkout.path), checkout.git_dir)
        quarantine.publish(source, within, commit, *content.known)
    lines = content.refs
    head = f"{commit}\n".encode()
    if branch is not None:
        own = os.fsencode(f" refs/heads/{branch}")
        lines = [*(line for line in lines if not line.endswith(own)), head.strip() + own]
        head = b"ref:" + own + b"\n"
    (checkout.git_dir / "packed-refs").write_bytes(b"".join(line + b"\n" for line in lines))
    (checkout.git_dir / "HEAD").write_bytes(head)


@contextmanager
def _copied_index(checkout: Checkout) -> Iterator[dict[str, str]]:
    copy = checkout.index_file.with_name(f"{checkout.index_file.name}.copy")
    shutil.copy2(checkout.index_file, copy)
    try:
        yield {"GIT_INDEX_FILE": str(copy)}
    finally:
        copy.unlink(missing_ok=True)
