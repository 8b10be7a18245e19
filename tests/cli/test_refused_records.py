"""What is refused leaves no record; what cannot be read is set aside and proves nothing."""

import json
from collections.abc import Sequence

import pytest

from cli.terminal import Place, Prepare

STATUS = ".runr/task-status.json"


@pytest.fixture
def worked(prepared: Prepare) -> Place:
    """Return a repository with a verified task, a stale one, a waiting one and a stopped one."""
    return prepared(_worked)


def _worked(place: Place) -> None:
    place.config('[run]\nworker = "script"\nattempts = 1\n\n[verify]\ntier1 = ["test ! -e bad"]\n')
    place.script("done.md", "echo 1 > done.txt")
    place.script("stale.md", "echo 1 > stale.txt")
    place.script("waits.md", "echo 1 > waits.txt", "type: hybrid")
    place.script("bad.md", "touch bad")
    place.script("open.md", "true")
    place.commit("Tasks")
    place.run("done")
    place.run("stale")
    place.runr("run", "--task", "waits")
    place.runr("run", "--task", "bad")
    place.write(".runr/tasks/stale.md", place.read(".runr/tasks/stale.md") + "\nMore.\n")


def _records(place: Place) -> dict[str, bytes]:
    runs = (place.root / ".runr/runs").rglob("*")
    return {str(path): path.read_bytes() for path in runs if path.name == "timeline.jsonl"}


@pytest.mark.parametrize(
    "words",
    [
        ("complete-task", "done", "--reason", "x", "--force"),
        ("complete-task", "open", "--reason", "x"),
        ("complete-task", "waits", "--reason", "x"),
        ("approve", "waits", "--reason", "x"),
        ("reject", "waits", "--reason", "x"),
        ("acknowledge", "stale", "--reason", "x"),
        ("run", "--task", "open"),
        ("resume", "bad"),
        ("stop", "bad"),
        ("rebuild",),
    ],
    ids=" ".join,
)
def test_a_command_that_a_newer_status_file_refuses_records_nothing(
    worked: Place, words: Sequence[str]
) -> None:
    known = json.loads(worked.read(STATUS))
    worked.write(STATUS, json.dumps(known | {"schema_version": 99}))
    before = _records(worked)
    refused = worked.runr(*words, code=10)
    assert "newer runr" in refused.err
    assert _records(worked) == before


def test_a_refused_attestation_does_not_count_after_a_rebuild(worked: Place) -> None:
    worked.write(STATUS, '{"schema_version": 99, "tasks": {}}')
    worked.runr("complete-task", "done", "--reason", "x", code=10)
    (worked.root / STATUS).unlink()
    worked.runr("rebuild", code=0)
    assert worked.status("done.md")["evidence"] == "verified"


def test_a_damaged_journal_is_reported_and_set_aside_with_every_byte(worked: Place) -> None:
    run = worked.status("done.md")["last_run_id"]
    timeline = worked.run_folder(run) / "timeline.jsonl"
    timeline.write_bytes(timeline.read_bytes() + b"garbage\n")
    damaged = timeline.read_bytes()
    assert f".runr/runs/{run}/timeline.jsonl" in worked.runr("lint", code=1).out
    doctor = worked.runr("doctor").out
    assert "✗ runs: 1 of 4 are damaged" in doctor
    assert "runr rebuild" in doctor
    assert "runr rebuild" in worked.runr("runs", code=0).steps

    planned = worked.runr("rebuild", "--dry-run", code=0)
    assert f"would be moved to .runr/damaged-runs/{run}" in planned.out
    assert timeline.exists()
    done = worked.runr("rebuild", code=0)
    assert f"moved to .runr/damaged-runs/{run}" in done.out
    kept = worked.root / ".runr/damaged-runs" / run / "timeline.jsonl"
    assert kept.read_bytes() == damaged
    assert "✓ runs: 3 recorded" in worked.runr("doctor").out
    assert worked.status("done.md")["evidence"] == "verified"
    assert "Everything is as recorded" in worked.runr("rebuild", code=0).out


def test_where_all_journals_are_damaged_the_list_of_runs_says_so(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    run = place.run("a")["id"]
    (place.run_folder(run) / "timeline.jsonl").write_text("x\n")
    listed = place.runr("runs", code=0)
    assert "No runs yet" not in listed.out
    assert listed.steps == ["runr rebuild"]
