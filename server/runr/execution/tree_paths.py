"""All paths that lead to working trees of the repository, with linked trees and second mounts."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from runr import mounts
from runr.git import folders
from runr.mounts import Mount


class SecondPath(NamedTuple):
    """A path where another file system is mounted a second time: a working tree, or part of one.

    `inside` is the part, empty for the whole tree.
    """

    path: str
    inside: str


def others(roots: Sequence[Path]) -> tuple[Path, ...]:
    """Return the working trees that are neither these nor inside of one, or around it."""
    found = dict.fromkeys(tree.resolve() for tree in folders.working_trees(roots[0]))
    real = [root.resolve() for root in roots]
    return tuple(
        tree
        for tree in found
        if tree not in real
        and not any(root in tree.parents or tree in root.parents for root in real)
    )


def named(trees: Sequence[Path], environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the trees that a variable leads into, such as that of an active `.venv`."""
    values = [f"{value}/" for value in environment.values()]
    return tuple(tree for tree in trees if any(f"{tree}/" in value for value in values))


def second_paths(trees: Sequence[Path]) -> tuple[SecondPath, ...]:
    """Return where else these trees are mounted, as far as the system tells."""
    known = mounts.listed()
    found = dict.fromkeys(each for tree in trees for each in _seconds(tree.resolve(), known))
    real = [tree.resolve() for tree in trees]
    return tuple(
        each
        for each in found
        if not any(Path(each.path) == tree or tree in Path(each.path).parents for tree in real)
    )


def _seconds(tree: Path, known: Sequence[Mount]) -> Iterator[SecondPath]:
    around = [mount for mount in known if _below(str(tree), mount.at) is not None]
    if not around:
        return
    # The deepest one, and of several at one path the last.
    own = max(reversed(around), key=lambda mount: len(mount.at))
    place = _joined(own.shown, _below(str(tree), own.at) or "")
    for mount in known:
        if mount.device != own.device:
            continue
        rest, inside = _below(place, mount.shown), _below(mount.shown, place)
        if rest is not None:
            each = SecondPath(_joined(mount.at, rest), "")
        elif inside is not None:
            each = SecondPath(mount.at, inside)
        else:
            continue
        with suppress(OSError):
            if each.path != str(tree / each.inside) and os.path.samefile(  # noqa: PTH121 - texts
                each.path, tree / each.inside
            ):
                yield each


def _joined(folder: str, path: str) -> str:
    return "/" + f"{folder}/{path}".strip("/")


def _below(path: str, folder: str) -> str | None:
    """Return a path relative to a folder that it is in, None where it is not."""
    if folder == "/":
        return path.strip("/")
    return path[len(folder) :].strip("/") if f"{path}/".startswith(f"{folder}/") else None
