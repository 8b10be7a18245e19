"""The root of a working tree and its git directories, read from `.git` and `commondir` as git does.

No process is started, so these are asked as often as they are needed and are never out of date.
A git directory is None where the files do not say; git itself then says why.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from runr.errors import RepositoryError
from runr.next_steps import commands

#: How the file HEAD begins where a branch is checked out.
_REF = "ref: "

#: `core.bare` with a value other than false.
_BARE = re.compile(rb"^[ \t]*bare[ \t]*(?!\s*=\s*false\b)(?:=|$)", re.MULTILINE | re.IGNORECASE)


def git_dir(tree: Path) -> Path | None:
    """Return the git directory of the working tree at `tree`, with links resolved."""
    mark = tree / ".git"
    try:
        if mark.is_file():
            text = _line(mark)
            # git requires the space, too.
            if not text.startswith("gitdir: "):
                return None
            mark = tree / text.removeprefix("gitdir: ")
        return mark.resolve() if (mark / "HEAD").is_file() else None
    except OSError as error:
        raise _unreadable(mark, error) from None


def common_dir(tree: Path) -> Path | None:
    """Return the git directory that all working trees of the repository share."""
    own = git_dir(tree)
    if own is None:
        return None
    try:
        return (own / _line(own / "commondir")).resolve()
    except FileNotFoundError:
        return own
    except OSError as error:
        raise _unreadable(own, error) from None


def is_root(folder: Path) -> bool:
    """Tell whether git looks no further up than `folder`: a `.git` file ends its search, too."""
    return (folder / ".git").is_file() or git_dir(folder) is not None


def find_root(start: Path) -> Path:
    """Return the root of the working tree that contains `start`.

    From a worktree below `<root>/.runr/worktrees/` it is the root that owns it.
    """
    start = start.resolve()
    around = (start, *start.parents)
    for folder in around:
        if is_root(folder):
            return _owner(folder) or folder
        if ".git" not in folder.parts and _is_bare(folder):
            raise _bare(folder)
    damaged = next((folder for folder in around if (folder / ".git").is_dir()), None)
    if damaged is not None:
        raise RepositoryError(
            f"{damaged / '.git'} is no git repository: it has no HEAD",
            next_steps=[commands.git("init")],
        )
    raise RepositoryError(
        f"{start} is not inside a git repository", next_steps=[commands.git("init")]
    )


def main_tree(tree: Path) -> Path | None:
    """Return the main working tree of the repository of which `tree` is a linked worktree.

    None for the main one itself, and where there is none beside a `.git` folder:
    in a bare repository, a submodule, or with a git directory elsewhere.
    """
    own, common = git_dir(tree), common_dir(tree)
    if own is None or common is None or own == common or common.name != ".git":
        return None
    main = common.parent
    return main if git_dir(main) == common else None


def working_trees(tree: Path) -> list[Path]:
    """Return the working trees of the repository that are there, without those of runs."""
    common = common_dir(tree)
    if common is None:
        return [tree]
    found = [common.parent] if git_dir(common.parent) == common else [tree]
    for pointer in sorted(common.glob("worktrees/*/gitdir")):
        with suppress(OSError):
            linked = (pointer.parent / _line(pointer)).parent
            if linked.is_dir() and _owner(linked) is None:
                found.append(linked)
    return found


def is_unborn(tree: Path) -> bool | None:
    """Tell whether the branch that is checked out has no commit; None where only git can tell.

    The files tell it for a branch that is kept as one, or nowhere.
    """
    own, common = git_dir(tree), common_dir(tree)
    if own is None or common is None:
        return False
    try:
        head = _line(own / "HEAD")
        ref = head.removeprefix(_REF)
        if not head.startswith(_REF) or (common / ref).is_file():
            return False
        packed = common / "packed-refs"
        if packed.exists() and f" {ref}\n" in f"{_line(packed)}\n":
            return False
    except OSError as error:
        raise _unreadable(own, error) from None
    # Without `refs`, or with a link that leads nowhere, the repository is damaged.
    whole = (common / "refs").is_dir() and not os.path.lexists(common / ref)
    return True if whole and head_ref(tree) else None


def may_be_refused(tree: Path) -> bool:
    """Tell whether git may not work in the tree: it is another user's, or `core.bare` is set.

    Only git knows for certain; the files tell it of nearly all trees without a process.
    """
    common = common_dir(tree)
    try:
        if common is None or any(p.stat().st_uid != os.geteuid() for p in (tree, common)):
            return True
        return _BARE.search((common / "config").read_bytes()) is not None
    except OSError:
        return True


def head_ref(tree: Path) -> str | None:
    """Return the branch that HEAD names, as `refs/heads/main`; None where only git can tell.

    That is so for a detached HEAD, for links and for other ways to keep refs than files. A
    repository of another user is for git to refuse.
    """
    own, common = git_dir(tree), common_dir(tree)
    if own is None or common is None or (own / "HEAD").is_symlink():
        return None
    try:
        if (own / "HEAD").stat().st_uid != os.geteuid():
            return None
        ref = _line(own / "HEAD").removeprefix(_REF)
        branch = common / ref
        # One ref may name another, and HEAD then means that one.
        direct = not branch.is_file() or not _line(branch).startswith(_REF)
    except OSError:
        return None
    return ref if direct and ref.startswith("refs/heads/") and "/." not in ref else None


def head_commit(tree: Path) -> str | None:
    """Return what the file of the branch names that is checked out; None where git has no file."""
    ref, common = head_ref(tree), common_dir(tree)
    if ref is None or common is None:
        return None
    try:
        return _line(common / ref)
    except OSError:
        return None


def _line(path: Path) -> str:
    return os.fsdecode(path.read_bytes()).rstrip("\r\n")


def _unreadable(path: Path, error: OSError) -> RepositoryError:
    return RepositoryError(
        f"{path} cannot be read: {error.strerror}",
        next_steps=[commands.program("ls", "-ld", str(path))],
    )


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and all(
        (folder / name).is_dir() for name in ("objects", "refs")
    )


def _bare(folder: Path) -> RepositoryError:
    name = folder.name.removesuffix(".git")
    target = folder.with_name(name if name != folder.name else f"{name}-tree")
    if target.exists():
        target = folder.with_name(f"{name}-runr")
    add = commands.git("-C", str(folder), "worktree", "add", str(target))
    # Without a commit there is nothing that a worktree could contain.
    has_commits = (folder / "packed-refs").is_file() or any((folder / "refs/heads").iterdir())
    clone = commands.git("clone", str(folder), str(target))
    return RepositoryError(
        f"{folder} is a bare repository: runr needs a working tree, a worktree or a clone of it",
        next_steps=(add, clone) if has_commits else (clone,),
    )


def _owner(worktree: Path) -> Path | None:
    for parent in worktree.parents:
        if parent.name == "worktrees" and parent.parent.name == ".runr":
            owner = parent.parent.parent
            return owner if common_dir(owner) == common_dir(worktree) else None
    return None
