"""Repositories that are made once in a test process and copied for each test."""

import os
import shutil
import subprocess
from collections.abc import Callable, Hashable
from pathlib import Path

from fakes.processes import ends, working_below

_DEADLINE_S = 60
#: What a repository is made under: the same template only for the same settings.
_SETTINGS = ("GIT_", "LANG", "LC_")

_made: dict[Hashable, Path] = {}
_folders: list[Path] = []


def keep_in(folder: Path) -> None:
    """Keep templates in `folder` from now on; before, each repository is made on its own."""
    _made.clear()
    _folders[:] = [folder]


def fill(root: Path, key: Hashable, build: Callable[[Path], object]) -> None:
    """Fill the new folder `root` with what `build` makes for `key`."""
    if not _folders or (root.exists() and any(root.iterdir())):
        build(root)
        return
    known = (key, _settings())
    if known not in _made:
        template = _folders[0] / str(len(_made)) / root.name
        build(template)
        for pid in working_below(template):
            assert ends(pid, _DEADLINE_S), f"process {pid} still works in {template}"
        _made[known] = template
    shutil.copytree(
        _made[known],
        root,
        symlinks=True,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.sample"),
    )
    if (root / ".git/index").exists():
        # git knows a file as unchanged by its inode, and the copies have inodes of their own.
        subprocess.run(["git", "-C", str(root), "update-index", "-q", "--refresh"], check=True)


def _settings() -> Hashable:
    config = Path(os.environ.get("GIT_CONFIG_GLOBAL", os.devnull)).read_bytes()
    named = {key: value for key, value in os.environ.items() if key.startswith(_SETTINGS)}
    named.pop("GIT_CONFIG_GLOBAL", None)
    return config, tuple(sorted(named.items()))
