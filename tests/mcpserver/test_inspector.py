"""The MCP Inspector's command line drives the server: a client of another project."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.marks import also_long
from fakes.required import require_program

Answer = dict[str, Any]
DEADLINE_S = 90


@pytest.fixture(params=also_long("modern", "legacy"))
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def inspector() -> str:
    return require_program("mcp-inspector", "@modelcontextprotocol/inspector, with npm")


class Inspector:
    """Runs the Inspector on the server of one repository."""

    def __init__(self, program: str, era: str, repository: Path) -> None:
        server = [sys.executable, "-m", "runr", "mcp", "--repo", str(repository)]
        patience = ("--connect-timeout", str(DEADLINE_S * 1000))
        self._command = [program, "--cli", "--protocol-era", era, *patience, *server]

    def ask(self, *arguments: str) -> Answer:
        ended = subprocess.run(
            [*self._command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        answer = json.loads(ended.stdout)
        assert isinstance(answer, dict)
        return answer

    def tools(self) -> list[str]:
        """List the tools; the Inspector fails where a schema is not portable."""
        return [tool["name"] for tool in self.ask("--method", "tools/list", "--strict")["tools"]]

    def call(self, tool: str, **arguments: object) -> Answer:
        named = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        answer = self.ask("--method", "tools/call", *named)
        content = answer["structuredContent"]
        assert json.loads(answer["content"][0]["text"]) == content
        assert isinstance(content, dict)
        return content


def test_the_inspector_lists_and_calls_the_four_tools(
    inspector: str, era: str, repository: Path
) -> None:
    client = Inspector(inspector, era, repository)
    assert client.tools() == ["list-tasks", "task-status", "complete-task", "run-task"]
    assert client.call("list-tasks", status="pending")["total_count"] == 3
    assert client.call("run-task", task="00-setup.md", wait_s=60)["run"]["status"] == "completed"
    opened = client.call("run-task", task="01-api.md", worker="session")
    assert opened["run"]["status"] == "running"
    (repository / "api.txt").write_text("made\n", encoding="utf-8")
    assert client.call("complete-task", task="01-api.md")["completed"]
    assert client.call("task-status", task="01-api.md")["task"]["evidence"] == "verified"
