import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.project_kit import ProjectKit
from runr.app.start import RunRequest, run_task
from runr.core.runstate import Approval, RunStart, RunState
from runr.core.status import UNTOUCHED, Entry, Evidence, State, Verification, fold
from runr.errors import DamagedStateError, RunrError
from runr.store import statusfile
from runr.store.layout import Layout
from runr.store.statusfile import DamagedStatusError

A, B, C = (f".runr/tasks/{name}.md" for name in "abc")
RUN = "20250108-143022-k7qf"
LATER = "20250108-150000-p2wd"
SHA = "2" * 40
NOW = "2025-01-08T14:35:22Z"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / ".runr").mkdir()
    return Layout(tmp_path)


def completed(**facts: Any) -> Entry:
    known: dict[str, Any] = {
        "status": State.COMPLETED,
        "last_run_id": RUN,
        "updated_at": NOW,
        "completed_at": NOW,
        "completed_by": f"run:{RUN}",
        "checkpoint_sha": SHA,
        "task_sha256": "3" * 64,
        "verification": Verification.PASSED,
        "evidence": Evidence.VERIFIED,
        "attempts": 1,
        "revision": 2,
    }
    return Entry(**(known | facts))


def write(layout: Layout, *names: str) -> bytes:
    """Record completed tasks and return the file's bytes."""
    statusfile.update(layout, lambda tasks: tasks | {name: completed() for name in names})
    return layout.status.read_bytes()


def test_the_file_is_written_as_documented(layout: Layout) -> None:
    statusfile.update(
        layout,
        lambda _: {
            B: Entry(status=State.FAILED, stop_reason="error", error="größe\nfehlt", revision=1),
            A: completed(),
        },
    )
    assert (
        layout.status.read_text(encoding="utf-8")
        == f"""\
{{
  "schema_version": 1,
  "tasks": {{
    "{A}": {{
      "attempts": 1,
      "checkpoint_sha": "{SHA}",
      "completed_at": "{NOW}",
      "completed_by": "run:{RUN}",
      "error": null,
      "evidence": "verified",
      "last_run_id": "{RUN}",
      "revision": 2,
      "status": "completed",
      "stop_reason": null,
      "task_sha256": "{"3" * 64}",
      "updated_at": "{NOW}",
      "verification": "passed"
    }},
    "{B}": {{
      "attempts": 0,
      "checkpoint_sha": null,
      "completed_at": null,
      "completed_by": null,
      "error": "größe\\nfehlt",
      "evidence": null,
      "last_run_id": null,
      "revision": 1,
      "status": "failed",
      "stop_reason": "error",
      "task_sha256": null,
      "updated_at": null,
      "verification": "none"
    }}
  }}
}}
"""
    )


def test_a_reason_and_a_branch_are_written_where_there_is_one(layout: Layout) -> None:
    statusfile.update(layout, lambda _: {A: completed(reason="I looked", branch="runr/a")})
    entry = json.loads(layout.status.read_bytes())["tasks"][A]
    assert (entry["reason"], entry["branch"]) == ("I looked", "runr/a")
    assert statusfile.read(layout).tasks[A].branch == "runr/a"


def test_without_a_file_nothing_is_recorded(layout: Layout) -> None:
    assert statusfile.read(layout).tasks == {}
    assert not layout.status.exists()


def test_keys_that_this_version_does_not_know_survive_a_rewrite(layout: Layout) -> None:
    write(layout, A)
    raw = json.loads(layout.status.read_bytes())
    raw["lanes"] = {"b": [1], "a": None}
    raw["tasks"][A]["estimate"] = {"hours": 1.5}
    layout.status.write_text(json.dumps(raw), encoding="utf-8")
    write(layout, B)
    statusfile.update(
        layout,
        lambda tasks: tasks | {A: tasks[A].model_copy(update={"status": State.STOPPED})},
    )
    again = json.loads(layout.status.read_bytes())
    assert again["lanes"] == {"a": None, "b": [1]}
    assert again["tasks"][A]["estimate"] == {"hours": 1.5}
    assert again["tasks"][A]["status"] == "stopped"
    assert list(again) == ["lanes", "schema_version", "tasks"]


def test_a_change_that_changes_nothing_writes_nothing(layout: Layout) -> None:
    write(layout, A)
    before = layout.status.stat()
    statusfile.update(layout, dict)
    assert layout.status.stat() == before


