"""Reading other tools' files: every record is accounted for, whatever is in it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.interchange import archive_reader, backlog_md, beads, github, taskmaster
from runr.interchange.external_task import Document, ExternalStatus, Record
from runr.interchange.import_plan import ImportOptions, plan_import
from runr.interchange.status_words import known_status
from runr.tasks.model import TaskType
from runr.tasks.parser import parse

WORDS = [
    "To Do",
    "done",
    "in-progress",
    "Review",
    "Blocked",
    "cancelled",
    "deferred",
    "Shipped",
    "",
]
OPTIONS = ImportOptions(tool="x", title="X")

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.floats()
    | st.text(st.characters(), max_size=6)
    | st.sampled_from(["1", "1.1", "2", "bd-1", "#3", *WORDS])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def records_like(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Return records with these fields, each of which may also be missing or anything else."""
    loose = {name: wanted | JSON for name, wanted in fields.items()}
    return st.fixed_dictionaries({}, optional=loose) | JSON


IDS = st.integers(1, 4) | st.sampled_from(["1", "1.1", "2"])
STATUS = st.sampled_from(WORDS)
SUBTASKS: st.SearchStrategy[Any] = st.deferred(
    lambda: st.lists(records_like({"id": IDS, "subtasks": SUBTASKS}), max_size=2)
)
TASKS = st.lists(
    records_like(
        {
            "id": IDS,
            "title": st.text(max_size=5),
            "status": STATUS,
            "dependencies": st.lists(IDS, max_size=2),
            "subtasks": SUBTASKS,
        }
    ),
    max_size=4,
)
ISSUES = st.lists(
    records_like(
        {
            "id": st.sampled_from(["a", "b", "c"]),
            "title": st.text(max_size=5),
            "status": STATUS,
            "issue_type": st.sampled_from(["task", "epic", "message", "wombat"]),
            "updated_at": st.sampled_from(["2026-01-01T00:00:00Z", "2026-02-01", "soon"]),
            "dependencies": st.lists(
                records_like({"depends_on_id": st.sampled_from(["a", "b", "z"])}), max_size=2
            ),
        }
    ),
    max_size=5,
)
HUB = st.lists(
    records_like(
        {
            "number": st.integers(-1, 4),
            "title": st.text(max_size=5),
            "state": st.sampled_from(["OPEN", "CLOSED", "merged"]),
            "body": st.sampled_from(["Depends on #1, #9", "x"]),
        }
    ),
    max_size=4,
)


def items(value: Any) -> Iterator[Any]:
    """Yield each task in a list, and each below it."""
    for item in value if isinstance(value, list) else []:
        yield item
        if isinstance(item, dict):
            yield from items(item.get("subtasks"))


def checked(rows: tuple[Record, ...]) -> None:
    """Assert that each record has one account, and that nothing uncertain is ready to run."""
    plan = plan_import(rows, OPTIONS)
    assert [row.record.place for row in plan] == [row.place for row in rows]
    written = [row for row in plan if row.writes]
    assert len({row.name.casefold() for row in written}) == len(written)
    for row in plan:
        assert row.writes == bool(row.content)
        assert row.writes or row.reason
        assert (row.outcome == "changed") == bool(row.changes)
        if row.writes and row.task:
            task = parse(f".runr/tasks/{row.name}", row.content)
            assert task.problems == ()
            word = row.task.raw_status
            runnable = (ExternalStatus.OPEN, ExternalStatus.IN_PROGRESS)
            assert task.type is TaskType.MANUAL or not word or known_status(word) in runnable


def text_of(value: Any) -> Document:
    return Document(name="f", text=json.dumps(value))


@given(tagged=st.dictionaries(st.sampled_from(["master", "a/b"]), TASKS, max_size=2), plain=TASKS)
def test_each_task_of_task_master_has_one_account(
    tagged: dict[str, list[Any]], plain: list[Any]
) -> None:
    value = {"tasks": plain, **{tag: {"tasks": listed} for tag, listed in tagged.items()}}
    rows = taskmaster.read(text_of(value))
    wanted = sum(len(list(items(listed))) for listed in (plain, *tagged.values()))
    assert len(rows) == wanted
    checked(rows)


