"""What is verified is what a clone contains, whatever the repository's own git settings say."""

from typing import Any

import pytest

from cli.terminal import Place

CONFIG = '[run]\nworker = "script"\nattempts = 1\n'


@pytest.fixture
def source(place: Place) -> Place:
    """Return a repository with a file, a link to it and a filter that its attributes name."""
    place.config(CONFIG)
    place.write("a", "bad\n")
    (place.root / "link").symlink_to("a")
    place.write(".gitattributes", "a filter=fix\n")
    place.commit("Files")
    return place


def run(place: Place, script: str, check: str) -> Any:
    place.script("t.md", script, f"verify: ['{check}']")
    place.commit("Task")
    place.runr("run", "--task", "t")
    return place.runr("task-status", "t", "--json").json["run"]


SETTINGS = {
    "smudge": ("filter.fix.smudge", "sed s/bad/good/", "grep -q good a"),
    "autocrlf": ("core.autocrlf", "true", 'grep -q $(printf "\\\\r") b'),
    "symlinks": ("core.symlinks", "false", "test ! -L link"),
}


@pytest.mark.parametrize(("key", "value", "check"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting_that_no_clone_has_does_not_change_what_is_verified(
    source: Place, key: str, value: str, check: str
) -> None:
    source.git("config", "filter.fix.clean", "sed s/good/bad/")
    source.git("config", key, value)
    run_ = run(source, "echo new > b", check)
    assert run_["stop_reason"] == "verification_failed", run_


def test_a_filter_of_the_users_own_configuration_is_that_of_their_clones(source: Place) -> None:
    source.git("config", "--global", "filter.fix.clean", "sed s/good/bad/")
    source.git("config", "--global", "filter.fix.smudge", "sed s/bad/good/")
    run_ = run(source, "echo new > b", "grep -q good a")
    assert run_["status"] == "completed", run_


def test_a_setting_of_one_workers_changes_no_later_verification(source: Place) -> None:
    pair = ("clean 'sed s/good/bad/'", "smudge 'sed s/bad/good/'")
    script = "; ".join(["echo new > b", *(f"git config filter.fix.{each}" for each in pair)])
    assert run(source, script, "test -f b")["status"] == "completed"
    run_ = run(source, "echo newer > b", "grep -q good a")
    assert run_["stop_reason"] == "verification_failed", run_
