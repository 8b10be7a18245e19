"""An export of runr, and how it is read again."""

import json
from typing import Any

import pytest

from runr.interchange import archive_reader
from runr.interchange.archive import (
    COLUMNS,
    Archive,
    KeptRun,
    KeptTask,
    is_one,
    render,
    render_csv,
)
from runr.interchange.archive_reader import ArchiveRecord
from runr.interchange.external_task import Document
from runr.status.model import Entry, State

TASK = ".runr/tasks/a.md"


def read(text: str) -> list[ArchiveRecord]:
    return list(archive_reader.read(Document(name="kept", text=text)))


def read_json(**parts: Any) -> list[ArchiveRecord]:
    return read(json.dumps({"format": "runr-export"} | parts))


@pytest.mark.parametrize("value", [None, [], "runr-export", {}, {"format": "other"}])
def test_other_json_is_no_export(value: Any) -> None:
    assert not is_one(value)


def test_what_is_rendered_names_each_field_and_keeps_every_letter() -> None:
    text = render(Archive(tasks=(KeptTask.of(TASK, "é".encode()),)))
    assert text.splitlines()[1] == '  "format": "runr-export",'
    (task,) = json.loads(text)["tasks"]
    assert task == {"path": TASK, "text": "é", "base64": None}
    assert "é" in text


def test_the_table_has_the_time_of_a_status_and_every_letter() -> None:
    entry = Entry(status=State.COMPLETED, updated_at="2025-01-08T12:00:00Z", reason="é")
    status, event = render_csv(
        Archive(status={TASK: entry}, runs=(KeptRun(id="r", events=({"a": "é"},)),)), {}
    ).splitlines()[2:]
    assert status.startswith(f"status,{TASK},0,2025-01-08T12:00:00Z,completed,")
    assert "é" in status
    assert "é" in event


@pytest.mark.parametrize("content", ["a b=", "YQ", "YQ==\n!"])
def test_content_that_is_no_base64_is_refused(content: str) -> None:
    (task,) = read_json(tasks=[{"path": TASK, "base64": content}])
    assert task.value is None
    assert task.reason.startswith(f"the content of {TASK} is damaged: ")


@pytest.mark.parametrize("run", ["../x", "a/b", "a..b", "", "-x"])
def test_a_run_whose_id_names_no_folder_is_refused(run: str) -> None:
    (read_run,) = read_json(runs=[{"id": run, "events": [{"seq": 1}]}])
    assert (read_run.value, read_run.reason) == (None, f"{run!r} is no id of a run")


@pytest.mark.parametrize("text", ["\\ud800", "x\\udfff"])
def test_what_cannot_be_written_as_utf8_is_refused(text: str) -> None:
    task, status, run = read(
        f'{{"format": "runr-export", "tasks": [{{"path": "{TASK}", "text": "{text}"}}],'
        f' "status": {{"{TASK}": {{"status": "completed", "reason": "{text}"}}}},'
        f' "runs": [{{"id": "r", "events": [{{"seq": 1, "x": "{text}"}}]}}]}}'
    )
    assert [each.value for each in (task, status, run)] == [None] * 3
    assert all(each.reason for each in (task, status, run))


def test_a_second_record_of_one_name_is_a_copy_or_refused() -> None:
    first, same, other = read_json(tasks=[{"path": TASK, "text": text} for text in ("x", "x", "y")])
    assert isinstance(first.value, KeptTask)
    assert (same.value, same.copy, same.reason) == (None, True, "the same as kept, tasks[0]")
    assert (other.value, other.copy) == (None, False)
    assert other.reason == f"{TASK} is in it twice, first in kept, tasks[0]"


def test_unreadable_records_of_one_name_are_all_reported() -> None:
    reasons = [each.reason for each in read_json(runs=[{"id": "r"}, {"id": "r", "events": []}])]
    assert reasons == ["`events` is missing", "`events` is empty"]


def test_the_reason_of_a_refusal_is_one_sentence_without_an_address() -> None:
    (task,) = read_json(tasks=[{"path": TASK, "text": 1}])
    assert task.reason == "`text` is a number where text is wanted"


def test_blank_lines_and_headers_of_a_table_are_no_rows() -> None:
    header = ",".join(COLUMNS)
    (task,) = read(f"{header}\n\n{header}\ntask,{TASK},,,pending,,utf-8,x\n")
    assert task.value == KeptTask(path=TASK, text="x")


def test_a_row_of_one_column_is_named_and_the_rest_is_read() -> None:
    row, task = read(f"{','.join(COLUMNS)}\nevent\ntask,{TASK},,,pending,,utf-8,x\n")
    assert (row.kind, row.reason) == ("row", "there are 1 columns, not 8")
    assert task.value == KeptTask(path=TASK, text="x")


def test_a_row_that_cannot_be_read_takes_the_run_around_it_along() -> None:
    rows = ["event,r,1,,,,json,{}", "event,r,2,,,,json,{", "event,s,1,,,,json,{}"]
    broken, whole = read("\n".join([",".join(COLUMNS), *rows, ""]))
    assert broken.reason.startswith("its events are not whole: line 3: not JSON")
    assert whole.value == KeptRun(id="s", events=({},))
