"""The time zone of the machine."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from runr.clock import HERE


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("moment", "here"),
    [
        ("2025-01-08T12:00", "2025-01-08T13:00+01:00"),
        ("2025-07-08T12:00", "2025-07-08T14:00+02:00"),
        ("2025-10-26T00:30", "2025-10-26T02:30+02:00"),
        ("2025-10-26T01:30", "2025-10-26T02:30+01:00"),
    ],
)
def test_each_moment_has_the_offset_of_its_day(moment: str, here: str) -> None:
    found = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert found.astimezone(HERE).isoformat(timespec="minutes") == here
    assert found.astimezone(HERE).astimezone(UTC) == found
    assert found.astimezone(HERE).tzname() in ("CET", "CEST")
