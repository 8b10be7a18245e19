"""Every command that runr prints after a stop can be pasted, whatever the stop."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place
from runr.next_steps.runs import STOP_ACTIONS, RunFacts
from runr.runs.stop_reasons import STOPS


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a repository, with a blank in its path, in which a run has stopped."""
    folder = tmp_path_factory.mktemp("stopped") / "it is here"
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def run(stopped: Path, home: Path) -> tuple[Place, Any]:
    """Return the place and the run that stopped in it; both are made once."""
    place = Place(stopped, home)
    if not (stopped / ".git").exists():
        place.git("init", "-q", "-b", "main")
        place.config('[run]\nworker = "script"\n[verify]\ntier1 = ["test -d ."]\n')
        place.script("-do it; now.md", "echo 1 > a.txt", "type: hybrid")
        place.commit("Start")
        place.run("./-do it; now.md", code=9)
    return place, place.runr("report", "latest", "--json", code=0).json["run"]


@pytest.mark.parametrize("code", STOPS)
def test_the_three_commands_of_each_stop_are_commands(run: tuple[Place, Any], code: str) -> None:
    place, view = run
    facts = RunFacts(
        id=view["id"],
        task=view["task_path"],
        branch=view["branch"],
        workdir=str(place.root / ".runr" / "worktrees" / view["id"]),
        base="main",
        target="main",
    )
    printed = [str(STOP_ACTIONS[action](facts)) for action in STOPS[code].next]
    assert len(set(printed)) == 3
    for command in printed:
        assert "{" not in command
        changes_something = re.match(r"runr (resume|run|approve|reject|land)\b", command)
        pasted = f"{command} --help" if changes_something else command
        result = place.paste(pasted)
        assert result.code == 0, (pasted, result)
        if changes_something:
            assert result.out.startswith("Usage: runr ")


def test_those_of_the_real_stop_are_the_ones_shown(run: tuple[Place, Any]) -> None:
    place, view = run
    shown = place.runr("task-status", "./-do it; now.md", code=0)
    assert shown.steps == view["next_steps"]
    look, approve, reject = view["next_steps"]
    assert place.paste(look).code == 0
    assert place.paste(reject).code == 0
    place.runr("resume", view["id"], code=9)
    assert place.paste(approve).code == 0
    assert place.git("show", "main:a.txt") == "1\n"
