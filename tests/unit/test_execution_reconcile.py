"""Runs whose process is killed at any moment, and runs that a user stops."""

import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from fakes.project_kit import ProjectKit, gone, is_running, kill, until
from runr.errors import AlreadyRunningError, UsageError
from runr.execution import completion, process, reconcile
from runr.execution.context import RunContext
from runr.lifecycle import follow
from runr.lifecycle.land import LandRequest, land
from runr.lifecycle.leases import claim_task
from runr.lifecycle.runs import list_runs, resume_run, stop_run
from runr.lifecycle.start import RunRequest, run_task
from runr.runs import journal
from runr.runs.events import RunResumed
from runr.status.model import State
from runr.storage import files
from runr.storage.layout import RunFiles
from runr.workers import process_tree
from unit.git_trees import git

TASK = ".runr/tasks/a.md"


class Gate:
    """A point at which a script blocks until the test opens the gate."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self.pipe = folder / name
        self.arrived = folder / f"{name}-arrived"
        os.mkfifo(self.pipe)

    @property
    def wait(self) -> str:
        """Return shell commands that write the process id and block."""
        pipe, arrived = shlex.quote(str(self.pipe)), shlex.quote(str(self.arrived))
        return f"echo $$ > {arrived}; read -r _ < {pipe} || :"

    def comes(self, kit: ProjectKit) -> int:
        """Wait until a process blocks at the gate, and return its id."""
        return int(kit.await_file(self.arrived))

    def open(self) -> None:
        """Let the process at the gate continue, if there is one."""
        handle = os.open(self.pipe, os.O_RDWR)
        os.write(handle, b"\n")
        self.arrived.unlink()
        until(lambda: _is_empty(handle), "a process to pass the gate")
        os.close(handle)


def _is_empty(handle: int) -> bool:
    return fcntl.ioctl(handle, termios.FIONREAD, b"\0" * 4) == b"\0" * 4


@pytest.fixture
def kit(tmp_path: Path) -> ProjectKit:
    return ProjectKit(tmp_path)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def log_attempts(kit: ProjectKit) -> list[str]:
    """Return the attempts whose work is in the branch that counts."""
    return git(kit.root, "show", "main:log.txt").split()


def resumed(kit: ProjectKit, run: RunFiles) -> None:
    """Resume a run and see to it that it ends well, with one checkpoint and nothing left over."""
    resume_run(kit.open(), run.id)
    shown = kit.finish(run)
    assert (shown.status, shown.verification) == ("completed", "passed"), kit.events(run)
    entry = kit.settled("a.md")
    assert (entry.status, entry.last_run_id, entry.run_count) == (State.COMPLETED, run.id, 1)
    (checkpoint,) = kit.checkpoints()
    assert entry.checkpoint_sha == shown.checkpoint_sha == checkpoint
    assert git(kit.root, "rev-parse", "main") == checkpoint
    assert git(kit.root, "status", "--porcelain", "--", ":!.runr") == ""
    assert git(kit.root, "branch", "--list", "runr/*") == ""
    assert not kit.layout.worktree(run.id).exists()


def interrupted(kit: ProjectKit, run: RunFiles) -> None:
    """See to it that the next look finds the run stopped, and the look after it the same."""
    entry = kit.settled("a.md")
    assert (entry.status, entry.stop_reason) == (State.STOPPED, "interrupted")
    assert entry.last_run_id == run.id
    assert kit.settled("a.md") == kit.entry("a.md") == entry
    assert kit.events(run)[-1] == ("run.stopped", "interrupted")
    assert run.report.exists()


def test_a_run_that_is_killed_during_work_is_detected_and_resumed_with_its_changes(
    kit: ProjectKit, gate: Gate
) -> None:
    again = 'echo "$RUNR_ATTEMPT" >> log.txt; [ "$RUNR_ATTEMPT" = 2 ] && exit'
    kit.script(
        "a.md", f"{again}\n(trap '' TERM; {gate.wait}) & wait", header="verify: ['test -d .']"
    )
    run = kit.start("a.md")
    worker = gate.comes(kit)
    kill(kit.runner(run))
    assert is_running(worker)
    interrupted(kit, run)
    assert not is_running(worker)
    resumed(kit, run)
    assert log_attempts(kit) == ["1", "2"]


def test_a_run_that_is_killed_during_verification_repeats_the_checks_and_not_the_work(
    kit: ProjectKit, gate: Gate, tmp_path: Path
) -> None:
    once = shlex.quote(str(tmp_path / "once"))
    check = f"test -s log.txt || exit 1; [ -e {once} ] && exit; touch {once}; {gate.wait}"
    kit.script("a.md", 'echo "$RUNR_ATTEMPT" >> log.txt', header=f"verify: [{json.dumps(check)}]")
    run = kit.start("a.md")
    checker = gate.comes(kit)
    kill(kit.runner(run))
    interrupted(kit, run)
    assert not is_running(checker)
    resumed(kit, run)
    assert log_attempts(kit) == ["1"]


def stopped_by_a_file(kit: ProjectKit) -> RunFiles:
    """Return a run whose work waits: a file of the user's was in its way."""
    kit.script("a.md", "echo 1 > log.txt", header="verify: ['test -d .']")
    (kit.root / "log.txt").write_text("mine\n")
    run = kit.start("a.md")
    assert kit.finish(run).stop_reason == "land_blocked"
    (kit.root / "log.txt").unlink()
    return run


