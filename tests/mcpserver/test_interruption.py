"""What a call has started ends with it: its checks, whichever way the call comes to its end."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.marks import also_long
from fakes.processes import ends
from fakes.project_kit import until
from mcpserver.raw_client import RawClient, calling, enveloped, request
from runr.storage import files
from runr.workers import cgroup

DEADLINE_S = 20
SESSION = {"CLAUDE_CODE_SESSION_ID": "0b7d1c4e-session"}


@pytest.fixture
def gate(repository: Path, tmp_path: Path) -> Path:
    """Return the pipe into which the check writes its process id; then it hangs."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    # It ignores what asks it to end, and so does its child.
    begin = "trap '' TERM INT HUP; test -f go && exit; sleep 600 &"
    hang = f"{begin} echo $! $$ > '{gate}'; wait; test -f go"
    task = repository / ".runr/tasks/03-hang.md"
    task.write_text(f"---\nverify: [{json.dumps(hang)}]\n---\n# Hang\n", encoding="utf-8")
    return gate


@contextmanager
def hanging(root: Path, gate: Path, *, handshake: bool) -> Iterator[tuple[RawClient, list[int]]]:
    """Yield a client whose call 7 waits for a check, and the processes of the check."""
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(root)]
    write: Any = request if handshake else enveloped
    with RawClient(command, {**os.environ, **SESSION}) as client:
        if handshake:
            client.handshake()
        opened = calling("run-task", task="03-hang", worker="session")
        assert not client.ask(write("tools/call", opened, 6))["result"].get("isError")
        (root / "work.txt").write_text("work\n", encoding="utf-8")
        client.send(write("tools/call", calling("complete-task", task="03-hang"), 7))
        yield client, read_pids(gate)


def read_pids(gate: Path) -> list[int]:
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(gate.read_text()), daemon=True)
    reader.start()
    reader.join(DEADLINE_S)
    return [int(word) for word in found[0].split()]


@pytest.mark.parametrize("how", [signal.SIGTERM, *also_long(signal.SIGINT), None], ids=str)
def test_the_checks_end_with_the_server(
    repository: Path, gate: Path, how: signal.Signals | None
) -> None:
    with hanging(repository, gate, handshake=False) as (client, pids):
        code = client.hang_up() if how is None else client.interrupt(how)
        assert code == 0
        assert all(ends(pid, 0) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("tool", ["task-status", *also_long("run-task", "list-tasks")])
def test_the_checks_of_a_killed_server_end_with_the_next_call(
    repository: Path, gate: Path, tool: str
) -> None:
    with hanging(repository, gate, handshake=False) as (client, pids):
        client.interrupt(signal.SIGKILL)
    assert not any(ends(pid, 0) for pid in pids)
    given: dict[str, Any] = {} if tool == "list-tasks" else {"task": "03-hang"}
    given |= {"worker": "session"} if tool == "run-task" else {}
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(repository)]
    with RawClient(command, {**os.environ, **SESSION}) as next_client:
        answer = next_client.ask(enveloped("tools/call", calling(tool, **given), 8))["result"]
    assert all(ends(pid, 0) for pid in pids)
    # The run of the session is open as before.
    assert not answer.get("isError"), answer
    assert "in_progress" in json.dumps(answer) or "Hang" in answer["structuredContent"]["brief"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_completion_waits_for_the_reader_that_ends_what_a_killed_one_left(
    repository: Path, gate: Path
) -> None:
    with hanging(repository, gate, handshake=False) as (client, _):
        client.interrupt(signal.SIGKILL)
    (repository / "go").write_text("", encoding="utf-8")
    [run] = (repository / ".runr/runs").iterdir()
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(repository)]
    environment = {**os.environ, **SESSION}
    with RawClient(command, environment) as reader, RawClient(command, environment) as other:
        # It is started then, and has not looked at the status.
        other.ask(enveloped("tools/call", calling("task-status"), 8))
        reader.send(enveloped("tools/call", calling("task-status", task="03-hang"), 8))
        until(lambda: files.is_held(run / "lock"), "the reader")
        answer = other.ask(enveloped("tools/call", calling("complete-task", task="03-hang"), 9))
        reader.receive()
    assert not answer["result"].get("isError"), answer
    assert answer["result"]["structuredContent"]["completed"]


@pytest.mark.skipif(cgroup.own() is None, reason="needs a cgroup that may have others")
def test_the_empty_cgroup_of_a_killed_server_is_removed_by_the_next_call(
    repository: Path, gate: Path
) -> None:
    with hanging(repository, gate, handshake=False) as (client, _):
        client.interrupt(signal.SIGKILL)
    (run,) = (repository / ".runr/runs").iterdir()
    (folder,) = cgroup.left_by(run.name)
    # As if who ended them had been killed before it removed the cgroup.
    cgroup.kill(folder)
    until(lambda: not cgroup.members(folder), "the end of the checks")
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(repository)]
    with RawClient(command, {**os.environ, **SESSION}) as next_client:
        next_client.ask(enveloped("tools/call", calling("task-status", task="03-hang"), 8))
    assert cgroup.left_by(run.name) == ()


@pytest.mark.parametrize("handshake", [True, False], ids=["handshake", "envelope"])
def test_a_cancelled_completion_ends_its_checks_and_does_not_block_the_next(
    repository: Path, gate: Path, *, handshake: bool
) -> None:
    write: Any = request if handshake else enveloped
    with hanging(repository, gate, handshake=handshake) as (client, pids):
        cancelled = {"requestId": 7, "reason": "enough"}
        client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})
        assert all(ends(pid, DEADLINE_S) for pid in pids)
        client.wait_for_log("its checks are stopped")
        (repository / "go").write_text("", encoding="utf-8")
        again = write("tools/call", calling("complete-task", task="03-hang"), 8)
        answer = client.ask(again)["result"]
        assert not answer.get("isError"), answer
    assert answer["structuredContent"]["completed"]
    [journal] = repository.glob(".runr/runs/*/timeline.jsonl")
    assert "the call was cancelled while the checks ran" in journal.read_text(encoding="utf-8")