COMPLETE = """
import os, sys
from pathlib import Path
from runr.core.status import Entry, State
from runr.store import statusfile
from runr.store.layout import Layout

layout, names = Layout(Path(sys.argv[1])), sys.argv[2:]
gate, opened = os.pipe()
for name in names:
    if not os.fork():
        os.close(opened)
        os.read(gate, 1)  # until everybody is there
        done = Entry(status=State.COMPLETED, revision=1)
        statusfile.update(layout, lambda tasks: tasks | {name: done})
        os._exit(0)
os.close(opened)
assert [os.wait()[1] for _ in names] == [0] * len(names)
"""


def child(program: str, *arguments: object) -> str:
    """Run a program of Python and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_fifty_processes_that_complete_fifty_tasks_at_once_lose_none(layout: Layout) -> None:
    names = [f".runr/tasks/{number:02}.md" for number in range(50)]
    child(COMPLETE, layout.root, *names)
    tasks = statusfile.read(layout).tasks
    assert sorted(tasks) == names
    assert all(entry.status is State.COMPLETED for entry in tasks.values())


KILL = """
import os, random, signal, sys, time
from pathlib import Path
from runr.core.status import Entry
from runr.store import statusfile
from runr.store.layout import Layout

layout, kills = Layout(Path(sys.argv[1])), int(sys.argv[2])
names = [f".runr/tasks/{n:04}.md" for n in range(2000)]
versions = [dict.fromkeys(names, Entry(reason=mark, revision=1)) for mark in ("old", "new")]

def is_writing():
    return any(layout.runr.glob(".task-status.json.*.tmp"))

statusfile.update(layout, lambda _: versions[0])
torn = 0
for seed in range(kills):
    told, tell = os.pipe()
    writer = os.fork()
    while not writer:
        for version in versions:
            statusfile.update(layout, lambda _: version)
            os.write(tell, b"x")
    os.close(tell)
    os.read(told, 1)
    if seed % 3:
        while not is_writing():
            pass
    else:
        time.sleep(random.Random(seed).uniform(0, 0.05))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    os.close(told)
    found = statusfile.read(layout).tasks
    assert found in versions, len(found)
    torn += is_writing()
