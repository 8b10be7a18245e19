"""The repositories that commands are typed in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Place, Result
from fakes import templates


@pytest.fixture
def bare(tmp_path: Path, home: Path) -> Place:
    """Return a repository without a commit and without runr."""

    def build(root: Path) -> None:
        Place(root, home).git("init", "-q", "-b", "main")

    templates.fill(tmp_path / "repo", "bare", build)
    return Place(tmp_path / "repo", home)


@pytest.fixture
def place(tmp_path: Path, home: Path) -> Place:
    """Return a repository with a commit, whose tasks are run by the worker `script`."""

    def build(root: Path) -> None:
        started = Place(root, home)
        started.git("init", "-q", "-b", "main")
        started.config('[run]\nworker = "script"\nattempts = 2\n\n[verify]\ntier1 = ["true"]\n')
        started.write("README.md", "# A project\n")
        started.commit("Start")

    templates.fill(tmp_path / "repo", "place", build)
    return Place(tmp_path / "repo", home)


@pytest.fixture
def runr(place: Place) -> Callable[..., Result]:
    """Return the command, typed in `place`."""
    return place.runr