def open_again(kit: ProjectKit, run: RunFiles) -> None:
    """Record the resume of a run as a process does that dies before it writes the status file."""
    kit.open().context(run).journal.append(RunResumed())
    assert kit.entry("a.md").stop_reason == "land_blocked"


def test_a_run_that_is_open_by_its_journal_only_is_ended_and_can_be_resumed(
    kit: ProjectKit,
) -> None:
    run = stopped_by_a_file(kit)
    open_again(kit, run)
    interrupted(kit, run)
    resumed(kit, run)


def test_work_lands_whose_run_is_open_by_its_journal_only(kit: ProjectKit) -> None:
    run = stopped_by_a_file(kit)
    open_again(kit, run)
    (landing,) = land(kit.open(), LandRequest(names=("a.md",))).landings
    assert landing.outcome == "landed"
    assert kit.settled("a.md").status is State.COMPLETED


def test_whoever_reads_the_status_leaves_the_claim_of_a_process_that_resumes_the_run(
    kit: ProjectKit,
) -> None:
    run = stopped_by_a_file(kit)
    lock = files.hold(run.lock)
    assert lock is not None
    state = journal.require(run)
    claim_task(kit.open(), state._replace(result=None, stop_reason=None))
    assert kit.settled("a.md").status is State.IN_PROGRESS
    os.close(lock)
    assert kit.settled("a.md").stop_reason == "land_blocked"


#: Loaded by the run's own process before anything else: it ends it at one moment of its life.
DIES = """
import os, signal
from runr.runs.events import Event
from runr.runs.journal import Journal

append = Journal.append
when, wanted = os.environ["DIES_AT"].split(" ", 1)


def dying(self, data, **rest):
    event = Event(1, "", data)
    here = f"{event.type} {event.payload.get('phase', '')}".strip() == wanted
    if here and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    state = append(self, data, **rest)
    if here and when == "behind":
        os.kill(os.getpid(), signal.SIGKILL)
    return state


Journal.append = dying
"""
PHASES = ("prepare", "work", "verify", "checkpoint", "integrate", "record")
MOMENTS = [
    f"{when} {event} {phase}"
    for phase in PHASES
    for when, event in (
        ("behind", "phase.started"),
        ("before", "phase.finished"),
        ("behind", "phase.finished"),
    )
]
#: Moments of which each is resumed in a way of its own; the others are long tests.
TELLING = (
    "behind phase.started work",
    "before phase.finished work",
    "behind phase.finished verify",
    "behind phase.started checkpoint",
    "before phase.finished integrate",
)


