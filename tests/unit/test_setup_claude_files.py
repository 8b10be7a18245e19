"""Install and uninstall the files for Claude Code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.errors import UsageError
from runr.setup import json_edit
from runr.setup.claude_files import packaged
from runr.setup.claude_plugin import install, install_user, uninstall, uninstall_user
from runr.setup.install_plan import InstallResult

COMMAND = ("runr",)
ENTRY = {"command": "runr", "args": ["mcp"], "alwaysLoad": True}
SKILL = ".claude/skills/runr/SKILL.md"
REFERENCES = ".claude/skills/runr/references"
SKILLS = [SKILL, f"{REFERENCES}/commands.md", f"{REFERENCES}/troubles.md"]
MCP = ".mcp.json"
SETTINGS = ".claude/settings.json"

TWO = """\
{
  "mcpServers": {
    "zeta": {"command": "z", "args": ["a", "b"]},
    "alpha": {}
  }
}
"""
FORMATS = {
    "two spaces": TWO,
    "four spaces": TWO.replace("  ", "    "),
    "tabs": TWO.replace("  ", "\t"),
    "carriage returns": TWO.replace("\n", "\r\n"),
    "no newline at the end": TWO.rstrip(),
    "one line": '{"mcpServers": {"zeta": {"command": "z"}}}',
    "minified": '{"mcpServers":{"zeta":{"command":"z","env":{"A":"é"}}},"other":1}',
    "no servers": '{\n  "mcpServers": {}\n}\n',
    "no servers, one line": '{"mcpServers": {}}\n',
    "no table of servers": '{\n    "other": [1.0, 1e5]\n}\n',
    "an empty object": "{}",
    "text beyond ASCII": '{\n  "mcpServers": {\n    "größe": {"command": "\\u00e9"}\n  }\n}\n',
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / ".runr/tasks").mkdir(parents=True)
    return folder


def snapshot(root: Path) -> dict[str, bytes | None]:
    """Every file's bytes, and None for every folder."""
    found = sorted(root.rglob("*"))
    return {str(p.relative_to(root)): p.read_bytes() if p.is_file() else None for p in found}


def set_up(root: Path, *, force: bool = False) -> InstallResult:
    return install(root, command=COMMAND, force=force)


def servers(root: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((root / MCP).read_bytes())["mcpServers"]
    return parsed


def test_an_empty_repository_gets_the_skill_and_the_server(root: Path) -> None:
    before = snapshot(root)
    message = set_up(root)
    assert message.changed == [*SKILLS, MCP, SETTINGS]
    assert "name: runr" in (root / SKILL).read_text(encoding="utf-8")
    assert servers(root) == {"runr": ENTRY}
    assert (root / MCP).read_text(encoding="utf-8").startswith('{\n  "mcpServers": {\n    "runr"')
    assert uninstall(root).changed == [*SKILLS, MCP, SETTINGS]
    assert snapshot(root) == before


@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS)
def test_existing_entries_are_kept_and_restored_byte_for_byte(root: Path, text: str) -> None:
    (root / MCP).write_bytes(text.encode())
    before = snapshot(root)
    set_up(root)
    merged = (root / MCP).read_bytes().decode()
    expected = json.loads(text)
    expected.setdefault("mcpServers", {})["runr"] = ENTRY
    assert json.dumps(json.loads(merged)) == json.dumps(expected)
    ours = ("mcpServers", "runr") if "mcpServers" in text else ("mcpServers",)
    assert json_edit.drop(merged, ours) == text
    assert ("\r\n" in merged) == ("\r\n" in text)
    assert merged.count("\r\n") in (0, merged.count("\n"))
    assert merged.endswith("\n") == text.endswith("\n")
    uninstall(root)
    assert snapshot(root) == before


@pytest.mark.parametrize(
    ("text", "line"),
    [(FORMATS["four spaces"], "        "), (FORMATS["tabs"], "\t\t"), (TWO, "    ")],
    ids=["four", "tab", "two"],
)
def test_the_entry_is_indented_like_its_neighbours(root: Path, text: str, line: str) -> None:
    (root / MCP).write_text(text, encoding="utf-8")
    set_up(root)
    assert f'\n{line}"runr": {{\n{line}{line[: len(line) // 2]}"command"' in (root / MCP).read_text(
        encoding="utf-8"
    )


