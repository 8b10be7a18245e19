"""Tests that drive the real Claude Code; the model behind it is scripted."""

import os
from pathlib import Path

import pytest

from fakes.required import require_program

# Read here, because the test's own environment does not have it.
_CHOSEN = os.environ.get("RUNR_TEST_CLAUDE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.claude)


@pytest.fixture
def claude_path() -> Path:
    """Return Claude Code's command line."""
    return Path(require_program(_CHOSEN or "claude", "Claude Code")).absolute()
