"""What people ask an agent about their tasks takes one call and few tokens."""

from pathlib import Path

import pytest

from cli.terminal import Place
from mcpserver.typical_requests import measure

#: A model reads the answers, too: no request costs more than that.
MOST_TOKENS = 1500


@pytest.mark.anyio
@pytest.mark.long
async def test_each_request_takes_one_call_and_fewer_tokens_than_with_the_sdk_alone(
    tmp_path: Path, home: Path
) -> None:
    listed, *costs = await measure(Place(tmp_path / "repository", home), tmp_path / "gate")
    assert len(costs) == 24
    assert not [cost for cost in costs if cost.tokens > MOST_TOKENS]
    assert not [cost for cost in (listed, *costs) if cost.tokens >= cost.bare]