@given(ISSUES)
def test_each_issue_of_beads_has_one_account(issues: list[Any]) -> None:
    rows = beads.read(text_of(issues))
    assert len(rows) == len(issues)
    checked(rows)


@given(ISSUES, st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=2))
def test_each_line_of_beads_has_one_account(issues: list[Any], noise: list[str]) -> None:
    whole = {"id": "whole", "title": "t"}
    lines = [json.dumps(whole), *map(json.dumps, issues), *noise]
    text = "\n".join(lines)
    rows = beads.read(Document(name="f", text=text))
    assert len(rows) == sum(bool(line.strip()) for line in text.split("\n"))
    checked(rows)


@given(HUB)
def test_each_issue_of_github_has_one_account(issues: list[Any]) -> None:
    rows = github.read(text_of(issues))
    assert len(rows) == len(issues)
    checked(rows)


HEADERS = st.dictionaries(
    st.sampled_from(["id", "title", "status", "priority", "labels", "dependencies", "x"]),
    st.text(max_size=8) | st.sampled_from(["task-1", "[a, b]", "- x", "[[", "'", "{a: b}", *WORDS]),
    max_size=5,
)


@given(st.lists(HEADERS | st.binary(max_size=30), max_size=4))
def test_each_file_of_a_backlog_has_one_account(found: list[dict[str, str] | bytes]) -> None:
    documents = []
    for number, content in enumerate(found):
        text = (
            content.decode("utf-8", "surrogateescape")
            if isinstance(content, bytes)
            else "\n".join(["---", *(f"{key}: {value}" for key, value in content.items()), "---"])
        )
        documents.append(Document(name=f"tasks/task-{number} - x.md", text=text))
    rows = backlog_md.read(documents)
    assert [row.place.partition(", line")[0] for row in rows] == [d.name for d in documents]
    checked(rows)


READERS: list[Callable[[Document], Any]] = [
    taskmaster.read,
    beads.read,
    github.read,
    lambda document: backlog_md.read([document]),
    archive_reader.read,
]


@pytest.mark.parametrize("read", READERS)
@given(text=st.binary(max_size=80) | st.text(max_size=80) | JSON.map(json.dumps))
def test_no_content_ends_an_import(read: Callable[[Document], Any], text: bytes | str) -> None:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    read(Document(name="f", text=text))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"tasks":[{"id":1,"subtasks":' * 400 + "1" + "}]}" * 400,
        '{"tasks": [{"id": ' + "9" * 5_000 + "}]}",
        '[{"id": "a", "number": 1e400, "status": "open"}, NaN]',
        '{"id": "\\ud800", "title": "\\udfff", "status": "\\ud800"}',
    ],
    ids=["deep", "deep-subtasks", "digits", "not-finite", "surrogates"],
)
def test_no_unusual_json_ends_an_import(read: Callable[[Document], Any], text: str) -> None:
    read(Document(name="f", text=text))


KEPT = {
    "tasks": st.lists(
        records_like(
            {
                "path": st.sampled_from([".runr/tasks/a.md", ".runr/tasks/b.md", "../x.md"]),
                "text": st.text(max_size=4),
            }
        ),
        max_size=3,
    ),
    "status": st.dictionaries(
        st.sampled_from([".runr/tasks/a.md", "z"]),
        records_like({"status": st.sampled_from(["completed", "wombat"])}),
        max_size=2,
    ),
    "runs": st.lists(
        records_like(
            {
                "id": st.sampled_from(["20250108-143022-abcd", "../x"]),
                "events": st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=2)),
            }
        ),
        max_size=2,
    ),
}


