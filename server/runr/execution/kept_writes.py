"""The files that checks are declared to write, as they were before a check that may run again.

Git ignores them: what it does not ignore becomes part of the candidate, and all checks run again.
"""

import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

from runr import nofollow
from runr.git.checkout_repository import Checkout
from runr.git.untracked import SETTINGS


def save(checkout: Checkout, folder: Path, places: Collection[str]) -> None:
    """Copy what no commit has into the folder, but for the places of carried folders."""
    nofollow.remove(folder)
    for path in checkout.repo.fields(*SETTINGS, "ls-files", "-z", "--others", "--directory"):
        if path.rstrip("/") not in places:
            _copy(checkout.path / path, folder / path)


def restore(folder: Path, checkout: Checkout) -> None:
    """Copy all that was saved back into the checkout, where it is in no file's way."""
    if folder.is_dir():
        shutil.copytree(folder, checkout.path, symlinks=True, dirs_exist_ok=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, copy_function=_copy_file)
    else:
        _copy_file(source, target)


def _copy_file(source: Path | str, target: Path | str) -> None:
    # A pipe or a socket has no content, and opening one could wait for ever.
    mode = os.lstat(source).st_mode
    if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        shutil.copy2(source, target, follow_symlinks=False)
