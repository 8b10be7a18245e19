"""Files that are damaged, missing, foreign or unreadable."""

import json
import os
import re
from datetime import UTC, datetime

import pytest

from cli.terminal import Place, Prepare
from fakes.required import require_program
from runr.redaction import Redactor
from runr.runs.events import RunResumed
from runr.runs.journal import Journal
from runr.storage.layout import Layout

STATUS = ".runr/task-status.json"


@pytest.fixture
def finished(prepared: Prepare) -> Place:
    """Return a repository in which one task is verified and another attested."""
    return prepared(_finished)


def _finished(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.task("b.md", "type: manual")
    place.commit("Tasks")
    place.run("a")
    place.runr("complete-task", "b", "--reason", "did it", "--by", "Grace", code=0)


def summary(place: Place) -> dict[str, tuple[str, str | None]]:
    rows = place.runr("list-tasks", "--json", code=0).json["tasks"]
    return {row["path"][12:]: (row["status"], row["evidence"]) for row in rows}


@pytest.mark.parametrize("damage", ["empty", "truncated", "garbage", "{}", "[]"])
def test_a_damaged_status_file_is_reported_kept_aside_and_rebuilt(
    finished: Place, damage: str
) -> None:
    whole = (finished.root / STATUS).read_bytes()
    broken = {"empty": b"", "truncated": whole[: len(whole) // 2], "garbage": b"\x00\xff\x01"}
    content = broken.get(damage, damage.encode())
    (finished.root / STATUS).write_bytes(content)
    before = finished.runr("list-tasks", code=0)
    assert before.err.startswith("runr: task-status.json is damaged (")
    assert "kept aside" in before.err
    (aside,) = (finished.root / ".runr").glob("task-status.json.corrupt-*")
    assert aside.read_bytes() == content
    again = finished.runr("list-tasks", code=0)
    assert again.err == ""
    assert again.out == before.out
    assert summary(finished) == {
        "a.md": ("completed", "verified"),
        "b.md": ("completed", "attested"),
    }


def test_the_damage_is_reported_on_standard_error_also_with_json(finished: Place) -> None:
    finished.write(STATUS, "x")
    result = finished.runr("list-tasks", "--json", code=0)
    assert "damaged" in result.err
    assert result.json["total_count"] == 2


def test_a_missing_status_file_is_rebuilt_from_the_runs(finished: Place) -> None:
    expected = summary(finished)
    (finished.root / STATUS).unlink()
    dry = finished.runr("rebuild", "--dry-run", code=0)
    assert ".runr/tasks/a.md: not recorded → completed (verified)" in dry.out
    assert not finished.has_status()
    finished.runr("rebuild", code=0)
    assert summary(finished) == expected
    assert "Everything is as recorded" in finished.runr("rebuild", code=0).out


def test_a_newer_status_file_is_read_only(finished: Place) -> None:
    known = json.loads(finished.read(STATUS))
    finished.write(STATUS, json.dumps(known | {"schema_version": 99}))
    before = finished.read(STATUS)
    assert summary(finished)["a.md"] == ("completed", "verified")
    refused = finished.runr("run", "--task", "a", "--force", code=10)
    assert "newer runr" in refused.err
    assert finished.read(STATUS) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nattemps = 2\n", "unknown key `run.attemps`; did you mean `attempts`?"),
        ("[run]\nattempts = 0\n", "run.attempts: "),
        ('[run]\ntimeout = "soon"\n', "run.timeout: "),
        ("[run\n", "not valid TOML"),
        ('[verfy]\ntier1 = ["test -d ."]\n', "unknown key `verfy`; did you mean `verify`?"),
        ('[verify]\ntier1 = "true"\n', "verify.tier1: "),
    ],
)
def test_an_invalid_setting_is_reported_in_one_line(place: Place, text: str, message: str) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.config(text)
    refused = place.runr("run", "--task", "a", code=2)
    first, *more = refused.err.splitlines()
    assert first.startswith("runr: .runr/config.toml")
    assert message in first
    assert not more
    assert place.runr("list-tasks", code=0).err.splitlines() == [first]
    assert message in place.runr("doctor", code=1).out


def test_the_earlier_tools_status_file_is_read_and_upgraded_by_the_next_write(
    place: Place,
) -> None:
    place.task("old.md")
    place.task("stopped.md")
    place.task("new.md", "type: manual")
    stamp = "2024-12-24T10:00:00.000Z"
    done = {
        "status": "completed",
        "last_run_id": "20241224100000",
        "last_checkpoint_sha": "0" * 40,
        "last_updated_at": stamp,
    }
    stopped = {
        "status": "stopped",
        "last_run_id": "20241224100001",
        "last_stop_reason": "verification_failed",
        "last_updated_at": stamp,
    }
    tasks = {".runr/tasks/old.md": done, ".runr/tasks/stopped.md": stopped}
    place.write(STATUS, json.dumps({"tasks": tasks}))
    listed = place.runr("list-tasks", code=0)
    assert "◌ old.md      unmerged  2024-12-24  inferred from run:20241224100000" in listed.out
    assert "■ stopped.md  stopped" in listed.out
    assert listed.err == ""
    assert place.runr("task-status", "old", code=0).err == ""
    assert place.runr("task-status", "stopped", code=0).steps == ["runr run --task stopped.md"]
    place.runr("complete-task", "new", "--reason", "did it", code=0)
    upgraded = json.loads(place.read(STATUS))
    assert upgraded["schema_version"] == 1
    assert upgraded["tasks"][".runr/tasks/old.md"]["checkpoint_sha"] == "0" * 40


def require_setpriv() -> None:
    """Root may read and write everything, unless that is taken away."""
    if os.geteuid() == 0:
        require_program("setpriv", "util-linux")


def test_a_folder_that_may_not_be_written_can_still_be_read(finished: Place) -> None:
    require_setpriv()
    folder = finished.root / ".runr"
    for path in (folder, *filter(lambda path: path.is_dir(), folder.rglob("*"))):
        path.chmod(0o555)
    for path in filter(lambda path: path.is_file(), folder.rglob("*")):
        path.chmod(0o444)
    try:
        listed = finished.runr("list-tasks", bound=True, code=0)
        assert "✓ a.md" in listed.out
        assert finished.runr("task-status", "a", bound=True, code=0).err == ""
        assert finished.runr("report", "latest", bound=True, code=0).err == ""
        refused = finished.runr("run", "--task", "a", "--force", bound=True, code=1)
        assert "Permission denied" in refused.err
        assert refused.err.startswith("runr: ")
        assert "internal" not in refused.err
        assert "may not be written" in finished.runr("doctor", bound=True, code=1).out
    finally:
        for path in (folder, *filter(lambda path: path.is_dir(), folder.rglob("*"))):
            path.chmod(0o755)


def test_a_task_file_that_may_not_be_read_is_a_problem_of_that_task(place: Place) -> None:
    require_setpriv()
    place.task("a.md").chmod(0o000)
    place.task("b.md")
    listed = place.runr("list-tasks", bound=True, code=0)
    assert "Permission denied" in listed.out
    assert "○ b.md  pending" in listed.out
    refused = place.runr("run", "--task", "a", bound=True, code=2)
    assert "Permission denied" in refused.err


def test_a_damaged_run_hides_no_other(finished: Place) -> None:
    entry = finished.status("b.md")
    folder = finished.run_folder(entry["last_run_id"])
    (folder / "timeline.jsonl").write_text("no json\n")
    (folder / "state.json").unlink()
    listed = finished.runr("runs", code=0)
    assert "a.md" in listed.out
    assert "timeline.jsonl is damaged" in listed.err
    assert entry["last_run_id"] in finished.runr("doctor", code=1).out
    assert finished.runr("list-tasks", code=0).err == ""
    assert "is damaged" in finished.runr("task-status", "b", code=0).err
    assert finished.runr("report", entry["last_run_id"], code=10).err.startswith("runr: ")


def test_an_active_run_whose_record_is_damaged_is_ended(place: Place) -> None:
    place.task("a.md")
    entry = {
        "status": "in_progress",
        "last_run_id": "20250108-143022-k7qf",
        "updated_at": "2025-01-08T14:35:22Z",
        "revision": 1,
    }
    place.write(STATUS, json.dumps({"schema_version": 1, "tasks": {".runr/tasks/a.md": entry}}))
    place.write(".runr/runs/20250108-143022-k7qf/timeline.jsonl", "no json\n")
    assert summary(place) == {"a.md": ("stopped", None)}
    assert place.status("a.md")["stop_reason"] == "interrupted"
    assert "is damaged" in place.runr("task-status", "a", code=0).out


def test_the_cache_may_be_lost_or_damaged_at_any_time(finished: Place) -> None:
    expected = summary(finished)
    (finished.root / ".runr/runr.db").write_bytes(b"no database")
    assert summary(finished) == expected


def test_a_clock_that_goes_back_loses_no_completion_in_a_rebuild(place: Place) -> None:
    place.config('[run]\nworker = "script"\nattempts = 1\n')
    place.script("a.md", "test -e ../../go || exit 1; echo 1 >> a.txt", "verify: ['test -f a.txt']")
    place.script("b.md", "echo 1 >> b.txt", "depends_on: [a]\nverify: ['test -f b.txt']")
    place.commit("Tasks")
    place.run("a", code=1)
    stopped = place.status("a.md")["last_run_id"]
    place.write(".runr/go")
    place.run("a")
    place.run("b")
    # As if the clock had been a day ahead while the first run stopped.
    place.rewrite(stopped, lambda line: re.sub(r'"time":"2\d{3}', '"time":"2999', line))
    before = summary(place)
    assert before["a.md"] == ("completed", "verified")
    place.runr("rebuild", code=0)
    assert summary(place) == before
    (place.root / STATUS).unlink()
    place.runr("rebuild", code=0)
    assert summary(place) == before
    # What is done next comes after all of it.
    place.run("b", "--force")
    place.run("a", "--force")
    assert "a.md was completed again later" in place.runr("why", "b", code=0).out


@pytest.mark.parametrize(
    "forge", ["echo nonsense > .git", "echo gitdir: /nowhere > .git", "rm .git; git init -q ."]
)
def test_a_worktree_whose_git_file_was_forged_is_named_and_goes_on(
    place: Place, forge: str
) -> None:
    place.script("a.md", f"echo x > x; {forge}", "verify: ['test -f x']")
    place.commit("Task")
    stopped = place.run("a", code=1)
    assert stopped["stop_reason"] == "git_failed"
    assert "/.git does not lead to the repository any more" in stopped["detail"]
    for step in place.runr("task-status", "a").steps[:-1]:
        assert place.paste(step).code == 0
    mark = place.root / ".runr/worktrees" / stopped["id"] / ".git"
    if mark.is_dir():
        mark.rename(place.root.with_name("aside"))
    place.runr("resume", stopped["id"], "--from", "verify", code=0)
    assert place.git("show", "--format=", "--name-status") == "A\tx\n"


def test_what_a_worker_wrote_outlives_its_removal_of_git_and_of_other_files(place: Place) -> None:
    script = "test -f x && exit 0; echo x > x; rm -r .git README.md; exit 1"
    place.script("a.md", script, "verify: ['test -f x']")
    place.commit("Task")
    stopped = place.run("a", code=1)
    assert "the worker removed its folder, or the .git in it" in stopped["detail"]
    worktree = place.root / ".runr/worktrees" / stopped["id"]
    resumed = place.runr("resume", stopped["id"], code=0)
    assert f"the .git of {worktree} was gone, and is written again" in resumed.err
    assert place.git("show", "--format=", "--name-status") == "D\tREADME.md\nA\tx\n"


@pytest.mark.parametrize("words", [("land", "a"), ("resume", "a"), ("land", "--all")])
def test_a_run_that_died_as_it_was_resumed_can_be_resumed_again(
    place: Place, words: tuple[str, ...]
) -> None:
    place.script("a.md", "echo 1 > a.txt", "verify: ['test -f a.txt']")
    place.commit("Task")
    place.write("a.txt", "mine\n")
    run = place.runr("--json", "run", "a", code=11).json["id"]
    files = Layout(place.root).run(run)
    # What is written first, before the status file.
    Journal(files, lambda: datetime.now(UTC), Redactor({})).append(RunResumed())
    (place.root / "a.txt").unlink()
    place.runr(*words, code=0)
    assert place.status("a.md")["status"] == "completed"
    assert place.git("show", "main:a.txt") == "1\n"
