"""The packages that a repository itself is made of, by the manifests that git tracks."""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from runr.git.repo import Repo

_MANIFESTS = ("pyproject.toml", "setup.cfg", "setup.py", "package.json")
#: Folders with projects that are data, such as those of tests.
_DATA = re.compile(r"(^|/)(tests?|testdata|fixtures|examples?|vendor|third_party|node_modules)/")
_SET = re.compile(r"^\s*name\s*=\s*[\"']?([\w.-]+)", re.MULTILINE)


class OwnPackages(NamedTuple):
    """The folder of each package by its name: those of Python, and those of npm."""

    python: dict[str, Path]
    node: dict[str, Path]


def find(roots: Sequence[Path]) -> OwnPackages:
    """Return the packages of these working trees."""
    found = OwnPackages({}, {})
    for root in roots:
        for path in _manifests(root):
            with suppress(OSError, ValueError):
                text = path.read_text(encoding="utf-8")
                if path.name == "package.json":
                    _add(found.node, _table(json.loads(text)).get("name"), path)
                else:
                    _add(found.python, normal(_python_name(path.name, text)), path)
    return found


def normal(name: str) -> str:
    """Return the name of a Python package in the one way that is the same for all spellings."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _manifests(root: Path) -> Iterator[Path]:
    wanted = (f":(glob)**/{name}" for name in _MANIFESTS)
    for path in Repo(root).fields("ls-files", "-z", "--", *wanted):
        if not _DATA.search(path):
            yield root / path


def _add(known: dict[str, Path], name: object, manifest: Path) -> None:
    if isinstance(name, str) and name:
        known.setdefault(name, manifest.parent)


def _python_name(manifest: str, text: str) -> str:
    if manifest != "pyproject.toml":
        found = _SET.search(text) or re.search(r"\bname\s*=\s*[\"']([\w.-]+)", text)
        return found[1] if found else ""
    project = tomllib.loads(text)
    poetry = _table(_table(project.get("tool")).get("poetry"))
    name = _table(project.get("project")).get("name") or poetry.get("name")
    return name if isinstance(name, str) else ""


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