print(torn)
"""


def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(layout: Layout) -> None:
    torn = int(child(KILL, layout.root, 30))
    assert torn > 0, "no writer was killed in the middle of a write"
    (layout.runr / ".task-status.json.1-2.tmp").write_text("half", encoding="utf-8")
    write(layout, A)
    assert [path.name for path in layout.runr.iterdir() if path.name.endswith(".tmp")] == []
    assert A in statusfile.read(layout).tasks


Damage = Callable[[bytes], bytes]


def cut_before(mark: str, data: bytes) -> bytes:
    return data[: data.index(mark.encode())]


def conflict(data: bytes) -> bytes:
    start = data.index(f'    "{C}"'.encode())
    marked = b"<<<<<<< HEAD\n" + data[start:-7] + b"\n=======\n>>>>>>> topic\n"
    return data[:start] + marked + data[-7:]


def strange(key: str, value: object) -> Damage:
    def change(data: bytes) -> bytes:
        raw = json.loads(data)
        raw["tasks"][B][key] = value
        return json.dumps(raw).encode()

    return change


def entry_is(value: object) -> Damage:
    def change(data: bytes) -> bytes:
        raw = json.loads(data)
        raw["tasks"][B] = value
        return json.dumps(raw).encode()

    return change


DAMAGES: list[tuple[str, Damage, list[str]]] = [
    ("empty", lambda _: b"", []),
    ("white space", lambda _: b" \n", []),
    ("garbage", lambda _: b"\xff\x00\x13 nothing", []),
    ("a list", lambda _: b"[]", []),
    ("an empty table", lambda _: b"{}", []),
    ("null", lambda _: b"null", []),
    ("a text", lambda _: b'"tasks"', []),
    ("a list for the tasks", lambda _: b'{"tasks": []}', []),
    ("null for the tasks", lambda _: b'{"schema_version": 1, "tasks": null}', []),
    ("no tasks but a sign of the earlier tool", lambda _: b'{"last_updated_at": 1}', []),
    ("only NUL bytes", lambda data: b"\0" * len(data), []),
    ("nested without end", lambda _: b"[" * 100_000, []),
    ("cut in the first entry", lambda data: cut_before("completed_by", data), []),
    ("cut in the last entry", lambda data: data[: data.rindex(b"verification")], [A, B]),
    ("cut behind the last entry", lambda data: data[:-6], [A, B, C]),
    ("cut in the last character", lambda data: data[:-2], [A, B, C]),
    ("a tail of NUL bytes", lambda d: cut_before(f'"{C}"', d).ljust(len(d), b"\0"), [A, B]),
    ("a merge conflict", conflict, [A, B]),
    ("two files in one", lambda data: data + data, [A, B, C]),
    ("a byte that is no UTF-8", lambda d: d.replace(RUN.encode(), b"\xff", 1), [A, B, C]),
    ("an unknown status", strange("status", "paused"), [A, C]),
    ("a number for a time", strange("updated_at", 5), [A, C]),
    ("a text for an entry", entry_is("completed"), [A, C]),
    ("null for an entry", entry_is(None), [A, C]),
    ("a strange schema", lambda d: d.replace(b'version": 1', b'version": "x"'), [A, B, C]),
]


@pytest.mark.parametrize(("damage", "kept"), [pytest.param(d, k, id=n) for n, d, k in DAMAGES])
def test_a_damaged_file_is_never_taken_for_an_empty_one(
    damage: Damage, kept: list[str], layout: Layout
) -> None:
    broken = damage(write(layout, A, B, C))
    layout.status.write_bytes(broken)
    with pytest.raises(DamagedStatusError, match=r"^task-status\.json is damaged ") as caught:
        statusfile.read(layout)
    assert sorted(caught.value.salvaged) == kept
    assert caught.value.next_steps == ("runr rebuild",)
    with pytest.raises(DamagedStatusError):
        write(layout, A)
    assert layout.status.read_bytes() == broken

    repaired = statusfile.update(
        layout, lambda tasks: tasks | {"x": UNTOUCHED}, repair=lambda found: found.salvaged
    )
    assert sorted(repaired) == [*kept, "x"]
    assert statusfile.read(layout).tasks == repaired
    (aside,) = layout.runr.glob("task-status.json.corrupt-*")
    assert aside.read_bytes() == broken


def test_every_damaged_file_is_kept_and_the_same_one_once(layout: Layout) -> None:
    for broken in (b"one", b"two", b"two", b"three"):
        layout.status.write_bytes(broken)
        os.utime(layout.status, (1736346922, 1736346922))
        statusfile.update(layout, dict, repair=lambda _: {})
    kept = sorted(layout.runr.glob("task-status.json.corrupt-*"))
    assert [path.name for path in kept] == [
        "task-status.json.corrupt-1736346922",
        "task-status.json.corrupt-1736346922-2",
        "task-status.json.corrupt-1736346922-3",
    ]
    assert [path.read_bytes() for path in kept] == [b"one", b"two", b"three"]


def test_a_damaged_file_is_told_loudly_and_made_again_from_the_runs(tmp_path: Path) -> None:
    kit = ProjectKit(tmp_path)
    kit.script("a.md", "echo 1 > a.txt", header="verify: [test -f a.txt]")
    run = kit.run("a.md")
    before = kit.entry("a.md")
    kit.layout.status.write_text('{"tasks": {', encoding="utf-8")
    heard: list[str] = []
    project = kit.open()
    entries = type(project).open(kit.root, project.environment, warn=heard.append).entries()
    assert len(heard) == 1
    assert "task-status.json is damaged" in heard[0]
    same = {"status", "completed_by", "checkpoint_sha", "verification", "evidence", "task_sha256"}
    assert entries[A].model_dump(include=same) == before.model_dump(include=same)
    assert entries[A].last_run_id == run.id
    assert kit.entry("a.md") == entries[A]


NEWER = {
    "schema_version": 2,
    "lanes": ["left"],
    "tasks": {
        A: {"status": "completed", "revision": 3, "signed_by": ["Ada"], "verification": "proved"},
        B: {"status": "paused", "revision": 1, "evidence": {"kind": "signed"}},
        C: {"status": "in_progress", "last_run_id": RUN, "attempts": 1},
    },
}


def test_a_newer_runrs_file_is_read_as_far_as_it_is_understood(layout: Layout) -> None:
    layout.status.write_text(json.dumps(NEWER), encoding="utf-8")
    contents = statusfile.read(layout)
    assert contents.read_only
    assert contents.tasks[A].status is State.COMPLETED
    assert contents.tasks[A].model_extra == {"signed_by": ["Ada"]}
    assert contents.tasks[B].status is State.PENDING
    assert contents.tasks[B].revision == 1
    assert contents.tasks[C].status is State.IN_PROGRESS


@pytest.mark.parametrize("cut", [None, -30])
def test_a_newer_runrs_file_is_never_written(cut: int | None, layout: Layout) -> None:
    data = json.dumps(NEWER).encode()[:cut]
    layout.status.write_bytes(data)
    with pytest.raises(DamagedStateError, match=r"newer runr \(schema 2, this one writes 1\)"):
        statusfile.update(layout, lambda _: {}, repair=lambda _: {})
    assert layout.status.read_bytes() == data
    assert sorted(path.name for path in layout.runr.iterdir()) == ["locks", "task-status.json"]


def test_with_a_newer_runrs_file_tasks_are_listed_and_not_run(tmp_path: Path) -> None:
    kit = ProjectKit(tmp_path)
    kit.script("b.md", "true")
    data = json.dumps(NEWER).encode()
    kit.layout.status.write_bytes(data)
    assert kit.settled("c.md").status is State.IN_PROGRESS
    with pytest.raises(DamagedStateError, match="newer runr"):
        run_task(kit.open(), RunRequest(task="b"))
    assert kit.layout.status.read_bytes() == data


TYPESCRIPT = {
    "schema_version": 1,
    "tasks": {
        A: {
            "status": "completed",
            "first_seen_at": "2024-12-01T08:00:00.000Z",
            "last_updated_at": "2025-01-08T14:35:22.000Z",
            "last_run_id": "20250108143022",
            "last_checkpoint_sha": SHA,
        },
        B: {
            "status": "completed",
            "first_seen_at": "2024-12-01T08:00:00.000Z",
            "last_updated_at": "2025-01-08T14:35:22.000Z",
            "last_run_id": "manual",
        },
        C: {
            "status": "stopped",
            "first_seen_at": "2024-12-01T08:00:00.000Z",
            "last_updated_at": "2025-01-08T14:35:22.000Z",
            "last_run_id": "20250108143022",
            "last_error_summary": "it broke",
            "last_stop_reason": "stalled_timeout",
        },
    },
}


def test_the_earlier_tools_file_is_understood_and_its_claims_are_not_taken_for_checks(
    layout: Layout,
) -> None:
    layout.status.write_text(json.dumps(TYPESCRIPT, indent=2), encoding="utf-8")
    tasks = statusfile.read(layout).tasks
    assert (tasks[A].status, tasks[A].evidence) == (State.COMPLETED, Evidence.INFERRED)
    assert (tasks[A].checkpoint_sha, tasks[A].verification) == (SHA, Verification.NONE)
    assert (tasks[A].completed_by, tasks[A].attempts) == ("run:20250108143022", 1)
    assert (tasks[B].completed_by, tasks[B].evidence) == ("person:unknown", Evidence.ATTESTED)
    assert (tasks[B].last_run_id, tasks[B].attempts) == (None, 0)
    assert (tasks[C].status, tasks[C].stop_reason, tasks[C].error) == (
        State.STOPPED,
        "stalled_timeout",
        "it broke",
    )


def test_the_earlier_tools_file_is_upgraded_by_the_next_write(layout: Layout) -> None:
    layout.status.write_text(json.dumps(TYPESCRIPT), encoding="utf-8")
    before = statusfile.read(layout).tasks
    write(layout, "x")
    assert statusfile.read(layout).tasks == before | {"x": completed()}
    raw = json.loads(layout.status.read_bytes())
    for path in (A, B, C):
        assert raw["tasks"][path]["first_seen_at"] == "2024-12-01T08:00:00.000Z"
        assert not {key for key in raw["tasks"][path] if key.startswith("last_")} - {"last_run_id"}


def test_what_is_left_of_the_earlier_tools_file_is_saved(layout: Layout) -> None:
    data = json.dumps(TYPESCRIPT).encode()
    layout.status.write_bytes(data[: data.index(b"last_error_summary")])
    with pytest.raises(DamagedStatusError) as caught:
        statusfile.read(layout)
    assert sorted(caught.value.salvaged) == [A, B]
    assert caught.value.salvaged[A].evidence is Evidence.INFERRED


READ_ONLY = """
import os, sys
from pathlib import Path
from runr.core.status import Entry
from runr.errors import RunrError
from runr.store import statusfile
from runr.store.layout import Layout

