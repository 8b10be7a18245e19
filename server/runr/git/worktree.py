"""A run's own working tree and the branch that it works on."""

import errno
import os
import re
import unicodedata
from pathlib import Path

from runr import nofollow
from runr.errors import GitError, RepositoryError
from runr.git.repo import Repo
from runr.next_steps import commands

_SLUG = 40
#: In git's folder about a worktree, which goes last: its files are being removed.
_REMOVAL = "runr-removal"


def branch_name(slug_source: str, run_id: str) -> str:
    """Return `runr/<slug>-<run id>`, which git accepts whatever the task is called."""
    plain = unicodedata.normalize("NFKD", slug_source.removesuffix(".md"))
    words = re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower())
    slug = words.strip("-")[:_SLUG].strip("-") or "task"
    return f"runr/{slug}-{re.sub(r'[^A-Za-z0-9]+', '-', run_id).strip('-')}"


def add(repo: Repo, path: Path, branch: str, base: str) -> bool:
    """Check `branch` out at `path`, from `base` where it is new; done before is done.

    Its submodules are empty: see `submodules`. Returns whether the branch is new.
    """
    # Git would make it where a link leads.
    nofollow.refuse_links(path)
    record = _record(repo, path)
    if record and _is_repository(path / ".git"):
        refuse_foreign(repo, path)
    usable = record and (_whole(record, path) or _relinked(record, path))
    if usable and Repo(path).branch() == branch:
        return False
    if record:
        remove(repo, path)
    found = repo.refs(f"refs/heads/{branch}", "refs/heads/runr")
    if f"refs/heads/{branch}" in found:
        _refuse_elsewhere(repo, path, branch)
        repo.run("worktree", "add", "--", str(path), branch)
        return False
    if found:
        raise RepositoryError(
            "the branch `runr` leaves no room for branches below runr/",
            next_steps=[commands.git("branch", "-m", "runr", "runr-old")],
        )
    # Not `-b`, with which it could not be repeated after the branch is made.
    repo.run("worktree", "add", "--no-track", "-B", branch, "--", str(path), base)
    return True


def _refuse_elsewhere(repo: Repo, path: Path, branch: str) -> None:
    """Raise RepositoryError where another worktree has the branch: this one may have been moved."""
    ref = f"refs/heads/{branch}"
    there = repo.text("for-each-ref", "--format=%(worktreepath)", ref)
    if there and Path(there).is_dir():
        raise RepositoryError(
            f"{branch} is checked out in {there}, and its run works in {path}",
            next_steps=[commands.git("worktree", "move", there, str(path))],
        )


def refuse_foreign(repo: Repo, path: Path) -> None:
    """Raise GitError where `.git` does not lead to the repository of which it is a worktree."""
    record, mark = _record(repo, path), path / ".git"
    if record is None or not path.is_dir() or _leads_to(record, mark):
        return
    remedy = f"move {mark} away, then resume" if _is_repository(mark) else "a resume puts it back"
    raise GitError(
        f"{mark} does not lead to the repository any more, so git cannot compare what was "
        f"changed; the files are kept: {remedy}",
        next_steps=[commands.resume()],
    )


def _leads_to(record: Path, mark: Path) -> bool:
    if mark.is_symlink() or not mark.is_file():
        return False
    text = mark.read_text(errors="surrogateescape").removesuffix("\n")
    return (mark.parent / text.removeprefix("gitdir: ")).resolve() == record.resolve()


def _is_repository(mark: Path) -> bool:
    return mark.is_dir() and not mark.is_symlink()


def remove(repo: Repo, path: Path) -> None:
    """Remove the worktree at `path` with all that is in it; its branch stays.

    GitError where a file cannot be removed, or something is mounted inside: git still knows the
    worktree then, and it can be repeated.
    """
    nofollow.refuse_links(path)
    record = _record(repo, path)
    if record is None:
        return
    try:
        _remove_files(path, record)
        if _unfinished(record):
            # Git would stumble over the file that it was killed at; no work is in there yet.
            nofollow.remove_tree(record)
        else:
            repo.run("worktree", "remove", "--force", "--", str(path))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        why = f"{error.strerror}: {error.filename}"
        raise GitError(
            f"the worktree {path} cannot be removed: {why}", next_steps=[commands.clean()]
        ) from error


