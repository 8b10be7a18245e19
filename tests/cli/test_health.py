"""`runr health`: what in the records needs attention, and what to do about it."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cli.terminal import Place, Prepare
from runr.storage.layout import Layout
from unit.git_trees import make
from unit.journals_of_runs import Journals, completed, stopped


def troubled(place: Place) -> None:
    """Make a repository with a task that fails, one that flaps, and an open run of a session."""
    place.task("a.md", "verify: ['make test']")
    place.task("m.md", "type: manual")
    place.task("s.md")
    place.commit("Tasks")
    journals = Journals(Layout(place.root), datetime.now(UTC) - timedelta(days=1))
    for _ in range(3):
        journals.run("a", stopped())
    for person in ("Ada", "Bea"):
        place.runr("complete-task", "m", "--reason", "did it", "--by", person, code=0)
        place.runr("reset", "m", "--reason", "not yet", "--by", person, code=0)
    place.runr("run", "--task", "s", "--worker", "session", code=0)


def found(answer: Any) -> list[tuple[str, str | None, str]]:
    return [(row["kind"], row["task_path"], row["message"]) for row in answer["findings"]]


def test_a_repository_without_troubles_is_healthy(place: Place) -> None:
    place.task("m.md", "type: manual")
    place.commit("Tasks")
    place.runr("complete-task", "m", "--reason", "did it", "--by", "Ada", code=0)
    shown = place.runr("health", "--strict", code=0).out
    assert shown == "✓ nothing needs attention; 1 completion holds\n"


def test_what_stops_flaps_fails_or_hangs_is_found_with_what_to_do(prepared: Prepare) -> None:
    place = prepared(troubled)
    answer = place.runr("health", "--stuck-after", "0s", "--json", code=0).json
    tasks = [f".runr/tasks/{name}.md" for name in "sam"]
    hanging, failing, flapping, check = found(answer)
    assert hanging[:2] == ("stuck", tasks[0])
    assert failing == (
        "stuck",
        tasks[1],
        "stopped 3 times without a completion, last: checks still fail after the last attempt",
    )
    assert flapping == (
        "flapping",
        tasks[2],
        "completed 2 times, and taken back 2 times, in 30 days",
    )
    assert check == ("failing_check", None, "`make test` failed each of 3 times, for 1 task")
    assert answer["counts"]["stuck"] == 2
    shown = place.runr("health", "--strict", code=1)
    assert "Tasks whose completion was taken back again and again:" in shown.out
    assert shown.out.endswith("✗ 0 errors, 3 warnings\n")
    for row in answer["findings"]:
        for step in row["next_steps"]:
            assert place.paste(step).code == 0, step


def test_a_completion_of_another_clone_hides_no_task_that_stops_again_and_again(
    prepared: Prepare, tmp_path: Path
) -> None:
    place = prepared(troubled)
    other = Layout(make(tmp_path / "other"))
    other.runs.mkdir(parents=True)
    run = Journals(other, datetime.now(UTC) - timedelta(hours=1)).run("a", completed())
    shutil.copytree(run.folder, place.root / ".runr/runs" / run.id)
    answer = place.runr("health", "--json", code=0).json
    assert ("stuck", ".runr/tasks/a.md") in [each[:2] for each in found(answer)]


def test_a_completion_that_does_not_hold_is_an_error(place: Place) -> None:
    place.script("b.md", "echo 1 > b.txt", 'verify: ["test ! -f later.txt"]')
    place.commit("Tasks")
    place.run("b")
    place.runr("health", code=0)
    place.write("later.txt")
    place.commit("Later")
    place.runr("health", "--recheck", code=0)
    (place.root / ".runr/tasks/b.md").unlink()
    place.git("reset", "-q", "--hard", "HEAD~2")
    answer = place.runr("health", "--json", code=1).json
    assert [row["kind"] for row in answer["findings"]] == ["unproved"]
    assert answer["error_count"] == 1
    assert "✗ b.md: its commit" in place.runr("health", code=1).out


def test_an_age_that_is_none_is_refused(place: Place) -> None:
    assert "--stuck-after: " in place.runr("health", "--stuck-after", "soon", code=2).err


def test_many_leftovers_are_named_with_the_command_that_removes_them(place: Place) -> None:
    place.task("a.md")
    place.commit("Tasks")
    journals = Journals(Layout(place.root), datetime.now(UTC) - timedelta(days=90))
    for number in range(1, 11):
        branch = f"runr/a-{journals.now:%Y%m%d-%H%M%S}-{number:04}"
        place.git("branch", branch)
        assert branch.endswith(journals.run("a", completed(), branch=branch).id)
    answer = place.runr("health", "--json", code=0).json
    assert [row["kind"] for row in answer["findings"]] == ["leftovers"]
    assert answer["findings"][0]["next_steps"] == ["runr clean"]
    assert "10 worktrees and branches" in answer["findings"][0]["message"]
    place.runr("clean", code=0)
    assert place.runr("health", "--json", code=0).json["findings"] == []


def test_the_disk_use_of_worktrees_and_checkouts_is_named(place: Place) -> None:
    place.task("a.md")
    place.commit("Tasks")
    assert "On the disk" not in place.runr("health", code=0).out
    outside = place.write("large", "x" * 9_000_000)
    place.write(".runr/worktrees/20250101-000000-abcd/data", "x" * 3_000_000)
    place.write(".runr/checkouts/one/data", "x" * 2_000_000)
    (place.root / ".runr/checkouts/one/link").symlink_to(outside)
    used = place.runr("health", "--json", code=0).json["disk_use"]
    assert used["complete"]
    assert 3_000_000 <= used["worktree_bytes"] < 4_000_000
    assert 2_000_000 <= used["checkout_bytes"] < 3_000_000
    shown = place.runr("health", code=0).out
    assert "On the disk: worktrees 3.0 MB, kept checkouts 2.0 MB\n" in shown


def test_damaged_journals_are_found_whatever_became_of_their_runs(prepared: Prepare) -> None:
    place = prepared(troubled)
    assert place.runr("health", "--json", code=0).json["counts"]["drift"] == 0
    torn, linked, kept = sorted((place.root / ".runr/runs").glob("*-000[123]/timeline.jsonl"))
    torn.write_text("x\n", encoding="utf-8")
    linked.unlink()
    linked.symlink_to(kept)
    answer = place.runr("health", "--json", code=1).json
    torn_says, linked_says = (text for kind, _, text in found(answer) if kind == "drift")
    assert torn_says.startswith(f"run {torn.parent.name} is damaged: line 1 is not as runr wrote")
    assert "is a symbolic link, which runr does not follow" in linked_says
