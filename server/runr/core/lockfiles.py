"""Lockfiles, and the manifests from which their tools write them."""

from collections.abc import Collection
from typing import Literal

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

    They lie beside it, or below: a workspace has one lockfile for all its members.
    """
    folder, _ = _split(path)
    names = manifests(path)
    return [other for other in changed if other.startswith(folder) and _split(other)[1] in names]


def _split(path: str) -> tuple[str, str]:
    folder, slash, name = path.rpartition("/")
    return folder + slash, name
