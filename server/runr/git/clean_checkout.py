"""Checkouts of runr's own, each a repository by itself, which are kept and moved from tree to tree.

A checkout holds exactly the files of a commit. What programs do in it reaches neither the commit
nor the user's repository: its refs, settings and new objects are its own.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runr import nofollow
from runr.errors import GitError, MixedChangesError
from runr.git import checkout_repository, linked_folders, private_dir, snapshot, submodules
from runr.git.checkout_repository import Checkout, Content
from runr.git.repo import Repo
from runr.git.snapshot import Change
from runr.git.untracked import SETTINGS

#: They decide how files are written that a commit does not change.
_ATTRIBUTES = ".gitattributes"


def prepare(
    checkout: Checkout, content: Content, keep: Sequence[str] = (), *, is_clean: bool = False
) -> None:
    """Make the checkout hold the content, and nothing else.

    What is at the paths `keep` stays, where git does not track it. `is_clean` is what `clean_up`
    has returned, where nothing else has used the checkout since. OSError where something is mounted
    in the checkout: git would change and remove what is in there.
    """
    nofollow.refuse_mounts(checkout.path)
    try:
        is_moved = _moved(checkout, content, keep, is_clean=is_clean)
    except (GitError, OSError):
        # A program may have left what cannot be read or removed.
        is_moved = False
    if not is_moved:
        checkout_repository.discard(checkout)
        checkout_repository.restore(checkout, content)
        _reset(checkout, content.commit)
        linked_folders.remember(checkout, linked_folders.listed(checkout))
        _complete(checkout, content)


def _complete(checkout: Checkout, content: Content) -> None:
    """Give the programs of the checkout an index, and fill the folders of submodules."""
    _give_index(checkout)
    if linked_folders.empty(checkout):
        submodules.populate(content.source, Repo(checkout.path), fresh=True)


def clean_up(checkout: Checkout, source: Repo) -> bool:
    """Remove what is in no commit; tell whether all other files are as git wrote them.

    No commit is needed, so it can go on while the next one is being made.
    """
    try:
        return checkout_repository.has_settings_of(checkout, source) and _cleaned(checkout, ())
    except (GitError, OSError):
        return False


def _moved(checkout: Checkout, content: Content, keep: Sequence[str], *, is_clean: bool) -> bool:
    """Write what differs between the checkout and the content; False where that is not enough."""
    if not checkout_repository.has_settings_of(checkout, content.source):
        return False
    nofollow.remove(checkout.git_dir)
    checkout_repository.restore(checkout, content)
    repo, commit = checkout.repo, content.commit
    changes = _changes_in_index(repo, commit)
    if any(change.path.rpartition("/")[2] == _ATTRIBUTES for change in changes):
        return False
    linked_folders.add(checkout, changes)
    if is_clean or _cleaned(checkout, keep):
        repo.run(*SETTINGS, "read-tree", "-m", "-u", "--no-recurse-submodules", commit)
    else:
        _reset(checkout, commit)
    if linked_folders.remembered(checkout):
        # Git leaves a folder that it linked before, and that is not empty.
        _remove_others(checkout, keep)
    _complete(checkout, content)
    return True


def _changes_in_index(repo: Repo, commit: str) -> tuple[Change, ...]:
    """Return the paths that differ between the commit, the old side, and the index."""
    flags = ("--cached", "--raw", "--no-abbrev", "--no-renames", "--ignore-submodules=none", "-z")
    return snapshot.read_all(repo.fields(*SETTINGS, "diff-index", *flags, commit, "--"))


def _reset(checkout: Checkout, commit: str) -> None:
    # It writes every file that is not in the index, or is not as there.
    flags = ("--hard", "--quiet", "--no-recurse-submodules")
    checkout.repo.run(*SETTINGS, "reset", *flags, commit, "--")


def _cleaned(checkout: Checkout, keep: Sequence[str]) -> bool:
    """Remove what is not as git wrote it, and what it has not written; False if any file was so.

    A file with the same content counts as well: its mode may be another one.
    """
    repo = checkout.repo
    touched = repo.run(*SETTINGS, "diff-files", "--name-only", "--ignore-submodules=all", "-z")
    if touched:
        repo.run("update-index", "-z", "--force-remove", "--stdin", stdin=touched)
    _remove_others(checkout, keep)
    return not touched


def remove_others(checkout: Checkout, content: Content, keep: Sequence[str] = ()) -> None:
    """Undo what a program has done that changed no file of the commit."""
    try:
        checkout_repository.restore(checkout, content)
        _remove_others(checkout, keep)
    except (GitError, OSError):
        prepare(checkout, content, keep)
    else:
        _give_index(checkout)


def _remove_others(checkout: Checkout, keep: Sequence[str]) -> None:
    nofollow.refuse_mounts(checkout.path)
    kept = [f"--exclude=/{pattern.strip('/')}" for pattern in keep]
    checkout.repo.run(*SETTINGS, "clean", "-ffdxq", *kept)


def _give_index(checkout: Checkout) -> None:
    shutil.copy2(checkout.index_file, checkout.git_dir / "index")


def changes(checkout: Checkout, commit: str) -> tuple[Change, ...]:
    """Return what programs changed of the files that git does not ignore.

    A repository that one has made is left out: git cannot keep what is in it.
    """
    repo = checkout.repo
    others = snapshot.nested_repos(repo)
    out = [f":(top,exclude,literal){path}" for path in others]
    with _copied_index(checkout) as env:
        repo.run(*SETTINGS, "add", "-A", "--", ".", *out, env=env)
        return snapshot.changed(repo, commit, repo.text("write-tree", env=env))


def is_untouched(checkout: Checkout, content: Content) -> bool:
    """Tell whether no program has written to a file of the commit, or put another in its place.

    One that has the same content again counts as touched. Where there are submodules, it is not
    known.
    """
    if linked_folders.remembered(checkout):
        return False
    checkout_repository.write_outer(checkout, content)
    return not touched_files(checkout)


def touched_files(checkout: Checkout) -> tuple[str, ...]:
    """Return the commit's files that programs wrote to, linked, moved or gave another mode."""
    return tuple(checkout.repo.fields(*SETTINGS, "diff-files", "--name-only", "-z"))


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
        if change.new_mode[:2] not in ("10", snapshot.SYMLINK[:2]):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = checkout.repo.run("cat-file", "blob", change.object_id)
        if change.new_mode == snapshot.SYMLINK:
            target.symlink_to(os.fsdecode(content))
        else:
            target.write_bytes(content)
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


@contextmanager
def _copied_index(checkout: Checkout) -> Iterator[dict[str, str]]:
    copy = checkout.index_file.with_name(f"{checkout.index_file.name}.copy")
    shutil.copy2(checkout.index_file, copy)
    try:
        yield {"GIT_INDEX_FILE": str(copy)}
    finally:
        copy.unlink(missing_ok=True)
