"""The page about the architecture names modules and functions that exist."""

import importlib
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "architecture.md").read_text("utf-8")
SERVER = Path(__file__).resolve().parents[2] / "server" / "runr"
ROWS = re.findall(r"^\| (.*\?) \| `([\w/]+)\.py` \| `(\w+)` \|$", PAGE, re.MULTILINE)


def test_there_are_twenty_questions_and_each_has_one_answer() -> None:
    assert len(ROWS) >= 20
    assert len({question for question, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("question", "module", "function"), ROWS, ids=[row[0] for row in ROWS])
def test_the_answer_exists(question: str, module: str, function: str) -> None:
    assert question
    found = importlib.import_module(f"runr.{module.replace('/', '.')}")
    defined = getattr(found, function)
    assert getattr(defined, "__module__", found.__name__) == found.__name__


def test_every_module_that_the_text_names_exists() -> None:
    text = PAGE.split("## Where is what", 1)[0]
    named = set(re.findall(r"`([a-z_]+/[a-z_]*)(?:\.\w+)?`", text)) | {"nofollow", "project"}
    missing = [
        name
        for name in named
        if not (SERVER / name).is_dir() and not (SERVER / f"{name}.py").exists()
    ]
    assert missing == []
