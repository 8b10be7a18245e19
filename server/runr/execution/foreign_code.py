"""Programs and packages outside of the repository that would run the user's files in it.

Where a checkout cannot be mounted over the user's working tree: an editable install in a Python,
which names the tree by its path, and programs on PATH that are links into it.
"""

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runr import nofollow
from runr.errors import VerificationError
from runr.execution import foreign_imports
from runr.execution.rewritten_paths import Rewriting
from runr.next_steps import commands

_FOREIGN = (
    "{}, so the checks would verify the files there and not the commit, and this "
    "machine cannot mount a checkout over that path: run the checks without what leads there, "
    "such as an editable install, with the project installed by `setup` under [verify] in "
    '.runr/config.toml, or with `where = "workspace"` there, as weaker evidence'
)

#: The files of an editable install, in the ways that pip, setuptools and others make it.
_INSTALLS = ("*.pth", "__editable__*.py", "*.egg-link")
_USERS = (".local/lib/python3*/site-packages", "Library/Python/3*/lib/python/site-packages")
#: What a shell assigns to a variable.
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s;&|()"'])*"""
#: Where a shell or `env` sets the variable, which would hide the folder of `guard_imports`.
_SET = re.compile(
    r"((?:^|[;&|({!\n]|\b(?:env|export|time|then|do|else)\s)\s*"
    rf"(?:(?:-\w+|\w+={_VALUE})\s+)*PYTHONPATH=)(\S?)"
)


def refuse_editable_installs(rewriting: Rewriting, environment: Mapping[str, str]) -> None:
    """Raise VerificationError where an active Python would import the repository's own files."""
    for folder in _site_folders(environment):
        # Inside of a working tree, it is a carried folder, whose copy is rewritten.
        if rewriting.path(folder) is not None:
            continue
        for install in sorted(each for glob in _INSTALLS for each in folder.glob(glob)):
            with suppress(OSError):
                if rewriting.leads_in(install.read_text(errors="replace"), folder):
                    raise refused(f"{install} leads to {rewriting.trees[-1]}")


def refused(why: str) -> VerificationError:
    """Return the error for checks that would run the repository's own files."""
    return VerificationError(_FOREIGN.format(why), next_steps=(commands.doctor(),))


def guard_imports(rewriting: Rewriting, folder: Path, report: Path) -> None:
    """Fill a new folder that is to be first on PYTHONPATH, see `foreign_imports`.

    A Python that would run a file of a tree ends, and `report` has a line about it.
    """
    nofollow.remove(folder)
    nofollow.make_folder(folder)
    text = foreign_imports.as_sitecustomize(rewriting.trees, rewriting.checkout, str(report))
    (folder / "sitecustomize.py").write_text(text, encoding="utf-8")


def keep_guard(command: str, folder: Path) -> str:
    """Return the command with the folder first wherever it sets PYTHONPATH."""
    first = shlex.quote(str(folder))

    def longer(found: re.Match[str]) -> str:
        # An empty entry is the working directory.
        more = "" if found[2] in {"", ";", "&", "|", ")"} else ":"
        return f"{found[1]}{first}{more}{found[2]}"

    return _SET.sub(longer, command)


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
