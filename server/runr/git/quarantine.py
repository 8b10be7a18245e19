"""New objects kept apart, so that looking at files leaves nothing behind in the repository.

Git calls such a folder a quarantine: it reads the repository's objects as well, and writes new
ones only there, until they are published.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from runr import nofollow
from runr.errors import GitError
from runr.git import object_check
from runr.git.repo import Repo

#: More objects than these are left to git, as are those that are large enough to be packed.
_MOST_COPIED = 200

_NEW = "GIT_OBJECT_DIRECTORY"
_KNOWN = "GIT_ALTERNATE_OBJECT_DIRECTORIES"


def enter(repo: Repo, folder: Path) -> Repo:
    """Return the repository with `folder` as the place of every new object."""
    objects = folder / "objects"
    # Without it, git would take the repository for none.
    nofollow.make_folder(objects)
    known = str(repo.common_dir() / "objects").replace("\\", "\\\\").replace('"', '\\"')
    return Repo(repo.path, (*repo.variables, (_NEW, str(objects)), (_KNOWN, f'"{known}"')))


@contextmanager
def temporary(repo: Repo) -> Iterator[Repo]:
    """Yield the repository with a place for new objects that goes afterwards."""
    with TemporaryDirectory(prefix="runr-objects-", ignore_cleanup_errors=True) as folder:
        yield enter(repo, Path(folder))


@contextmanager
def within(repo: Repo) -> Iterator[Repo]:
    """Yield the repository in a temporary quarantine, or as it is where it is in one already."""
    if folder_of(repo) is not None:
        yield repo
        return
    with temporary(repo) as scratch:
        yield scratch


def folder_of(repo: Repo) -> Path | None:
    """Return the folder that was entered, None outside of a quarantine."""
    objects = dict(repo.variables).get(_NEW)
    return Path(objects).parent if objects else None


def outside(repo: Repo) -> Repo:
    """Return the repository itself, to which new objects are durable."""
    kept = tuple(pair for pair in repo.variables if pair[0] not in (_NEW, _KNOWN))
    return Repo(repo.path, kept)


def copy_objects(scratch: Repo, objects: Path) -> bool:
    """Copy all new objects into another folder of objects, without a git process.

    Returns False, perhaps after some, where that is for git to do. GitError for one that
    is not what its name says: git itself relies on the name.
    """
    folder = folder_of(scratch)
    new = sorted((folder / "objects").glob("??/*")) if folder else []
    if folder is None or len(new) > _MOST_COPIED or any((folder / "objects").glob("pack/*.pack")):
        return False
    for path in new:
        name = path.parent.name + path.name
        if not object_check.is_name(name):
            return False
        content = nofollow.read(path)
        if not object_check.has_content(name, BytesIO(content)):
            raise GitError(f"the object {path} is damaged")
        place = objects / path.parent.name
        place.mkdir(exist_ok=True)
        (place / path.name).write_bytes(content)
    return True


def publish(scratch: Repo, repo: Repo, commit: str, *known: str) -> None:
    """Copy a commit into the repository, with all that the `known` commits do not lead to."""
    if scratch == repo:
        return
    revs = "".join(f"{rev}\n" for rev in (commit, *(f"^{rev}" for rev in known)))
    # No delta is looked for: the objects are written one by one, as `git commit` does.
    pack = ("pack-objects", "--revs", "--stdout", "--quiet", "--window=0")
    scratch.pipe(pack, ("unpack-objects", "-q"), stdin=revs.encode(), outside=repo)
