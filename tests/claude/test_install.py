"""What `runr install claude` writes, checked with the real Claude Code."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import ClaudePlace, call, write
from claude.plugin_place import PLUGIN
from fakes.forked import RUNR
from fakes.model_api import FakeModel
from runr.runs import journal

OWN_SETTINGS = {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "touch $MARK"}]}]}}
OWN_SERVER = {"mcpServers": {"mine": {"command": "false"}}}

#: Sessions that begin one after the other.
_SESSIONS = 3


class Bare(ClaudePlace):
    """A place where nothing is installed yet, with settings, a server and a skill of its own."""

    def install(self) -> None:
        """Install nothing, but write settings, a server and a skill of the user."""
        self.write(".claude/settings.json", json.dumps(OWN_SETTINGS, indent=4))
        self.write(".mcp.json", json.dumps(OWN_SERVER))
        self.write(
            ".claude/skills/mine/SKILL.md", "---\nname: mine\ndescription: Mine.\n---\nGo.\n"
        )

    def write(self, name: str, text: str) -> None:
        """Write a file of the repository."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def init(self, model: FakeModel, **more: str) -> dict[str, Any]:
        """Start a minimal session, and return what it loaded."""
        words = (str(self.claude), "-p", "hi", "--output-format", "stream-json", "--verbose")
        done = self.start(*words, env=self.environment(model, **more))
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        found: dict[str, Any] = next(line for line in lines if line.get("subtype") == "init")
        return found


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> Bare:
    return Bare(tmp_path, claude_path)


