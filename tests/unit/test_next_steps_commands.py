"""The commands that are next steps: their options, and the tools that do the same."""

import os
import subprocess

import pytest

from runr.next_steps import commands
from runr.next_steps.step import MCP, NextStep

RUN = "20250108-143022-k7qf"


@pytest.mark.parametrize(
    ("step", "command"),
    [
        (commands.reset("a.md"), "reset a.md --reason 'why it is not completed'"),
        (
            commands.reset("a.md", revert=True),
            "reset --revert a.md --reason 'why it is not completed'",
        ),
        (commands.resume(), "resume"),
        (commands.resume(RUN), f"resume {RUN}"),
        (commands.resume(since="work"), "resume --from work"),
        (commands.resume(preview=True), "resume --preview"),
        (commands.resume(accept_changes=True), "resume --accept-changes"),
        (commands.submit(RUN, "main"), f"submit {RUN} --to main"),
        (commands.submit(RUN, "main", force=True), f"submit {RUN} --to main --force"),
        (commands.land(RUN), f"land {RUN}"),
        (commands.land(every=True), "land --all"),
        (commands.stop(RUN), f"stop {RUN}"),
        (commands.why("a.md"), "why a.md"),
        (commands.why("a.md", diff=True), "why a.md --diff"),
    ],
)
def test_a_command_has_only_the_options_that_were_asked_for(step: NextStep, command: str) -> None:
    assert str(step) == f"runr {command}"


def test_what_is_forced_is_forced_in_the_shell_and_by_an_agent() -> None:
    for make in (commands.attest, commands.run):
        gentle, forced = make("a.md"), make("a.md", force=True)
        assert ["--force" in step.argv for step in (gentle, forced)] == [False, True]
        assert ["force" in (step.tool or "") for step in (gentle, forced)] == [False, True]


def test_an_agent_finds_the_first_ready_task_and_what_is_in_the_way_with_a_tool() -> None:
    assert MCP.inline(commands.next_task()) == "list-tasks with ready=true"
    assert MCP.inline(commands.next_task("--explain")) == "list-tasks with blocked=true"


def test_a_worker_logs_in_with_its_own_program_or_is_looked_for_in_the_list() -> None:
    assert str(commands.login("claude-code")) == "claude auth login"
    assert str(commands.login("codex", ["npx", "codex"])) == "npx codex login"
    assert str(commands.login("my-own")) == "runr workers"


@pytest.mark.parametrize("name", [b"caf\xe9", b"it's 100%\\n \xff$(touch x)", b"plain"])
def test_a_command_can_be_pasted_whose_words_are_no_text(name: bytes) -> None:
    command = str(NextStep(argv=("printf", "%s", os.fsdecode(name))))
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout == name
