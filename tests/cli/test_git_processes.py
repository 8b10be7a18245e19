"""The number of git processes, counted by a wrapper that is first on PATH."""

import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from cli.terminal import Place

#: Processes of git in a run of a trivial task, of the command and of the run's own process: without
#: a clean checkout, and with it.
_MOST = {"workspace": 41, "checkout": 43}

# The settings that every call begins with say nothing about the question.
_SETTING = re.compile(r"--no-optional-locks |-C \S+ |-c \S+ ")
_NAMES = re.compile(r"\b[0-9a-f]{40}\b|\d{8}-\d{6}-\w{4}|/\S*")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where each call of git leaves a line, whoever makes it."""
    real, folder, log = shutil.which("git"), tmp_path / "counting", tmp_path / "calls"
    folder.mkdir()
    shim = folder / "git"
    shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{log}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return log


def questions(log: Path) -> Counter[str]:
    lines = log.read_text().splitlines()
    return Counter(_NAMES.sub("…", _SETTING.sub("", line)).strip() for line in lines)


def shown(asked: Counter[str]) -> str:
    return "\n".join(f"{times:4} git {question}" for question, times in asked.most_common())


@pytest.mark.parametrize("where", _MOST)
def test_a_run_of_a_trivial_task_starts_few_git_processes(
    place: Place, calls: Path, where: str
) -> None:
    place.config(f'[verify]\nwhere = "{where}"\n')
    place.script("a.md", "echo hi > out.txt", header='verify: ["test -e out.txt"]')
    place.commit("A task")
    calls.write_text("")
    place.runr("run", "--task", "a", "--worker", "script", code=0)
    asked = questions(calls)
    assert asked["log -1 --format=%H %T HEAD --"], shown(asked)
    assert asked.total() <= _MOST[where], f"{asked.total()} processes of git:\n{shown(asked)}"
    folders = [question for question in asked if re.search("-git-(common-)?dir", question)]
    assert not folders, f"read from the files, without a process: {folders}"


@pytest.mark.parametrize("words", [("list-tasks",), ("status",), ("task-status", "a")])
def test_listing_tasks_starts_hardly_any_git_process(
    place: Place, calls: Path, words: tuple[str, ...]
) -> None:
    place.script("a.md", "true")
    calls.write_text("")
    place.runr(*words, code=0)
    asked = questions(calls)
    assert asked.total() <= 3, shown(asked)


def test_the_commits_of_many_completions_are_looked_up_together(place: Place, calls: Path) -> None:
    names = [f"{number}.md" for number in range(30)]
    for name in names:
        place.task(name)
    place.commit("Tasks")
    place.git("switch", "-q", "-c", "work")
    shas = [place.commit(f"Change {name}") for name in names]
    place.git("switch", "-q", "main")
    place.commit("Other")
    entries = {
        f".runr/tasks/{name}": {
            "status": "completed",
            "checkpoint_sha": sha,
            "evidence": "inferred",
        }
        for name, sha in zip(names, shas, strict=True)
    }
    place.record(entries)
    counts = []
    for _ in range(2):
        calls.write_text("")
        assert "30 unmerged" in place.runr("status", "--tasks", code=0).out
        counts.append(questions(calls).total())
    assert counts[0] <= 15, counts
    assert counts[1] <= 3, shown(questions(calls))
