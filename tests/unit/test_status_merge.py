"""The merge of two status files: no conflict, symmetric, without loss."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.errors import DamagedStateError
from runr.maintenance.merge_driver import merge_status
from runr.status import merge, store
from runr.status.model import Entry, Evidence, State

TASK = ".runr/tasks/a.md"

entries = st.builds(
    Entry()._replace,  # of the class itself, fields that are not given here would be drawn too
    status=st.sampled_from(State),
    evidence=st.sampled_from([None, *Evidence]),
    updated_at=st.sampled_from([None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    revision=st.integers(0, 3),
    run_count=st.integers(0, 3),
    stop_detail=st.sampled_from([None, "x", "y"]),
)
maps = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), entries, max_size=4)


def done(evidence: Evidence, at: str, **more: Any) -> Entry:
    return Entry(status=State.COMPLETED, evidence=evidence, updated_at=at, **more)


@given(maps, maps, maps)
def test_the_merge_is_symmetric(
    base: dict[str, Entry], one: dict[str, Entry], two: dict[str, Entry]
) -> None:
    merged = merge.tasks(base, one, two)
    assert merged == merge.tasks(base, two, one)
    assert set(merged) <= {*one, *two}
    assert merge.tasks(base, base, one) == one
    assert merge.tasks(base, one, one) == one


@given(maps, maps, maps)
def test_a_change_on_one_side_is_kept(
    base: dict[str, Entry], one: dict[str, Entry], two: dict[str, Entry]
) -> None:
    merged = merge.tasks(base, one, two)
    for task in {*base, *one, *two}:
        sides = (one.get(task), two.get(task))
        if base.get(task) in sides:
            changed = sides[1] if base.get(task) == sides[0] else sides[0]
            assert merged.get(task) == changed


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (done(Evidence.VERIFIED, "2026-01-01"), done(Evidence.ATTESTED, "2026-01-02")),
        (done(Evidence.ATTESTED, "2026-01-01"), done(Evidence.INFERRED, "2026-01-02")),
        (
            done(Evidence.INFERRED, "2026-01-01"),
            Entry(status=State.FAILED, updated_at="2026-01-02"),
        ),
        (done(Evidence.VERIFIED, "2026-01-02"), done(Evidence.VERIFIED, "2026-01-01")),
        (
            done(Evidence.INFERRED, "2026-01-01", confidence=1.0),
            done(Evidence.INFERRED, "2026-01-02", confidence=0.8),
        ),
        (
            # Not by a clock: by what was recorded later, else by what saw more changes.
            Entry(status=State.STOPPED, updated_at="2026-01-01", sequence=2),
            Entry(status=State.FAILED, updated_at="2026-01-02", sequence=1, revision=9),
        ),
        (
            Entry(status=State.STOPPED, updated_at="2026-01-01", revision=9),
            Entry(status=State.FAILED, updated_at="2026-01-02"),
        ),
        (
            done(Evidence.INFERRED, "2026-01-01"),
            Entry(status=State.FAILED, updated_at="2026-01-02", evidence=Evidence.VERIFIED),
        ),
        (
            done(Evidence.INFERRED, "2026-01-01", confidence=0.8),
            done(Evidence.INFERRED, "2026-01-02"),
        ),
        (
            Entry(status=State.COMPLETED, updated_at="2026-01-02"),
            Entry(status=State.FAILED, updated_at="2026-01-01"),
        ),
    ],
)
def test_the_better_evidence_wins_and_among_equals_the_newer(better: Entry, worse: Entry) -> None:
    merged = merge.tasks({}, {TASK: worse}, {TASK: better})[TASK]
    assert merged._replace(revision=better.revision) == better
    assert merged.revision > max(better.revision, worse.revision)


def test_a_reset_is_better_than_the_completion_that_it_takes_back_and_no_other() -> None:
    given = done(Evidence.VERIFIED, "2026-01-02", last_run_id="one")
    reset = Entry(updated_at="2026-01-01", last_run_id="two", reset_run="two", reset_of="one")
    assert merge.better(given, reset) == merge.better(reset, given) == reset
    again = given._replace(last_run_id="three")
    assert merge.better(again, reset) == merge.better(reset, again) == again


def test_what_one_side_removed_and_the_other_changed_is_kept() -> None:
    base, changed = done(Evidence.INFERRED, "2026-01-01"), done(Evidence.VERIFIED, "2026-01-02")
    assert merge.tasks({TASK: base}, {}, {TASK: changed}) == {TASK: changed}
    assert merge.tasks({TASK: base}, {TASK: changed}, {}) == {TASK: changed}


@pytest.mark.parametrize(
    ("base", "one", "two", "merged"),
    [(1, 2, 1, 2), (1, 2, 2, 2), (1, 1, None, None), (1, 2, 3, 3), (None, 2, None, 2)],
)
def test_an_unknown_key_is_as_the_side_has_it_that_changed_it(
    base: int | None, one: int | None, two: int | None, merged: int | None
) -> None:
    maps = [{} if value is None else {"key": value} for value in (base, one, two)]
    expected = {} if merged is None else {"key": merged}
    assert merge.others(*maps) == merge.others(maps[0], maps[2], maps[1]) == expected


def files(folder: Path, *whole: Any) -> list[Path]:
    paths = [folder / name for name in ("base", "ours", "theirs")]
    for path, content in zip(paths, whole, strict=True):
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
    return paths


def test_keys_that_runr_does_not_know_survive_from_both_sides(tmp_path: Path) -> None:
    base = {"schema_version": 1, "tasks": {TASK: {"status": "pending"}}}
    ours = {
        "schema_version": 1,
        "left": 1,
        "tasks": {TASK: {"status": "stopped", "mine": 1, "updated_at": "2026-01-01"}},
    }
    theirs = {
        "schema_version": 1,
        "right": 2,
        "tasks": {TASK: {"status": "failed", "yours": 2, "updated_at": "2026-01-02"}},
    }
    paths = files(tmp_path, base, ours, theirs)
    merge_status(*paths)
    made = json.loads(paths[1].read_text())
    assert (made["left"], made["right"]) == (1, 2)
    entry = made["tasks"][TASK]
    assert (entry["status"], entry["mine"], entry["yours"]) == ("failed", 1, 2)
    assert store.render(store.parse(paths[1].read_bytes(), paths[1])) == paths[1].read_bytes()


@pytest.mark.parametrize("damaged", ["", "<<<<<<< ours\n", '{"tasks": {'])
def test_a_damaged_side_leaves_the_other_side_complete(tmp_path: Path, damaged: str) -> None:
    theirs = {"schema_version": 1, "tasks": {TASK: {"status": "completed"}}}
    paths = files(tmp_path, "", damaged, theirs)
    merge_status(*paths)
    assert json.loads(paths[1].read_text())["tasks"][TASK]["status"] == "completed"


def test_a_file_of_a_newer_runr_is_not_merged(tmp_path: Path) -> None:
    newer = {"schema_version": 99, "tasks": {}}
    paths = files(tmp_path, "", {"schema_version": 1, "tasks": {}}, newer)
    before = paths[1].read_bytes()
    with pytest.raises(DamagedStateError, match="newer runr"):
        merge_status(*paths)
    assert paths[1].read_bytes() == before
