"""A run may be killed anywhere: a few times here, two hundred times in `make check-long`."""

from pathlib import Path

import pytest

from crash.harness import survive
from fakes.marks import also_long


@pytest.mark.timeout(1800)  # a busy machine is slow with this many processes
@pytest.mark.parametrize(("seed", "kills"), [(0, 4), *also_long(*((n, 25) for n in range(1, 9)))])
def test_a_killed_run_ends_with_one_checkpoint_and_a_true_status(
    tmp_path: Path, seed: int, kills: int
) -> None:
    tally = survive(kills=kills, seed=20250108 + seed, folder=tmp_path)
    assert not tally.complaints, tally.describe()
