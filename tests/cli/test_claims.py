"""The status file counts only as far as records of this clone, or commits, show what it says."""

import hashlib
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType

import pytest

from cli.terminal import Place
from runr import project as projects
from runr.evidence import supported
from runr.project import Project
from runr.query.listing import TaskQuery, list_tasks

STATUS = ".runr/task-status.json"
A, B, M = (f".runr/tasks/{name}.md" for name in "abm")
CONFIG = '[run]\nworker = "script"\nattempts = 1\n'
CHECK = 'verify: ["test -f {0}.txt"]'


@pytest.fixture
def done(place: Place) -> Place:
    """Return a repository with a completed task, one that is not, and one that depends on it."""
    place.config(CONFIG)
    place.script("a.md", "echo 1 > a.txt", CHECK.format("a"))
    place.script("b.md", "echo 1 > b.txt", CHECK.format("b"))
    place.script("c.md", "echo 1 > c.txt", f"depends_on: [b]\n{CHECK.format('c')}")
    place.task("m.md", "type: manual")
    place.script("n.md", "echo 1 > n.txt", f"depends_on: [m]\n{CHECK.format('n')}")
    place.commit("Tasks")
    place.run("a")
    return place


def _change(place: Place, task: str, **facts: object) -> None:
    known = json.loads(place.read(STATUS))
    known["tasks"][task] = {**known["tasks"][A], **facts}
    place.write(STATUS, json.dumps(known))


def _task(place: Place, name: str) -> dict[str, object]:
    rows = place.runr("list-tasks", "--json", code=0).json["tasks"]
    return next(row for row in rows if row["path"] == f".runr/tasks/{name}.md")


