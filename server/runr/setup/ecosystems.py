"""What checks need beside the commit, by the files of package managers in a repository. Pure."""

import shlex
from collections.abc import Iterable
from typing import NamedTuple


class Manager(NamedTuple):
    """A package manager, known by `marker`: the folders that it fills, and the command that does.

    One without a lockfile is looked for at the root only. Of a `family` the first in a folder
    counts.
    """

    family: str
    marker: str
    folders: tuple[str, ...] = ()
    install: str = ""
    locked: bool = True


_MODULES = ("node_modules",)
_VENV = (".venv",)
_PIP = "python3 -m venv .venv && .venv/bin/pip install"

#: The more telling file of each family first. A tool that has its caches in the user's home needs
#: no row: its folders are found wherever it runs. Folders of compiled files are left out: cargo
#: and make compare times, so they would take what was built from other contents for the commit's.
MANAGERS: tuple[Manager, ...] = (
    Manager("node", "pnpm-lock.yaml", _MODULES, "pnpm install --frozen-lockfile"),
    Manager("node", "yarn.lock", _MODULES, "yarn install --frozen-lockfile"),
    Manager("node", "bun.lock", _MODULES, "bun install --frozen-lockfile"),
    Manager("node", "bun.lockb", _MODULES, "bun install --frozen-lockfile"),
    Manager("node", "package-lock.json", _MODULES, "npm ci"),
    Manager("node", "package.json", _MODULES, "npm install", locked=False),
    Manager("python", "uv.lock", _VENV, "uv sync --frozen"),
    Manager("python", "poetry.lock", _VENV, "POETRY_VIRTUALENVS_IN_PROJECT=1 poetry install"),
    Manager("python", "pdm.lock", _VENV, "pdm sync"),
    Manager("python", "Pipfile.lock", _VENV, "PIPENV_VENV_IN_PROJECT=1 pipenv sync --dev"),
    Manager("python", "requirements.txt", _VENV, f"{_PIP} -r requirements.txt", locked=False),
    Manager("python", "pyproject.toml", _VENV, f"{_PIP} -e .", locked=False),
    Manager("php", "composer.lock", ("vendor",), "composer install"),
    Manager("ruby", "Gemfile.lock", (".bundle", "vendor/bundle"), "bundle install"),
    Manager("elixir", "mix.lock", ("deps",), "mix deps.get"),
    Manager("dart", "pubspec.lock", (".dart_tool",), "dart pub get"),
)

MARKERS = tuple(manager.marker for manager in MANAGERS)

#: As many commands are offered; in a larger monorepo they are chosen by hand.
_MOST = 8


class Dependencies(NamedTuple):
    """The folders to carry into the clean checkout, and the commands that install them there."""

    folders: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()


def find_dependencies(files: Iterable[str]) -> Dependencies:
    """Return what the files of the repository, by their path in it, say about dependencies."""
    known = {file.rpartition("/")[::2] for file in files}
    found: dict[tuple[str, str], Manager] = {}
    for folder in sorted({folder for folder, _ in known}):
        for manager in MANAGERS:
            here = (folder, manager.marker) in known and (manager.locked or not folder)
            if here:
                found.setdefault((folder, manager.family), manager)
    names = dict.fromkeys(name for manager in found.values() for name in manager.folders)
    commands = [_inside(folder, manager.install) for (folder, _), manager in found.items()]
    return Dependencies(tuple(names), tuple(commands[:_MOST]))


def _inside(folder: str, command: str) -> str:
    return f"cd {shlex.quote(folder)} && {command}" if folder else command
