"""Status files that another version, or an earlier tool, wrote."""

import json
from pathlib import Path

import pytest

from fakes.project_kit import ProjectKit
from runr.errors import DamagedStateError
from runr.lifecycle.start import RunRequest, run_task
from runr.status import store
from runr.status.model import Evidence, State, Verification
from runr.status.store import DamagedStatusError
from runr.storage.layout import Layout
from unit.status_entries import RUN, SHA, A, B, C, completed, write


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / ".runr").mkdir()
    return Layout(tmp_path)


NEWER = {
    "schema_version": 2,
    "lanes": ["left"],
    "tasks": {
        A: {"status": "completed", "revision": 3, "signed_by": ["Ada"], "verification": "proved"},
        B: {"status": "paused", "revision": 1, "evidence": {"kind": "signed"}},
        C: {"status": "in_progress", "last_run_id": RUN, "run_count": 1},
    },
}


def test_a_newer_runrs_file_is_read_as_far_as_it_is_understood(layout: Layout) -> None:
    layout.status.write_text(json.dumps(NEWER), encoding="utf-8")
    contents = store.read(layout)
    assert contents.read_only
    assert contents.tasks[A].status is State.COMPLETED
    assert contents.tasks[A].extra == {"signed_by": ["Ada"]}
    assert contents.tasks[B].status is State.PENDING
    assert contents.tasks[B].revision == 1
    assert contents.tasks[C].status is State.IN_PROGRESS


@pytest.mark.parametrize("cut", [None, -30])
def test_a_newer_runrs_file_is_never_written(cut: int | None, layout: Layout) -> None:
    data = json.dumps(NEWER).encode()[:cut]
    layout.status.write_bytes(data)
    with pytest.raises(DamagedStateError, match=r"newer runr \(schema 2, this one writes 1\)"):
        store.update(layout, lambda _: {}, repair=lambda _: {})
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


def test_the_earlier_tools_completions_are_read_and_not_as_verified(
    layout: Layout,
) -> None:
    layout.status.write_text(json.dumps(TYPESCRIPT, indent=2), encoding="utf-8")
    tasks = store.read(layout).tasks
    assert (tasks[A].status, tasks[A].evidence) == (State.COMPLETED, Evidence.INFERRED)
    assert (tasks[A].checkpoint_sha, tasks[A].verification) == (SHA, Verification.NONE)
    assert (tasks[A].completed_by, tasks[A].run_count) == ("run:20250108143022", 1)
    assert (tasks[B].completed_by, tasks[B].evidence) == ("person:unknown", Evidence.ATTESTED)
    assert (tasks[B].last_run_id, tasks[B].run_count) == (None, 0)
    assert (tasks[C].status, tasks[C].stop_reason, tasks[C].stop_detail) == (
        State.STOPPED,
        "stalled_timeout",
        "it broke",
    )


def test_the_earlier_tools_file_is_upgraded_by_the_next_write(layout: Layout) -> None:
    layout.status.write_text(json.dumps(TYPESCRIPT), encoding="utf-8")
    before = dict(store.read(layout).tasks)
    write(layout, "x")
    assert store.read(layout).tasks == before | {"x": completed()}
    raw = json.loads(layout.status.read_bytes())
    for path in (A, B, C):
        assert raw["tasks"][path]["first_seen_at"] == "2024-12-01T08:00:00.000Z"
        assert not {key for key in raw["tasks"][path] if key.startswith("last_")} - {"last_run_id"}


def test_what_is_left_of_the_earlier_tools_file_is_saved(layout: Layout) -> None:
    data = json.dumps(TYPESCRIPT).encode()
    layout.status.write_bytes(data[: data.index(b"last_error_summary")])
    with pytest.raises(DamagedStatusError) as caught:
        store.read(layout)
    assert sorted(caught.value.salvaged) == [A, B]
    assert caught.value.salvaged[A].evidence is Evidence.INFERRED