os.chdir(sys.argv[1])
if os.getuid() == 0:  # nothing is read-only to root
    os.setgid(65534)
    os.setuid(65534)
try:
    statusfile.update(Layout(Path()), lambda tasks: tasks | {"a": Entry(revision=1)})
except RunrError as error:
    print(error.message)
"""


@pytest.mark.parametrize("locks", [False, True])
def test_a_folder_that_may_not_be_written_is_one_clear_error(
    tmp_path: Path, *, locks: bool
) -> None:
    root = tmp_path / "repo"
    folder = root / ".runr"
    folder.mkdir(parents=True)
    if locks:
        (folder / "locks").mkdir()
        (folder / "locks" / "status").touch(mode=0o666)
        (folder / "locks" / "status").chmod(0o666)
    folder.chmod(0o555)
    try:
        told = child(READ_ONLY, root)
    finally:
        folder.chmod(0o755)
    assert told.startswith("the status file cannot be used: .runr/")
    assert told.endswith(": Permission denied\n")
    assert told.count("\n") == 1


def test_a_folder_in_the_files_place_is_one_clear_error(layout: Layout) -> None:
    layout.status.mkdir()
    with pytest.raises(RunrError, match=r"cannot be used: .*task-status\.json: Is a directory"):
        statusfile.read(layout)


def run(**facts: Any) -> RunState:
    start = RunStart(
        task=A,
        worker=facts.pop("worker", "script"),
        workdir="/repo",
        base_sha="0" * 40,
        base_tree="1" * 40,
        task_sha256="3" * 64,
        branch="runr/a",
    )
    known: dict[str, Any] = {"id": RUN, "start": start, "created_at": NOW, "updated_at": NOW}
    return RunState(**(known | facts))


DONE: dict[str, Any] = {
    "ended": "completed",
    "ended_at": "2025-01-08T14:35:22.123Z",
    "verification": "passed",
    "checkpoint_sha": SHA,
}


def test_a_run_that_passed_its_checks_makes_a_verified_completion() -> None:
    begun = fold(UNTOUCHED, run(), NOW)
    assert (begun.status, begun.attempts, begun.revision) == (State.IN_PROGRESS, 1, 1)
    assert fold(begun, run(**DONE), NOW) == completed()


def test_the_same_run_in_the_same_state_changes_nothing() -> None:
    once = fold(UNTOUCHED, run(**DONE), NOW)
    assert fold(once, run(**DONE), "2026-01-01T00:00:00Z") is once


def test_a_completion_on_a_persons_word_is_attested_with_name_and_reason() -> None:
    entry = fold(
        UNTOUCHED,
        run(worker="person", approval=Approval(by="Ada", reason="I looked"), **DONE),
        NOW,
    )
    assert (entry.evidence, entry.completed_by, entry.reason) == (
        Evidence.ATTESTED,
        "person:Ada",
        "I looked",
    )


def test_a_word_that_was_refused_changes_nothing() -> None:
    for before in (UNTOUCHED, completed()):
        refused = run(id=LATER, worker="person", ended="stopped", stop="verification_failed")
        assert fold(before, refused, NOW) is before
        assert fold(before, run(id=LATER, worker="person"), NOW) is before


def test_a_new_run_counts_as_an_attempt_and_takes_back_the_completion() -> None:
    again = fold(completed(reason="x", branch="runr/a"), run(id=LATER), "2025-02-01T00:00:00Z")
    assert (again.status, again.last_run_id, again.attempts) == (State.IN_PROGRESS, LATER, 2)
    assert (again.revision, again.updated_at) == (3, "2025-02-01T00:00:00Z")
    assert (again.completed_at, again.completed_by, again.evidence) == (None, None, None)
    assert (again.checkpoint_sha, again.reason, again.branch) == (None, None, None)


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("interrupted", State.STOPPED),
        ("verification_failed", State.STOPPED),
        ("error", State.FAILED),
        ("a code of a later version", State.FAILED),
    ],
)
def test_a_stop_that_can_be_resumed_is_stopped_and_any_other_failed(
    stop: str, expected: State
) -> None:
    entry = fold(UNTOUCHED, run(ended="stopped", stop=stop, detail="why"), NOW)
    assert (entry.status, entry.stop_reason, entry.error) == (expected, stop, "why")


def test_a_resumed_and_completed_run_leaves_no_reason_of_its_stop() -> None:
    stopped = fold(UNTOUCHED, run(ended="stopped", stop="interrupted", detail="why"), NOW)
    entry = fold(stopped, run(**DONE), NOW)
    assert (entry.status, entry.stop_reason, entry.error) == (State.COMPLETED, None, None)
    assert entry.attempts == 1


def test_a_checkpoint_is_on_record_as_soon_as_there_is_one() -> None:
    stopped = run(ended="stopped", stop="needs_human", checkpoint_sha=SHA, verification="passed")
    assert fold(UNTOUCHED, stopped, NOW).checkpoint_sha == SHA


def test_a_branch_is_named_only_where_the_checkpoint_waits_on_it() -> None:
    assert fold(UNTOUCHED, run(integration="kept", **DONE), NOW).branch == "runr/a"
    assert fold(UNTOUCHED, run(integration="merge", **DONE), NOW).branch is None


def test_keys_of_others_stay_when_a_run_changes_the_entry() -> None:
    before = Entry.model_validate({"status": "pending", "estimate": 3})
    assert fold(before, run(**DONE), NOW).model_extra == {"estimate": 3}
