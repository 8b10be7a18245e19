"""Clients that do not read, that die, that end their server at any moment, and many at once."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place
from fakes.processes import ends
from fakes.project_kit import until
from mcpserver.raw_client import RawClient, calling, enveloped, initialize, request
from mcpserver.test_interruption import DEADLINE_S, SESSION, read_pids

TESTS = Path(__file__).parents[1]
TOYS = [sys.executable, "-m", "mcpserver.toy_server"]
CLIENTS = 50
#: How many of them have a worker do a task.
RUNS = 3
#: How long fifty servers may take that are started together.
BUSY_S = 900
#: More than the pipe and the server hold together.
ANSWERS, SIZE = 1500, 8000
#: A client with a server of its own; both know nothing of the test.
DYING = """
import os, sys, time
from mcpserver.raw_client import RawClient, calling, enveloped
client = RawClient([sys.executable, "-m", "runr", "mcp", "--repo", sys.argv[1]], os.environ)
client.ask(enveloped("tools/call", calling("run-task", task="03-hang", worker="session"), 1))
open(os.path.join(sys.argv[1], "work.txt"), "w").close()
client.send(enveloped("tools/call", calling("complete-task", task="03-hang"), 2))
time.sleep(600)
"""


def hang(repository: Path, gate: Path) -> None:
    """Write a task whose check says which process it is, and does not end."""
    os.mkfifo(gate)
    check = f"trap '' TERM INT HUP; sleep 600 & echo $! $$ > '{gate}'; wait"
    task = repository / ".runr/tasks/03-hang.md"
    task.write_text(f"---\nverify: [{json.dumps(check)}]\n---\n# Hang\n", encoding="utf-8")


@pytest.mark.long
def test_the_checks_end_with_a_client_that_is_killed(repository: Path, tmp_path: Path) -> None:
    hang(repository, tmp_path / "gate")
    environment = {**os.environ, **SESSION, "PYTHONPATH": str(TESTS)}
    client = subprocess.Popen([sys.executable, "-c", DYING, str(repository)], env=environment)
    pids = read_pids(tmp_path / "gate")
    client.kill()
    client.wait()
    assert all(ends(pid, DEADLINE_S) for pid in pids)


@pytest.mark.long
@pytest.mark.parametrize(("reads", "asks_on"), [(True, True), (True, False), (False, True)])
def test_a_client_that_reads_late_gets_every_answer_and_one_that_does_not_holds_nothing(
    *, reads: bool, asks_on: bool
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    server = subprocess.Popen(TOYS, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin
    assert server.stdout
    server.stdin.write(json.dumps(initialize()).encode() + b"\n")
    server.stdin.flush()
    assert json.loads(server.stdout.readline())["result"]
    echo = calling("echo", text="x" * SIZE)
    lines = [json.dumps(request("tools/call", echo, n)).encode() + b"\n" for n in range(ANSWERS)]
    initialized = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'

    def write(pipe: Any = server.stdin) -> None:
        with suppress(BrokenPipeError), pipe:
            pipe.write(initialized + b"".join(lines))
            pipe.flush()
            ended.wait()

    ended = threading.Event()
    if not asks_on:  # The end of what it writes is not the end of what it reads.
        ended.set()
    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    if reads:
        answered = {json.loads(server.stdout.readline())["id"] for _ in lines}
        assert answered == set(range(ANSWERS))
    else:
        server.stdout.readline()
    server.send_signal(signal.SIGTERM)
    assert server.wait(DEADLINE_S) == 0
    ended.set()
    writing.join(DEADLINE_S)
    server.stdout.close()


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=str)
@pytest.mark.parametrize("events", [5, 7, 9, 12, 15])
def test_a_completion_whose_server_is_ended_at_any_moment_is_finished_by_the_next(
    repository: Path, home: Path, number: signal.Signals, events: int
) -> None:
    place = Place(repository, home)
    place.write(".runr/tasks/03-write.md", "---\nverify: [test -f a.txt]\n---\n# Write a.txt\n")
    place.commit("Add a task")
    before = place.git("rev-list", "--count", "HEAD").strip()
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(repository)]
    complete = calling("complete-task", task="03-write")
    with RawClient(command, {**os.environ, **SESSION}) as client:
        opened = enveloped("tools/call", calling("run-task", task="03-write", worker="session"), 1)
        assert not client.ask(opened)["result"].get("isError")
        place.write("a.txt", "made\n")
        [journal] = repository.glob(".runr/runs/*/timeline.jsonl")
        client.send(enveloped("tools/call", complete, 2))
        until(lambda: journal.read_bytes().count(b"\n") >= events, "that moment")
        assert client.interrupt(number) == 0
        assert "Traceback" not in client.log
    with RawClient(command, {**os.environ, **SESSION}) as client:
        answer = client.ask(enveloped("tools/call", complete, 1))["result"]
        client.hang_up()
    assert answer["structuredContent"]["task"]["status"] == "completed"
    assert int(place.git("rev-list", "--count", "HEAD")) == int(before) + 1
    assert place.git("status", "--porcelain", "a.txt") == ""


@pytest.mark.long
def test_fifty_servers_of_a_repository_answer_rightly_and_lose_no_update(
    repository: Path, home: Path
) -> None:
    place = Place(repository, home)
    place.config('[attest]\nrelayed = "record"\n')
    for number in range(CLIENTS):
        place.task(f"m{number:02}.md", "type: manual")
    for number in range(RUNS):
        made = f"r{number}.txt"
        header = f"worker: script\nverify: [test -f {made}]"
        place.task(f"r{number}.md", header, f"```sh run\necho made > {made}\n```")
    place.task("for-one.md")
    place.commit("Add tasks")
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(repository)]
    holders: list[int] = []
    all_are_up = threading.Barrier(CLIENTS)

    def work(number: int) -> None:
        environment = {**os.environ, "CLAUDE_CODE_SESSION_ID": f"session-{number}"}
        with RawClient(command, environment, deadline_s=BUSY_S) as client:
            client.handshake()
            all_are_up.wait(BUSY_S)
            own = f"m{number:02}.md"
            listed = call(client, "list-tasks", query=own)
            assert [task["status"] for task in listed["tasks"]] == ["pending"]
            done = call(client, "complete-task", task=own, by="Ada", reason=f"reason {number}")
            assert done["task"]["status"] == "completed"
            if number < RUNS:
                run = call(client, "run-task", task=f"r{number}.md", wait_s=BUSY_S // 2)
                assert run["run"]["status"] == "completed", run
            opened = calling("run-task", task="for-one", worker="session")
            if not client.ask(request("tools/call", opened))["result"].get("isError"):
                holders.append(number)
            assert call(client, "task-status", task=own)["task"]["evidence"] == "relayed"
            assert client.hang_up() == 0

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(work, range(CLIENTS)))
    assert len(holders) == 1
    place.runr("rebuild", "--dry-run", code=0)
    entries = json.loads(place.read(".runr/task-status.json"))["tasks"]
    for number in range(CLIENTS):
        entry = entries[f".runr/tasks/m{number:02}.md"]
        assert (entry["status"], entry["evidence"]) == ("completed", "relayed")
        report = place.runr("report", entry["last_run_id"], code=0).out
        assert f"reason {number}" in report
    for number in range(RUNS):
        assert place.git("show", f"HEAD:r{number}.txt") == "made\n"
    assert place.status("for-one.md")["status"] == "in_progress"


def call(client: RawClient, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the answer of a tool."""
    answer: dict[str, Any] = client.ask(request("tools/call", calling(tool, **arguments)))["result"]
    assert not answer.get("isError"), answer
    content: dict[str, Any] = answer["structuredContent"]
    return content


