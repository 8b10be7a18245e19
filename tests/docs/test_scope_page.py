"""The tables in the page about scope are those of the code."""

import re
from pathlib import Path

import pytest

from runr.scope.presets import PRESETS
from runr.scope.rules import CACHE_FOLDERS, MANIFESTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scope.md").read_text(encoding="utf-8")


def table(title: str) -> dict[str, tuple[str, ...]]:
    """Return the first table of a section: the code in a row's first cell, and in its second."""
    section = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", section, re.MULTILINE)
    return {name: tuple(re.findall(r"`([^`]+)`", cell)) for name, cell in rows}


@pytest.mark.parametrize(
    ("title", "known"), [("Presets", PRESETS), ("Lockfiles", MANIFESTS)], ids=["presets", "locks"]
)
def test_a_table_is_what_the_code_has(title: str, known: dict[str, tuple[str, ...]]) -> None:
    assert table(title) == known


def test_the_files_of_tools_are_all_listed() -> None:
    message = PAGE.split("These are known: ", 1)[1]
    assert tuple(re.findall(r"`([^`]+)`", message)) == CACHE_FOLDERS
