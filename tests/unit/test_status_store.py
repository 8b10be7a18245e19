"""Writing the status file: format, concurrency, failures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runr.errors import RunrError
from runr.status import store
from runr.status.model import Entry, State
from runr.storage.layout import Layout
from unit.status_entries import NOW, RUN, SHA, A, B, completed, write


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / ".runr").mkdir()
    return Layout(tmp_path)


def test_the_file_is_written_as_documented(layout: Layout) -> None:
    store.update(
        layout,
        lambda _: {
            B: Entry(
                status=State.FAILED, stop_reason="error", stop_detail="größe\nfehlt", revision=1
            ),
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
      "checkpoint_sha": "{SHA}",
      "completed_at": "{NOW}",
      "completed_by": "run:{RUN}",
      "evidence": "verified",
      "last_run_id": "{RUN}",
      "revision": 2,
      "run_count": 1,
      "status": "completed",
      "stop_detail": null,
      "stop_reason": null,
      "task_sha256": "{"3" * 64}",
      "updated_at": "{NOW}",
      "verification": "passed"
    }},
    "{B}": {{
      "checkpoint_sha": null,
      "completed_at": null,
      "completed_by": null,
      "evidence": null,
      "last_run_id": null,
      "revision": 1,
      "run_count": 0,
      "status": "failed",
      "stop_detail": "größe\\nfehlt",
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
    store.update(layout, lambda _: {A: completed(reason="I looked", pending_branch="runr/a")})
    entry = json.loads(layout.status.read_bytes())["tasks"][A]
    assert (entry["reason"], entry["pending_branch"]) == ("I looked", "runr/a")
    assert store.read(layout).tasks[A].pending_branch == "runr/a"


def test_without_a_file_nothing_is_recorded(layout: Layout) -> None:
    assert store.read(layout).tasks == {}
    assert not layout.status.exists()


def test_keys_that_this_version_does_not_know_survive_a_rewrite(layout: Layout) -> None:
    write(layout, A)
    raw = json.loads(layout.status.read_bytes())
    raw["lanes"] = {"b": [1], "a": None}
    raw["tasks"][A]["estimate"] = {"hours": 1.5}
    layout.status.write_text(json.dumps(raw), encoding="utf-8")
    write(layout, B)
    store.update(
        layout,
        lambda tasks: tasks | {A: tasks[A]._replace(status=State.STOPPED)},
    )
    again = json.loads(layout.status.read_bytes())
    assert again["lanes"] == {"a": None, "b": [1]}
    assert again["tasks"][A]["estimate"] == {"hours": 1.5}
    assert again["tasks"][A]["status"] == "stopped"
    assert list(again) == ["lanes", "schema_version", "tasks"]


def test_a_change_that_changes_nothing_writes_nothing(layout: Layout) -> None:
    write(layout, A)
    before = layout.status.stat()
    store.update(layout, dict)
    assert layout.status.stat() == before


COMPLETE = """
import os, sys
from pathlib import Path
from runr.status.model import Entry, State
from runr.status import store as status_store
from runr.storage.layout import Layout

layout, names = Layout(Path(sys.argv[1])), sys.argv[2:]
gate, opened = os.pipe()
for name in names:
    if not os.fork():
        os.close(opened)
        os.read(gate, 1)  # until everybody is there
        done = Entry(status=State.COMPLETED, revision=1)
        status_store.update(layout, lambda tasks: tasks | {name: done})
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


@pytest.mark.parametrize("count", [12, pytest.param(50, marks=pytest.mark.long)])
def test_processes_that_complete_a_task_each_at_once_lose_none(layout: Layout, count: int) -> None:
    names = [f".runr/tasks/{number:02}.md" for number in range(count)]
    child(COMPLETE, layout.root, *names)
    tasks = store.read(layout).tasks
    assert sorted(tasks) == names
    assert all(entry.status is State.COMPLETED for entry in tasks.values())


KILL = """
import os, random, signal, sys, time
from pathlib import Path
from runr.status.model import Entry
from runr.status import store as status_store
from runr.storage.layout import Layout

layout, kills = Layout(Path(sys.argv[1])), int(sys.argv[2])
names = [f".runr/tasks/{n:04}.md" for n in range(2000)]
versions = [dict.fromkeys(names, Entry(reason=mark, revision=1)) for mark in ("old", "new")]

def is_writing():
    return any(layout.runr.glob(".task-status.json.*.tmp"))

status_store.update(layout, lambda _: versions[0])
torn = 0
for seed in range(kills):
    reader, writer_end = os.pipe()
    writer = os.fork()
    while not writer:
        for version in versions:
            status_store.update(layout, lambda _: version)
            os.write(writer_end, b"x")
    os.close(writer_end)
    os.read(reader, 1)
    if seed % 3:
        while not is_writing():
            pass
    else:
        time.sleep(random.Random(seed).uniform(0, 0.05))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    os.close(reader)
    found = status_store.read(layout).tasks
    assert found in versions, len(found)
    torn += is_writing()
print(torn)
"""


@pytest.mark.parametrize("kills", [9, pytest.param(60, marks=pytest.mark.long)])
def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(
    layout: Layout, kills: int
) -> None:
    torn = int(child(KILL, layout.root, kills))
    assert torn > 0, "no writer was killed in the middle of a write"
    (layout.runr / ".task-status.json.1-2.tmp").write_text("half", encoding="utf-8")
    write(layout, A)
    assert [path.name for path in layout.runr.iterdir() if path.name.endswith(".tmp")] == []
    assert A in store.read(layout).tasks


READ_ONLY = """
import os, sys
from pathlib import Path
from runr.status.model import Entry
from runr.errors import RunrError
from runr.status import store as status_store
from runr.storage.layout import Layout

os.chdir(sys.argv[1])
if os.getuid() == 0:  # nothing is read-only to root
    os.setgid(65534)
    os.setuid(65534)
try:
    status_store.update(Layout(Path()), lambda tasks: tasks | {"a": Entry(revision=1)})
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
        message = child(READ_ONLY, root)
    finally:
        folder.chmod(0o755)
    assert message.startswith("the status file cannot be used: .runr/")
    assert message.endswith(": Permission denied\n")
    assert message.count("\n") == 1


def test_a_folder_in_the_files_place_is_one_clear_error(layout: Layout) -> None:
    layout.status.mkdir()
    with pytest.raises(RunrError, match=r"task-status\.json is a folder, where runr needs a file"):
        store.read(layout)
