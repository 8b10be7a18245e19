"""What changes in the user's working tree while the worker of a worktree works is named."""

import pytest

from cli.terminal import Place
from fakes.project_kit import until

CONFIG = '[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["test -f a"]\n'
TITLE = "## Changed in your working tree meanwhile"


@pytest.fixture
def source(place: Place) -> Place:
    """Return a repository with files, one of which has an uncommitted change."""
    place.config(CONFIG)
    place.write(".git/info/exclude", "begun\ndone\n")
    for name in ("a", "b", "mine"):
        place.write(name, "1\n")
    return place


def noticed(place: Place) -> list[str]:
    """Return what the report of the latest run names."""
    report = place.runr("report", "latest").out
    return [line for line in report.partition(TITLE)[2].partition("##")[0].splitlines() if line][1:]


def test_what_a_worker_does_to_the_users_tree_and_index_is_named(source: Place) -> None:
    steps = "echo 2 > b", "echo 1 > new", "git add new", "git checkout -q mine", "echo 1 > more"
    source.script("t.md", "\n".join(("echo 2 > a; cd ../../..", *steps)))
    source.script("u.md", "echo 3 > a")
    source.commit("Tasks")
    source.write("mine", "2\n")
    shown = source.runr("run", "--task", "t", code=0)
    assert "changed while the worker worked: b (changed), mine" in shown.out
    assert noticed(source) == [
        "- b (changed)",
        "- mine (its uncommitted changes are gone)",
        "- more (changed)",
        "- new (staged; a git of the worker wrote the index)",
    ]
    source.runr("run", "--task", "u", code=0)
    assert noticed(source) == []


def test_what_is_changed_meanwhile_in_the_settings_of_git_is_named(source: Place) -> None:
    steps = "git config filter.fix.smudge cat", "git config branch.main.description mine"
    hook = 'echo exit 0 > "$(git rev-parse --git-common-dir)/hooks/post-merge"'
    source.script("t.md", "\n".join(("echo 2 > a", *steps, hook)))
    source.commit("Task")
    shown = source.runr("run", "--task", "t", code=0)
    assert "changed while the worker worked: .git/config: filter.fix.smudge" in shown.out
    assert noticed(source) == ["- .git/config: filter.fix.smudge", "- .git/hooks/post-merge"]


def test_a_worker_that_only_looks_is_not_accused(source: Place) -> None:
    source.script("t.md", "echo 2 > a; git -C ../../.. status; touch ../../../b")
    source.commit("Task")
    source.write("mine", "2\n")
    source.git("add", "mine")
    source.runr("run", "--task", "t", code=0)
    assert noticed(source) == []


def test_what_the_user_edits_and_stages_meanwhile_stops_nothing(source: Place) -> None:
    wait = "touch ../../../begun; until [ -e ../../../done ]; do sleep 0.02; done"
    source.script("t.md", f"echo 2 > a; {wait}")
    source.commit("Task")
    run = source.runr("--json", "run", "--task", "t", "--detach").json
    until((source.root / "begun").exists, "the worker")
    source.write("mine", "2\n")
    source.git("commit", "-qam", "Mine")
    source.write("mine", "3\n")
    source.git("add", "mine")
    source.write("done")
    assert source.await_end(run["id"])["status"] == "completed"
    assert noticed(source) == ["- mine (staged)"]
