"""Filters that select tasks, as options and as queries."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.errors import UsageError
from runr.query.filters import MATCH_ALL, Filter, parse_filter
from runr.query.task_state import TaskState
from runr.status.model import Entry, Evidence, State
from runr.tasks.model import Task, TaskType

NOW = datetime(2025, 1, 10, 12, tzinfo=UTC)


def state(name: str, status: State = State.PENDING, **facts: Any) -> TaskState:
    entry = Entry(status=status, **{k: facts.pop(k) for k in [*facts] if k in Entry._fields})
    derived = {k: facts.pop(k) for k in [*facts] if k in TaskState._fields}
    task = Task(path=f".runr/tasks/{name}.md", title=facts.pop("title", name), **facts)
    return TaskState(task=task, entry=entry, **derived)


TASKS = (
    state("api/login", title="Log in", tags=("api", "Security"), worker="codex"),
    state("api/logout", State.FAILED, tags=("api",), updated_at="2025-01-09T13:00:00Z"),
    state(
        "docs/guide",
        State.COMPLETED,
        updated_at="2025-01-01T00:00:00Z",
        evidence=Evidence.VERIFIED,
        stale=True,
    ),
    state("ask-the-team", type=TaskType.MANUAL),
    state(
        "odd: name",
        State.STOPPED,
        evidence=Evidence.VERIFIED,
        stop_reason="needs_human",
        blocked_by=("x",),
    ),
)


def selected(wanted: Filter) -> list[str]:
    matches = wanted.predicate(now=NOW, worker="claude-code")
    return [task.task.name.removesuffix(".md") for task in TASKS if matches(task)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "api/login api/logout docs/guide ask-the-team odd: name"),
        ("tag:api", "api/login api/logout"),
        ("tag:security", "api/login"),
        ('tag:"api"', "api/login api/logout"),
        ("tag:api -tag:security", "api/logout"),
        ("status:failed,stopped", "api/logout odd: name"),
        ("-status:failed,stopped,completed", "api/login ask-the-team"),
        ("type:manual", "ask-the-team"),
        ("-type:manual log", "api/login api/logout"),
        ('"LOG IN"', "api/login"),
        ('search:"log in"', "api/login"),
        ("search:a,b", ""),
        ("-log", "docs/guide ask-the-team odd: name"),
        ("is:ready", "api/login api/logout docs/guide"),
        ("is:blocked", "odd: name"),
        ("is:waiting", "ask-the-team odd: name"),
        ("is:stale", "docs/guide"),
        ("is:open -is:waiting", "api/login api/logout"),
        ("since:1d", "api/logout"),
        ("since:yesterday", "api/logout"),
        ("since:2025-01-01", "api/logout docs/guide"),
        ("since:2025-01-09T14:30:00+02:00", "api/logout"),
        ("worker:codex", "api/login"),
        ("worker:person", "ask-the-team"),
        ("worker:claude-code is:open", "api/logout odd: name"),
        ("path:api", "api/login api/logout"),
        ("path:api/login", "api/login"),
        ("path:api/login.md", "api/login"),
        ("path:.runr/tasks/docs/", "docs/guide"),
        ("path:login", ""),
        ("path:ask-the-team", "ask-the-team"),
        ("evidence:verified", "docs/guide"),
        ("path:lo*", "api/login api/logout"),
        ("path:*/guide", "docs/guide"),
        ('"odd:"', "odd: name"),
        ("  tag:api   is:ready ", "api/login api/logout"),
        ("TAG:api", "api/login api/logout"),
        ("-", "ask-the-team"),
    ],
)
def test_a_query_selects_these_tasks(query: str, expected: str) -> None:
    assert " ".join(selected(parse_filter(query))) == expected


def test_an_option_selects_the_same_as_its_term_in_a_query() -> None:
    pairs: list[tuple[dict[str, Any], str]] = [
        ({"status": ("failed", "stopped")}, "status:failed,stopped"),
        ({"type": ("manual",)}, "type:manual"),
        ({"tag": ("api",), "ready": True}, "tag:api is:ready"),
        ({"path": ("api", "docs")}, "path:api,docs"),
        ({"since": "1d", "stale": False}, "since:1d"),
        ({"search": "log in"}, '"log in"'),
        ({"worker": ("codex",), "blocked": False, "waiting": False}, "worker:codex"),
    ]
    for options, query in pairs:
        assert selected(parse_filter(**options)) == selected(parse_filter(query)) != []
    assert parse_filter(status=(), tag=(), search=None, ready=False) == MATCH_ALL


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("statu:failed", "there is no filter statu: in 'statu:failed'; did you mean status:?"),
        ("status:faild", "status cannot be 'faild': did you mean failed?"),
        ("type:robot", "write one of automated, manual, hybrid"),
        ("is:redy", "did you mean ready?"),
        ("zzz:1", "the words are status, evidence, type, tag"),
        ("tag:", "the filter tag needs a value"),
        ("tag:a,,b,", None),
        ("since:soon", "since cannot be 'soon': write yesterday, today, how long ago"),
        ("since:0001-01-01T00:00+05:00", "since cannot be '0001-01-01T00:00+05:00'"),
        ('tag:api "log in', 'a quote " in'),
        ("status:failed status:stopped", "no task has two values of status"),
    ],
)
def test_a_bad_term_is_refused_with_the_near_match(query: str, message: str | None) -> None:
    if message is None:
        assert parse_filter(query) == parse_filter("tag:a,b")
        return
    with pytest.raises(UsageError) as refused:
        parse_filter(query)
    assert message in refused.value.message


def test_the_hint_after_an_unknown_word_works_when_it_is_typed() -> None:
    with pytest.raises(UsageError) as refused:
        parse_filter("http://example.org")
    [hint] = refused.value.next_steps
    parse_filter(str(hint).partition("needs quotes: ")[2])


@given(st.text())
def test_any_text_is_a_filter_or_one_clear_refusal(query: str) -> None:
    with suppress(UsageError):
        selected(parse_filter(query))


@given(st.sampled_from(["tag:api", "is:ready", "type:manual", "since:1d", "log", "path:api"]))
def test_a_term_and_its_negation_select_each_task_once(term: str) -> None:
    both = [
        *selected(parse_filter(term)),
        *selected(parse_filter(f"-{term}")),
    ]
    assert sorted(both) == sorted(selected(MATCH_ALL))


def test_a_filter_knows_what_it_asks_about() -> None:
    assert parse_filter("worker:codex").asks("worker")
    assert parse_filter("is:ready").asks("ready")
    assert not parse_filter("is:ready").asks("worker")
    assert not MATCH_ALL.asks("worker")
