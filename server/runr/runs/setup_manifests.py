"""Manifests with which an installer of dependencies also builds or copies code of the repository.

What it installs then depends on every file, not only on manifests and lockfiles. Pure.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

#: Scripts that npm, pnpm, yarn and bun run when they install, and Composer.
_NODE = re.compile(r"(pre|post)?(install|prepare)|prepublish")
_COMPOSER = re.compile(r"(pre|post)-(install-cmd|autoload-dump|update-cmd)")
#: Programs for such scripts that set up git hooks, patch packages or refuse an installer.
_HARMLESS = re.compile(
    r"\s*(npx\s+)?(husky|simple-git-hooks|lefthook|pre-commit|patch-package|only-allow|is-ci|exit"
    r"|true|echo)\b[^&|;\n]*(\|\|\s*(true|exit 0|:)\s*)?"
)
#: A package by its place, and a setting by which one is copied instead of linked.
_FILE = re.compile(r"file:|[\w.-]+\s*(\[.*\])?\s*@\s*file:")
_COPIED = re.compile(r"^\s*(install-links|inject-workspace-packages)\s*=\s*true", re.MULTILINE)
#: A line of a list of requirements that is a place, and no editable install.
_PLACE = re.compile(r"\s*([./~]|file:|[^#\s-]\S*/\S*\.(whl|zip|gz)|[\w.-]+(\[.*\])?\s*@\s*file:)")

#: The names of the files that `uses_code` reads.
NAMES = re.compile(r"package\.json|composer\.json|\.npmrc|pyproject\.toml|Pipfile|.*\.txt")


def uses_code(name: str, text: str) -> bool:
    """Tell whether installing what a manifest says takes other files of the repository."""
    try:
        if name == "package.json":
            return _node(_table(json.loads(text)))
        if name == "composer.json":
            return _composer(_table(json.loads(text)))
        if name == "pyproject.toml":
            return any(_by_place(_packages(tomllib.loads(text))))
        if name == "Pipfile":
            return any(_by_place(tomllib.loads(text)))
    except ValueError:
        return False  # its installer says so
    if name == ".npmrc":
        return _COPIED.search(text) is not None
    return any(_PLACE.match(line) for line in text.splitlines())


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _node(manifest: Mapping[str, Any]) -> bool:
    scripts = _table(manifest.get("scripts"))
    if _runs(scripts, _NODE):
        return True
    kinds = [_table(each) for key, each in manifest.items() if key.lower().endswith("dependencies")]
    injected = _table(manifest.get("dependenciesMeta")).values()
    return any(_FILE.match(str(each)) for kind in kinds for each in kind.values()) or any(
        _table(each).get("injected") is True for each in injected
    )


def _composer(manifest: Mapping[str, Any]) -> bool:
    found = manifest.get("repositories", [])
    places = found.values() if isinstance(found, dict) else found
    return _runs(_table(manifest.get("scripts")), _COMPOSER) or any(
        _table(place).get("type") == "path" for place in places
    )


def _runs(scripts: Mapping[str, Any], when: re.Pattern[str]) -> bool:
    """Tell whether a script that runs at an install may build something."""
    named = [script for name, script in scripts.items() if when.fullmatch(name)]
    return not all(_HARMLESS.fullmatch(str(script)) for script in named)


def _packages(project: Mapping[str, Any]) -> list[Any]:
    """Return the tables of a Python project that say which packages it needs."""
    tools = _table(project.get("tool"))
    own = [project.get("project"), project.get("dependency-groups")]
    return [*own, *(tools.get(tool) for tool in ("uv", "poetry", "pdm"))]


def _by_place(value: Any) -> Iterator[bool]:
    """Yield True for each package of the repository that is not installed editable."""
    if isinstance(value, str):
        yield _FILE.match(value) is not None
    elif isinstance(value, list):
        for each in value:
            yield from _by_place(each)
    elif isinstance(value, dict):
        link = value.get("editable") is True or value.get("develop") is True
        known = {"path", "editable", "develop", "subdirectory", "extras", "optional", "markers"}
        yield isinstance(value.get("path"), str) and not link and known >= set(value)
        for each in value.values():
            yield from _by_place(each)
