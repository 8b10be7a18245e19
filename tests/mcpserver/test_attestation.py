"""Who confirms over MCP: the client's user, asked by the server; never what a model writes."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp.client import Client, ClientRequestContext
from mcp.types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    Implementation,
    TextContent,
)

from cli.terminal import Place
from runr.mcp_server.server import build
from runr.runs.events import RunStopped
from runr.storage.layout import Layout
from unit.journals_of_runs import Journals, worked

pytestmark = pytest.mark.anyio

SAID = {"task": "02-manual", "by": "Grace", "reason": "They like it"}
RELAYED = '[attest]\nrelayed = "record"\n'
CALL: Any = {"claudecode/toolUseId": "t1"}
Action = Literal["accept", "decline", "cancel"]


@pytest.fixture(params=["legacy", "2026-07-28"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def yes(name: str) -> dict[str, Any]:
    """Return the answer of a user who confirms it."""
    return {"answer": f"Yes, I confirm this myself, as {name}"}


class User:
    """Answers every question in the same way, and remembers it."""

    def __init__(self, action: Action, content: dict[str, Any] | None = None) -> None:
        self.asked: list[str] = []
        self.while_asked = list[Callable[[], object]]()
        self.form: dict[str, Any] = {}
        self._reply = ElicitResult(action=action, content=content)

    async def answer(
        self,
        context: ClientRequestContext,  # noqa: ARG002 - named by the client
        params: ElicitRequestParams,
    ) -> ElicitResult:
        self.asked.append(params.message)
        while self.while_asked:
            self.while_asked.pop()()
        assert isinstance(params, ElicitRequestFormParams)
        self.form = params.requested_schema
        return self._reply


@asynccontextmanager
async def connected(root: Path, era: str, user: User | None = None) -> AsyncIterator[Client]:
    client = Client(
        build(root, os.environ),
        mode=era,
        elicitation_callback=user.answer if user else None,
        client_info=Implementation(name="an-editor", version="7"),
    )
    async with client as made:
        yield made


def refused(answer: CallToolResult) -> str:
    [content] = answer.content
    assert answer.is_error
    assert isinstance(content, TextContent)
    return content.text


def configure(root: Path) -> None:
    (root / ".runr/config.toml").write_text(RELAYED, encoding="utf-8")


def recorded(root: Path) -> list[Path]:
    return [*root.glob(".runr/runs/*")]


def approved(root: Path) -> dict[str, Any]:
    """Return the decision that the only run has recorded."""
    [journal] = root.glob(".runr/runs/*/timeline.jsonl")
    events = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    [payload] = [event["payload"] for event in events if event["type"] == "run.approved"]
    return dict(payload)


async def test_what_the_user_confirms_is_an_attestation_in_the_name_that_they_choose(
    repository: Path, era: str
) -> None:
    user = User("accept", yes("Ada Example"))
    async with connected(repository, era, user) as client:
        answer = (await client.call_tool("complete-task", SAID)).structured_content or {}
    [question] = user.asked
    assert "02-manual.md" in question
    assert "They like it" in question
    task, decision = answer["task"], approved(repository)
    assert (task["evidence"], task["completed_by"]) == ("attested", "person:Ada Example")
    assert (decision["by"], decision["reason"]) == ("Ada Example", "They like it")
    assert decision["channel"]["kind"] == "elicitation"
    assert decision["channel"]["client"] == "an-editor 7"
    assert decision["channel"]["id"]


async def test_no_answer_of_the_form_is_chosen_before_and_the_first_is_no(
    repository: Path, era: str
) -> None:
    user = User("decline")
    async with connected(repository, era, user) as client:
        refused(await client.call_tool("complete-task", SAID))
    [(name, choice)] = user.form["properties"].items()
    assert user.form["required"] == [name]
    assert "default" not in choice
    assert choice["enum"] == [
        "No, I do not confirm this",
        *yes("Ada Example").values(),
        *yes("Grace").values(),
    ]


@pytest.mark.parametrize(
    ("action", "content"),
    [
        ("decline", yes("Grace")),
        ("cancel", None),
        ("accept", {"answer": "No, I do not confirm this"}),
        ("accept", yes("Hedy")),
        ("accept", {"answer": True}),
        ("accept", {"confirmed": True, "by": "Grace"}),
        ("accept", {}),
    ],
)
async def test_what_the_user_does_not_confirm_is_not_recorded(
    repository: Path, era: str, action: Action, content: dict[str, Any] | None
) -> None:
    configure(repository)
    async with connected(repository, era, User(action, content)) as client:
        text = refused(await client.call_tool("complete-task", SAID))
    assert "did not confirm" in text
    assert "`runr complete-task 02-manual.md --reason" in text
    assert not recorded(repository)


MANUAL = "---\ntype: manual\n---\n# Ask the users\n\nAnd delete everything.\n"


@pytest.mark.parametrize("name", ["02-manual", "other/02-manual"])
async def test_what_changes_while_the_user_is_asked_is_not_what_they_confirm(
    repository: Path, era: str, name: str
) -> None:
    file = repository / f".runr/tasks/{name}.md"
    file.parent.mkdir(exist_ok=True)
    user = User("accept", yes("Grace"))
    user.while_asked = [lambda: file.write_text(MANUAL, encoding="utf-8")]
    async with connected(repository, era, user) as client:
        answer = await client.call_tool("complete-task", SAID)
    if file.parent.name == "other":
        # Another task of the name that was asked about: what they saw is completed, or nothing.
        path = ((answer.structured_content or {}).get("task") or {}).get("path")
        assert path in (None, ".runr/tasks/02-manual.md")
    elif era == "legacy":
        assert "has changed since the user was asked" in refused(answer)
        assert not recorded(repository)
    else:  # they are asked again
        assert len(user.asked) == 2
        assert not answer.is_error


async def test_a_client_that_cannot_ask_gets_the_command_for_the_person(
    repository: Path, era: str
) -> None:
    async with connected(repository, era) as client:
        text = refused(await client.call_tool("complete-task", SAID))
    assert "an-editor 7 passes it on" in text
    assert "`runr complete-task 02-manual.md --reason" in text
    assert not recorded(repository)


async def test_what_is_relayed_is_a_weaker_degree_where_the_settings_record_it(
    repository: Path, home: Path, era: str
) -> None:
    configure(repository)
    async with connected(repository, era) as client:
        nameless = refused(await client.call_tool("complete-task", {**SAID, "by": None}))
        answer = await client.call_tool("complete-task", SAID, meta=CALL)
    assert "needs the name" in nameless
    found = answer.structured_content or {}
    assert (found["task"]["evidence"], found["task"]["completed_by"]) == (
        "relayed",
        "client:an-editor 7",
    )
    assert found["run"]["relayed_by"] == "an-editor 7"
    assert "approved_by" not in found["run"]
    assert approved(repository)["channel"] == {
        "kind": "relayed",
        "client": "an-editor 7",
        "id": "t1",
    }
    there = Place(repository, home)
    assert "» 02-manual.md  completed" in (shown := there.runr("status", "--tasks").out)
    assert "relayed by an-editor 7" in shown
    assert "1 relayed" in shown
    assert "1 relayed" in there.runr("verify").out
    there.runr("verify", "02-manual", "--at-least", "attested", code=1)
    assert "confirmed by no person" in there.runr("report", "latest").out


async def test_a_name_that_only_an_agent_has_is_refused_before_the_user_is_asked(
    repository: Path, era: str
) -> None:
    user = User("accept", yes("Claude"))
    async with connected(repository, era, user) as client:
        for agent in ("Claude", "gpt-5", "script", "an-editor"):
            text = refused(await client.call_tool("complete-task", {**SAID, "by": agent}))
            assert "only a person decides" in text
        assert not user.asked
        assert "did not confirm" in refused(await client.call_tool("complete-task", SAID))
    assert not recorded(repository)


def waiting(root: Path, home: Path) -> Place:
    """Leave a run that waits for a person, without having run anything."""
    place = Place(root, home)
    night = Journals(Layout(root), datetime.now(UTC) - timedelta(hours=1))
    night.run("00-setup", [*worked(), RunStopped("needs_human")])
    place.runr("rebuild", code=0)
    return place


async def test_a_rejection_is_the_words_of_the_user_and_nothing_without_them(
    repository: Path, home: Path
) -> None:
    place = waiting(repository, home)
    call = {"task": "00-setup", "action": "reject", "reason": "Not so", "by": "Grace"}
    async with connected(repository, "2026-07-28") as client:
        for action in ("reject", "approve"):
            text = refused(await client.call_tool("complete-task", call | {"action": action}))
            assert f"`runr {action} 00-setup.md --reason" in text
    user = User("accept", yes("Grace"))
    async with connected(repository, "2026-07-28", user) as client:
        answer = (await client.call_tool("complete-task", call)).structured_content or {}
    [question] = user.asked
    assert question.startswith("Do you reject the work for 00-setup.md?")
    run = answer["run"]
    assert (run["rejected_by"], run["reason"]) == ("Grace", "Not so")
    assert run["channel"].startswith("confirmed in an-editor 7 (")
    assert place.status("00-setup.md")["stop_reason"] == "rejected"


async def test_a_stale_completion_is_acknowledged_by_the_user(repository: Path, home: Path) -> None:
    place = Place(repository, home)
    place.runr("complete-task", "02-manual", "--reason", "done", "--by", "Ada", code=0)
    place.write(".runr/tasks/02-manual.md", "---\ntype: manual\n---\n# Ask all\n")
    call = {"task": "02-manual", "action": "acknowledge", "reason": "Same people"}
    user = User("accept", yes("Ada Example"))
    async with connected(repository, "2026-07-28", user) as client:
        forced = refused(await client.call_tool("complete-task", call | {"force": True}))
        answer = (await client.call_tool("complete-task", call)).structured_content or {}
        again = refused(await client.call_tool("complete-task", call))
    assert "`force` is not for action=acknowledge" in forced
    assert (answer["acknowledged_by"], answer["reason"]) == ("Ada Example", "Same people")
    assert "is not stale itself" in again
    assert len(user.asked) == 1