def test_a_second_installation_changes_nothing_and_says_so(root: Path) -> None:
    (root / MCP).write_text(TWO, encoding="utf-8")
    before = snapshot(root)
    set_up(root)
    after = snapshot(root)
    again = set_up(root)
    assert (again.changed, again.unchanged) == ([], [*SKILLS, MCP, SETTINGS])
    assert snapshot(root) == after
    uninstall(root)
    assert snapshot(root) == before


def test_other_skills_and_settings_are_left_alone(root: Path) -> None:
    (root / ".claude/skills/other").mkdir(parents=True)
    (root / ".claude/skills/other/SKILL.md").write_text("other", encoding="utf-8")
    (root / ".claude/settings.local.json").write_text("{}", encoding="utf-8")
    before = snapshot(root)
    set_up(root)
    assert before.items() <= snapshot(root).items()
    uninstall(root)
    assert snapshot(root) == before


def test_only_our_entry_goes_when_the_file_was_edited_since(root: Path) -> None:
    (root / MCP).write_text(TWO, encoding="utf-8")
    set_up(root)
    edited = (root / MCP).read_text(encoding="utf-8").replace('"zeta"', '"omega"')
    (root / MCP).write_text(edited, encoding="utf-8")
    uninstall(root)
    assert (root / MCP).read_text(encoding="utf-8") == TWO.replace('"zeta"', '"omega"')


def test_a_server_added_to_our_own_file_keeps_the_file(root: Path) -> None:
    set_up(root)
    text = json_edit.put((root / MCP).read_text(encoding="utf-8"), ("mcpServers", "x"), {})
    (root / MCP).write_text(text, encoding="utf-8")
    uninstall(root)
    assert servers(root) == {"x": {}}


def test_an_entry_that_the_user_edited_is_kept_and_reported(root: Path) -> None:
    set_up(root)
    text = (root / MCP).read_text(encoding="utf-8").replace('"runr",', '"uvx",')
    (root / MCP).write_text(text, encoding="utf-8")
    message = uninstall(root)
    assert servers(root)["runr"]["command"] == "uvx"
    assert any("was edited and is kept" in note for note in message.notes)


def test_a_skill_that_the_user_edited_survives_both_ways(root: Path) -> None:
    set_up(root)
    (root / SKILL).write_text("mine", encoding="utf-8")
    assert any("--force" in note for note in set_up(root).notes)
    message = uninstall(root)
    assert (root / SKILL).read_text(encoding="utf-8") == "mine"
    assert any(SKILL in note for note in message.notes)
    assert not (root / MCP).exists()


