"""Copies of the repository's own packages in carried folders: checks would run those instead.

Only what the installers themselves have written down counts: Python packages by PEP 610, those of
npm by its list of what is in `node_modules`.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runr.errors import VerificationError
from runr.next_steps import commands

_COPIED = (
    "{} has a copy of {}, installed from {}: the checks would run the copy and not the commit. "
    "Install it with `setup` under [verify] in .runr/config.toml{}"
)
_PYTHON = ', such as `setup = ["python -m venv .venv && .venv/bin/pip install ."]`, or editable'
_NODE = ', such as `setup = ["npm ci"]`, or as a link'


def refuse(roots: Sequence[Path], carried: Sequence[str]) -> None:
    """Raise VerificationError where a carried folder has a copy of a folder of a working tree."""
    for message in find(roots, carried):
        raise VerificationError(message, next_steps=(commands.doctor(),))


def find(roots: Sequence[Path], carried: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each copy of a folder of a working tree.

    A path in `carried` is relative to the first of the `roots`.
    """
    for path in carried:
        folder = roots[0] / path
        for name, source, remedy in (*_python_copies(folder), *_node_copies(folder)):
            if _is_source(source, roots, carried):
                yield _COPIED.format(path, name, source, remedy)


def _is_source(source: Path, roots: Sequence[Path], carried: Sequence[str]) -> bool:
    """Tell whether the folder is one of the commit's, as far as that can be known."""
    within = (source, *source.parents)
    if any((roots[0] / path).resolve() in within for path in carried):
        return False
    return source.is_dir() and any(root.resolve() in within for root in roots)


def _python_copies(folder: Path) -> Iterator[tuple[str, Path, str]]:
    for record in sorted(folder.glob("lib/python3*/site-packages/*.dist-info/direct_url.json")):
        found = _read(record)
        about = found.get("dir_info")
        url = urlsplit(str(found.get("url", "")))
        if url.scheme == "file" and isinstance(about, dict) and not about.get("editable"):
            name = record.parent.name.removesuffix(".dist-info").partition("-")[0]
            yield name, Path(unquote(url.path)).resolve(), _PYTHON


def _node_copies(folder: Path) -> Iterator[tuple[str, Path, str]]:
    packages = _read(folder / ".package-lock.json").get("packages")
    for place, about in packages.items() if isinstance(packages, dict) else ():
        source = str(about.get("resolved", "")) if isinstance(about, dict) else ""
        if source.startswith("file:") and not about.get("link"):
            name = place.rpartition("node_modules/")[2]
            yield name, (folder.parent / source.removeprefix("file:")).resolve(), _NODE


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}
