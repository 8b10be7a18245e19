"""A run may be killed anywhere; `make crash` does it two hundred times."""

from pathlib import Path

import pytest

from crash.harness import survive


@pytest.mark.long
@pytest.mark.timeout(900)  # a busy machine is slow with this many processes
def test_a_killed_run_ends_with_one_checkpoint_and_a_true_status(tmp_path: Path) -> None:
    tally = survive(kills=5, seed=20250108, folder=tmp_path)
    assert not tally.complaints, tally.describe()