@given(st.fixed_dictionaries(KEPT))
def test_each_record_of_an_export_has_one_account(value: dict[str, Any]) -> None:
    rows = archive_reader.read(text_of({"format": "runr-export", "version": 1, **value}))
    assert len(rows) == sum(len(part) for part in value.values())
    for row in rows:
        assert (row.value is None) == bool(row.reason)
        assert "Input should" not in row.reason


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("✅ Done", ExternalStatus.DONE),
        ("Done ✔", ExternalStatus.DONE),
        ("IN_PROGRESS", ExternalStatus.IN_PROGRESS),
        ("to-do", ExternalStatus.OPEN),
        ("Won\u2019t do", ExternalStatus.CANCELLED),
        ("To Review", ExternalStatus.ON_HOLD),
        ("ready_for_human", None),
        ("Shipped", None),
        ("Not done", None),
        ("", None),
    ],
)
def test_only_listed_words_have_a_meaning(word: str, status: ExternalStatus | None) -> None:
    assert known_status(word) is status


def taskmaster_rows(value: Any, **only: Any) -> dict[str, Record]:
    return {row.id or row.place: row for row in taskmaster.read(text_of(value), **only)}


def test_both_forms_in_one_task_master_file_are_read() -> None:
    plain = [{"id": 1, "title": "Plain"}, {"id": 2, "title": "Both"}]
    tagged = {"tasks": [{"id": 1, "title": "Tagged"}, {"id": 2, "title": "Both"}]}
    rows = taskmaster.read(text_of({"tasks": plain, "master": tagged, "meta": {"x": 1}}))
    assert [row.id for row in rows] == ["1", "2", "1-2", ""]
    assert rows[3].reason == "the same as another task 2"


def test_a_repeated_key_hides_no_list() -> None:
    text = '{"master": {"tasks": [{"id": 1}]}, "master": {"tasks": [{"id": 2, "id": 3}]}}'
    first, second = taskmaster.read(Document(name="f", text=text))
    assert (first.id, second.id) == ("1", "3")
    assert "`id` is there twice: the last one is taken" in second.changes


def test_subtasks_of_any_depth_keep_their_numbers_and_dependencies() -> None:
    deepest = {"id": "1.1.2", "title": "c", "dependencies": ["1.1.1", 2]}
    inner = [{"id": 1, "title": "b", "dependencies": ["2"]}, deepest]
    sub = [{"id": "1.1", "title": "a", "subtasks": inner}, {"id": 2, "title": "d"}]
    rows = taskmaster_rows([{"id": "1", "title": "T", "subtasks": sub}, {"id": 2, "title": "U"}])
    assert list(rows) == ["1", "1.1", "1.1.1", "1.1.2", "1.2", "2"]
    found = {own: row.task for own, row in rows.items() if row.task}
    # A bare number is the nearest with that number: beside it, beside its parent, at the top.
    assert found["1.1.1"].depends_on == ("1.1.2",)
    assert found["1.1.2"].depends_on == ("1.1.1", "1.1.2")
    assert found["1.1.2"].parent == "1.1"
    assert found["1.1.2"].stem == "1.1.2-c"


def test_values_of_wrong_types_are_reported_in_plain_words() -> None:
    (row,) = taskmaster.read(
        text_of(
            [
                {
                    "id": [],
                    "title": {"a": 1},
                    "status": ["done"],
                    "priority": ["high"],
                    "details": ["one", "two"],
                    "testStrategy": {"run": "pytest"},
                    "dependencies": {"1": True},
                    "subtasks": "none",
                }
            ]
        )
    )
    assert row.changes == (
        "no `id` that could be read: numbered 1",
        "`subtasks` is text where a list is wanted: ignored",
        "`title` is an object where text is wanted: ignored",
        "`details` is a list where text is wanted: its items are lines",
        "`testStrategy` is an object where text is wanted: kept as JSON",
        "`priority` is a list where text is wanted: ignored",
    )
    assert row.task
    assert row.task.holds == (
        "`status` is a list where text is wanted",
        "`dependencies` is an object where a list is wanted",
    )
    assert "- one\n- two" in row.task.body
    assert '"run": "pytest"' in row.task.body


def test_a_list_that_is_not_asked_for_is_accounted_for() -> None:
    value = {"master": {"tasks": [{"id": 1, "subtasks": [{"id": 1}]}]}, "b": {"tasks": [{"id": 1}]}}
    rows = taskmaster.read(text_of(value), only=("b",))
    assert [row.reason for row in rows] == [
        *["in the list `master`, which was not asked for"] * 2,
        "",
    ]


