"""The repositories that commands are typed in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import Place, Result


@pytest.fixture
def bare(tmp_path: Path, home: Path) -> Place:
    """Return a repository without a commit and without runr."""
    place = Place(tmp_path / "repo", home)
    place.git("init", "-q", "-b", "main")
    return place


@pytest.fixture
def place(bare: Place) -> Place:
    """Return a repository with a commit, whose tasks are run by the worker `script`."""
    bare.config('[run]\nworker = "script"\nattempts = 2\n\n[verify]\ntier1 = ["true"]\n')
    bare.write("README.md", "# A project\n")
    bare.commit("Start")
    return bare


@pytest.fixture
def runr(place: Place) -> Callable[..., Result]:
    """Return the command, typed in `place`."""
    return place.runr
