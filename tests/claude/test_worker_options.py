"""What a project and a task ask of the real `claude` as their worker."""

import subprocess
from pathlib import Path

import pytest

from claude.claude_place import ClaudePlace, Turn, write
from claude.plugin_place import bash
from cli.terminal import answered
from fakes.model_api import FakeModel
from fakes.model_request import ModelRequest

HEADER = """\
owns: [a.txt]
verify: ["grep -q good a.txt"]
model: claude-haiku-4-5
permission_mode: dontAsk
allowed_tools: [Read, Write]
extra_args: [--append-system-prompt, "Speak like a sailor."]
"""


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> ClaudePlace:
    return ClaudePlace(tmp_path, claude_path)


def ran(place: ClaudePlace, script: list[Turn]) -> list[ModelRequest]:
    """Run the task to its completion and return what the model was asked."""
    with FakeModel(script) as model:
        done = place.runr("run", "--task", "foo.md", model=model)
    assert done.returncode == 0, done.stdout + done.stderr
    return model.main_requests()


def test_a_task_s_model_tools_and_further_arguments_reach_its_worker(place: ClaudePlace) -> None:
    place.kit.config('[run]\nworker = "claude-code"\n[workers.claude-code]\nmodel = "sonnet"\n')
    place.kit.task("foo.md", header=HEADER, body="Write a.txt.")
    script = [bash("touch b.txt"), write("a.txt", "good\n"), {"text": "Aye."}]
    requests = ran(place, script)
    assert {request.model for request in requests} == {"claude-haiku-4-5"}
    assert "Speak like a sailor." in requests[0].system
    refused, written = requests[-1].tool_results
    assert refused.is_error
    assert not written.is_error
    report = place.runr("report", "latest").stdout
    assert "Bash: touch b.txt" in report  # what was not allowed is reported


def test_a_worker_starts_no_run_of_its_own(place: ClaudePlace) -> None:
    place.kit.task("bar.md")
    script = [bash("runr run --task bar"), write("a.txt", "good\n"), {"text": "Done."}]
    (refused, _) = ran(place, script)[-1].tool_results
    assert refused.is_error
    assert "set `nested = true`" in refused.text
    assert place.answer("task-status", "bar.md")["run"] is None


def test_workers_tells_version_and_login_without_asking_a_model(place: ClaudePlace) -> None:
    with FakeModel([]) as model:
        found = answered(place.runr("workers", "--json", model=model).stdout)["workers"]
        assert model.requests == []
    (claude,) = [row for row in found if row["name"] == "claude-code"]
    asked = subprocess.run([place.claude, "--version"], capture_output=True, text=True, check=True)
    assert (claude["installed"], claude["version"]) == (True, asked.stdout.strip())
    assert claude["path"] == str(place.claude)
    assert claude["login"].startswith("ANTHROPIC_")
