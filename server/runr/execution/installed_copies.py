"""Copies of the repository's own packages in carried folders: checks would run those instead.

What the installers themselves have written down counts: Python packages by PEP 610, those of npm
by its list of what is in `node_modules`. Where that is no folder of the repository, such as a wheel
that was built of it, the name counts.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from runr.errors import VerificationError
from runr.execution import own_packages, package_folders
from runr.execution.own_packages import OwnPackages
from runr.next_steps import commands

_COPIED = (
    "{} has a copy of {}, {}: the checks would run the copy and not the commit. "
    "Install it with `setup` under [verify] in .runr/config.toml{}"
)
_PYTHON = ', such as `setup = ["python -m venv .venv && .venv/bin/pip install ."]`, or editable'
_NODE = ', such as `setup = ["npm ci"]`, or as a link'


class _Trees(NamedTuple):
    """The working trees, the folders that are carried, and the packages of the trees."""

    roots: Sequence[Path]
    carried: Sequence[Path]
    own: OwnPackages

    def has_source(self, source: Path) -> bool:
        """Tell whether the folder is one of the commit's, as far as that can be known."""
        within = (source, *source.parents)
        if any(folder in within for folder in self.carried):
            return False
        return source.is_dir() and any(root in within for root in self.roots)

    def contain(self, path: Path) -> bool:
        """Tell whether the path is in a working tree, such as that of an archive."""
        return any(root in (path, *path.parents) for root in self.roots)


def refuse(roots: Sequence[Path], carried: Sequence[str]) -> None:
    """Raise VerificationError where a carried folder has a copy of a folder of a working tree."""
    for message in find(roots, carried):
        raise VerificationError(message, next_steps=(commands.doctor(),))


def find(roots: Sequence[Path], carried: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each copy of a package of a working tree.

    A path in `carried` is relative to the first of the `roots`.
    """
    places = {path: [*package_folders.find(roots[0] / path)] for path in carried}
    if not any(places.values()):
        return
    folders = [(roots[0] / path).resolve() for path in carried]
    real = [root.resolve() for root in roots]
    trees = _Trees(real, folders, own_packages.find(real))
    for path, found in places.items():
        for folder in found:
            for name, origin in _python_copies(folder, trees):
                yield _COPIED.format(path, name, origin, _PYTHON)
            for name, origin in _node_copies(folder, trees):
                yield _COPIED.format(path, name, origin, _NODE)


def _python_copies(folder: Path, trees: _Trees) -> Iterator[tuple[str, str]]:
    for about in sorted(each for kind in package_folders.ABOUT for each in folder.glob(f"*{kind}")):
        name = about.stem.partition("-")[0]
        own = trees.own.python.get(own_packages.normal(name))
        origin = _read(about / "direct_url.json")
        url = urlsplit(str(origin.get("url", "")))
        source = Path(unquote(url.path)).resolve()
        if url.scheme == "file" and "dir_info" in origin:
            if not _is_editable(origin) and trees.has_source(source):
                yield name, f"installed from {source}"
        elif own and url.scheme == "file" and trees.contain(source):
            yield name, f"installed from {source}"
        elif own and not _is_link(about, name):
            yield name, f"which is a package of {own}"


def _is_editable(origin: dict[str, Any]) -> bool:
    about = origin.get("dir_info")
    return isinstance(about, dict) and bool(about.get("editable"))


def _is_link(about: Path, name: str) -> bool:
    """Tell whether what is installed only leads to the files of the package."""
    with suppress(OSError):
        files = [line.partition(",")[0] for line in (about / "RECORD").read_text().splitlines()]
        if any(file.endswith(".pth") or file.startswith("__editable__") for file in files):
            return True
    return any((about.parent / module).is_symlink() for module in (name, f"{name}.py"))


def _node_copies(folder: Path, trees: _Trees) -> Iterator[tuple[str, str]]:
    packages = _read(folder / package_folders.NODE_LIST).get("packages")
    for place, about in packages.items() if isinstance(packages, dict) else ():
        origin = str(about.get("resolved", "")) if isinstance(about, dict) else ""
        if not origin.startswith("file:") or about.get("link"):
            continue
        name = place.rpartition("node_modules/")[2]
        source = (folder.parent / origin.removeprefix("file:")).resolve()
        if trees.has_source(source) or (name in trees.own.node and trees.contain(source)):
            yield name, f"installed from {source}"


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}
