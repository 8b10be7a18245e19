"""What a client relayed looks different from what a person attested, wherever it is shown."""

import json
import os
import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from mcp.client import Client
from mcp.types import TextResourceContents

from cli.terminal import Place
from fakes import templates
from runr.mcp_server.server import build

pytestmark = pytest.mark.anyio

TASK = "01-ask"
SAID = ["complete-task", TASK, "--by", "Ada", "--reason", "talked to them"]
SETTINGS = '[attest]\nrelayed = "record"\n'
#: By one of these the reader knows it: the word, or the sign in front of a line.
_MARK = re.compile("relayed|»")
#: Fields of JSON that have no value, and the style sheet of a drawing, which has every status.
_ABSENT = re.compile(r'"relayed\w*": (null|0)|<style>.*?</style>', re.DOTALL)

COMMANDS = [
    "list-tasks",
    "list-tasks --json",
    "status",
    "status --json",
    "status --tasks",
    "status --show done",
    "task-status TASK",
    "task-status TASK --json",
    "why TASK",
    "why TASK --json",
    "history TASK",
    "history TASK --json",
    "runs",
    "runs --json",
    "runs --task TASK --since 1d",
    "report latest",
    "report latest --json",
    "report --since 1d",
    "report --since 1d --format markdown",
    "report --since 1d --format json",
    "report --since 1d --format html",
    "graph",
    "graph --json",
    "graph --format mermaid",
    "graph --format dot",
    "graph --format svg",
    "verify",
    "verify --json",
    "metrics",
    "export --format json",
    "export --format csv",
]
CALLS = [
    ("list-tasks", {}, "tasks"),
    ("list-tasks", {}, "counts"),
    ("list-tasks", {"since": "1d"}, "run_list"),
    ("task-status", {"task": TASK}, "task"),
    ("task-status", {"task": TASK}, "run"),
    ("task-status", {"task": TASK, "runs": True}, "run_list"),
]
RESOURCES = ["runr://status", "runr://runs/RUN/report"]


class Pair(NamedTuple):
    """The same task, completed on what an agent passed on, and by a person."""

    relayed: Place
    attested: Place


def _complete(root: Path, agent: str | None) -> None:
    place = Place(root, root)
    place.git("init", "-q", "-b", "main")
    place.config(SETTINGS)
    place.task(f"{TASK}.md", "type: manual")
    place.commit("Task")
    place.runr(*SAID, env={"CODEX_SANDBOX": agent}, code=0)


@pytest.fixture
def pair(tmp_path: Path, home: Path) -> Pair:
    places: list[Place] = []
    for name, agent in (("relayed", "1"), ("attested", None)):
        # The name of the folder is in some answers.
        root = tmp_path / str(len(places)) / "repository"
        templates.fill(root, name, partial(_complete, agent=agent))
        places.append(Place(root, home))
    return Pair(*places)


def is_marked(text: str) -> bool:
    return _MARK.search(_ABSENT.sub("", text)) is not None


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_marks_what_was_relayed(pair: Pair, command: str) -> None:
    words = command.replace("TASK", TASK).split()
    relayed, attested = (place.runr(*words, code=0).out for place in pair)
    assert attested.strip()
    assert (is_marked(relayed), is_marked(attested)) == (True, False)


@pytest.mark.parametrize(("tool", "arguments", "field"), CALLS)
async def test_every_answer_to_a_client_marks_what_was_relayed(
    pair: Pair, tool: str, arguments: dict[str, str], field: str
) -> None:
    shown = []
    for place in pair:
        async with Client(build(place.root, os.environ)) as client:
            answer = await client.call_tool(tool, arguments)
        shown.append(json.dumps((answer.structured_content or {})[field]))
    assert list(map(is_marked, shown)) == [True, False]


@pytest.mark.parametrize("uri", RESOURCES)
async def test_every_resource_marks_what_was_relayed(pair: Pair, uri: str) -> None:
    shown = []
    for place in pair:
        [run] = (place.root / ".runr/runs").iterdir()
        async with Client(build(place.root, os.environ)) as client:
            [content] = (await client.read_resource(uri.replace("RUN", run.name))).contents
        assert isinstance(content, TextResourceContents)
        shown.append(content.text)
    assert list(map(is_marked, shown)) == [True, False]
