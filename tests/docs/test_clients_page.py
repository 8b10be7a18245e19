"""The page of the MCP clients names the versions with which it was tried."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = {"codex": "Codex", "gemini": "Gemini CLI", "opencode": "OpenCode"}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_page_names_the_version_that_is_tested(name: str) -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    tested = re.search(rf"^{name}_version=(\S+)$", script, re.MULTILINE)
    assert tested
    page = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
    assert f"| {CLIENTS[name]} | {tested[1]} | the client itself" in page
