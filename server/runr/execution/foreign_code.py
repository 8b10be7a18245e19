"""Programs and packages outside of the repository that would run the user's files in it.

Where a checkout cannot be mounted over the user's working tree: an editable install in the active
Python, which names the tree by its path, and programs on PATH that are links into it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runr.errors import VerificationError
from runr.execution.rewritten_paths import Rewriting
from runr.next_steps import commands

_FOREIGN = (
    "{} leads to {}, so the checks would verify the files there and not the commit, and this "
    "machine cannot mount a checkout over that path: run the checks without this editable install, "
    "with the project installed by `setup` under [verify] in .runr/config.toml, or with "
    '`where = "workspace"` there, as weaker evidence'
)

#: The files of an editable install, in the ways that pip, setuptools and others make it.
_INSTALLS = ("*.pth", "__editable__*.py", "*.egg-link")
_USERS = (".local/lib/python3*/site-packages", "Library/Python/3*/lib/python/site-packages")


def refuse_editable_installs(rewriting: Rewriting, environment: Mapping[str, str]) -> None:
    """Raise VerificationError where an active Python would import the repository's own files."""
    for folder in _site_folders(environment):
        # Inside of a working tree, it is a carried folder, whose copy is rewritten.
        if rewriting.path(folder) is not None:
            continue
        for install in sorted(each for glob in _INSTALLS for each in folder.glob(glob)):
            with suppress(OSError):
                if rewriting.leads_in(install.read_text(errors="replace"), folder):
                    message = _FOREIGN.format(install, rewriting.trees[-1])
                    raise VerificationError(message, next_steps=(commands.doctor(),))


def link_programs(rewriting: Rewriting, environment: Mapping[str, str], folder: Path) -> bool:
    """Fill a new folder with the programs on PATH that are links into a working tree.

    There they lead to the checkout. Returns whether there are any.
    """
    for name, target in _linked(rewriting, environment.get("PATH", "").split(os.pathsep)):
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # the first one on PATH counts
            (folder / name).symlink_to(target)
    return folder.exists()


def _linked(rewriting: Rewriting, folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        # What is in a tree is rewritten itself.
        if not folder.startswith("/") or rewriting.path(folder) is not None:
            continue
        with suppress(OSError):
            for entry in os.scandir(folder):
                target = rewriting.path(entry.path) if entry.is_symlink() else None
                if target is not None:
                    yield entry.name, target


def _site_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders of packages of every Python that a check finds by its name."""
    homes = dict.fromkeys([Path("/usr/local")])
    if active := environment.get("VIRTUAL_ENV"):
        homes[Path(active)] = None
    for part in filter(None, environment.get("PATH", "").split(os.pathsep)):
        pythons = [Path(part, name) for name in ("python3", "python")]
        for python in (each for each in pythons if os.access(each, os.X_OK)):
            home = python.parent.parent
            homes[home] = None
            if not (home / "pyvenv.cfg").exists():
                homes[python.resolve().parent.parent] = None
    for home in homes:
        yield from home.glob("lib/python3*/site-packages")
        yield from home.glob("lib/python3*/dist-packages")
    users = environment.get("PYTHONUSERBASE")
    if users:
        yield from Path(users).glob("lib/python3*/site-packages")
    for glob in _USERS if environment.get("HOME") else ():
        yield from Path(environment["HOME"]).glob(glob)
