"""Tests that drive the real Claude Code; the model behind it is scripted."""

import os
import shutil
from pathlib import Path

import pytest

# Read here, because the test's own environment has neither.
_CHOSEN = os.environ.get("RUNR_TEST_CLAUDE")
_IN_CI = bool(os.environ.get("CI"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.claude)


@pytest.fixture
def claude_path() -> Path:
    """Return Claude Code's command line."""
    found = shutil.which(_CHOSEN or "claude")
    if found is not None:
        return Path(found).absolute()
    reason = f"Claude Code is not here: {_CHOSEN or 'no `claude` on PATH'}"
    if _IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)
