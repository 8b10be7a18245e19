"""The server keeps what it read between calls: an answer is never older than the files."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mcpserver.raw_client import RawClient, calling, enveloped

SERVER = [sys.executable, "-m", "runr", "mcp", "--repo"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / ".runr/tasks").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for name in ("a", "b"):
        write(root, name, f"# Task {name}")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "begin")
    return root


@pytest.fixture
def servers(root: Path) -> Iterator[tuple["Server", "Server"]]:
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient([*SERVER, str(root)], os.environ)) for _ in "ab"]
        yield Server(clients[0]), Server(clients[1])


class Server:
    """One server, asked with rising ids."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self._calls = 0

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        self._calls += 1
        params = calling(tool, **arguments)
        answer = self._client.ask(enveloped("tools/call", params, self._calls))["result"]
        assert not answer.get("isError"), answer
        content: dict[str, Any] = answer["structuredContent"]
        return content

    def titles(self) -> dict[str, str]:
        rows = self.call("list-tasks")["tasks"]
        return {row["path"].removeprefix(".runr/tasks/"): row["title"] for row in rows}

    def counts(self, **asked: object) -> dict[str, int]:
        counts: dict[str, int] = self.call("list-tasks", **asked).get("counts", {})
        return counts

    def commits(self, name: str) -> list[str]:
        """Return the runs whose commits are named as those of the task."""
        lines = self.call("task-status", task=name).get("commits", [])
        return [line.rpartition("run:")[2] for line in lines]

    def status(self, name: str) -> tuple[str, bool]:
        task = self.call("task-status", task=name)["task"]
        return task["status"], task.get("stale", False)


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True)


def runr(root: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "runr", *words], cwd=root, check=True)


def write(root: Path, name: str, text: str) -> Path:
    file = root / f".runr/tasks/{name}.md"
    file.write_text(f"{text}\n", encoding="utf-8")
    return file


def rewrite(root: Path, name: str, text: str) -> None:
    """Write a task file so that its size and its time of change stay what they were."""
    file = root / f".runr/tasks/{name}.md"
    file.write_text(f"{text:<40}\n", encoding="utf-8")
    os.utime(file, (1_700_000_000, 1_700_000_000))


@pytest.mark.long
def test_a_task_file_that_changed_without_another_size_or_time_is_read_again(
    root: Path, servers: tuple[Server, Server]
) -> None:
    for title in ("Task one", "Task two", "Task six"):
        rewrite(root, "a", f"# {title}")
        for server in servers:
            assert server.titles()["a.md"] == title


def test_files_that_come_go_and_move_are_seen_by_every_server(
    root: Path, servers: tuple[Server, Server]
) -> None:
    for server in servers:
        assert list(server.titles()) == ["a.md", "b.md"]
    write(root, "c", "# Task c").rename(root / ".runr/tasks/d.md")
    for server in servers:
        assert list(server.titles()) == ["a.md", "b.md", "d.md"]
    write(root, "b", "---\ndepends_on: [d]\n---\n# Task b")
    for server in servers:
        assert server.counts() == {"ready": 2, "blocked": 1}
    write(root, "d", "---\ndepends_on: [a]\n---\n# Task d")
    for server in servers:
        assert server.counts() == {"ready": 1, "blocked": 2}
    (root / ".runr/tasks/a.md").unlink()
    for server in servers:
        assert list(server.titles()) == ["b.md", "d.md"]


def test_what_the_command_line_and_another_server_record_is_seen_at_once(
    root: Path, servers: tuple[Server, Server]
) -> None:
    first, second = servers
    assert first.status("a") == second.status("a") == ("pending", False)
    runr(root, "complete-task", "a", "--reason", "done", "--by", "Ada")
    assert first.status("a") == second.status("a") == ("completed", False)
    (root / ".runr/config.toml").write_text('[attest]\nrelayed = "record"\n', encoding="utf-8")
    first.call("complete-task", task="b", reason="done", by="Ada")
    assert first.status("b") == second.status("b") == ("completed", False)
    write(root, "a", "# Another task a")
    assert first.status("a") == second.status("a") == ("completed", True)


@pytest.mark.long
def test_settings_and_commits_count_from_the_next_call_on(
    root: Path, servers: tuple[Server, Server]
) -> None:
    first, _ = servers
    runr(root, "complete-task", "a", "--reason", "done", "--by", "Ada")
    write(root, "a", "# Another task a")
    assert first.status("a") == ("completed", True)
    config = root / ".runr/config.toml"
    config.write_text('[status]\nstale = "ignore"\n', encoding="utf-8")
    assert first.status("a") == ("completed", False)
    config.write_text('[status]\nstale = "warn"\n', encoding="utf-8")
    assert first.status("a") == ("completed", True)
    config.write_text('[status]\nstael = "warn"\n', encoding="utf-8")
    steps = first.call("list-tasks")["next_steps"]
    assert ".runr/config.toml:2: unknown key `status.stael`" in steps[0]


@pytest.mark.long
def test_a_damaged_status_file_is_repaired_once_and_then_read_again(
    root: Path, servers: tuple[Server, Server]
) -> None:
    first, second = servers
    runr(root, "complete-task", "a", "--reason", "done", "--by", "Ada")
    assert first.status("a")[0] == "completed"
    status = root / ".runr/task-status.json"
    status.write_bytes(status.read_bytes()[:-20])
    assert "it is kept aside as" in first.call("list-tasks")["next_steps"][0]
    assert second.status("a") == first.status("a") == ("completed", False)
    assert json.loads(status.read_bytes())["tasks"]


def checkpoint(root: Path, name: str, run: str) -> None:
    trailers = f"Runr-Run-Id: {run}\nRunr-Task: .runr/tasks/{name}.md\nRunr-Checkpoint: true"
    git(root, "commit", "-q", "--allow-empty", "-m", f"Do it\n\n{trailers}")


@pytest.mark.long
def test_the_commits_of_a_task_are_those_of_what_is_checked_out(
    root: Path, servers: tuple[Server, Server]
) -> None:
    def seen() -> list[str]:
        first, second = (server.commits("a") for server in servers)
        assert first == second
        return first

    assert seen() == []
    checkpoint(root, "a", "run-1")
    assert seen() == ["run-1"]
    git(root, "switch", "-qc", "side")
    checkpoint(root, "a", "run-2")
    assert seen() == ["run-2", "run-1"]
    git(root, "pack-refs", "--all")
    git(root, "switch", "-q", "main")
    assert seen() == ["run-1"]
    git(root, "switch", "-q", "--detach", "side")
    assert seen() == ["run-2", "run-1"]
    git(root, "switch", "-q", "main")
    git(root, "reset", "-q", "--hard", "HEAD~1")
    assert seen() == []


def test_the_same_question_is_answered_anew_after_a_change(
    root: Path, servers: tuple[Server, Server]
) -> None:
    first, second = servers
    for server in servers:
        assert server.counts() == server.counts(ready=True) == {"ready": 2}
    runr(root, "complete-task", "a", "--reason", "done", "--by", "Ada")
    write(root, "c", "# Task c")
    for server in servers:
        assert server.counts(ready=True) == {"ready": 2}
        assert server.counts() == {"attested": 1, "ready": 2}
    (root / ".runr/config.toml").write_text('[attest]\nrelayed = "record"\n', encoding="utf-8")
    first.call("complete-task", task="b", reason="done", by="Ada")
    assert second.counts() == first.counts() == {"attested": 1, "relayed": 1, "ready": 1}
