"""Where Claude Code keeps that its user has refused the server of a repository."""

import json
from pathlib import Path

import pytest

from runr.setup.claude_choices import refused_in

REFUSED = {"disabledMcpjsonServers": ["other", "runr"]}


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("root/.claude/settings.local.json", ""),
        ("root/.claude/settings.json", ""),
        ("home/.claude/settings.json", ""),
        ("home/.claude.json", ""),
        ("chosen/settings.json", "CLAUDE_CONFIG_DIR"),
        ("chosen/.claude.json", "CLAUDE_CONFIG_DIR"),
    ],
)
def test_a_refusal_is_found_wherever_it_is_kept(tmp_path: Path, name: str, variable: str) -> None:
    root, file = tmp_path / "root", tmp_path / name
    environment = {"HOME": str(tmp_path / "home")}
    environment |= {variable: str(tmp_path / "chosen")} if variable else {}
    assert refused_in(root, environment) is None
    said = {"projects": {str(root): REFUSED}} if file.name == ".claude.json" else REFUSED
    file.parent.mkdir(parents=True)
    for content in ("[", "{}", json.dumps({"disabledMcpjsonServers": "runr", "projects": []})):
        file.write_text(content, encoding="utf-8")
        assert refused_in(root, environment) is None
    file.write_text(json.dumps(said), encoding="utf-8")
    assert refused_in(root, environment) == file
    assert refused_in(tmp_path / "another", environment) == (
        file if name.endswith("/settings.json") and not name.startswith("root") else None
    )


def test_without_a_home_only_the_repository_is_looked_at(tmp_path: Path) -> None:
    assert refused_in(tmp_path, {}) is None
