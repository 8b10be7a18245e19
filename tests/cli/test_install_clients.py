"""`runr install` for MCP clients: what is merged into their settings, and taken out again."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from cli.terminal import Place
from runr.setup.clients import CLIENTS
from runr.setup.json_edit import blank_comments

PROJECT = {name: client.project for name, client in CLIENTS.items() if client.project}

CODEX = '# mine\nmodel = "x" # fast\n\n[mcp_servers.other]\ncommand = "other"\n# the end\n'
EXISTING = {
    "codex": CODEX,
    "gemini": '{\n\t// mine, [kept]\n\t"theme": "dark", /* loud */\n}\n',
    "opencode": '{"mcp": {"other": {"type": "local", "command": ["other"],},},}',
    "vscode": '{\n    "servers": {\n        // none yet\n    },\n    "inputs": [] // none\n}\n',
    "cursor": '{"mcpServers":{"other":{"command":"// other"}}}\r\n',
}


def servers(what: str, text: str) -> dict[str, object]:
    keys = CLIENTS[what].keys
    read = tomllib.loads(text) if what == "codex" else json.loads(blank_comments(text))
    found: dict[str, object] = read[keys[0]]
    return found


#: What each client's documentation asks for.
OPEN_FOLDER = ["mcp", "--repo", "${workspaceFolder}"]
DOCUMENTED: dict[str, dict[str, object]] = {
    "codex": {"args": ["mcp"]},
    "gemini": {"args": ["mcp"]},
    "opencode": {"type": "local", "enabled": True},
    "vscode": {"type": "stdio", "args": OPEN_FOLDER},
    "cursor": {"type": "stdio", "args": OPEN_FOLDER},
}


@pytest.mark.parametrize("what", PROJECT)
def test_a_new_file_has_the_server_in_the_form_that_the_client_documents(
    bare: Place, what: str
) -> None:
    bare.runr("install", what, code=0)
    text = bare.read(PROJECT[what])
    server = servers(what, text)["runr"]
    assert isinstance(server, dict)
    command = server.pop("command")
    program, *words = command if isinstance(command, list) else [command]
    assert shutil.which(program)
    assert words == (["mcp"] if what == "opencode" else [])
    assert server == DOCUMENTED[what]
    assert ("$schema" in text) is (what == "opencode")


def test_a_table_that_was_made_goes_with_the_server_though_the_file_was_edited(
    bare: Place,
) -> None:
    bare.write("opencode.json", '{"theme": "dark"}\n')
    bare.runr("install", "opencode", code=0)
    schema = '{"$schema": "https://opencode.ai/config.json", '
    bare.write("opencode.json", bare.read("opencode.json").replace("{", schema, 1))
    bare.runr("install", "opencode", "--uninstall", code=0)
    assert bare.read("opencode.json") == f'{schema}"theme": "dark"}}\n'
    bare.write("opencode.json", '{"mcp": {}}\n')
    bare.runr("install", "opencode", code=0)
    bare.write("opencode.json", bare.read("opencode.json").replace("{", schema, 1))
    bare.runr("install", "opencode", "--uninstall", code=0)
    assert bare.read("opencode.json") == f'{schema}"mcp": {{}}}}\n'


@pytest.mark.parametrize("what", PROJECT)
def test_an_installation_adds_the_server_and_is_taken_back_byte_for_byte(
    bare: Place, what: str
) -> None:
    name, text = PROJECT[what], EXISTING[what]
    bare.write(name)
    (bare.root / name).write_bytes(text.encode())
    shown = bare.runr("install", what, "--dry-run", code=0)
    assert (bare.root / name).read_bytes() == text.encode()
    bare.runr("install", what, code=0)
    merged = bare.read(name)
    assert merged.strip() in shown.out
    assert "runr" in servers(what, merged)
    for comment in ("mine", "fast", "the end", "[kept]", "loud", "none yet", "// none", "// other"):
        assert (comment in merged) == (comment in text), comment
    assert bare.runr("install", what, code=0).out.startswith("Nothing to do.")
    assert bare.read(name) == merged
    again = bare.runr("install", what, "--uninstall", "--json", code=0).json
    assert again["changed"] == [name]
    assert (bare.root / name).read_bytes() == text.encode()
    assert not (bare.root / ".runr").exists()


@pytest.mark.parametrize("what", PROJECT)
def test_what_was_edited_since_stays_when_the_server_is_taken_out(bare: Place, what: str) -> None:
    bare.runr("install", what, code=0)
    name = PROJECT[what]
    text = bare.read(name)
    edited = f"# mine\n{text}" if what == "codex" else f"// mine\n{text}"
    bare.write(name, edited)
    bare.runr("install", what, "--uninstall", code=0)
    left = bare.read(name)
    assert "mine" in left
    assert "runr" not in left


def test_files_and_folders_that_were_made_are_removed(bare: Place) -> None:
    before = sorted(bare.root.iterdir())
    for what in PROJECT:
        bare.runr("install", what, code=0)
    for what in PROJECT:
        bare.runr("install", what, "--uninstall", code=0)
    assert sorted(bare.root.iterdir()) == before


@pytest.mark.parametrize(
    ("what", "text", "message"),
    [
        ("codex", "[mcp_servers\n", "codex/config.toml is not valid TOML: "),
        ("codex", 'mcp_servers = {a = {command = "a"}}\n', "cannot be set below inline tables"),
        ("codex", 'mcp_servers = "none"\n', "runr is not in a table"),
        ("gemini", '{"a": 1 "b": 2}', ".gemini/settings.json line 1 is not valid JSON: "),
        ("cursor", '{"mcpServers": []}', '"mcpServers" is not an object'),
        ("vscode", "[]", "the top level is not an object"),
        ("vscode", '{"servers": {"runr": {}}}', 'already has another server "runr"'),
    ],
)
def test_a_file_that_cannot_be_merged_into_is_refused_and_kept(
    bare: Place, what: str, text: str, message: str
) -> None:
    bare.write(PROJECT[what], text)
    refused = bare.runr("install", what, code=2)
    assert message in refused.err.splitlines()[0]
    assert bare.read(PROJECT[what]) == text


def test_links_are_not_followed(bare: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (bare.root / ".codex").symlink_to(tmp_path / "elsewhere")
    (bare.root / ".vscode").mkdir()
    (bare.root / ".vscode/mcp.json").symlink_to(tmp_path / "elsewhere/mcp.json")
    for what in ("codex", "vscode"):
        assert "is a link or below one" in bare.runr("install", what, code=2).err
    assert not list((tmp_path / "elsewhere").iterdir())


def test_another_server_is_replaced_if_asked_and_comes_back(bare: Place) -> None:
    text = (
        '[mcp_servers.runr]\ncommand = "old"\n\n[mcp_servers.runr.env]\nA = "b"\n\n[tui]\nx = 1\n'
    )
    bare.write(".codex/config.toml", text)
    refused = bare.runr("install", "codex", code=2)
    assert refused.steps == ["runr install codex --force"]
    bare.paste(refused.steps[0])
    read = tomllib.loads(bare.read(".codex/config.toml"))
    assert read["mcp_servers"]["runr"].get("env") is None
    assert read["tui"] == {"x": 1}
    bare.runr("install", "codex", "--uninstall", code=0)
    assert bare.read(".codex/config.toml") == text


def test_codex_needs_the_server_for_a_user_and_where_that_is_asked_for(bare: Place) -> None:
    def required(file: Path) -> bool:
        server = tomllib.loads(file.read_text(encoding="utf-8"))["mcp_servers"]["runr"]
        return bool(server.get("required", False))

    own, shared = bare.home / ".codex/config.toml", bare.root / ".codex/config.toml"
    bare.runr("install", "codex", "--user", code=0)
    bare.runr("install", "codex", code=0)
    assert (required(own), required(shared)) == (True, False)
    shown = bare.runr("install", "codex", "--required", "--dry-run", code=0)
    done = bare.paste(shown.steps[0])
    assert required(shared)
    assert "does not start here for those who have no runr" in done.out
    bare.write(".codex/config.toml", bare.read(".codex/config.toml").replace('"mcp"', '"mcp2"'))
    refused = bare.runr("install", "codex", "--required", code=2)
    bare.paste(refused.steps[0])
    assert required(shared)
    bare.runr("install", "codex", code=0)
    assert not required(shared)
    assert bare.runr("install", "gemini", "--required", code=2).err


def test_for_a_user_files_outside_the_repository_are_written_only_if_asked(bare: Place) -> None:
    refused = bare.runr("install", "claude-desktop", code=2)
    assert refused.steps == ["runr install claude-desktop --user"]
    home = bare.home
    settings = home / ".config/Claude/claude_desktop_config.json"
    assert not settings.exists()
    bare.paste(refused.steps[0])
    args = json.loads(settings.read_text(encoding="utf-8"))["mcpServers"]["runr"]["args"]
    assert args[-3:] == ["mcp", "--repo", str(bare.root)]
    bare.runr("install", "claude-desktop", "--user", "--uninstall", code=0)
    assert not settings.parent.exists()


@pytest.mark.parametrize("other", ['{"mcpServers": {"other": {}}}', "[]", "{", "\x00"])
def test_vs_code_is_named_where_another_file_has_it_start_the_server_too(
    bare: Place, other: str
) -> None:
    bare.write(".mcp.json", other)
    assert "twice" not in bare.runr("install", "vscode", code=0).out
    bare.runr("install", "vscode", "--uninstall", code=0)
    bare.write(".mcp.json", '{"mcpServers": {"runr": {"command": "runr", "args": ["mcp"]}}}')
    shown = bare.runr("install", "vscode", code=0).out
    assert ".mcp.json has the server, too: VS Code may start it twice" in shown
    assert ".mcp.json has it, too, so it may start twice" in bare.runr("doctor").out
    assert "twice" not in bare.runr("install", "cursor", code=0).out


def test_doctor_names_clients_and_what_is_wrong_with_them(bare: Place) -> None:
    def found() -> dict[str, dict[str, str]]:
        report = bare.runr("doctor", "--json").json
        return {row["name"]: row for row in report["health_checks"]}

    assert not {"Codex", "Cursor"} & found().keys()
    bare.runr("install", "codex", code=0)
    bare.runr("install", "cursor", code=0)
    assert "starts the server" in found()["Codex"]["message"]
    bare.write(".codex/config.toml", bare.read(".codex/config.toml").replace('"mcp"', '"mcp2"'))
    bare.write(".cursor/mcp.json", "{}")
    codex, cursor = found()["Codex"], found()["Cursor"]
    assert codex["advice"] == "runr install codex --force"
    assert "edited" in codex["message"]
    assert "taken out" in cursor["message"]
    bare.write(".cursor/mcp.json", "{")
    assert "is not valid JSON" in found()["Cursor"]["message"]