def test_another_server_of_our_name_is_refused_without_force(root: Path) -> None:
    text = '{"mcpServers": {"runr": {"command": "mine"}, "x": {}}}'
    (root / MCP).write_text(text, encoding="utf-8")
    before = snapshot(root)
    with pytest.raises(UsageError, match='server named "runr"') as refused:
        set_up(root)
    assert str(refused.value.next_steps[0]) == "runr install claude --force"
    assert snapshot(root) == before
    set_up(root, force=True)
    assert servers(root) == {"runr": ENTRY, "x": {}}
    (root / MCP).write_text((root / MCP).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    uninstall(root)
    assert (root / MCP).read_text(encoding="utf-8") == text + "\n"


def test_an_entry_that_was_there_already_is_not_ours_to_remove(root: Path) -> None:
    text = json.dumps({"mcpServers": {"runr": ENTRY}})
    (root / MCP).write_text(text, encoding="utf-8")
    assert set_up(root).unchanged == [MCP]
    uninstall(root)
    assert (root / MCP).read_text(encoding="utf-8") == text
    assert any(MCP in note for note in uninstall(root).notes)


@pytest.mark.parametrize(
    ("edit", "left"),
    [(lambda text: text, None), (lambda text: text + "\n", TWO + "\n")],
    ids=["untouched between", "edited between"],
)
def test_a_new_command_replaces_our_own_entry(
    root: Path, edit: Callable[[str], str], left: str | None
) -> None:
    (root / MCP).write_text(TWO, encoding="utf-8")
    set_up(root)
    (root / MCP).write_text(edit((root / MCP).read_text(encoding="utf-8")), encoding="utf-8")
    message = install(root, command=("/somewhere/python3", "-m", "runr"))
    assert servers(root)["runr"]["args"] == ["-m", "runr", "mcp"]
    assert any("do not commit" in note for note in message.notes)
    uninstall(root)
    assert (root / MCP).read_text(encoding="utf-8") == (left or TWO)


MINE = {"hooks": [{"type": "command", "command": "say done"}]}
OWN_HOOKS = {
    "none": "{}\n",
    "another event": json.dumps({"hooks": {"Notification": [MINE]}}, indent=2) + "\n",
    "the same event": json.dumps({"hooks": {"Stop": [MINE], "PreToolUse": []}}, indent=4),
    "one line": json.dumps({"hooks": {"Stop": [MINE]}, "model": "opus"}),
    "minified": '{"hooks":{"Stop":[{"hooks":[]}]},"env":{"A":"1"}}',
    "an empty list, tabs": '{\n\t"hooks": {\n\t\t"Stop": [ ]\n\t}\n}\n',
    "carriage returns": '{\r\n  "permissions": {\r\n    "allow": []\r\n  }\r\n}\r\n',
}


def hooks(root: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((root / SETTINGS).read_bytes())["hooks"]
    return parsed


def own(root: Path, text: str) -> None:
    (root / SETTINGS).parent.mkdir(exist_ok=True)
    (root / SETTINGS).write_bytes(text.encode())


def test_the_hooks_are_those_of_the_plugin(root: Path) -> None:
    set_up(root)
    plugin = json.loads(packaged("hooks")["hooks.json"])["hooks"]
    wired = hooks(root)
    assert list(wired) == list(plugin)
    for event, groups in plugin.items():
        for group, there in zip(wired[event], groups, strict=True):
            ((hook,), (original,)) = group["hooks"], there["hooks"]
            assert hook["command"].endswith(f"exec runr hook {event}")
            assert {**hook, "command": ""} == {**original, "command": ""}
            assert group.get("matcher") == there.get("matcher")


@pytest.mark.parametrize("text", OWN_HOOKS.values(), ids=OWN_HOOKS)
def test_existing_hooks_are_kept_and_restored_byte_for_byte(root: Path, text: str) -> None:
    own(root, text)
    before = snapshot(root)
    set_up(root)
    given = json.loads(text).get("hooks", {})
    assert all(hooks(root)[event][: len(groups)] == groups for event, groups in given.items())
    after = snapshot(root)
    assert set_up(root).changed == []
    assert snapshot(root) == after
    uninstall(root)
    assert snapshot(root) == before


@pytest.mark.parametrize("text", OWN_HOOKS.values(), ids=OWN_HOOKS)
def test_settings_that_were_edited_since_lose_our_hooks_and_nothing_else(
    root: Path, text: str
) -> None:
    own(root, text)
    set_up(root)
    merged = (root / SETTINGS).read_bytes().decode()
    own(root, json_edit.put(merged, ("theme",), "dark"))
    uninstall(root)
    left = json.loads((root / SETTINGS).read_bytes())
    assert left == {**json.loads(text), "theme": "dark"}
    restored = json_edit.drop((root / SETTINGS).read_bytes().decode(), ("theme",))
    assert json.loads(restored) == json.loads(text)


def test_a_hook_of_ours_that_was_edited_is_the_user_s(root: Path) -> None:
    set_up(root)
    text = (root / SETTINGS).read_text(encoding="utf-8")
    own(root, text.replace("runr hook Stop", "true"))
    uninstall(root)
    assert list(hooks(root)) == ["Stop"]


def test_hooks_of_an_older_runr_are_replaced(root: Path) -> None:
    own(root, OWN_HOOKS["the same event"])
    before = snapshot(root)
    install(root, command=("/somewhere/python3", "-m", "runr"))
    assert "exec /somewhere/python3 -m runr hook Stop" in (root / SETTINGS).read_text("utf-8")
    set_up(root)
    assert "somewhere" not in (root / SETTINGS).read_text("utf-8")
    uninstall(root)
    assert snapshot(root) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"hooks": []}', '"hooks"'),
        ('{"hooks": {"Stop": {}}}', "is not a list"),
        ("{\n// mine\n}", "line 2"),
    ],
)
def test_settings_that_cannot_be_merged_into_are_refused(root: Path, text: str, said: str) -> None:
    own(root, text)
    before = snapshot(root)
    with pytest.raises(UsageError, match=said):
        set_up(root)
    assert snapshot(root) == before


def test_printing_shows_every_file_and_writes_none(root: Path) -> None:
    (root / MCP).write_text(TWO, encoding="utf-8")
    before = snapshot(root)
    message = install(root, command=COMMAND, only_print=True)
    assert snapshot(root) == before
    shown = {preview.path: preview.text for preview in message.previews}
    assert {SKILL, MCP, SETTINGS} <= set(shown)
    set_up(root)
    assert all((root / path).read_text(encoding="utf-8") == text for path, text in shown.items())


