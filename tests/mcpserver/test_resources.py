"""Resources, prompts and completions of a repository, as clients of both generations see them."""

import json
import os
from pathlib import Path

import pytest
from mcp import MCPError
from mcp.client import Client
from mcp.types import (
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)

from cli.terminal import Place
from fakes.forked import RUNR
from mcpserver.raw_client import RawClient, calling, enveloped, initialize, request
from runr.mcp_server import repository_texts
from runr.mcp_server.server import build
from runr.storage.layout import Layout

pytestmark = pytest.mark.anyio

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture(params=["legacy", "2026-07-28"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def read(client: Client, uri: str) -> str:
    [content] = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def test_status_task_report_and_log_are_read_without_secrets_and_cut(
    repository: Path, home: Path
) -> None:
    place = Place(repository, home)
    place.runr("run", "00-setup", code=0)
    place.write(".runr/tasks/deep/09 ä.md", f"# Deep\n\nUse {SECRET}.\n")
    place.write(".runr/tasks/10-long.md", "# Long\n\n" + "word " * 50_000)
    [run] = Layout(repository).runs.iterdir()
    (run / "worker-1.jsonl").write_text("old\n" * 40_000 + f"key {SECRET}\nlast\n")
    async with Client(build(repository, os.environ)) as client:
        listed = await client.list_resources()
        templates = await client.list_resource_templates()
        status = json.loads(await read(client, "runr://status"))
        task = await read(client, "runr://tasks/deep/09%20%C3%A4.md")
        long = await read(client, "runr://tasks/10-long")
        report = await read(client, f"runr://runs/{run.name}/report")
        log = await read(client, f"runr://runs/{run.name}/log")
    assert [str(each.uri) for each in listed.resources] == ["runr://status"]
    assert [each.uri_template for each in templates.resource_templates] == [
        "runr://tasks/{+task}",
        "runr://runs/{run}/report",
        "runr://runs/{run}/log",
    ]
    assert status["counts"]["verified"] == 1
    assert task.startswith("# Deep")
    assert "00-setup" in report
    assert len(long) == repository_texts.TEXT
    assert log.endswith("last\n")
    assert len(log) <= repository_texts.LOG
    assert SECRET not in task + log


@pytest.mark.parametrize(
    "uri",
    [
        "runr://tasks/nothing",
        "runr://tasks/../../secret.md",
        "runr://tasks/%2e%2e/%2e%2e/secret.md",
        "runr://runs/latest/log",
        "runr://runs/..%2f..%2fsecret/log",
        "runr://other",
    ],
)
async def test_what_is_not_there_is_said_with_its_address(
    repository: Path, era: str, uri: str
) -> None:
    (repository / "secret.md").write_text("no")
    async with Client(build(repository, os.environ), mode=era) as client:
        with pytest.raises(MCPError, match="Resource not found") as caught:
            await client.read_resource(uri)
    assert caught.value.code == -32602
    assert caught.value.data == {"uri": uri}


async def test_a_prompt_says_which_tools_to_call_and_never_decides(
    repository: Path, era: str
) -> None:
    async with Client(build(repository, os.environ), mode=era) as client:
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == [
            "work-on-task",
            "review-waiting",
        ]
        [work] = (await client.get_prompt("work-on-task", {"task": "01-api"})).messages
        [review] = (await client.get_prompt("review-waiting")).messages
        for name, arguments in (("work-on-task", {}), ("work-on-task", {"task": "no"}), ("x", {})):
            with pytest.raises(MCPError) as caught:
                await client.get_prompt(name, arguments)
            assert caught.value.code == -32602
    assert isinstance(work.content, TextContent)
    assert isinstance(review.content, TextContent)
    assert "Write api.txt." in work.content.text
    assert "worker=session" in work.content.text
    assert "waiting=true" in review.content.text
    assert "`runr" not in work.content.text + review.content.text


async def test_names_of_tasks_and_ids_of_runs_are_completed(
    repository: Path, home: Path, era: str
) -> None:
    Place(repository, home).runr("run", "00-setup", code=0)
    prompt = PromptReference(name="work-on-task")
    log = ResourceTemplateReference(uri="runr://runs/{run}/log")
    async with Client(build(repository, os.environ), mode=era) as client:
        tasks = await client.complete(prompt, {"name": "task", "value": "0"})
        inside = await client.complete(prompt, {"name": "task", "value": "api"})
        runs = await client.complete(log, {"name": "run", "value": "2"})
        other = await client.complete(log, {"name": "other", "value": ""})
    assert tasks.completion.values == ["00-setup.md", "01-api.md", "02-manual.md"]
    assert inside.completion.values == ["01-api.md"]
    assert runs.completion.values == [run.name for run in Layout(repository).runs.iterdir()]
    assert other.completion.values == []


def test_what_is_no_resource_is_not_subscribed_to(repository: Path) -> None:
    unknown = {"notifications": {"resourceSubscriptions": ["runr://status", "runr://other"]}}
    with RawClient([RUNR, "mcp", "--repo", str(repository)], os.environ) as client:
        client.ask(initialize())
        subscribed = client.ask(request("resources/subscribe", {"uri": "runr://other"}, 2))
        listening = client.ask(enveloped("subscriptions/listen", unknown, "heard"))
        known = client.ask(request("resources/subscribe", {"uri": "runr://tasks/01-api"}, 3))
        client.hang_up()
    for refused in (subscribed, listening):
        assert refused["error"]["message"] == "Resource not found: runr://other"
    assert "error" not in known


def test_a_client_of_either_generation_hears_that_the_status_has_changed(repository: Path) -> None:
    begin = calling("run-task", task="00-setup", worker="session")
    command = [RUNR, "mcp", "--repo", str(repository)]
    with RawClient(command, {**os.environ, "CLAUDE_CODE_SESSION_ID": "s"}) as client:
        client.ask(initialize())
        client.ask(request("resources/subscribe", {"uri": "runr://status"}, 2))
        wanted = {"notifications": {"resourceSubscriptions": ["runr://status"]}}
        client.send(enveloped("subscriptions/listen", wanted, "heard"))
        assert client.receive()["method"] == "notifications/subscriptions/acknowledged"
        client.send(request("tools/call", begin, 3))
        heard = [client.receive() for _ in range(3)]
        client.hang_up()
    methods = [message.get("method", "") for message in heard]
    assert methods.count("notifications/resources/updated") == 2
