"""Concurrent runs: each is integrated into the branch from which all of them started."""

import subprocess

import pytest

from cli.terminal import Place
from fakes.forked import RUNR

_TOGETHER = 10
_ROUNDS = [
    pytest.param(number, marks=pytest.mark.long if number < _TOGETHER else pytest.mark.nightly)
    for number in range(100)
]


def test_ten_concurrent_runs_all_land(place: Place) -> None:
    land_together(place)


@pytest.mark.parametrize("_time", _ROUNDS)
def test_ten_concurrent_runs_all_land_each_time(place: Place, _time: int) -> None:
    land_together(place)


def land_together(place: Place) -> None:
    names = [f"t{number}" for number in range(_TOGETHER)]
    for name in names:
        place.script(f"{name}.md", f"echo {name} > {name}.txt", f"owns: [{name}.txt]")
    place.commit("Tasks")
    starting = [
        subprocess.Popen(
            [RUNR, "run", "--task", name, "--detach"],
            cwd=place.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for name in names
    ]
    assert [each.wait() for each in starting] == [0] * _TOGETHER
    listed = place.runr("runs", "--json", code=0).json["runs"]
    ended = [place.await_end(run["id"]) for run in listed]
    assert [run["status"] for run in ended] == ["completed"] * _TOGETHER
    assert {run["integration"] for run in ended} <= {"fast-forward", "merge"}
    assert [place.read(f"{name}.txt") for name in names] == [f"{name}\n" for name in names]
    assert place.git("status", "--porcelain", "--", "*.txt") == ""
    assert place.branches() == ["main"]
    assert len({run["id"] for run in ended}) == _TOGETHER
    queue = place.root / ".runr/locks/landing-main"
    assert [file.name for file in queue.iterdir()] == ["door"]
    assert [file.name for file in (place.root / ".runr/worktrees").iterdir()] == []
