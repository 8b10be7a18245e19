"""What a job must not lose while its user sleeps.

Each test is a loss that users of other orchestrators had. `docs/jobs.md` lists them all, with the
tests of those that are not here.
"""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from claude.test_job_limits import Clock
from cli.terminal import Place
from cli.test_jobs import ended, finished, started
from cli.test_worker_list import program
from fakes.project_kit import ProjectKit, until
from runr.jobs import control, expansion
from runr.jobs.model import ALL_READY
from runr.jobs.orchestrator import Orchestrator
from runr.storage.layout import RunFiles
from unit.git_trees import git

#: Waits in a worker until a file is there.
_AWAIT = 'for n in $(seq 600); do [ -e "{0}" ] && break; sleep 0.1; done; [ -e "{0}" ]'


def test_no_branch_or_worktree_is_removed_before_its_work_has_landed(place: Place) -> None:
    place.script("done.md", "echo done > done.txt")
    place.script("half.md", "echo half > half.txt; exit 1")
    place.commit("Tasks")
    night = ended(place, "run", "--all-ready", code=1)
    half = next(each["run_id"] for each in night["tasks"] if each["path"].endswith("half.md"))
    kept = place.root / ".runr" / "worktrees" / half / "half.txt"
    place.runr("clean", "--runs", "--older-than", "0s", code=0)
    assert kept.read_text("utf-8") == "half\n"
    assert place.git("show", f"{night['branch']}:done.txt") == "done\n"
    place.runr("job", "land", code=0)
    place.runr("clean", "--runs", "--older-than", "0s", code=0)
    assert place.read("done.txt") == "done\n"
    assert kept.read_text("utf-8") == "half\n"