def _remove_files(path: Path, record: Path) -> None:
    if not path.is_dir():
        return
    # Git would remove what is mounted there, too.
    nofollow.refuse_mounts(path)
    (record / _REMOVAL).touch()
    # Only the file that leads to the record tells that the folder is a worktree, so it goes last.
    for name in nofollow.names(path):
        if name != ".git":
            nofollow.remove(path / name)
    if _unfinished(record) or _is_truncated(path / ".git"):
        nofollow.remove_tree(path)


def is_removal_begun(repo: Repo, path: Path) -> bool:
    """Tell whether `remove` was killed: any part of the files may be gone already."""
    record = _record(repo, path)
    return record is not None and (record / _REMOVAL).exists()


def forget_unfinished(repo: Repo, path: Path) -> None:
    """Forget the worktree at `path` if git was killed while it made it.

    Over such a record git may stumble in every later command, wherever in the repository.
    """
    record = _record(repo, path)
    if record is not None and _unfinished(record):
        remove(repo, path)


def is_known(repo: Repo, path: Path) -> bool:
    """Tell whether git has a worktree at `path`, also where its folder is gone."""
    return _record(repo, path) is not None


def below(repo: Repo) -> tuple[str, ...]:
    """Return where in this working tree others of the same repository are, such as an agent's own.

    What is in one belongs to its own branch.
    """
    top = repo.path.resolve()
    found = []
    for record in repo.common_dir().glob("worktrees/*"):
        link = _link(record)
        mark = record / link
        if link and mark.parent.resolve().is_relative_to(top) and _leads_to(record, mark):
            found.append(mark.parent.resolve().relative_to(top).as_posix())
    return tuple(sorted(path for path in found if path != "."))


def _record(repo: Repo, path: Path) -> Path | None:
    """Return git's folder about the worktree at `path`.

    Read here because `git worktree list -z` is younger than the git of many
    machines, and without -z a path with a newline is ambiguous.
    """
    wanted = path.resolve() / ".git"
    for record in repo.common_dir().glob("worktrees/*"):
        link = _link(record)
        if (record / link).resolve() == wanted if link else record.name == path.name:
            return record
    return None


def _link(record: Path) -> str:
    """Return where the record's worktree is; empty where git was killed before it said so."""
    pointer = record / "gitdir"
    text = pointer.read_text(errors="surrogateescape") if pointer.is_file() else ""
    return text.removesuffix("\n") if text.endswith("\n") else ""


def _whole(record: Path, path: Path) -> bool:
    return _leads_to(record, path / ".git") and not _unfinished(record)


def _relinked(record: Path, path: Path) -> bool:
    """Write a worktree's `.git` file again, where a worker deleted or changed it.

    git deletes it, too, with the files: it is only worth keeping where they are all there, or
    where the folder has what is in no commit and runr was not removing it.
    """
    mark = path / ".git"
    if _unfinished(record) or not path.is_dir() or _is_repository(mark):
        return False
    was_changed = mark.is_symlink() or not _is_truncated(mark)
    mark.unlink(missing_ok=True)
    mark.write_bytes(b"gitdir: " + os.fsencode(record) + b"\n")
    if was_changed or not Repo(path).fields("ls-files", "-z", "--deleted"):
        return True
    return not (record / _REMOVAL).exists() and has_work(Repo(path))


def has_work(workspace: Repo) -> bool:
    """Tell whether any file is there that no commit has, and git does not ignore."""
    rows = workspace.fields("status", "--porcelain", "-z", "--no-renames", "-unormal")
    return any(row[:2] not in (" D", "D ") for row in rows)


def _is_truncated(link: Path) -> bool:
    """Tell whether the file that leads from a worktree to its record is gone or not whole."""
    if link.is_file():
        return not link.read_bytes().endswith(b"\n")
    return not link.exists()


def _unfinished(record: Path) -> bool:
    lock = record / "locked"
    begun = lock.is_file() and lock.read_text(errors="replace").strip() == "initializing"
    return begun or not _link(record)
