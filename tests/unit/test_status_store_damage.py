"""A damaged status file is kept aside, reported and rebuilt."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.project_kit import ProjectKit
from runr.status import store
from runr.status.model import UNTOUCHED
from runr.status.store import DamagedStatusError
from runr.storage.layout import Layout
from unit.status_entries import RUN, A, B, C, write


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / ".runr").mkdir()
    return Layout(tmp_path)


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
def test_a_damaged_file_is_not_read_as_an_empty_one(
    damage: Damage, kept: list[str], layout: Layout
) -> None:
    broken = damage(write(layout, A, B, C))
    layout.status.write_bytes(broken)
    with pytest.raises(DamagedStatusError, match=r"^task-status\.json is damaged ") as caught:
        store.read(layout)
    assert sorted(caught.value.salvaged) == kept
    assert str(caught.value.next_steps[0]) == "runr rebuild"
    with pytest.raises(DamagedStatusError):
        write(layout, A)
    assert layout.status.read_bytes() == broken

    repaired = store.update(
        layout, lambda tasks: tasks | {"x": UNTOUCHED}, repair=lambda found: found.salvaged
    )
    assert sorted(repaired) == [*kept, "x"]
    assert store.read(layout).tasks == repaired
    (aside,) = layout.runr.glob("task-status.json.corrupt-*")
    assert aside.read_bytes() == broken


def test_every_damaged_file_is_kept_and_the_same_one_once(layout: Layout) -> None:
    for broken in (b"one", b"two", b"two", b"three"):
        layout.status.write_bytes(broken)
        os.utime(layout.status, (1736346922, 1736346922))
        store.update(layout, dict, repair=lambda _: {})
    kept = sorted(layout.runr.glob("task-status.json.corrupt-*"))
    assert [path.name for path in kept] == [
        "task-status.json.corrupt-1736346922",
        "task-status.json.corrupt-1736346922-2",
        "task-status.json.corrupt-1736346922-3",
    ]
    assert [path.read_bytes() for path in kept] == [b"one", b"two", b"three"]


def test_a_damaged_file_is_reported_and_rebuilt_from_the_runs(tmp_path: Path) -> None:
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
    again = entries[A]._replace(revision=before.revision, updated_at=before.updated_at)
    assert again._replace(completed_at=before.completed_at) == before
    assert entries[A].last_run_id == run.id
    assert kit.entry("a.md") == entries[A]
