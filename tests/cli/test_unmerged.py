"""Completions whose commit is not on the branch that is checked out, however it came to that."""

from collections.abc import Callable
from typing import Any

import pytest

from cli.terminal import Place, Prepare


def completed(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.task("b.md", "depends_on: [a]")
    place.commit("Tasks")
    place.run("a")


@pytest.fixture
def done(prepared: Prepare) -> Place:
    """Return a repository in which a run has completed a.md, on which b.md depends."""
    return prepared(completed)


def reset_away(place: Place) -> None:
    place.git("reset", "-q", "--hard", "HEAD~1")


def on_another_branch(place: Place) -> None:
    place.git("switch", "-q", "-c", "before", "HEAD~1")


def pruned(place: Place) -> None:
    reset_away(place)
    place.git("update-ref", "-d", "ORIG_HEAD")
    place.git("reflog", "expire", "--expire=now", "--all")
    place.git("gc", "-q", "--prune=now")


def task(place: Place) -> Any:
    return place.runr("task-status", "a", "--json", code=0).json["task"]


@pytest.mark.parametrize(
    ("lose", "where", "severity"),
    [
        (reset_away, "not on this branch", "error"),
        (on_another_branch, "not on this branch", "warning"),
        (pruned, "not in this repository", "error"),
    ],
)
def test_lost_work_is_shown_as_not_here_and_holds_back_its_dependents(
    done: Place, lose: Callable[[Place], None], where: str, severity: str
) -> None:
    lose(done)
    listed = done.runr("status", "--tasks", code=0).out
    assert "✓" not in listed
    assert "◌ a.md  unmerged  " in listed
    assert f"its commit is {where}" in listed
    assert "1 unmerged, 1 blocked" in listed
    assert task(done)["unmerged"] is True
    (run,) = done.runr("runs", "--json", code=0).json["runs"]
    assert run["commit_place"] == where
    assert f"(its commit is {where})" in done.runr("runs", code=0).out
    assert f"completed and verified\n\nIts commit is {where}." in done.runr("report", "a").out
    why = done.runr("why", "a", "--json", code=0).json
    assert why["completed"] is False
    assert why["lines"][0] == f"a.md is completed, and {where}"
    assert "its commit is not on this branch" in done.runr("run", "--task", "b", code=3).err
    assert done.runr("graph", code=0).out.startswith("2 tasks: 1 unmerged, 1 blocked")
    (problem,) = done.runr("lint", "--json").json["diagnostics"]
    assert (problem["rule"], problem["severity"]) == ("commit", severity)


def test_a_report_counts_work_that_is_not_here_apart(done: Place) -> None:
    period = ("report", "--since", "yesterday")
    assert "not on this branch" not in done.runr(*period, code=0).out
    on_another_branch(done)
    answer = done.runr(*period, "--json", code=0).json
    assert (answer["completed_count"], answer["completed_by_evidence"]) == (0, {})
    assert answer["unmerged_count"] == 1
    assert answer["completions"][0]["unmerged"] is True
    shown = done.runr(*period, code=0).out
    assert "verified, not on this branch" in shown
    done.git("switch", "-q", "main")
    answer = done.runr(*period, "--json", code=0).json
    assert (answer["completed_count"], answer["unmerged_count"]) == (1, 0)


def test_what_is_to_be_done_about_lost_work_does_it(done: Place) -> None:
    pruned(done)
    (step,) = done.runr("task-status", "a", code=0).steps
    assert done.paste(step).code == 0
    assert task(done)["unmerged"] is False
    assert done.read("a.txt") == "a\n"
    reset_away(done)
    (step,) = done.runr("task-status", "a", code=0).steps
    assert done.paste(step).code == 0
    assert task(done)["unmerged"] is False


def test_a_status_of_another_repository_completes_nothing_here(done: Place) -> None:
    done.runr("export", "--output", "../kept.json", code=0)
    there = Place(done.root.with_name("there"), done.home)
    there.git("init", "-q", "-b", "main")
    there.commit("Another repository")
    there.runr("import", "../kept.json", "--yes", code=0)
    assert "1 unmerged, 1 blocked" in there.runr("status", "--tasks", code=0).out


def test_work_that_was_squashed_in_other_words_is_on_the_branch_as_that_commit(
    done: Place,
) -> None:
    done.git("reset", "-q", "--soft", "HEAD~1")
    done.git("commit", "-q", "-m", "In my own words")
    squashed = done.git("rev-parse", "HEAD")[:12]
    shown = task(done)
    assert (shown["unmerged"], shown["rewritten_as"]) == (False, f"{squashed} (with the same tree)")
    assert f"on this branch as {squashed}" in done.runr("why", "a", code=0).out
    done.write("a.txt", "and more\n")
    done.git("commit", "-q", "-a", "--amend", "--no-edit")
    assert task(done)["unmerged"] is True


def test_a_shallow_clone_does_not_know_what_is_older_than_it(done: Place) -> None:
    done.commit("Later")
    there = Place(done.root.with_name("shallow"), done.home)
    there.git("clone", "-q", "--depth", "1", f"file://{done.root}", ".")
    status = done.read(".runr/task-status.json")
    there.write(".runr/task-status.json", status)
    assert task(there)["unmerged"] is False