def test_beads_keeps_the_newest_of_one_issue_and_no_other_kind_of_record() -> None:
    lines = [
        {"id": "b", "title": "old", "updated_at": "2026-01-01T00:00:00.123456789Z"},
        {"id": "b", "title": "new", "updated_at": "2026-02-01T00:00:00+01:00"},
        {"_type": "memory", "key": "k"},
        {"id": "c", "title": "later", "defer_until": "2030-01-01T00:00:00Z"},
        {"id": "d", "title": "gate", "issue_type": "gate"},
        {"id": "e", "title": "note", "pinned": True},
        {"id": "f", "title": "tpl", "is_template": True},
    ]
    text = "\n".join(["<<<<<<< HEAD", *map(json.dumps, lines)])
    rows = beads.read(Document(name="f", text=text))
    assert [row.reason for row in rows] == [
        "a conflict marker of git: resolve the merge",
        "an older version of f, line 3",
        "",
        "a record of type `memory`, no issue",
        *["", "", ""],
        "a template",
    ]
    assert [row.task.holds for row in rows if row.task] == [
        (),
        ("deferred until 2030-01-01T00:00:00Z",),
        ("type `gate`",),
        ("pinned",),
    ]


def test_a_pull_request_is_no_issue() -> None:
    rows = github.read(text_of([{"number": 1, "title": "t", "pull_request": {}}]))
    assert rows[0].reason == "a pull request, no issue"


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("Fix: colon", "Fix: colon"),
        ("@home 'x'", "@home 'x'"),
        ("[WIP] x", "[WIP] x"),
        ("'ok'", "ok"),
    ],
)
def test_a_title_that_is_no_yaml_is_taken_as_it_is(title: str, read: str) -> None:
    text = f"---\nid: task-1\ntitle: {title}\nlabels: [@a, b]\n---\nx\n"
    (row,) = backlog_md.read([Document(name="a.md", text=text)])
    assert row.task
    assert row.task.title == read
    assert row.task.tags == ("@a", "b")
    assert row.changes == (
        () if read == "ok" else ("line 3 is not YAML: its text is taken as it is",)
    )


def test_a_file_that_is_no_task_is_left_out_and_a_damaged_task_is_not() -> None:
    names = ["b/readme.md", "b/task-2 - x.md", "b/task-3 - y.md", "b/notes.md"]
    texts = ["# Tasks", "", "---\ntitle: y\n---\n", "---\ntitle: n\n---\n"]
    rows = backlog_md.read(
        [Document(name=name, text=text) for name, text in zip(names, texts, strict=True)]
    )
    assert [(row.damaged, bool(row.task)) for row in rows] == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]
    assert rows[1].id == "task-2"
    assert rows[2].changes == ("no `id` that could be read: task-3, as the file is named",)


def test_a_run_with_a_damaged_row_is_not_restored_in_part() -> None:
    head = "kind,id,seq,time,state,title,encoding,data"
    rows = [
        "event,r1,1,,,,json,{}",
        'event,r1,2,,,,json,"{"x"}"',
        "event,r2,1,,,,json,{}",
        "event,r3,1,,,,json,{}",
        "event,r4,1,,,,json,{",
        "event,r5,1,,,,json,{}",
        "event,r5",
    ]
    found = archive_reader.read(Document(name="f", text="\r\n".join([head, *rows]) + "\r\n"))
    assert {row.name: row.value is not None for row in found if row.kind == "run"} == {
        "r1": False,
        "r2": False,
        "r3": True,
        "r4": False,
        "r5": False,
    }


def test_the_subtasks_of_a_task_with_an_unknown_status_are_held() -> None:
    below = {"id": 1, "title": "b", "status": "pending"}
    rows = taskmaster.read(
        text_of([{"id": 1, "title": "a", "status": "Shipped", "subtasks": [below]}])
    )
    parent, child = plan_import(rows, OPTIONS)
    assert parent.holds == ("status `Shipped` is not known",)
    assert parent.task
    assert parent.task.tags == ("shipped",)
    assert child.holds == ("its parent 1 is on hold",)
