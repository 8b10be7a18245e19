"""The plugin and the marketplace, validated by Claude Code."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from fakes.marks import also_long
from runr.claude.protocol import EVENTS

REPOSITORY = Path(__file__).parents[2]


def validated(claude: Path, folder: Path, *options: str) -> str:
    done = subprocess.run(
        [claude, "plugin", "validate", folder, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("folder", ["skill", "."], ids=["plugin", "marketplace"])
def test_claude_code_validates_the_plugin_and_the_marketplace(
    claude_path: Path, folder: str
) -> None:
    assert "Validation passed" in validated(claude_path, REPOSITORY / folder, "--strict")


def test_the_plugin_meets_the_rules_of_the_plugin_directory(claude_path: Path) -> None:
    message = validated(claude_path, REPOSITORY / "skill", "--profile", "directory")
    assert 'mcpServers: runr stdio runr ["mcp"]' in message
    assert "skills: runr:runr" in message
    for event in EVENTS:
        assert f"hooks: {event} " in message


@pytest.mark.parametrize(
    "page", ["README.md", *also_long("docs/claude-code.md", "skill/README.md")]
)
def test_the_plugin_is_installed_by_what_a_page_says(
    claude_path: Path, page: str, tmp_path: Path
) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    commands = re.findall(r"^    claude (plugin .*)$", text, re.MULTILINE)
    assert [shlex.split(command)[1] for command in commands] == ["marketplace", "install"]
    for command in [*commands, "plugin list --json"]:
        done = subprocess.run(
            [claude_path, *shlex.split(command)],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "HOME": str(tmp_path), "DISABLE_AUTOUPDATER": "1"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "runr@runr" in done.stdout
