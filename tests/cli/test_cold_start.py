"""Modules that read-only commands must not import."""

import subprocess
import sys

import pytest

from cli.terminal import Place

pytestmark = pytest.mark.installed

HEAVY = {"mcp", "rich", "starlette", "httpx", "yaml", "frontmatter", "anyio", "asyncio", "difflib"}

#: Runs the command line as `runr` does, then says what it has loaded.
PROBE = """\
import sys
from runr.__main__ import main
code = main()
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""


def loaded(place: Place, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        cwd=place.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.split())


def test_the_version_is_printed_without_importing_any_model(place: Place) -> None:
    assert loaded(place, "version") & (HEAVY | {"pydantic", "sqlite3", "subprocess"}) == set()


@pytest.mark.parametrize(
    "words", [("list-tasks",), ("status",), ("runs",), ("task-status", "a"), ("report", "latest")]
)
def test_read_only_commands_import_neither_a_parser_nor_a_protocol(
    place: Place, words: tuple[str, ...]
) -> None:
    file = place.task("a.md", "type: manual")
    place.runr("complete-task", "a", "--reason", "done", code=0)
    # A file that was only just written is read again, in case that it is written once more.
    place.age(file)
    place.runr("list-tasks", code=0)
    assert loaded(place, *words) & HEAVY == set()
