"""By which way a decision comes from the command line, and what that makes of it."""

import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place
from fakes.forked import RUNR
from fakes.project_kit import until
from runr.runs.channel import of_process

TYPED = ["complete-task", "m", "--reason", "done", "--by", "Grace"]


@pytest.fixture
def manual(place: Place) -> Place:
    place.task("m.md", "type: manual")
    return place


def channel(place: Place) -> Any:
    return place.runr("--json", "report", "latest", code=0).json["run"]["channel"]


def test_what_is_typed_in_a_terminal_is_recorded_so(manual: Place) -> None:
    terminal = pty.openpty()
    subprocess.run([RUNR, *TYPED], cwd=manual.root, stdin=terminal[1], check=True)
    for end in terminal:
        os.close(end)
    assert channel(manual) == "in a terminal"


def test_a_script_attests_unless_the_settings_have_it_relay(manual: Place) -> None:
    manual.runr(*TYPED, code=0)
    assert channel(manual) == "in a script"
    manual.config('[attest]\nscripts = "relay"\n')
    refused = manual.runr(*TYPED, "--force", code=2)
    assert "a script passes it on" in refused.err


def test_a_text_that_would_fill_the_lists_is_no_name(manual: Place) -> None:
    refused = manual.runr(*TYPED[:-1], "A" * 201, code=2)
    assert "a name has at most 200 characters, not 201" in refused.err
    assert not manual.has_status()


@pytest.mark.parametrize("words", [TYPED, ["acknowledge", "m", "--by", "Grace"]])
def test_a_command_that_an_agent_has_started_attests_nothing(
    manual: Place, words: list[str]
) -> None:
    if words is not TYPED:
        manual.runr(*TYPED, code=0)
        manual.task("m.md", "type: manual", "Do it twice.")
    before = manual.status("m.md") if manual.has_status() else None
    refused = manual.runr(*words, env={"CLAUDECODE": "1"}, code=2)
    assert "claude-code passes it on" in refused.err
    assert refused.steps
    assert (manual.status("m.md") if manual.has_status() else None) == before


def test_an_agent_takes_nothing_back_and_accepts_nothing_for_a_person(manual: Place) -> None:
    manual.runr(*TYPED, code=0)
    manual.task("s.md", "type: hybrid\nworker: script", "```sh run\necho > made.txt\n```")
    manual.commit("Task")
    manual.runr("run", "s")
    manual.write("own.txt", "mine\n")
    manual.git("add", "own.txt")
    before = manual.read(".runr/task-status.json"), manual.git("rev-parse", "HEAD")
    for words in (
        ["reset", "m", "--reason", "no", "--by", "Grace"],
        ["intervene", "--reason", "by hand", "--by", "Grace"],
        ["reject", "s", "--reason", "no", "--by", "Grace"],
        ["resume", "s", "--accept-changes"],
    ):
        refused = manual.runr(*words, env={"CLAUDECODE": "1"}, code=2)
        assert "claude-code passes it on" in refused.err, words
        assert words[0] in refused.steps[0]
    assert (manual.read(".runr/task-status.json"), manual.git("rev-parse", "HEAD")) == before


def test_what_is_relayed_names_the_client_in_every_output(manual: Place) -> None:
    manual.config('[attest]\nrelayed = "record"\n')
    manual.runr(*TYPED, code=0)
    agent, signed = {"CLAUDECODE": "1"}, "Grace, relayed by claude-code"
    words = ["reset", "m", "--reason", "no", "--by", "Grace", "--json"]
    assert manual.runr(*words, env=agent, code=0).json["reset_by"] == signed
    assert manual.status("m.md")["reset_by"] == "client:claude-code"
    task = manual.runr("show", "m", "--json", code=0).json["task"]
    assert "relayed by claude-code" in task["why"]
    assert "taken back by" in (report := manual.runr("report", "latest").out)
    assert signed in report
    run = manual.runr("report", "latest", "--json").json["run"]
    assert (run.get("approved_by"), run["relayed_by"]) == (None, "claude-code")
    manual.write("own.txt", "mine\n")
    manual.git("add", "own.txt")
    words = ["intervene", "--reason", "by hand", "--by", "Grace", "--json"]
    assert manual.runr(*words, env=agent, code=0).json["committed_by"] == signed
    assert "Runr-Relayed-By: claude-code" in manual.git("log", "-1", "--format=%B")


@pytest.mark.parametrize(
    "name", ["CLAUDECODE", "CODEX_SANDBOX", "GEMINI_CLI", "OPENCODE", "CURSOR_AGENT", "AI_AGENT"]
)
def test_agents_are_recognised_by_their_environment(name: str) -> None:
    assert of_process({**os.environ, name: "1"}, is_terminal=True).kind == "relayed"
    assert of_process({name: ""}, is_terminal=True).kind == "terminal"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("hidden", ["", "setsid -w "])
def test_an_agent_that_hides_what_it_sets_is_found_by_its_processes(
    manual: Place, tmp_path: Path, hidden: str
) -> None:
    agent = tmp_path / "claude"
    agent.write_text(f'#!/bin/sh\nsh -c "exec $1"\necho {agent}\n', encoding="utf-8")
    agent.chmod(0o755)
    typed = f"{hidden}env -i PATH='{os.environ['PATH']}' {RUNR} {shlex.join(TYPED)}"
    refused = run_in(manual.root, "sh", str(agent), typed)
    assert "claude-code passes it on" in refused.stderr
    assert not manual.has_status()
    # The user's own terminal, and an agent that is active elsewhere.
    assert "attested by Grace" in run_in(manual.root, "sh", "-c", typed).stdout
    typed = f"{typed.replace(RUNR, f'{RUNR} --repo {shlex.quote(str(manual.root))}')} --force"
    assert "attested by Grace" in run_in(tmp_path, "sh", str(agent), typed).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("apart", ["", "setsid "])
def test_a_command_that_an_agent_leaves_behind_attests_nothing(
    manual: Place, tmp_path: Path, apart: str
) -> None:
    typed = f"env -i PATH='{os.environ['PATH']}' {RUNR} {shlex.join(TYPED)} > said 2>&1; echo > end"
    left = f"({apart}sh -c {shlex.quote(typed)} </dev/null &)"
    agent = tmp_path / "claude"
    agent.write_text('#!/bin/sh\nsh -c "$1"\nread line\n', encoding="utf-8")
    agent.chmod(0o755)

    def said(*words: str) -> str:
        with subprocess.Popen([*words, left], cwd=manual.root, stdin=subprocess.PIPE) as around:
            until((manual.root / "end").exists, "the command that was left behind")
            around.communicate(b"\n")
        (manual.root / "end").unlink()
        return manual.read("said")

    assert "claude-code passes it on" in said(str(agent))
    assert not manual.has_status()
    # Without an agent, it is a script that the user has left to itself.
    agent.rename(tmp_path / "backup")
    assert "attested by Grace" in said(str(tmp_path / "backup"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_shell_of_an_agent_is_found_by_its_own_environment(manual: Place) -> None:
    shell = f"unset CLAUDECODE; {RUNR} {shlex.join(TYPED)}; test -d ."
    refused = run_in(manual.root, "sh", "-c", shell, env={"CLAUDECODE": "1"})
    assert "claude-code passes it on" in refused.stderr
    assert not manual.has_status()


def run_in(
    folder: Path, *words: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder."""
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
