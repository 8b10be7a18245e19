"""Records of runs that this clone did not make prove nothing, however they got here."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from cli.terminal import Place
from runr.runs import clone_key

A, M = ".runr/tasks/a.md", ".runr/tasks/m.md"
STATUS = ".runr/task-status.json"
CONFIG = '[run]\nworker = "script"\nattempts = 1\n'


@pytest.fixture
def done(place: Place) -> Place:
    """Return a repository with a verified and an attested completion."""
    place.config(CONFIG)
    place.script("a.md", "echo 1 > a.txt", 'verify: ["grep -q 1 a.txt"]')
    place.script("s.md", "echo 1 > s.txt", 'verify: ["grep -q 2 s.txt"]')
    place.task("m.md", "type: manual")
    place.commit()
    place.run("a")
    place.run("s", code=4)
    place.runr("complete-task", "m", "--reason", "looked at it", code=0)
    return place


@pytest.fixture
def foreign(done: Place) -> Place:
    """Return a clone whose commit has the records of runs and the status."""
    done.git("add", "-f", ".runr/runs", STATUS)
    done.commit("Take the records along")
    return done.clone()


def _proved(place: Place, *words: str) -> dict[str, str | None]:
    rows = place.runr("verify", *words, "--json").json["completions"]
    return {row["task_path"]: row.get("proved") for row in rows}


def _findings(place: Place) -> list[tuple[str, str]]:
    found = place.runr("lint", "--json").json["diagnostics"]
    return [(each["rule"], each["severity"]) for each in found]


def test_records_that_came_with_a_commit_prove_nothing(foreign: Place) -> None:
    shown = foreign.runr("verify", "a", code=0).out
    assert "is a record of another clone" in shown
    assert _proved(foreign) == {A: "inferred", M: None}
    foreign.runr("verify", "a", "--at-least", "verified", code=1)
    assert "records of another clone, which prove nothing here" in foreign.runr("doctor").out
    assert ("committed-run", "warning") in _findings(foreign)
    # They stay what they are when git does not track them any more.
    foreign.git("rm", "-r", "-q", "--cached", ".runr/runs")
    foreign.git("commit", "-q", "-m", "Leave them here")
    assert _proved(foreign) == {A: "inferred", M: None}
    assert ("committed-run", "warning") not in _findings(foreign)


def test_a_run_of_another_clone_that_was_in_progress_is_not_called_gone(foreign: Place) -> None:
    path = foreign.root / STATUS
    content = json.loads(path.read_text())
    run_id = content["tasks"][A]["last_run_id"]
    content["tasks"][A] |= {"status": "in_progress"}
    path.write_text(json.dumps(content))
    said = foreign.runr("lint").out
    assert f"run {run_id} has ended, and the record of its run is of another clone" in said
    shutil.rmtree(foreign.run_folder(run_id))
    path.write_text(json.dumps(content))
    said = foreign.runr("lint").out
    assert f"run {run_id} has ended, and the record of its run is gone" in said


def test_a_status_is_rebuilt_without_records_of_another_clone(foreign: Place) -> None:
    (foreign.root / STATUS).unlink()
    foreign.runr("rebuild", code=0)
    assert foreign.status("a.md")["evidence"] == "inferred"
    assert foreign.status("m.md") is None


def test_a_run_of_another_clone_is_not_continued(foreign: Place) -> None:
    run = foreign.status("s.md")["last_run_id"]
    for words in (("resume", run), ("land", run), ("approve", run, "--reason", "x")):
        refused = foreign.runr(*words)
        assert refused.code != 0, words
        assert "is a record of another clone" in refused.err, (words, refused.err)
    assert "is a record of another clone" in foreign.runr("task-status", "s", code=0).err
    # A run of this clone begins anew.
    foreign.write(".runr/tasks/s.md", foreign.read(".runr/tasks/s.md").replace("q 2", "q 1"))
    foreign.commit("Another check")
    assert foreign.run("s")["id"] != run


def test_a_journal_written_by_hand_is_believed_by_nothing(done: Place) -> None:
    run = done.status("a.md")["last_run_id"]
    invented = f"{run[:-4]}zzzz"
    text = (done.run_folder(run) / "timeline.jsonl").read_text()
    done.write(f".runr/runs/{invented}/timeline.jsonl", text.replace(A, M).replace(run, invented))
    known = json.loads(done.read(STATUS))
    made = {**known["tasks"][A], "last_run_id": invented, "completed_by": f"run:{invented}"}
    known["tasks"][M] = made
    done.write(STATUS, json.dumps(known))
    assert _proved(done)[M] is None


def test_a_repository_that_was_moved_keeps_its_records(done: Place) -> None:
    there = done.root.rename(done.root.with_name("moved"))
    moved = Place(root=there, home=done.home)
    assert _proved(moved) == {A: "verified", M: "attested"}


def test_when_the_git_directory_was_lost_the_history_counts(done: Place) -> None:
    bundle = done.root.with_name("all.bundle")
    done.git("bundle", "create", "-q", str(bundle), "--all")
    shutil.rmtree(done.root / ".git")
    done.git("init", "-q", "-b", "main")
    done.git("fetch", "-q", str(bundle), "main")
    done.git("reset", "-q", "FETCH_HEAD")
    assert _proved(done) == {A: "inferred", M: None}
    (done.root / STATUS).unlink()
    done.runr("rebuild", code=0)
    assert done.status("a.md")["evidence"] == "inferred"


def test_an_export_put_back_into_its_clone_proves_what_it_did(done: Place) -> None:
    kept = done.root.with_name("kept.json")
    done.runr("export", "--output", str(kept), code=0)
    shutil.rmtree(done.root / ".runr/runs")
    (done.root / STATUS).unlink()
    there = done.clone()
    for place in (done, there):
        place.runr("import", str(kept), "--yes", code=0)
    assert _proved(done) == {A: "verified", M: "attested"}
    assert _proved(there) == {A: "inferred", M: None}
    report = there.runr("report", done.status("a.md")["last_run_id"], code=0).out
    assert "completed and verified" in report
    assert "a record of another clone" in report


def test_the_key_of_a_clone_is_for_its_user_only_and_in_no_commit(done: Place) -> None:
    key = clone_key.folder(done.root / ".git") / "journals"
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_text("damaged")
    refused = done.runr("report", "latest")
    assert refused.code != 0
    assert f"{key} is not as runr wrote it" in refused.err


def test_a_cache_that_came_in_a_commit_is_not_read_and_named(place: Place) -> None:
    place.age(place.task("a.md", "title: Plain"))
    place.runr("list-tasks", code=0)
    with closing(sqlite3.connect(place.root / ".runr/runr.db")) as database:
        forged = "UPDATE task_definitions SET body = replace(body, 'Plain', 'Forged')"
        assert database.execute(forged).rowcount == 1
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made = (place.root / A).stat().st_mtime_ns
    assert "Forged" in place.runr("list-tasks", "--json", code=0).out
    place.git("add", "-f", ".runr")
    place.commit("Cache")
    there = place.clone()
    os.utime(there.root / A, ns=(made, made))
    assert "Forged" not in there.runr("list-tasks", "--json", code=0).out
    assert ("committed-run", "warning") in _findings(there)
    found = there.runr("lint", "--json").json["diagnostics"]
    steps = [
        each["message"].rpartition("not read: ")[2] for each in found if "runr.db" in each["path"]
    ]
    assert there.paste(steps[0]).code == 0
    assert ("committed-run", "warning") not in _findings(there)