FORGERIES: dict[str, Callable[[Place], None]] = {
    "an invented run": lambda place: _change(
        place, B, last_run_id="20260101-000000-zzzz", completed_by="run:20260101-000000-zzzz"
    ),
    "the run of another task": lambda place: _change(place, B),
    "no run": lambda place: _change(place, B, last_run_id=None, checkpoint_sha=None),
    "a person": lambda place: _change(
        place, B, last_run_id=None, evidence="attested", completed_by="person:Ada", reason="x"
    ),
    "inferred from nothing": lambda place: _change(
        place, B, last_run_id=None, checkpoint_sha=None, evidence="inferred", basis="trailers"
    ),
    "inferred from the commit of another task": lambda place: _change(
        place, B, evidence="inferred", basis="trailers", confidence=0.7
    ),
    "inferred from the header": lambda place: _change(
        place, B, last_run_id=None, evidence="inferred", basis="mirror", confidence=0.5
    ),
    "an acknowledgement": lambda place: _change(
        place, B, last_run_id="20260101-000000-zzzz", acknowledged_by="person:Ada"
    ),
    "an entry of the earlier tool": lambda place: _change(
        place,
        B,
        last_run_id="20250101000000",
        last_updated_at="2025-01-01T00:00:00Z",
        evidence=None,
        checkpoint_sha=None,
    ),
    "no evidence": lambda place: _change(place, B, last_run_id=None, evidence=None),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_an_entry_that_nothing_proves_is_not_a_completion(
    done: Place, forge: Callable[[Place], None]
) -> None:
    forge(done)
    row = _task(done, "b")
    assert (row["status"], row["evidence"], row["ready"]) == ("pending", None, True)
    assert row["unproved"]
    assert _task(done, "c")["blocked_by"] == [B]
    assert "not proved: " in done.runr("list-tasks", code=0).out
    for words in (("task-status", "b"), ("why", "b")):
        assert "recorded as completed, which nothing here proves" in done.runr(*words, code=0).out
    assert done.runr("run", "--task", "c").code != 0
    assert _task(done, "a")["evidence"] == "verified"
    issues = done.runr("export", "--format", "beads", code=0).out.splitlines()
    closed = [json.loads(line)["title"] for line in issues if '"closed"' in line]
    assert closed == ["a"]
    # It is done like any other task.
    assert done.run("b")["status"] == "completed"
    assert _task(done, "b")["evidence"] == "verified"


def test_what_runr_has_inferred_here_counts_and_nothing_else(done: Place) -> None:
    there = done.clone()
    there.runr("status", "--infer-from-git", "--apply", code=0)
    assert (_task(there, "a")["evidence"], _task(there, "a")["status"]) == ("inferred", "completed")
    _change(there, B, **there.status("a.md"))
    assert (_task(there, "b")["status"], _task(there, "c")["ready"]) == ("pending", False)
    _change(there, A, task_sha256="0" * 64, basis="record", confidence=1.0)
    assert "inferred (0.70): its trailers name the task" in there.runr("why", "a", code=0).out
    # What commits show is recorded again.
    assert "a.md" in there.runr("rebuild", code=0).out
    assert there.status("a.md")["basis"] == "checkpoint"
    assert "as recorded" in there.runr("rebuild", code=0).out


def test_an_acknowledgement_gives_an_inferred_completion_no_other_text(done: Place) -> None:
    there = done.clone()
    there.runr("rebuild", code=0)
    there.script("a.md", "echo 2 > a.txt", CHECK.format("a"))
    text = hashlib.sha256(there.read(A).encode()).hexdigest()
    assert _task(there, "a")["stale"] is True
    entry = there.status("a.md")
    _change(there, A, task_sha256=text, acknowledged_run="x", acknowledged_by="person:Ada")
    assert _task(there, "a")["status"] == "pending"
    assert "no record shows that it was acknowledged" in there.runr("why", "a", code=0).out
    _change(there, A, **entry, acknowledged_run=None, acknowledged_by=None)
    there.runr("acknowledge", "a", "--by", "Ada", "--reason", "still right", code=0)
    row = _task(there, "a")
    assert (row["status"], row["evidence"], row["stale"]) == ("completed", "inferred", False)


def test_a_stopped_run_is_not_said_to_be_of_another_clone(done: Place) -> None:
    done.script("b.md", "exit 1", CHECK.format("b"))
    done.runr("run", "--task", "b", code=1)
    run = done.status("b.md")["last_run_id"]
    _change(done, B, last_run_id=run, evidence="inferred", checkpoint_sha=None)
    assert f"run {run} did not complete it" in done.runr("why", "b", code=0).out


def test_in_a_shallow_clone_a_commit_that_is_not_here_completes_nothing(done: Place) -> None:
    for sha in ("deadbeef" * 5, "x"):
        _change(done, B, last_run_id="20260101-000000-zzzz", checkpoint_sha=sha)
        row = _task(done, "c")
        assert (row["ready"], row["status"]) == (False, "pending")
        done.git("add", "-f", STATUS)
        done.commit("The status")
        there = Place(done.root.with_name(f"shallow-{sha[:4]}"), done.home)
        there.git("clone", "-q", "--depth", "1", done.root.as_uri(), ".")
        assert (_task(there, "b")["status"], _task(there, "c")["ready"]) == ("pending", False)


def test_an_entry_that_says_more_than_its_run_is_not_believed(done: Place) -> None:
    done.runr("complete-task", "m", "--reason", "looked at it", code=0)
    assert _task(done, "m")["evidence"] == "attested"
    known = json.loads(done.read(STATUS))
    known["tasks"][M]["evidence"] = "verified"
    done.write(STATUS, json.dumps(known))
    assert _task(done, "m")["status"] == "pending"
    assert "is attested, and not verified" in done.runr("why", "m", code=0).out
    assert _task(done, "n")["blocked_by"] == [M]


#: What an edit of a completion that was forced past failed checks can leave out or make up.
EDITS: dict[str, dict[str, object]] = {
    "no force": {"override_reason": None},
    "passed checks": {"verification": "passed"},
    "another reason": {"reason": "Seen by all"},
    "a later number": {"sequence": 99999},
}


@pytest.mark.parametrize("facts", EDITS.values(), ids=EDITS.keys())
def test_a_forced_completion_cannot_be_edited_into_another_one(
    done: Place, facts: dict[str, object]
) -> None:
    words = ("--force", "--reason", "by hand", "--by", "Ada")
    done.runr("complete-task", "c", *words, code=0)
    known = json.loads(done.read(STATUS))
    known["tasks"][".runr/tasks/c.md"] |= facts
    done.write(STATUS, json.dumps(known))
    row = _task(done, "c")
    assert (row["status"], row["evidence"]) == ("pending", None)
    result = done.runr("verify", "c", code=1)
    assert "recorded as attested, and that does not hold" in result.out
    assert "b.md is open" in result.out


@pytest.mark.parametrize("run", [None, "20260101-000000-zzzz", "its own"])
def test_an_acknowledgement_that_no_record_shows_does_not_count(
    done: Place, run: str | None
) -> None:
    done.script("a.md", "echo 1 > a.txt; echo 2 > a.txt", CHECK.format("a"))
    entry = json.loads(done.read(STATUS))["tasks"][A]
    assert _task(done, "a")["stale"]
    done.runr("acknowledge", "a", "--by", "Ada", "--reason", "still right", code=0)
    assert not _task(done, "a")["stale"]
    _change(done, A, acknowledged_run=entry["last_run_id"] if run == "its own" else run)
    row = _task(done, "a")
    assert row["stale"] or row["status"] == "pending"
    done.runr("verify", "--strict", code=1)


def test_a_shared_status_file_counts_as_inferred_in_another_clone(done: Place) -> None:
    done.config(f"{CONFIG}[status]\nshared = true\n")
    done.runr("complete-task", "m", "--reason", "looked at it", code=0)
    done.git("add", "-f", STATUS)
    done.commit("Share the status")
    there = done.clone()
    assert [_task(there, name)["evidence"] for name in "am"] == ["inferred", "inferred"]
    assert _task(there, "n")["ready"] is True
    assert "its trailers name the task" in there.runr("why", "a", code=0).out
    assert "the status file says so" in there.runr("why", "m", code=0).out
    assert "only the shared status file says so" in there.runr("verify", "m", code=0).out
    there.runr("verify", "m", "--at-least", "attested", code=1)
    there.config(f'{CONFIG}[status]\nshared = true\ndependencies = "attested"\n')
    assert _task(there, "n")["blocked_by"] == [f"{M} (it is only inferred)"]
    # What was recorded stays in the file.
    assert there.status("m.md")["evidence"] == "attested"
    # A claim of passed checks without a commit that says so is none.
    _change(there, B, last_run_id="20260101-000000-zzzz")
    assert _task(there, "b")["status"] == "pending"


def _listed(place: Place) -> tuple[str | None, Counter[str]]:
    """Return the evidence of the first task in a list, and what was called to make it."""
    called: Counter[str] = Counter()

    def look(frame: FrameType, event: str, _arg: object) -> None:
        called[frame.f_code.co_name] += event == "call"

    sys.setprofile(look)
    try:
        answer = list_tasks(Project.open(place.root, {}), TaskQuery())
    finally:
        sys.setprofile(None)
    return answer.tasks[0].evidence, called


def test_a_listing_reads_the_journal_of_a_completed_run_once(done: Place) -> None:
    _listed(done)
    evidence, called = _listed(done)
    assert evidence == "verified"
    assert (called["find_supported"], called["parse_event"]) == (1, 0)


def test_a_listing_reads_the_journal_of_another_clone_again_only_where_it_has_changed(
    done: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supported, "_RACY_NS", 0)
    there = done.clone()
    shutil.copytree(done.root / ".runr/runs", there.root / ".runr/runs")
    there.write(STATUS, done.read(STATUS))
    run = done.status("a.md")["last_run_id"]

    def read() -> tuple[str | None, bool]:
        evidence, called = _listed(there)
        return evidence, called["folded"] > 0

    assert [read(), read()] == [("inferred", True), ("inferred", False)]
    timeline = there.run_folder(run) / "timeline.jsonl"
    timeline.write_bytes(timeline.read_bytes() * 2)
    assert [read(), read()] == [("inferred", True), ("inferred", False)]


def _weaken(place: Place) -> None:
    _change(place, A, evidence="attested", completed_by="person:Ada")


def _remove_run(place: Place) -> None:
    shutil.rmtree(place.run_folder(place.status("a.md")["last_run_id"]))


def _put_back(place: Place) -> None:
    before = place.read(STATUS)
    place.runr("reset", "a", "--reason", "not right", "--by", "Ada", code=0)
    place.write(STATUS, before)


def _leave_branch(place: Place) -> None:
    place.git("reset", "-q", "--hard", "HEAD~1")


def _revert(place: Place) -> None:
    place.git("revert", "--no-edit", "HEAD")


LATER: dict[str, tuple[Callable[[Place], None], tuple[str, str | None]]] = {
    "nothing": (lambda _place: None, ("completed", "verified")),
    "its entry says another thing": (_weaken, ("pending", None)),
    "its run is gone": (_remove_run, ("completed", "inferred")),
    "a reset is not in the file": (_put_back, ("pending", None)),
    "its commit has left the branch": (_leave_branch, ("completed", "verified")),
    "its commit was reverted": (
        _revert,
        ("completed", "verified"),
    ),
}


@pytest.mark.parametrize(("change", "expected"), LATER.values(), ids=LATER.keys())
def test_what_was_found_of_many_entries_holds_until_something_changes(
    done: Place,
    change: Callable[[Place], None],
    expected: tuple[str, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(projects, "_MANY", 1)
    monkeypatch.setattr(supported, "_RACY_NS", 0)

    def listed() -> tuple[str, str | None, bool, bool]:
        tasks = list_tasks(Project.open(done.root, {}), TaskQuery()).tasks
        (a,) = (task for task in tasks if task.path == A)
        return a.status, a.evidence, a.stale, a.unmerged

    assert listed() == ("completed", "verified", False, False)
    assert (done.root / ".git/runr/key/supported").exists()
    assert listed() == ("completed", "verified", False, False)
    change(done)
    assert listed() == (*expected, change is _revert, change is _leave_branch)
