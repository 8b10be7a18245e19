"""At which point a run is, and what a hook is called."""

import re
from typing import Any

import pytest

from runr.config.settings import HookSettings
from runr.lifecycle_hooks import points
from runr.runs.model import Phase, RunState
from unit.run_timeline import Timeline, start


def ended(code: str | None, **facts: Any) -> RunState:
    timeline = Timeline(start(**facts))
    if code:
        return timeline.add("run.stopped", code=code)
    timeline.through(Phase.WORK)
    return timeline.add("run.completed")


@pytest.mark.parametrize(
    ("code", "point"),
    [
        ("verification_failed", "on_failure"),
        ("usage_limit", "on_failure"),
        ("needs_human", "on_needs_human"),
        ("merge_conflict", "on_needs_human"),
        ("stopped", None),
        ("rejected", None),
        (None, "post_complete"),
    ],
)
def test_the_end_of_a_run_is_a_point_unless_a_person_caused_it(
    code: str | None, point: str | None
) -> None:
    assert points.at_end(ended(code)) == point


def test_a_run_that_goes_on_and_what_a_person_did_is_no_point() -> None:
    assert points.at_end(Timeline(start()).state) is None
    assert points.at_end(ended("verification_failed", worker="person")) is None
    assert points.at_end(ended(None, worker="person")) == "post_complete"
    decision = Timeline(start() | {"kind": "acknowledgement"})
    assert points.at_end(decision.add("run.completed")) is None


def test_only_what_comes_before_may_be_refused() -> None:
    refusing = [point for point in points.Point.__args__ if points.may_refuse(point)]  # type: ignore[attr-defined]
    assert refusing == ["pre_run", "pre_complete"]


@pytest.mark.parametrize(
    ("settings", "name", "waited"),
    [
        ({"command": ["make", "say hello"]}, "make 'say hello'", True),
        ({"command": ["sh", "-c", "echo  a\n b"]}, "echo a b", True),
        ({"command": ["sh", "-c", "echo", "x"]}, "sh -c echo x", True),
        ({"command": ["sh", "x.sh", "y"]}, "sh x.sh y", True),
        ({"command": ["x" * 60]}, "x" * 60, True),
        ({"command": ["x" * 61]}, "x" * 59 + "…", True),
        ({"webhook": "https://example.org"}, "example.org", False),
        ({"webhook": "http://127.0.0.1:80/"}, "127.0.0.1:80", False),
        ({"webhook": f"https://{'x' * 61}"}, "x" * 59 + "…", False),
        ({"webhook_env": "HOOK_URL"}, "HOOK_URL", False),
        ({"package": "notify"}, "notify", True),
        ({"desktop": True}, "desktop", True),
    ],
)
def test_a_hook_is_called_by_what_it_does_without_its_secrets(
    settings: dict[str, Any], name: str, waited: bool
) -> None:
    hook = HookSettings(**settings)
    assert points.name_of(hook) == name
    assert points.is_waited_for(hook) is waited


def test_webhooks_of_one_host_have_names_of_their_own_without_what_may_be_a_secret() -> None:
    urls = [
        "https://example.org:8443/services/T0/first-secret",
        "https://example.org:8443/services/T0/second-secret",
        "https://example.org:8443/?token=first-secret",
        "https://user:first-secret@example.org:8443/",
    ]
    names = {points.name_of(HookSettings(webhook=url)) for url in urls}
    assert len(names) == len(urls)
    assert all(re.fullmatch(r"example\.org:8443 #[0-9a-f]{4}", name) for name in names)
    long = points.name_of(HookSettings(webhook=f"https://{'x' * 200}/secret"))
    assert re.fullmatch(r"x{53}… #[0-9a-f]{4}", long)
    assert long != points.name_of(HookSettings(webhook=f"https://{'x' * 200}/other"))