def contents(folder: Path, *without: str) -> dict[str, bytes | None]:
    """Return every byte below a folder, and None for every folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] not in without
    }


def test_a_project_installation_keeps_existing_entries_and_removes_only_its_own(
    place: Bare, tmp_path: Path
) -> None:
    before = contents(place.root), contents(place.home)
    assert place.runr("install", "claude", "--project").returncode == 0
    mark = {"MARK": str(tmp_path / "stopped")}
    with FakeModel([{"text": "hello"}]) as model:
        found = place.init(model, **mark)
        message = "\n".join(model.main_requests()[0].all_texts)
    assert {"runr", "mine"} <= set(found["skills"])
    assert {"runr", "mine"} <= {server["name"] for server in found["mcp_servers"]}
    assert "foo" in message  # what the hook at the start says of the open work
    assert (tmp_path / "stopped").exists()
    assert place.runr("install", "claude", "--uninstall").returncode == 0
    assert contents(place.root, ".runr") == {
        name: data for name, data in before[0].items() if not name.startswith(".runr")
    }
    assert before[0].items() <= contents(place.root).items()


@pytest.mark.long
def test_a_user_installation_adds_the_plugin_everywhere_and_removes_only_that(place: Bare) -> None:
    config = place.home / ".claude"
    config.mkdir()
    (config / "settings.json").write_text('{"theme": "dark"}', encoding="utf-8")
    before = contents(place.home)
    assert place.runr("install", "claude", "--user").returncode == 0
    installed = contents(place.home)
    assert place.runr("install", "claude", "--user").stdout.startswith("Nothing to do.")
    assert contents(place.home) == installed
    with FakeModel([{"text": "hello"}]) as model:
        found = place.init(model)
        message = "\n".join(model.main_requests()[0].all_texts)
    assert "runr:runr" in found["skills"]
    assert "plugin:runr:runr" in {server["name"] for server in found["mcp_servers"]}
    assert "foo" in message
    doctor = place.runr("doctor").stdout
    assert f"/runr: user 0.1.0 in {config}/skills/runr" in doctor
    assert place.runr("install", "claude", "--user", "--uninstall").returncode == 0
    written = set(contents(place.home)) - set(before)
    assert not [name for name in written if "skills/runr" in name]
    assert before.items() <= contents(place.home).items()


@pytest.mark.long
@pytest.mark.parametrize("scope", ["project", "user"])
def test_the_first_turn_has_the_tools_though_no_setting_asks_for_it(
    place: Bare, scope: str
) -> None:
    servers = {"mcpServers": {"runr": {"command": RUNR, "args": ["mcp"]}}}
    place.write(".mcp.json", json.dumps(servers if scope == "project" else {"mcpServers": {}}))
    # The model says hello, so that no later turn could have them.
    with FakeModel([{"text": "hello"}] * _SESSIONS) as model:
        if scope == "user":
            config = Path(place.environment(model)["CLAUDE_CONFIG_DIR"])
            config.mkdir()
            (config / ".claude.json").write_text(json.dumps(servers), encoding="utf-8")
        for _ in range(_SESSIONS):
            place.init(model)
        turns = model.main_requests()
    # Claude Code waits for no server: where the machine is busy, one session may come too early.
    offered = [{tool["name"] for tool in turn.body["tools"]} for turn in turns]
    assert any({"mcp__runr__list-tasks", "mcp__runr__run-task"} <= tools for tools in offered)


@pytest.mark.long
def test_a_plugin_from_the_marketplace_is_untouched_and_reported(place: Bare) -> None:
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    environment = {**place.environment(), **quiet, "CLAUDE_CONFIG_DIR": str(place.home / ".claude")}
    repository = Path(__file__).parents[2]

    def claude(*words: str) -> str:
        done = subprocess.run(
            [str(place.claude), *words],
            cwd=place.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    claude("plugin", "marketplace", "add", os.fspath(repository))
    claude("plugin", "install", "runr@runr")
    plugins, servers = claude("plugin", "list", "--json"), claude("mcp", "list")
    assert "shadows" not in place.runr("doctor").stdout
    place.runr("install", "claude")
    doctor = place.runr("doctor").stdout
    assert "it shadows plugin 0.1.0 in " in doctor
    assert "\n    runr install claude --project --uninstall\n" in doctor
    place.runr("install", "claude", "--project", "--uninstall")
    assert claude("plugin", "list", "--json") == plugins
    assert claude("mcp", "list") == servers


@pytest.mark.long
def test_beside_the_plugin_each_event_has_one_answer(tmp_path: Path, claude_path: Path) -> None:
    place = ClaudePlace(tmp_path, claude_path)
    place.options = ("--plugin-dir", str(PLUGIN), "--allowedTools", "mcp__runr")
    script = [
        call("run-task", task="foo.md", worker="session"),
        write("README.md", "mine\n"),
        write("a.txt", "good\n"),
        {"text": "I stop too early."},
        call("complete-task", task="foo.md"),
        {"text": "It is completed."},
    ]
    with FakeModel(script) as model:
        place.say("Do foo.md", model)
        first = "\n".join(model.main_requests()[0].all_texts)
    assert first.count("Ready: foo.md") == 1
    (run_id,) = journal.ids(place.kit.layout)
    kinds = [event.type for event in journal.events(place.kit.layout.run(run_id))]
    for kind in ("tool.denied", "tool.edit", "session.reminded", "usage.recorded"):
        assert kinds.count(kind) == 1, kind


@pytest.mark.long
def test_a_server_that_was_refused_is_named_with_what_lets_claude_ask_again(place: Bare) -> None:
    place.runr("install", "claude", "--project")
    assert "you have refused" not in place.runr("doctor").stdout
    choice = place.root / ".claude/settings.local.json"
    choice.write_text('{"disabledMcpjsonServers": ["runr"]}', encoding="utf-8")
    doctor = place.runr("doctor").stdout
    assert f"you have refused the server runr: {choice}" in doctor
    assert "\n    claude mcp reset-project-choices\n" in doctor
    environment = place.environment() | {"CLAUDE_CONFIG_DIR": str(place.home / ".claude")}
    place.start(str(place.claude), "mcp", "reset-project-choices", env=environment)
    assert "you have refused" not in place.runr("doctor").stdout
