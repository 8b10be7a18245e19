"""Pipes, sockets and folders in the place of files of `.runr`: refused in one line, at once."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.terminal import HOOKS, Place
from fakes.marks import also_long

FILES = (
    *("tasks/b.md", "task-status.json", "config.toml", "hooks.log"),
    *("runs/RUN/lock", "runs/RUN/timeline.jsonl"),
)
MORE_FILES = (
    *("runr.db", "callers.json", "templates/own.md", "locks/task-status"),
    *(f"runs/RUN/{name}" for name in ("state.json", "task.md", "report.md", "config.json")),
)
COMMANDS = (
    *("runr status", "runr doctor", "runr report RUN", *HOOKS),
    *("runr new own --template own", "runr run --task b", "runr resume RUN", "runr rebuild"),
)
NAMES = {"pipe": "a named pipe", "socket": "a socket", "folder": "a folder"}


def _socket(path: Path) -> None:
    # The address of a socket is short, so it is relative.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


MAKE: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "socket": _socket,
    "folder": Path.mkdir,
}


@pytest.fixture
def died(place: Place) -> str:
    """Return a run of the task `a` that stopped."""
    place.script("a.md", "exit 1")
    place.config('[run]\nworker = "script"\nattempts = 1\n')
    place.script("b.md", "echo b > b.txt", "verify: ['test -d .']")
    place.commit("Tasks")
    return str(place.runr("--json", "run", "--task", "a").json["id"])


def turn_into(kind: str, path: Path) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    MAKE[kind](path)


@pytest.mark.parametrize("name", [*FILES, *also_long(*MORE_FILES)])
@pytest.mark.parametrize("kind", ["pipe", *also_long("folder")])
def test_nothing_waits_or_crashes_where_a_file_is_something_else(
    place: Place, died: str, name: str, kind: str
) -> None:
    turn_into(kind, place.root / ".runr" / name.replace("RUN", died))
    for command in COMMANDS:
        said = place.paste(command.replace("RUN", died))
        assert "Traceback" not in said.out + said.err, said
        assert "internal error" not in said.err, said
        assert "[Errno" not in said.out + said.err, said


@pytest.mark.usefixtures("died")
@pytest.mark.parametrize("kind", ["pipe", "folder", *also_long("socket")])
@pytest.mark.parametrize("name", ["task-status.json", "config.toml"])
def test_a_file_of_another_kind_is_one_error_with_a_command_that_removes_it(
    place: Place, kind: str, name: str
) -> None:
    path = place.root / ".runr" / name
    turn_into(kind, path)
    refused = place.runr("status", code=10)
    first, step = refused.err.splitlines()
    assert first.startswith(f"runr: {path} is {NAMES[kind]}, where runr needs a file: ")
    assert not place.paste(step.strip()).code
    assert not path.exists()
    place.runr("status", code=0)
