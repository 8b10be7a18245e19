"""A run as a long task: its id is the run's, and its state is what the journal says."""

import os
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place
from fakes.forked import RUNR
from fakes.project_kit import until
from mcpserver.raw_client import Message, RawClient, calling, enveloped, initialize, request
from runr.mcp_server.long_tasks import EXTENSION

ABLE: dict[str, Any] = {
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}}
}
SESSION = {"CLAUDE_CODE_SESSION_ID": "0b7d1c4e-session"}
SLOW = "---\nworker: script\nverify: [test -d .]\n---\n# Slow\n\n```sh run\ncat '{gate}'\n```\n"


def served(root: Path) -> RawClient:
    return RawClient([RUNR, "mcp", "--repo", str(root)], {**os.environ, **SESSION})


def ask(client: RawClient, method: str, params: Message) -> Message:
    answer = client.ask(enveloped(method, params, method, **ABLE))
    result = answer.get("result") or answer["error"]
    return dict(result)


def start(client: RawClient, **arguments: Any) -> Message:
    return ask(client, "tools/call", calling("run-task", **arguments))


def test_a_restarted_server_follows_and_stops_the_runs_that_another_began(
    repository: Path, tmp_path: Path, home: Path
) -> None:
    place, gate = Place(repository, home), tmp_path / "gate"
    os.mkfifo(gate)
    place.write(".runr/tasks/05-slow.md", SLOW.format(gate=gate))
    place.commit("Add a slow task")
    with served(repository) as client:
        discovered = client.ask(enveloped("server/discover"))["result"]["capabilities"]
        assert discovered["extensions"] == {EXTENSION: {}}
        quick, slow = start(client, task="00-setup"), start(client, task="05-slow", wait_s=5)
        assert (quick["resultType"], quick["status"], quick["ttlMs"]) == ("task", "working", None)
        assert start(client, task="nothing")["isError"]
        client.hang_up()
    [first, second] = (str(begun["taskId"]) for begun in (quick, slow))
    runs = place.runr("runs", "--json").json["runs"]
    assert {first, second} == {run["id"] for run in runs}
    place.runr("follow", first, code=0)
    with served(repository) as client:
        ended = ask(client, "tasks/get", {"taskId": first})
        assert (ended["resultType"], ended["status"]) == ("complete", "completed")
        assert ended["result"]["structuredContent"]["run"]["status"] == "completed"
        assert ask(client, "tasks/get", {"taskId": second})["status"] == "working"
        # Who does the work itself is answered with the brief.
        assert start(client, task="01-api", worker="session")["structuredContent"]["brief"]
        ignored = {"taskId": second, "inputResponses": {}}
        assert ask(client, "tasks/update", ignored)["resultType"] == "complete"
        for _ in range(2):
            assert ask(client, "tasks/cancel", {"taskId": second})["resultType"] == "complete"
        until(
            lambda: ask(client, "tasks/get", {"taskId": second})["status"] == "cancelled",
            "the end of the run that was cancelled",
        )
        assert place.status("05-slow.md")["stop_reason"] == "stopped"
        for unknown in ("nothing", "latest", first[-4:]):
            assert ask(client, "tasks/get", {"taskId": unknown})["code"] == -32602
        client.hang_up()


@pytest.mark.long
def test_a_job_is_a_task_too(repository: Path, home: Path) -> None:
    with served(repository) as client:
        begun = start(client, tasks=["00-setup"])
        until(
            lambda: ask(client, "tasks/get", {"taskId": begun["taskId"]})["status"] == "completed",
            "the end of the job",
        )
        ended = ask(client, "tasks/get", {"taskId": begun["taskId"]})
        client.hang_up()
    assert ended["result"]["structuredContent"]["job_run"]["counts"] == {"completed": 1}
    assert Place(repository, home).status("00-setup.md")["status"] == "completed"


def test_a_client_that_declares_no_tasks_gets_the_run_and_no_task(repository: Path) -> None:
    with served(repository) as client:
        answer = client.ask(enveloped("tools/call", calling("run-task", task="00-setup"), 1))
        run = answer["result"]["structuredContent"]["run"]
        refused = client.ask(enveloped("tasks/get", {"taskId": run["id"]}, 2))["error"]
        client.ask(initialize())
        older = client.ask(request("tasks/get", {"taskId": run["id"]}, 3))["error"]
        waited = client.ask(enveloped("tools/call", calling("run-task", task="00-setup"), 4))
        client.hang_up()
    assert refused["code"] == -32021
    assert EXTENSION in refused["data"]["requiredCapabilities"]["extensions"]
    assert older["code"] == -32601
    assert waited["result"]["resultType"] == "complete"