@pytest.mark.parametrize(
    "answer",
    [
        '{"result": {"action": "yes"}}',
        '{"result": {"action": "accept", "content": {"answer": ["Yes"], "by": "Ada"}}}',
        '{"result": {"action": "accept", "content": {"answer": "\\ud800"}}}',
        '{"result": 5}',
    ],
)
def test_what_is_no_answer_to_a_question_confirms_nothing(repository: Path, answer: str) -> None:
    hello = initialize()
    hello["params"]["capabilities"] = {"elicitation": {}}
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(repository)]
    with RawClient(command, os.environ) as client:
        client.ask(hello)
        client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        said = {"task": "02-manual", "by": "Ada", "reason": "They like it"}
        client.send(request("tools/call", calling("complete-task", **said), 7))
        asked = client.receive()
        assert asked["method"] == "elicitation/create"
        head = f'{{"jsonrpc": "2.0", "id": {json.dumps(asked["id"])}, '
        client.write(f"{head}{answer[1:]}\n".encode())
        refused = client.receive()
    assert refused["id"] == 7
    assert "the user did not confirm this" in refused["result"]["content"][0]["text"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("hidden", ["", "env -u CLAUDECODE "])
def test_a_client_that_an_agent_has_started_does_not_answer_for_a_person(
    repository: Path, hidden: str
) -> None:
    hello = initialize()
    hello["params"]["capabilities"] = {"elicitation": {}}
    server = shlex.join([sys.executable, "-m", "runr", "mcp", "--repo", str(repository)])
    folder = shlex.quote(str(repository))
    command = ["sh", "-c", f"cd {folder}; {hidden}{server}; test -d ."]
    with RawClient(command, {**os.environ, "CLAUDECODE": "1"}) as client:
        client.ask(hello)
        client.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        said = {"task": "02-manual", "by": "Ada", "reason": "They like it"}
        refused = client.ask(request("tools/call", calling("complete-task", **said), 7))
        # The shell is what the client would kill; the server behind it ends with its input.
        client.hang_up()
    assert "no person has confirmed this" in refused["result"]["content"][0]["text"]
    assert not [*repository.glob(".runr/runs/*")]
