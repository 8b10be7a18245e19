"""Verified work that waits is landed by run-task, with the checks and the rules of `runr land`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp.client import Client

from cli.terminal import Place
from cli.test_jobs import ended
from fakes.project_kit import until
from mcpserver.test_tools import Caller
from runr.mcp_server.server import build

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def caller(place: Place, **variables: str) -> AsyncIterator[Caller]:
    async with Client(build(place.root, {**os.environ, **variables})) as client:
        yield Caller(client)


@pytest.fixture
def place(tmp_path: Path, home: Path) -> Place:
    found = Place(tmp_path / "repository", home)
    found.git("init", "-q", "-b", "main")
    found.config('[run]\nworker = "script"\n')
    return found


def tip(place: Place) -> str:
    return place.git("rev-parse", "main").strip()


async def test_a_conflict_is_resolved_and_landed_without_a_terminal(place: Place) -> None:
    place.write("README.md", "before\n")
    place.commit("Begin")
    place.run_into_conflict()
    async with caller(place) as call:
        merge, land = (await call("task-status", task="a"))["next_steps"]
        run = land.split("'")[1]
        assert land == f"Land its verified work: run-task '{run}' with action=land."
        tree = Place(place.root / ".runr/worktrees" / run, place.home)
        assert merge == f"Resolve the conflict there and commit: merge main in {tree.root}."
        assert tree.paste("git merge main").code == 1
        tree.write("README.md", "both\n")
        tree.git("commit", "-q", "-am", "Both")
        landed = await call("run-task", task=run, action="land", wait_s=60)
        again = await call.refusal("run-task", task="a", action="land")
    assert landed["run"]["status"] == "completed"
    assert place.read("README.md") == "both\n"
    assert "nothing to land: run" in again


async def test_a_running_job_is_refused_and_killed_by_the_tool_for_runs(place: Place) -> None:
    place.script("a.md", "sleep 600", "verify: [test -d .]")
    place.write(".runr/jobs/night.yaml", "tracks: {t: [{task: a}]}\n")
    place.commit("Tasks")
    async with caller(place) as call, caller(place) as other:
        answers: list[str] = []

        async def start(each: Caller) -> None:
            try:
                answers.append((await each("run-task", job="night"))["job_run"]["status"])
            except AssertionError as refused:
                answers.append(str(refused))

        async with anyio.create_task_group() as group:
            group.start_soon(start, call)
            group.start_soon(start, other)
        until(lambda: ended(place, "status")["counts"].get("running"), "the task to run")
        stopping = await call("run-task", job="night", action="stop")
        kill = f"run-task with job='{stopping['job_run']['id']}', action=stop and force=true"
        assert kill in stopping["next_steps"]
        killed = await call("run-task", job="night", action="stop", force=True)
    assert sorted("is running" in each for each in answers) == [False, True]
    assert (killed["job_run"]["status"], killed["job_run"]["counts"]) == ("stopped", {"waiting": 1})


async def test_a_job_is_landed_once_and_not_from_inside_a_run(place: Place) -> None:
    place.script("a.md", "echo a > a.txt", "verify: [test -f a.txt]")
    place.write(".runr/jobs/night.yaml", "tracks: {t: [{task: a}]}\n")
    place.commit("Tasks")
    done, before = ended(place, "run", "night"), tip(place)
    [run] = [each["run_id"] for each in done["tasks"]]
    async with caller(place, RUNR_RUN_ID=run) as call:
        inside = await call.refusal("run-task", job="night", action="land")
    assert "a run does not land jobs" in inside
    assert tip(place) == before
    async with caller(place) as call:
        steps = (await call("task-status", job="night"))["next_steps"]
        assert f"run-task with job='{done['id']}' and action=land" in steps
        landed = await call("run-task", job="night", action="land")
        again = await call("run-task", job="night", action="land")
    assert landed["message"] == f"night (1 task) landed on main, now at {tip(place)[:12]}"
    assert landed["job_run"]["status"] == "completed"
    assert "was already on main" in again["message"]
    assert place.read("a.txt") == "a\n"
