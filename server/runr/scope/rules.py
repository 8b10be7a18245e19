"""Which files a task may change: its scope, what is denied to all, and runr's own files. Pure."""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import Literal

from runr.scope.patterns import compiled, composed, matches

#: `follow` ties a lockfile to its manifest, `allow` to nothing; `deny` refuses every change.
Lockfiles = Literal["follow", "allow", "deny"]

_NODE = ("package.json",)
_PYTHON = ("pyproject.toml",)

MANIFESTS: dict[str, tuple[str, ...]] = {
    "package-lock.json": _NODE,
    "npm-shrinkwrap.json": _NODE,
    "yarn.lock": _NODE,
    "pnpm-lock.yaml": (*_NODE, "pnpm-workspace.yaml"),
    "bun.lock": _NODE,
    "bun.lockb": _NODE,
    "deno.lock": ("deno.json", "deno.jsonc", *_NODE),
    "poetry.lock": _PYTHON,
    "uv.lock": _PYTHON,
    "pdm.lock": _PYTHON,
    "pylock.toml": _PYTHON,
    "Pipfile.lock": ("Pipfile",),
    "Cargo.lock": ("Cargo.toml",),
    "go.sum": ("go.mod",),
    "go.work.sum": ("go.work", "go.mod"),
    "Gemfile.lock": ("Gemfile",),
    "composer.lock": ("composer.json",),
    "mix.lock": ("mix.exs",),
    "pubspec.lock": ("pubspec.yaml",),
    "flake.lock": ("flake.nix",),
    "Package.resolved": ("Package.swift",),
    "gradle.lockfile": ("build.gradle", "build.gradle.kts"),
}


def is_lockfile(path: str) -> bool:
    """Tell whether `path` is written by a tool that resolves dependencies."""
    return _split(path)[1] in MANIFESTS


def manifests(path: str) -> tuple[str, ...]:
    """Return the names of the manifests that the lockfile at `path` follows."""
    return MANIFESTS.get(_split(path)[1], ())


def leaders(path: str, changed: Collection[str]) -> list[str]:
    """Return the `changed` manifests that the lockfile at `path` follows.

    They are in the same folder or below: a workspace has one lockfile for all members.
    """
    folder, _ = _split(path)
    names = manifests(path)
    return [other for other in changed if other.startswith(folder) and _split(other)[1] in names]


def _split(path: str) -> tuple[str, str]:
    folder, slash, name = path.rpartition("/")
    return folder + slash, name


CACHE_FOLDERS = (
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".tox",
    ".nox",
    ".vite",
    ".next",
    ".turbo",
    ".parcel-cache",
    ".nyc_output",
    ".eslintcache",
    ".stylelintcache",
    ".coverage",
    "coverage",
    "*.pyc",
    "*.tsbuildinfo",
    ".DS_Store",
)


def cache_folder(path: str) -> tuple[str, str] | None:
    """Return the tool's folder or file that holds `path`, and the line that lets git ignore it."""
    parts = path.split("/")
    for depth, part in enumerate(parts, start=1):
        line = next((name for name in CACHE_FOLDERS if fnmatchcase(part, name)), None)
        if line is not None:
            return "/".join(parts[:depth]), line
    return None


def violations(
    paths: Iterable[str],
    *,
    owns: Iterable[str],
    deny: Iterable[str],
    allow: Iterable[str] = (),
    lockfiles: Lockfiles = "follow",
    added: Collection[str] = (),
) -> list[str]:
    """Return the changed `paths` that are out of scope, sorted, with the reason where it helps.

    `owns`, `allow` and `deny` hold folders (`src/api/`), files, or patterns with `*`,
    `**` and `?`; `.` is everything. A task that owns nothing in particular may
    change everything that is not denied. runr's own files never count. `added` are
    the paths that were not there before: of a tool's cache only its top is named.
    """
    changed = {path for path in paths if not is_runrs(path)}
    owned, denied = tuple(owns), tuple(deny)
    rules = _Rules((*owned, *allow) if owned else (".",), denied, lockfiles, bound=bool(owned))
    refused = {path: reason for path in changed if (reason := rules.refusal(path, changed))}
    return sorted({describe_violation(path, why, added) for path, why in refused.items()})


def describe_violation(path: str, why: str, added: Collection[str] = ()) -> str:
    """Return a violation as it is shown: the path, and the reason where the path alone is none."""
    found = cache_folder(path) if path in added else None
    if found is not None:
        return f"{found[0]} (a tool's own files: list {found[1]} in .gitignore)"
    return path if why == _PLAIN else f"{path} ({why})"


def is_runrs(path: str) -> bool:
    """Tell whether `path` is one of runr's own files."""
    return path == ".runr" or path.startswith(".runr/")


def names(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether one of the `patterns` names `path` itself, not a folder above it."""
    name = composed(path)
    return any(
        _last(pattern).strip("*?.") != ""
        and compiled(_last(pattern)).fullmatch(_last(name)) is not None
        and compiled(pattern).fullmatch(name) is not None
        for pattern in patterns
    )


#: The default reason, which is not printed: the path is outside of what the task owns.
_PLAIN = "not owned"


class _Rules:
    """What one task may change."""

    def __init__(
        self, within: tuple[str, ...], deny: tuple[str, ...], lockfiles: Lockfiles, *, bound: bool
    ) -> None:
        self._within = within
        self._deny = deny
        self._lockfiles = lockfiles
        self._bound = bound

    def refusal(self, path: str, changed: Collection[str]) -> str | None:
        """Return why `path` may not change together with the rest of what `changed`."""
        if matches(path, self._deny):
            return "denied by scope.deny"
        if is_lockfile(path):
            return self._locked(path, changed)
        return None if matches(path, self._within) else _PLAIN

    def _locked(self, path: str, changed: Collection[str]) -> str | None:
        if self._lockfiles == "deny":
            return "a lockfile: scope.lockfiles is deny"
        if self._lockfiles == "allow" or not self._bound or names(path, self._within):
            return None
        if any(self.refusal(manifest, changed) is None for manifest in leaders(path, changed)):
            return None
        wanted = " or ".join(manifests(path))
        return f"a lockfile changes only together with its manifest, {wanted}"


def _last(path: str) -> str:
    return path.strip().strip("/").rpartition("/")[2]
