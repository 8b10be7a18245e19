"""Where git keeps a working tree's data, read from `.git` and `commondir` as git reads them.

No process is started, so these are asked as often as they are needed and are never out of date.
Each returns None where the files do not say; git itself then says why.
"""

import os
from pathlib import Path

from runr.errors import RepositoryError
from runr.next_steps import commands


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


def _line(path: Path) -> str:
    return os.fsdecode(path.read_bytes()).rstrip("\r\n")


def _unreadable(path: Path, error: OSError) -> RepositoryError:
    return RepositoryError(
        f"{path} cannot be read: {error.strerror}",
        next_steps=[commands.program("ls", "-ld", str(path))],
    )
