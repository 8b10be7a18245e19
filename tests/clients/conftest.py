"""Fixtures: a real client in a repository, with a scripted model."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from clients.real_client import CLIENTS, ClientPlace, a_place
from fakes.required import require_program
from fakes.scripted_model import Call, ScriptedModel

Place = Callable[..., ClientPlace]


@pytest.fixture
def set_up(tmp_path: Path, home: Path) -> Iterator[Place]:
    """Return what sets a client up, with a model that follows a script."""
    with ExitStack() as models:

        def make(name: str, script: Sequence[Call] = (), *, trusted: bool = True) -> ClientPlace:
            client = CLIENTS[name]
            require_program(name, f"{client.package}, with npm")
            model = models.enter_context(ScriptedModel(client.dialect, script))
            place = a_place(tmp_path / "repository", home)
            return ClientPlace(client=client, place=place, model=model, trusted=trusted)

        yield make