def test_a_user_installation_adds_the_whole_plugin_and_is_removed_again(tmp_path: Path) -> None:
    config = tmp_path / ".claude"
    config.mkdir()
    (config / "settings.json").write_text('{"theme": "dark"}', encoding="utf-8")
    before = snapshot(tmp_path)
    message = install_user(config, found="/usr/bin/runr")
    assert set(message.changed) == {f"skills/runr/{name}" for name in packaged()}
    after = snapshot(tmp_path)
    assert install_user(config, found="/usr/bin/runr").changed == []
    assert snapshot(tmp_path) == after
    uninstall_user(config)
    assert snapshot(tmp_path) == before


def test_a_user_s_own_skill_of_our_name_is_kept(tmp_path: Path) -> None:
    skill = tmp_path / "skills/runr/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("mine", encoding="utf-8")
    before = snapshot(tmp_path)
    with pytest.raises(UsageError, match="another skill named runr"):
        install_user(tmp_path, found=None)
    assert snapshot(tmp_path) == before
    uninstall_user(tmp_path)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{\n  "mcpServers": {\n    oops\n', "line 3"),
        (b"", "line 1"),
        (b"[]", "the top level"),
        (b'{"mcpServers": []}', '"mcpServers"'),
        (b'{"a": "\xff"}', "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_merged_into_is_refused_and_untouched(
    root: Path, content: bytes, said: str
) -> None:
    (root / MCP).write_bytes(content)
    before = snapshot(root)
    with pytest.raises(UsageError, match=said):
        set_up(root)
    assert snapshot(root) == before


def test_a_file_that_became_invalid_is_refused_and_can_be_fixed(root: Path) -> None:
    (root / MCP).write_text(TWO, encoding="utf-8")
    before = snapshot(root)
    set_up(root)
    good = (root / MCP).read_bytes()
    (root / MCP).write_bytes(good[:-3])
    broken = snapshot(root)
    with pytest.raises(UsageError, match="not valid JSON"):
        uninstall(root)
    assert snapshot(root) == broken
    (root / MCP).write_bytes(good)
    uninstall(root)
    assert snapshot(root) == before


@pytest.mark.parametrize("link", [".claude", ".claude/skills", ".claude/skills/runr", SKILL, MCP])
def test_a_link_out_of_the_repository_is_not_followed(
    root: Path, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(outside / "file" if link in (SKILL, MCP) else outside)
    before = snapshot(root)
    with pytest.raises(UsageError, match="out of the repository"):
        set_up(root)
    assert snapshot(root) == before
    assert list(outside.iterdir()) == []


def test_a_link_inside_the_repository_stays_a_link(root: Path) -> None:
    (root / "shared.json").write_text(TWO, encoding="utf-8")
    (root / MCP).symlink_to("shared.json")
    set_up(root)
    assert (root / MCP).is_symlink()
    assert "runr" in servers(root)
    uninstall(root)
    assert (root / "shared.json").read_text(encoding="utf-8") == TWO


def test_the_installation_record_is_ignored_by_git_and_private(root: Path) -> None:
    set_up(root)
    folder = root / ".runr/backup/claude"
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert folder.stat().st_mode & 0o077 == 0


def test_an_uninstall_without_an_installation_is_reported(root: Path) -> None:
    assert uninstall(root).notes == ["nothing was installed here"]


def test_a_repository_without_tasks_is_refused_with_init_as_the_next_step(tmp_path: Path) -> None:
    assert set_up(tmp_path).next_steps[0] == "runr init"
    uninstall(tmp_path)
    assert snapshot(tmp_path) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    document=st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    others=st.dictionaries(st.text(max_size=3), JSON, max_size=3) | st.none(),
    indent=st.sampled_from([None, 2, 4, "\t"]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_adding_and_removing_a_member_restores_any_text(
    document: dict[str, Any], others: dict[str, Any] | None, indent: Any, newline: str
) -> None:
    whole = document if others is None else {**document, "mcpServers": others}
    text = json.dumps(whole, indent=indent, ensure_ascii=False).replace("\n", newline)
    merged = json_edit.put(text, ("mcpServers", "runr"), ENTRY)
    assert json.loads(merged) == {**whole, "mcpServers": {**(others or {}), "runr": ENTRY}}
    taken = json_edit.drop(
        merged, ("mcpServers", "runr") if others is not None else ("mcpServers",)
    )
    assert taken == text
