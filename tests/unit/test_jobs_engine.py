"""What every engine of jobs does: claim, start, stop, wait; repeated, nothing is done twice."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.project_kit import DEADLINE_S, ProjectKit
from runr.errors import BlockedError
from runr.execution import process
from runr.jobs.engine import Engine, LocalEngine, LostRun, Order
from runr.runs.model import JobTerms, RunState
from unit.git_trees import git

_TASK = ".runr/tasks/a.md"
_ORDER = Order(_TASK, None, JobTerms("job-1"))


@pytest.fixture
def kit(tmp_path: Path) -> ProjectKit:
    kit = ProjectKit(tmp_path)
    go = kit.root / ".runr" / "go"
    wait = f'for n in $(seq 600); do [ -e "{go}" ] && break; sleep 0.1; done'
    kit.script("a.md", f"echo a > a.txt; {wait}", header='verify: ["test -f a.txt"]')
    kit.script("b.md", "echo b > b.txt", header="depends_on: [a]")
    git(kit.root, "branch", "runr/job-x")
    return kit


def _local(kit: ProjectKit) -> Engine:
    return LocalEngine(replace(kit.open(), branch="runr/job-x"))


@pytest.fixture(params=[_local])
def engine(kit: ProjectKit, request: pytest.FixtureRequest) -> Engine:
    make: Callable[[ProjectKit], Engine] = request.param
    return make(kit)


def end(kit: ProjectKit, engine: Engine, run_id: str) -> RunState:
    """Let the worker go on, and wait for the end of its run."""
    (kit.root / ".runr" / "go").touch()
    (state,) = waited(engine, run_id)
    return state


def waited(engine: Engine, run_id: str) -> Sequence[RunState]:
    ended = engine.wait([run_id], DEADLINE_S)
    return [state for state in ended if not isinstance(state, LostRun)]


def test_a_run_starts_from_the_branch_and_lands_there(kit: ProjectKit, engine: Engine) -> None:
    assert engine.claim(_TASK, "job-1").holder == "free"
    run_id = engine.start(_ORDER)
    assert engine.claim(_TASK, "job-1").holder == "ours"
    assert engine.claim(_TASK, "job-2").holder == "others"
    state = end(kit, engine, run_id)
    assert (state.id, state.result) == (run_id, "completed")
    assert git(kit.root, "show", "runr/job-x:a.txt") == "a"
    assert engine.claim(_TASK, "job-1").holder == "ours"
    assert engine.claim(_TASK, "job-2").holder == "completed"


def test_a_repeated_start_is_the_same_run(kit: ProjectKit, engine: Engine) -> None:
    first, second = engine.start(_ORDER), engine.start(_ORDER)
    assert first == second
    end(kit, engine, first)
    assert engine.start(_ORDER) == first
    assert len(kit.checkpoints()) == 1


def test_a_wait_without_an_end_is_over_in_time(kit: ProjectKit, engine: Engine) -> None:
    run_id = engine.start(_ORDER)
    assert list(engine.wait([run_id], 0)) == []
    end(kit, engine, run_id)
    assert [state.id for state in waited(engine, run_id)] == [run_id]


def test_a_stopped_run_is_resumed_by_a_start_and_replaced_by_one_afresh(
    kit: ProjectKit, engine: Engine
) -> None:
    run_id = engine.start(_ORDER)
    engine.stop(run_id, "by the test")
    (stopped,) = waited(engine, run_id)
    assert stopped.stop_reason == "stopped"
    assert engine.start(_ORDER) == run_id
    engine.stop(run_id, "by the test")
    another = engine.start(_ORDER._replace(afresh=True))
    assert another != run_id
    assert end(kit, engine, another).result == "completed"


def test_a_run_whose_process_died_has_ended(kit: ProjectKit, engine: Engine) -> None:
    run_id = engine.start(_ORDER)
    os.kill(kit.runner(kit.layout.run(run_id)), signal.SIGKILL)
    (state,) = waited(engine, run_id)
    assert state.stop_reason == "interrupted"
    assert not process.is_alive(kit.layout.run(run_id))


def test_what_a_run_has_changed_is_seen_while_it_runs(kit: ProjectKit, engine: Engine) -> None:
    run_id = engine.start(_ORDER)
    kit.await_file(kit.layout.worktree(run_id) / "a.txt")
    assert engine.touched(run_id) == ("a.txt",)
    end(kit, engine, run_id)


def test_a_task_that_cannot_start_is_refused(engine: Engine) -> None:
    with pytest.raises(BlockedError):
        engine.start(_ORDER._replace(task=".runr/tasks/b.md"))
    assert engine.claim(".runr/tasks/b.md", "job-1").holder == "free"
