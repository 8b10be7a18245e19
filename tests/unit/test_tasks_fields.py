"""The keys of a task header: how each is written, what it is read as, and what is refused."""

from typing import Any

import pytest

from runr.tasks.fields import KNOWN_KEYS, Header, typed
from runr.tasks.model import Problem, Task, TaskType, WorkerOptions

YEAR_S = 366 * 86400


def read(**values: object) -> tuple[dict[str, Any], list[Problem]]:
    return typed(Header(values=values))


def test_every_field_of_a_task_has_a_key_and_every_key_is_known_by_its_near_match() -> None:
    made_elsewhere = {"path", "sha256", "problems", "worker_options"}
    fields = {*Task._fields, *WorkerOptions._fields} - made_elsewhere
    assert {field.removesuffix("_s") for field in fields} <= KNOWN_KEYS
    for key in KNOWN_KEYS:
        values, (problem,) = read(**{f"{key}x": "1"})
        assert values == {}
        assert (problem.code, problem.severity) == ("unknown_key", "warning")
        assert problem.message == f"runr does not know the key `{key}x`: did you mean `{key}`?"


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("title", "", ""),
        ("title", " Build it ", " Build it "),
        ("type", "manual", TaskType.MANUAL),
        ("tier", "tier0", "tier0"),
        ("depends_on", ["a.md", " b.md "], ("a.md", "b.md")),
        ("owns", [], ()),
        ("verify", "make test", ("make test",)),
        ("tags", ["a"], ("a",)),
        ("stale_on", "text", ("text",)),
        ("stale_on", ["owns", "dependency"], ("owns", "dependency")),
        ("worker", " codex\n", "codex"),
        ("model", "large", "large"),
        ("permission_mode", "plan", "plan"),
        ("allowed_tools", "Read", ("Read",)),
        ("extra_args", ["--a", "1"], ("--a", "1")),
        ("source", "github", "github"),
        ("priority", "-3", -3),
        ("priority", " +1_000 ", 1000),
        ("priority", "5.00", 5),
        ("priority", "9" * 4300, int("9" * 4300)),
        ("max_turns", "1", 1),
        ("max_turns", "1000000", 1_000_000),
        ("budget_usd", "0.01", 0.01),
        ("budget_usd", " .5", 0.5),
        ("budget_usd", "1_000.", 1000.0),
        ("budget_usd", "1e6", 1_000_000.0),
        ("timeout", "1", 1),
        ("timeout", "1h30m", 5400),
        ("timeout", "366d", YEAR_S),
        ("timeout", "90".rjust(40, "0"), 90),
    ],
)
def test_a_value_is_read_with_the_type_of_its_key(key: str, written: object, value: object) -> None:
    assert read(**{key: written}) == ({key: value}, [])


EMPTY = "is empty: write a value, or remove it"
MAPPING = "is a mapping, not text: text with `: ` in it, or `{` before it, needs quotes"
WHOLE, TURNS = "must be a whole number", "must be a whole number from 1"
DOLLARS, AGE = "must be an amount in US dollars above 0", "must be between a second and a year"


@pytest.mark.parametrize(
    ("key", "written", "message"),
    [
        ("title", ["a"], "`title` is a list: write one value"),
        ("title", {"a": "b"}, f"`title` {MAPPING}"),
        ("worker", " ", f"`worker` {EMPTY}"),
        ("worker", "a\0", "`worker`: holds a NUL character, which no path or command can"),
        ("owns", {"a": "b"}, "`owns` is a mapping: write a list or one text"),
        ("owns", ["a", None], f"`owns` item 2 {EMPTY}"),
        (
            "owns",
            ["a", "b\0"],
            "`owns` item 2: holds a NUL character, which no path or command can",
        ),
        ("verify", [{"a": "b"}], f"`verify` item 1 {MAPPING}"),
        ("tags", [["a"]], "`tags` item 1 is a list: write one value"),
        ("type", "manul", "`type` cannot be `manul`: did you mean `manual`?"),
        ("type", ["manual"], "`type` is a list: write one value"),
        ("tier", "9", "`tier` cannot be `9`: write one of tier0, tier1, tier2"),
        ("tier", {}, f"`tier` {MAPPING}"),
        ("stale_on", "txt", "`stale_on` item 1 cannot be `txt`: did you mean `text`?"),
        ("stale_on", ["owns", ["a"]], "`stale_on` item 2 is a list: write one value"),
        ("stale_on", {}, f"`stale_on` {MAPPING}"),
        ("priority", "high", f"`priority` {WHOLE}, not `high`"),
        ("priority", "1.5", f"`priority` {WHOLE}, not `1.5`"),
        ("priority", "9" * 4301, f"`priority` {WHOLE}, not `{'9' * 79}…`"),
        ("max_turns", "0", f"`max_turns` {TURNS}, not `0`"),
        ("max_turns", "1000001", f"`max_turns` {TURNS}, not `1000001`"),
        ("budget_usd", "0", f"`budget_usd` {DOLLARS}, not `0`"),
        ("budget_usd", "1000000.01", f"`budget_usd` {DOLLARS}, not `1000000.01`"),
        ("budget_usd", "inf", f"`budget_usd` {DOLLARS}, not `inf`"),
        ("budget_usd", ["1"], "`budget_usd` is a list: write one value"),
        ("timeout", "0", f"`timeout` {AGE}, not `0`"),
        ("timeout", "366d1s", f"`timeout` {AGE}, not `366d1s`"),
        ("timeout", "90".rjust(41, "0"), f"`timeout` {AGE}, not `{'90'.rjust(41, '0')}`"),
        ("timeout", ["1"], "`timeout` is a list: write one value"),
        (
            "timeout",
            "soon",
            "`timeout`: 'soon' is not a duration: write seconds, or 90s, 45m, 1h30m, 2d",
        ),
    ],
)
def test_a_value_of_another_type_is_one_error_and_leaves_the_field_out(
    key: str, written: object, message: str
) -> None:
    assert read(**{key: written}) == ({}, [Problem("wrong_value", message)])


def test_a_key_without_a_value_and_those_of_a_status_say_nothing() -> None:
    assert read(tags=None, worker=None, status="completed", completed_at=["x"]) == ({}, [])


def test_a_problem_has_the_line_of_its_item_or_else_of_its_key() -> None:
    values = {"worker": "", "tags": ["a", ""], "owns": [""], "zebra": "x", "verify": ["true"] * 2}
    lines = {
        ("worker",): 9,
        ("tags",): 3,
        ("tags", 1): 5,
        ("owns",): 2,
        ("zebra",): 7,
        ("verify",): 10,
        ("verify", 0): 11,
    }
    fields, problems = typed(Header(values=values, lines=lines))
    assert fields == {"verify": ("true", "true")}
    assert [(problem.code, problem.line, problem.severity) for problem in problems] == [
        ("unknown_key", 7, "warning"),
        ("empty_check", 11, "warning"),
        ("empty_check", 10, "warning"),
        ("wrong_value", 2, "error"),
        ("wrong_value", 5, "error"),
        ("wrong_value", 9, "error"),
    ]
