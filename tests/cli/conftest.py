"""Fixtures: repositories in different states."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Place, Prepare, Result
from fakes import templates

_CONFIG = '[run]\nworker = "script"\nattempts = 2\n\n[verify]\ntier1 = ["test -d ."]\n'


@pytest.fixture
def bare(tmp_path: Path, home: Path) -> Place:
    """Return a repository without a commit and without runr."""

    def build(root: Path) -> None:
        Place(root, home).git("init", "-q", "-b", "main")

    templates.fill(tmp_path / "repo", "bare", build)
    return Place(tmp_path / "repo", home)


@pytest.fixture
def prepared(tmp_path: Path, home: Path) -> Prepare:
    """Return what makes a repository such as `place`, and does something in it.

    What was done once in this test process is copied.
    """

    def prepare(build: Callable[[Place], object]) -> Place:
        def make(root: Path) -> None:
            started = Place(root, home)
            started.git("init", "-q", "-b", "main")
            started.config(_CONFIG)
            started.write("README.md", "# A project\n")
            started.commit("Start")
            build(started)

        templates.fill(tmp_path / "repo", (build.__module__, build.__qualname__), make)
        return Place(tmp_path / "repo", home)

    return prepare


@pytest.fixture
def place(prepared: Prepare) -> Place:
    """Return a repository with a commit, whose tasks are run by the worker `script`."""
    return prepared(_nothing)


def _nothing(place: Place) -> None:
    """Leave a repository as it is."""


@pytest.fixture
def runr(place: Place) -> Callable[..., Result]:
    """Return the command, typed in `place`."""
    return place.runr
