"""`runr install` for Codex, Gemini CLI and OpenCode, seen from the clients themselves."""

import json
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.real_client import CLIENTS, MADE, TASK, ClientPlace
from fakes.scripted_model import Call

pytestmark = pytest.mark.long

TOOLS = {"list-tasks", "task-status", "complete-task", "run-task"}
CODEX = ".codex/config.toml"
GEMINI = ".gemini/settings.json"
FIRST_TURNS = 10
#: What Codex needs besides, to start runs without asking its user.
APPROVED = '\n[mcp_servers.runr.tools.run-task]\napproval_mode = "approve"\n'

SetUp = Callable[..., ClientPlace]


@pytest.mark.parametrize("name", CLIENTS)
def test_the_first_turn_has_the_tools_and_calls_are_answered(set_up: SetUp, name: str) -> None:
    there = set_up(name, [Call("list-tasks", ready=True), Call("task-status", task=TASK)])
    there.install()
    ended = there.start(cwd=_folder(there, below=name != "gemini"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not there.model.missing
    first, *_, last = there.model.turns
    assert set(first.tools) == TOOLS
    listed, status = last.results
    assert TASK in listed
    assert "no worker has run it yet" in status
    there.place.runr("install", name, "--uninstall", code=0)
    assert there.place.git("status", "--porcelain") == ""


def test_gemini_reads_the_settings_of_the_repository_only_at_its_top(set_up: SetUp) -> None:
    there = set_up("gemini")
    there.install()
    there.start(cwd=_folder(there, below=True))
    assert not there.model.turns[0].tools


def _folder(there: ClientPlace, *, below: bool) -> Path:
    """Return the repository, or a folder below it."""
    folder = there.place.root / ("below" if below else ".")
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_works_on_a_task_and_its_settings_come_back(set_up: SetUp, name: str) -> None:
    there = set_up(name)
    root = there.place.root
    work = [
        Call("run-task", task=TASK, worker="session"),
        there.client.writing(root),
        Call("complete-task", task=TASK),
    ]
    there.model.follow(work)
    there.install("--user")
    ended = there.start()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not there.model.missing
    task = there.place.runr("show", TASK, "--json").json["task"]
    assert (task["status"], task["evidence"]) == ("completed", "verified"), ended.stdout
    assert there.place.git("show", f"HEAD:{MADE}")
    there.place.runr("install", name, "--user", "--uninstall", code=0)
    before = there.client.settings(there.model.url, root)
    assert there.user_file.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("name", CLIENTS)
def test_no_client_confirms_completed_work_for_its_user(set_up: SetUp, name: str) -> None:
    there = set_up(name, [Call("complete-task", task=TASK, reason="The user has checked it.")])
    there.install()
    there.start()
    assert not there.model.missing
    assert f"runr complete-task {TASK}" in there.model.turns[-1].results[0]
    assert there.place.runr("show", TASK, "--json").json["task"]["status"] == "pending"


@pytest.mark.parametrize("name", ["codex", "gemini"])
def test_in_a_folder_that_is_not_trusted_no_server_is_started(set_up: SetUp, name: str) -> None:
    there = set_up(name, trusted=False)
    there.install()
    ended = there.start()
    assert "trust" in ended.stderr
    assert not [turn for turn in there.model.turns if turn.tools]


@pytest.mark.parametrize("options", [["--required"], []], ids=["required", "default"])
def test_ten_of_ten_first_turns_of_codex_have_the_tools(set_up: SetUp, options: list[str]) -> None:
    there = set_up("codex")
    there.install(*options)
    for _ in range(FIRST_TURNS):
        assert there.start().returncode == 0
    firsts = [set(turn.tools) for turn in there.model.turns]
    assert firsts == [TOOLS] * FIRST_TURNS


@pytest.mark.parametrize("options", [["--required"], []], ids=["required", "default"])
def test_without_runr_codex_starts_unless_the_server_is_required(
    set_up: SetUp, options: list[str]
) -> None:
    there = set_up("codex")
    there.install(*options)
    there.place.write(CODEX, there.place.read(CODEX).replace('"runr"', '"no-such-program"'))
    ended = there.start()
    assert ended.returncode == (1 if options else 0)
    refused = "required MCP servers failed to initialize: runr" in ended.stderr
    assert refused is bool(options)
    assert [turn.tools for turn in there.model.turns] == ([] if options else [[]])


def test_codex_starts_a_run_only_if_that_was_approved(set_up: SetUp) -> None:
    there = set_up("codex", [Call("run-task", task=TASK, worker="session")])
    there.install()
    there.start(asks=True)
    assert "requires approval" in there.model.turns[-1].results[0]
    assert there.place.runr("show", TASK, "--json").json["task"]["status"] == "pending"
    there.place.write(CODEX, there.place.read(CODEX) + APPROVED)
    there.start(asks=True)
    assert there.place.runr("show", TASK, "--json").json["task"]["status"] == "in_progress"


def test_gemini_offers_a_prompt_no_tool_that_needs_a_confirmation(set_up: SetUp) -> None:
    there = set_up("gemini")
    there.install()
    there.start(asks=True)
    assert not there.model.turns[0].tools
    _edit_server(there, trust=True)
    there.start(asks=True)
    assert set(there.model.turns[-1].tools) == TOOLS


#: Which variables reach the server: Codex passes few on, Gemini CLI none that looks like a secret.
PASSED: dict[str, set[str]] = {
    "codex": set(),
    "gemini": {"EDITOR"},
    "opencode": {"EDITOR", "ANTHROPIC_API_KEY"},
}


@pytest.mark.parametrize("name", CLIENTS)
def test_what_of_the_environment_reaches_the_server(
    set_up: SetUp, name: str, tmp_path: Path
) -> None:
    there = set_up(name)
    there.install()
    given = {"EDITOR": "true", "ANTHROPIC_API_KEY": "dummy"}
    note = tmp_path / "variables.txt"
    programs = _noting_variables(tmp_path, note)

    def passed() -> set[str]:
        note.unlink(missing_ok=True)
        there.start(variables={"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", **given})
        lines = note.read_text(encoding="utf-8").splitlines()
        return {name for name in given if any(line.startswith(f"{name}=") for line in lines)}

    assert passed() == PASSED[name]
    if name != "opencode":
        _pass_the_key_on(there)
        assert passed() == PASSED[name] | {"ANTHROPIC_API_KEY"}


def _pass_the_key_on(there: ClientPlace) -> None:
    """Name the variable in the settings, as the page of the clients says."""
    if there.client.name == "codex":
        there.place.write(CODEX, there.place.read(CODEX) + 'env_vars = ["ANTHROPIC_API_KEY"]\n')
    else:
        _edit_server(there, env={"ANTHROPIC_API_KEY": "$ANTHROPIC_API_KEY"})


def _edit_server(there: ClientPlace, **keys: object) -> None:
    """Set keys of the server in Gemini CLI's settings of the repository."""
    settings = json.loads(there.place.read(GEMINI))
    settings["mcpServers"]["runr"].update(keys)
    there.place.write(GEMINI, json.dumps(settings))


def _noting_variables(folder: Path, note: Path) -> Path:
    """Return a folder with a `runr` that writes its variables down before it is the real one."""
    program = folder / "bin/runr"
    program.parent.mkdir()
    real = shlex.quote(str(shutil.which("runr")))
    program.write_text(
        f'#!/bin/sh\nenv > {shlex.quote(str(note))}\nexec {real} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    return program.parent