def test_a_task_is_not_done_whose_code_is_on_no_branch_of_the_user(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", "cat a.txt > b.txt", "depends_on: [a]")
    place.write(".runr/jobs/night.yaml", "tracks:\n  t: [a]\n")
    place.commit("Tasks")
    night = ended(place, "run", "night")
    shown = place.runr("list-tasks", code=0).out
    assert "its commit is not on this branch" in shown
    waits = "b.md waits for .runr/tasks/a.md (its commit is not on this branch)"
    assert waits in place.runr("run", "b", code=3).err
    place.git("branch", "-qD", night["branch"])
    verified = place.runr("verify", code=1)
    assert "a.md" in verified.out + verified.err


def test_nothing_lands_whose_task_a_person_has_closed_meanwhile(place: Place) -> None:
    place.script("a.md", f"echo wrong > a.txt; {_AWAIT.format(place.root / 'never')}")
    place.write(".runr/jobs/night.yaml", "tracks:\n  t: [a]\n")
    place.commit("Tasks")
    job_run = started(place, "night")
    run = until(lambda: ended(place, "status", job_run)["tasks"][0].get("run_id"), "the run")
    by_hand = ("complete-task", "a", "--reason", "done by hand")
    # Not while its run works.
    assert f"runr stop {run}" in place.runr(*by_hand, code=1).err
    place.runr("stop", run, code=0)
    place.runr(*by_hand, code=0)
    finished(place, job_run)
    place.runr("job", "resume")
    place.runr("job", "land")
    for branch in place.branches():
        assert "a.txt" not in place.git("ls-tree", "--name-only", branch) or run in branch
    assert place.status("a.md")["completed_by"]


def test_nothing_lands_whose_completion_was_taken_back_meanwhile(place: Place) -> None:
    place.script("a.md", "echo wrong > a.txt")
    place.script("b.md", "echo b > b.txt")
    place.commit("Tasks")
    night = ended(place, "run", "--all-ready")
    place.runr("reset", "a", "--reason", "by mistake", code=0)
    refused = place.runr("job", "land", code=1)
    assert f"runr job retry {night['id']}" in refused.err
    assert place.git("ls-tree", "--name-only", "main") == ".runr\nREADME.md\n"


def test_the_receipt_says_what_was_seen_and_not_what_a_worker_said(place: Place) -> None:
    place.script("a.md", "seq 200 > a.txt; echo a > b.txt; echo Done.", "verify: ['test -s a.txt']")
    claim = "All 212 tests pass, everything is complete."
    place.script("b.md", f"echo b > c.txt; echo '{claim}'", "verify: ['test -e nowhere']")
    place.commit("Tasks")
    ended(place, "run", "--all-ready", code=4)
    a, b = place.runr("job", "receipt", "--json", code=0).json["tasks"]
    assert (a["result"], a["evidence"], a["changed_count"]) == ("completed", "verified", 2)
    checks = [(check["command"], check["exit_code"]) for check in a["checks"]]
    assert checks == [("test -d .", 0), ("test -s a.txt", 0)]
    assert (b["result"], b["code"]) == ("failed", "verification_failed")
    assert ("test -e nowhere", 1) in [(each["command"], each["exit_code"]) for each in b["checks"]]
    page = place.runr("job", "receipt", code=0).out
    row = next(line for line in page.splitlines() if line.startswith("| a.md "))
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[5] == "2"
    assert cells[10].startswith("✓ `test -d .`")
    assert claim not in page


def test_all_that_can_be_known_is_said_before_anyone_goes_home(place: Place) -> None:
    place.config('[run]\nworker = "claude-code"\n')
    for name in "abc":
        place.task(f"{name}.md")
    place.write("big.bin", "x" * 1_000_000)
    place.commit("Tasks")
    place.git("switch", "-qc", "other")
    place.write("README.md", "theirs\n")
    place.commit("Theirs")
    place.git("switch", "-q", "main")
    place.write("README.md", "ours\n")
    place.commit("Ours")
    assert "CONFLICT" in place.paste("git merge other").out
    env = program(place, "claude")
    words = ("job", "run", "--all-ready", "--parallel", "100000000")
    plan = place.runr(*words, "--dry-run", "--json", env=env, code=1).json
    found = {each["rule"]: each for each in plan["findings"]}
    assert found.keys() == {"login", "checks", "owns", "busy", "dirty", "space"}
    assert found["login"]["next_step"] == "claude auth login"
    assert "merge is in progress" in found["busy"]["message"]
    assert "3 tasks without checks" in found["checks"]["message"]
    said = place.runr(*words, "--detach", env=env).err
    # How much is free changes while this runs.
    messages = [each["message"].rpartition(" are free, ")[2] for each in plan["findings"]]
    assert [message for message in messages if message not in said] == []


#: A client that meets the limit of its account until a file is there.
_CLIENT = """#!/bin/sh
name=$(basename "$RUNR_TASK" .md)
if [ -e "{0}/reset" ]; then
  mkdir "{0}/at-work" 2> /dev/null || mkdir "{0}/second" || touch "{0}/too-many"
  sleep 0.2
  rmdir "{0}/second" 2> /dev/null || rmdir "{0}/at-work"
  exec touch "$name.txt"
fi
echo "$name" >> "{0}/refused"
echo You hit your usage limit. Try again in 90 minutes.
exit 1
"""


class _Night(Clock):
    """A clock on which the limit resets after a while; the process of the job dies once before."""

    def __init__(self, folder: Path, reset: timedelta, dies: timedelta) -> None:
        super().__init__()
        self._folder, self._reset, self._dies = folder, reset, dies

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        if self._dies <= self.ahead:
            self._dies = timedelta.max
            raise KeyboardInterrupt
        if self.ahead >= self._reset:
            (self._folder / "reset").touch()


def test_a_limit_is_met_once_and_its_end_lets_no_more_start_than_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "claude").write_text(_CLIENT.format(folder), encoding="utf-8")
    (folder / "claude").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    kit = ProjectKit(tmp_path)
    kit.config('[run]\nworker = "night"\nattempts = 1\n[workers.night]\ncommand = ["claude"]\n')
    for name in "abc":
        kit.task(f"{name}.md", header=f'owns: [{name}.txt]\nverify: ["test -f {name}.txt"]')
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    clock = _Night(folder, timedelta(minutes=89), timedelta(minutes=30))
    project = replace(kit.open(), clock=clock)
    files: RunFiles = control.create_job(project, expansion.ad_hoc("night", ALL_READY, parallel=2))
    with pytest.raises(KeyboardInterrupt):
        Orchestrator(project, files, pause=clock.pause, chance=lambda: 0.5).run()
    # Nothing wakes what waits but the time, which another process reads from the record.
    state = Orchestrator(project, files, pause=clock.pause, chance=lambda: 0.5).run()
    assert state.result == "completed"
    assert timedelta(minutes=89) < clock.ahead < timedelta(minutes=93)
    assert len((folder / "refused").read_text("utf-8").split()) <= 2
    assert [each.failures for each in state.tasks] == [0] * 3
    assert not (folder / "too-many").exists()