def dying_run(kit: ProjectKit, tmp_path: Path, moment: str) -> RunFiles:
    """Start a run that is killed at a moment, and wait until it is dead."""
    (tmp_path / "sitecustomize.py").write_text(DIES, encoding="utf-8")
    project = kit.open(PYTHONPATH=str(tmp_path), DIES_AT=moment)
    run = kit.layout.run(run_task(project, RunRequest(task="a")).run.id)
    until(lambda: not process.is_alive(run), f"the end of {run.id}")
    return run


@pytest.mark.parametrize(
    "moment",
    [
        moment if moment in TELLING else pytest.param(moment, marks=pytest.mark.long)
        for moment in MOMENTS
    ],
)
def test_a_run_that_is_killed_at_any_moment_is_resumed_to_exactly_one_checkpoint(
    kit: ProjectKit, tmp_path: Path, moment: str
) -> None:
    kit.script("a.md", 'echo "$RUNR_ATTEMPT" >> log.txt', header="verify: [test -s log.txt]")
    run = dying_run(kit, tmp_path, moment)
    when, kind, phase = moment.split()
    text = [(event.type, event.payload.get("phase")) for event in journal.events(run)]
    assert ((kind, phase) == text[-1]) == ((kind, phase) in text) == (when == "behind")
    interrupted(kit, run)
    resumed(kit, run)
    worked_twice = moment == "before phase.finished work"
    began_anew = moment == "behind phase.started work"
    assert log_attempts(kit) == (["1", "2"] if worked_twice else ["2"] if began_anew else ["1"])


def test_a_run_that_is_killed_before_its_completion_is_recorded_is_resumed(
    kit: ProjectKit, tmp_path: Path
) -> None:
    kit.script("a.md", 'echo "$RUNR_ATTEMPT" >> log.txt', header="verify: [test -s log.txt]")
    run = dying_run(kit, tmp_path, "before run.completed")
    interrupted(kit, run)
    resumed(kit, run)


def test_a_run_that_is_killed_after_its_last_event_is_completed_by_the_next_command(
    kit: ProjectKit, tmp_path: Path
) -> None:
    kit.script("a.md", 'echo "$RUNR_ATTEMPT" >> log.txt', header="verify: [test -s log.txt]")
    run = dying_run(kit, tmp_path, "behind run.completed")
    assert kit.entry("a.md").status is State.IN_PROGRESS
    entry = kit.settled("a.md")
    assert (entry.status, entry.completed_by) == (State.COMPLETED, f"run:{run.id}")
    assert [entry.checkpoint_sha] == kit.checkpoints()
    assert follow.wait_for_run(kit.open(), run.id, 0).status == "completed"


DIES_REMOVING = """#!/bin/sh
case " $* " in
*" worktree remove "*) {remove}; kill -9 $PPID ;;
*) exec {git} "$@" ;;
esac
"""


