"""Jobs whose processes are killed at any moment complete each task once."""

import random
from functools import partial
from pathlib import Path

import pytest

from fakes.marks import also_long
from fakes.project_kit import ProjectKit, is_running, kill, until
from runr.execution import process
from runr.jobs import control, journal, parser
from runr.jobs.events import TaskClaimed, TaskEnded
from runr.jobs.model import Job
from runr.runs import journal as run_journal
from runr.storage.layout import RunFiles
from unit.git_trees import git

#: Events of an undisturbed job run of the test.
_EVENTS = 18

#: How many of the job runs lose a worker that works, beside what is killed at other moments.
_WORKING = 0.7


def _write(name: str) -> str:
    """Return a script that adds a line to what has landed, however often it is killed."""
    return f"{{ git show HEAD:{name}.txt 2> /dev/null || :; echo {name}; }} > {name}.txt"


def _header(name: str) -> str:
    return f'owns: [{name}.txt]\nverify: ["test -f {name}.txt"]'


def tracks(kit: ProjectKit, count: int, length: int) -> Job:
    """Write tasks in tracks, each on the file of the one before it."""
    text = f"max_parallel: {min(count, 4)}\ntracks:\n"
    for track in range(count):
        names = [f"t{track}-{number}" for number in range(length)]
        for number, name in enumerate(names):
            before = f"test -f {names[number - 1]}.txt\n" if number else ""
            kit.script(f"{name}.md", f"{before}{_write(name)}", header=_header(name))
        text += f"  track{track}: [{', '.join(names)}]\n"
    job = parser.parse_job(text, "night")
    assert isinstance(job, Job)
    return job


def _reached(files: RunFiles, moment: int) -> bool:
    """Tell whether a job run has as many events, or its process is gone."""
    return len(journal.events(files)) >= moment or not process.is_alive(files)


def _task(run: RunFiles) -> str:
    return run_journal.require(run).task_name


def _is_free(files: RunFiles) -> bool:
    return not process.is_alive(files)


def settled(kit: ProjectKit, files: RunFiles, tasks: int) -> None:
    """Check that each task was completed once, and that all results are on the branch."""
    state = journal.require(files)
    assert state.result == "completed", [each for each in state.tasks if each.status != "completed"]
    events = [event.data for event in journal.events(files)]
    done = [e.task for e in events if isinstance(e, TaskEnded) and e.outcome == "completed"]
    assert len(done) == len(set(done)) == tasks
    for task in done:
        runs = {e.run_id for e in events if isinstance(e, TaskClaimed) and e.task == task}
        assert len(runs) == 1, task
    listed = git(kit.root, "ls-tree", "--name-only", state.start.branch).split()
    assert len([name for name in listed if name.startswith("t")]) == tasks
    for name in listed:
        if name.startswith("t"):
            shown = git(kit.root, "show", f"{state.start.branch}:{name}")
            assert shown == name.removesuffix(".txt")
    assert len(kit.checkpoints()) == tasks


def strike(kit: ProjectKit, files: RunFiles, victim: RunFiles) -> None:
    """Kill the process of the job run or of one of its runs; a job that is gone is resumed."""
    pid = process.process_id(victim)
    if pid is None or not is_running(pid):
        return
    kill(pid)
    if victim == files:
        # A program that it was starting has its lock for a moment longer.
        until(partial(_is_free, files), "its lock")
    if not process.is_alive(files) and journal.require(files).result is None:
        control.resume_job(kit.open(), files.id)


def runs_of(kit: ProjectKit, files: RunFiles) -> list[RunFiles]:
    """Return the runs of the job that are running as far as it knows."""
    running = (each for each in journal.require(files).tasks if each.status == "running")
    return [kit.layout.run(each.run_id) for each in running if each.run_id]


@pytest.mark.parametrize("seed", [1, *also_long(*range(2, 51))])
def test_a_job_that_is_killed_at_random_points_completes_each_task_once(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same moments each time
    kit = ProjectKit(tmp_path)
    job = tracks(kit, 2, 2)
    mark = tmp_path / "working"
    # Its first worker is there until it is killed.
    begin = f'[ -e "{mark}" ] || {{ echo here > "{mark}"; sleep 60; }}'
    kit.script("t0-0.md", f"{begin}\n{_write('t0-0')}", header=_header("t0-0"))
    if chance.random() >= _WORKING:
        mark.touch()
    files = kit.layout.job_run(control.start_job(kit.open(), job).id)
    if not mark.exists():
        kit.await_file(mark)
        working = next(run for run in runs_of(kit, files) if _task(run) == "t0-0.md")
        for victim in chance.sample([files, working], chance.randint(1, 2)):
            strike(kit, files, victim)
        strike(kit, files, working)
    for _ in range(chance.randint(1, 3)):
        until(partial(_reached, files, chance.randint(1, _EVENTS)), "the moment")
        strike(kit, files, chance.choice([files, *runs_of(kit, files)]))
    if journal.require(files).result is None and not process.is_alive(files):
        control.resume_job(kit.open(), files.id)
    control.wait_for_job(kit.open(), files.id)
    settled(kit, files, 4)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_tasks_in_ten_tracks_are_completed_once_each(tmp_path: Path) -> None:
    kit = ProjectKit(tmp_path)
    job = tracks(kit, 10, 10)
    files = kit.layout.job_run(control.start_job(kit.open(), job).id)
    control.wait_for_job(kit.open(), files.id)
    settled(kit, files, 100)