@pytest.mark.parametrize("lost", [".git", "log.txt", "*"])
def test_a_run_that_is_killed_while_its_worktree_is_removed_is_resumed(
    kit: ProjectKit, tmp_path: Path, lost: str
) -> None:
    kit.script("a.md", 'echo "$RUNR_ATTEMPT" >> log.txt', header="verify: [test -s log.txt]")
    worktrees = shlex.quote(str(kit.root / ".runr/worktrees"))
    script = DIES_REMOVING.format(remove=f"rm -rf {worktrees}/*/{lost}", git=shutil.which("git"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(script, encoding="utf-8")
    (tmp_path / "bin/git").chmod(0o755)
    project = kit.open(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    run = kit.layout.run(run_task(project, RunRequest(task="a")).run.id)
    until(lambda: not process.is_alive(run), f"the end of {run.id}")
    interrupted(kit, run)
    resumed(kit, run)
    assert log_attempts(kit) == ["1"]


DIES_IN_THE_END = """#!/bin/sh
case " $* " in *" {words} "*) touch {root}/.git/packed-refs.lock; kill -9 $PPID $$ ;; esac
exec {git} "$@"
"""

GIT_DIES_IN_THE_END = """#!/bin/sh
case " $* " in *" {words} "*)
  [ -e {root}/died ] || {{ touch {root}/died {root}/.git/packed-refs.lock; kill -9 $$; }} ;;
esac
exec {git} "$@"
"""


@pytest.mark.parametrize("words", ["branch -D", "worktree remove"])
@pytest.mark.parametrize("dies", [DIES_IN_THE_END, GIT_DIES_IN_THE_END], ids=["both", "git alone"])
def test_nothing_is_left_by_a_run_whose_git_is_killed_while_it_cleans_up(
    kit: ProjectKit, tmp_path: Path, dies: str, words: str
) -> None:
    kit.script("a.md", 'echo "$RUNR_ATTEMPT" >> log.txt', header="verify: [test -s log.txt]")
    (kit.root / ".git/info/exclude").write_text("died\n", encoding="utf-8")
    (tmp_path / "bin").mkdir()
    root = shlex.quote(str(kit.root))
    script = dies.format(root=root, git=shutil.which("git"), words=words)
    (tmp_path / "bin/git").write_text(script, encoding="utf-8")
    (tmp_path / "bin/git").chmod(0o755)
    project = kit.open(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    run = kit.layout.run(run_task(project, RunRequest(task="a")).run.id)
    until(lambda: not process.is_alive(run), f"the end of {run.id}")
    if dies is DIES_IN_THE_END:
        interrupted(kit, run)
        resume_run(kit.open(), run.id)
        kit.finish(run)
    assert kit.settled("a.md").status == State.COMPLETED
    assert git(kit.root, "branch", "--format=%(refname:short)") == "main"
    assert len(git(kit.root, "worktree", "list").splitlines()) == 1


def test_a_run_that_is_killed_repeatedly_is_resumed_every_time(kit: ProjectKit, gate: Gate) -> None:
    again = 'echo "$RUNR_ATTEMPT" >> log.txt; [ "$RUNR_ATTEMPT" = 4 ] && exit'
    kit.script("a.md", f"{again}\n{gate.wait}", header="verify: ['test -d .']")
    run = kit.start("a.md")
    for _ in range(3):
        gate.comes(kit)
        gate.arrived.unlink()
        kill(kit.runner(run))
        interrupted(kit, run)
        resume_run(kit.open(), run.id)
    kit.finish(run)
    assert log_attempts(kit) == ["1", "2", "3", "4"]
    assert len(kit.checkpoints()) == 1


LOOK = """
import os, sys
from pathlib import Path
from runr.project import Project

project = Project.open(Path(sys.argv[1]), os.environ)
gate, opened = os.pipe()
for _ in range(8):
    if not os.fork():
        os.close(opened)
        os.read(gate, 1)  # until all processes are ready
        print(project.entries()[sys.argv[2]].status.value, flush=True)
        os._exit(0)
os.close(opened)
assert [os.wait()[1] for _ in range(8)] == [0] * 8
"""


def test_concurrent_commands_end_a_dead_run_once(kit: ProjectKit, gate: Gate) -> None:
    kit.script("a.md", gate.wait)
    run = kit.start("a.md")
    gate.comes(kit)
    kill(kit.runner(run))
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(kit.root), TASK], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"stopped" in done.stdout
    interrupted(kit, run)
    assert [kind for kind, _ in kit.events(run)].count("run.stopped") == 1


def test_a_run_that_ends_during_reconciliation_is_not_ended_again(
    kit: ProjectKit, gate: Gate
) -> None:
    kit.script("a.md", gate.wait)
    run = kit.start("a.md")
    gate.comes(kit)
    kill(kit.runner(run))
    others = kit.open().context(run)

    class Ends(RunFiles):
        """A run that ends after its state was read and before its lock is acquired."""

        @property
        def lock(self) -> Path:
            if journal.require(run).result is None:
                completion.stop(others, "stopped", "by another process")
            return run.lock

    state = reconcile.end_if_dead(
        RunContext.of(kit.layout, Ends(run.folder, run.root), os.environ, others.clock)
    )
    assert state is not None
    assert state.stop_reason == "stopped"
    assert [kind for kind, _ in kit.events(run)].count("run.stopped") == 1
    process_tree.end_marked(run.id)


def test_stopping_a_run_kills_a_worker_that_ignores_signals(kit: ProjectKit, gate: Gate) -> None:
    kit.script("a.md", f"trap '' TERM INT HUP\necho 1 > a.txt\n{gate.wait}\n{gate.wait}")
    run = kit.start("a.md")
    worker = gate.comes(kit)
    runner = os.pidfd_open(kit.runner(run))
    done = stop_run(kit.open(), run.id)
    assert gone(runner)
    os.close(runner)
    assert not is_running(worker)
    assert done.status == "stopped"
    assert len(done.next_steps) == 3
    entry = kit.settled("a.md")
    assert (entry.status, entry.stop_reason) == (State.STOPPED, "stopped")
    assert kit.events(run)[-1] == ("run.stopped", "stopped")
    assert (kit.layout.worktree(run.id) / "a.txt").exists()
    assert stop_run(kit.open(), run.id).status == "stopped"


def test_a_run_can_be_stopped_as_soon_as_it_is_started(kit: ProjectKit, gate: Gate) -> None:
    kit.script("a.md", gate.wait)
    run = kit.start("a.md")
    stop_run(kit.open(), run.id)
    entry = kit.settled("a.md")
    assert (entry.status, entry.stop_reason) == (State.STOPPED, "stopped")
    resume_run(kit.open(), run.id)
    stop_run(kit.open(), run.id)
    assert kit.settled("a.md").stop_reason == "stopped"
    assert not process.is_alive(run)


def test_a_resumed_run_that_dies_is_interrupted_and_not_stopped(
    kit: ProjectKit, gate: Gate
) -> None:
    kit.script("a.md", gate.wait)
    run = kit.start("a.md")
    gate.comes(kit)
    stop_run(kit.open(), run.id)
    gate.arrived.unlink()
    resume_run(kit.open(), run.id)
    gate.comes(kit)
    os.kill(kit.runner(run), signal.SIGTERM)
    until(lambda: not process.is_alive(run), "the end of the run")
    interrupted(kit, run)


RACE = """
import os, sys
from pathlib import Path
from runr.project import Project
from runr.lifecycle.start import RunRequest, run_task
from runr.errors import RunrError

project = Project.open(Path(sys.argv[1]), os.environ)
gate, opened = os.pipe()
for _ in range(4):
    if not os.fork():
        os.close(opened)
        os.read(gate, 1)  # until all processes are ready
        try:
            outcome = "won " + run_task(project, RunRequest(task="a")).run.id
        except RunrError as error:
            outcome = f"{type(error).__name__} {error.message}"
        os.write(1, f"{outcome}\\n".encode())
        os._exit(0)
os.close(opened)
assert [os.wait()[1] for _ in range(4)] == [0] * 4
"""


def test_of_concurrent_runs_of_a_task_one_starts_and_the_others_are_refused_with_its_id(
    kit: ProjectKit, gate: Gate
) -> None:
    kit.script("a.md", f"echo 1 > log.txt; {gate.wait}", header="verify: ['test -d .']")
    done = subprocess.run(
        [sys.executable, "-c", RACE, str(kit.root)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = sorted(done.stdout.splitlines())
    winner = text[-1].removeprefix("won ")
    message = f"AlreadyRunningError run {winner} is running on {TASK} (its own process)"
    assert text == [message] * 3 + [f"won {winner}"]
    assert journal.ids(kit.layout) == [winner]
    gate.comes(kit)
    gate.open()
    assert kit.finish(kit.layout.run(winner)).status == "completed"
    assert len(kit.checkpoints()) == 1


def test_a_task_that_was_completed_meanwhile_is_not_run_again(kit: ProjectKit) -> None:
    kit.script("a.md", "echo 1 > log.txt", header="verify: ['test -d .']")
    seen = kit.entry("a.md")
    first = kit.run("a.md")
    late = journal.require(kit.layout.run(first.id))._replace(
        id="20250108-143022-late", result=None
    )
    with pytest.raises(AlreadyRunningError, match=f"completed meanwhile .*{first.id}"):
        claim_task(kit.open(), late, seen=seen)
    assert kit.entry("a.md").last_run_id == first.id


def test_a_run_is_not_resumed_once_another_one_has_done_its_task(
    kit: ProjectKit, gate: Gate
) -> None:
    kit.script("a.md", gate.wait)
    first = kit.start("a.md")
    gate.comes(kit)
    stop_run(kit.open(), first.id)
    kit.script("a.md", "echo 1 > log.txt", header="verify: ['test -d .']")
    second = kit.run("a.md")
    with pytest.raises(UsageError, match=f"completed since .by run:{second.id}"):
        resume_run(kit.open(), first.id)
    assert kit.settled("a.md").last_run_id == second.id


LOCK = """
import os, sys
from pathlib import Path
from runr.storage import files

lock = Path(sys.argv[1])
handle = files.hold(lock)
print(files.is_held(lock), handle is not None)
"""


def test_the_lock_of_a_run_is_held_by_its_process_alone(kit: ProjectKit, gate: Gate) -> None:
    def ask() -> str:
        command = [sys.executable, "-c", LOCK, str(run.lock)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    kit.script("a.md", gate.wait)
    run = kit.start("a.md")
    worker = gate.comes(kit)
    runner = kit.runner(run)
    assert ask() == "True False\n"
    assert run.lock.read_text(encoding="ascii") == str(runner)
    with pytest.raises(AlreadyRunningError, match=f"run {run.id} has not stopped"):
        resume_run(kit.open(), run.id)
    kill(runner)
    assert is_running(worker)  # and yet it holds no lock
    assert ask() == "True True\n"
    assert run.lock.read_text(encoding="ascii") == ""
    assert process.process_id(run) is None
    interrupted(kit, run)


def test_a_lock_is_free_as_soon_as_its_holder_releases_it(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "one"
    assert not files.is_held(lock)
    handle = files.hold(lock)
    assert handle is not None
    assert files.is_held(lock)
    assert files.hold(lock, patience_s=0) is None
    os.close(handle)
    assert not files.is_held(lock)


def orphan(kit: ProjectKit, source: RunFiles) -> RunFiles:
    """Make a run whose starter was killed before it acquired the lease."""
    run = journal.claim(kit.layout, kit.open().clock(), iter(["left"]))
    first = source.timeline.read_bytes().splitlines(keepends=True)[0]
    run.timeline.write_bytes(first)
    return run


def test_an_abandoned_run_is_ended_without_changing_its_task(
    kit: ProjectKit,
) -> None:
    kit.script("a.md", "echo 1 > log.txt", header="verify: ['test -d .']")
    done = kit.run("a.md")
    before = kit.entry("a.md")
    left = orphan(kit, kit.layout.run(done.id))
    shown = {run.id: run for run in list_runs(kit.open()).runs}
    assert (shown[left.id].status, shown[left.id].stop_reason) == ("stopped", "interrupted")
    assert shown[done.id].status == "completed"
    assert kit.settled("a.md") == before


def test_waiting_for_an_abandoned_run_ends(kit: ProjectKit) -> None:
    kit.script("a.md", "echo 1 > log.txt", header="verify: ['test -d .']")
    left = orphan(kit, kit.layout.run(kit.run("a.md").id))
    assert follow.wait_for_run(kit.open(), left.id).stop_reason == "interrupted"
