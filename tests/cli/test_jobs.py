"""`runr job`: many tasks in tracks, side by side, each on top of what landed before it."""

import json
import os
import signal
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import pytest

from cli.terminal import Place
from cli.test_list import seen
from fakes.forked import RUNR
from fakes.project_kit import until
from unit.git_trees import git

_CHECKS = '[run]\nworker = "script"\nattempts = 1\n\n[verify]\ntier1 = ["test -d ."]\n'


def statuses(answer: Any) -> dict[str, str]:
    """Return the statuses of the tasks of a job run by their names."""
    return {each["path"][12:-3]: each["status"] for each in answer["tasks"]}


def events(place: Place, job_run: str) -> list[dict[str, Any]]:
    """Return the journal of a job run."""
    text = place.read(f".runr/job-runs/{job_run}/timeline.jsonl")
    return [json.loads(line) for line in text.splitlines()]


def ended(place: Place, *words: str, code: int = 0) -> Any:
    """Run a job to its end and return it."""
    return place.runr("job", *words, "--json", code=code).json


def started(place: Place, *words: str) -> str:
    """Start a job and return the id of its run at once."""
    return str(ended(place, "run", *words, "--detach")["id"])


def process_of(place: Place, job_run: str) -> int:
    """Wait until the process of a job run has written its id down, and return it."""

    def look() -> int | None:
        text = place.read(f".runr/job-runs/{job_run}/lock").strip()
        return int(text) if text.isdecimal() else None

    return until(look, "the process of the job")


def finished(place: Place, job_run: str) -> Any:
    """Wait until the process of a job is gone and return the job run."""

    def look() -> Any:
        found = ended(place, "status", job_run)
        return None if found["status"] == "running" else found

    return until(look, f"the end of {job_run}")


#: Waits in a worker until a file is there; a worker without an end would outlive the test.
_AWAIT = 'for n in $(seq 600); do [ -e "{0}" ] && break; sleep 0.1; done; [ -e "{0}" ]'


def test_tracks_go_side_by_side_and_each_task_sees_what_landed_before_it(place: Place) -> None:
    meet = place.root.with_name("meet")
    meet.mkdir()
    for own, other in (("a", "b"), ("b", "a")):
        # Each of them ends only while the other one is running.
        wait = _AWAIT.format(meet / other)
        place.script(f"{own}.md", f"touch {meet / own}; {wait}; echo {own} > {own}.txt")
    place.script("both.md", "cat a.txt b.txt > both.txt", "depends_on: [a, b]")
    place.script("after.md", "cat a.txt > after.txt")
    place.write(".runr/jobs/night.yaml", "tracks:\n  one: [a, after]\n  two: [b, both]\n")
    place.commit("Tasks")
    done = ended(place, "run", "night")
    assert (done["status"], set(statuses(done).values())) == ("completed", {"completed"})
    assert place.git("log", "--oneline", "main").count("\n") == 2
    assert place.git("show", f"{done['branch']}:both.txt") == "a\nb\n"
    landed = place.runr("job", "land", "night", "--json", code=0).json
    assert (landed["how"], landed["task_count"]) == ("fast-forward", 4)
    assert place.read("after.txt") == "a\n"
    assert place.runr("verify", code=0).out.startswith("✓ 4 completions")
    assert place.branches() == ["main"]


def test_tasks_that_own_the_same_files_never_run_at_the_same_time(place: Place) -> None:
    mark = place.root.with_name("mark")
    body = f"mkdir {mark} || exit 1; sleep 0.3; echo x >> src.txt; rmdir {mark}"
    for name in "abc":
        place.script(f"{name}.md", body, "owns: ['*.txt']")
    place.commit("Tasks")
    done = ended(place, "run", "--all-ready", "--parallel", "3")
    assert set(statuses(done).values()) == {"completed"}
    assert place.git("show", f"{done['branch']}:src.txt") == "x\n" * 3


def test_a_conflict_gives_one_more_attempt_from_the_new_tip_with_the_conflict_in_its_brief(
    place: Place,
) -> None:
    wait = _AWAIT.format(place.root / ".runr" / "quick-landed")
    place.script("quick.md", "echo quick > shared.txt")
    place.script("slow.md", f"[ -e shared.txt ] || {{ {wait}; }}; echo slow >> shared.txt")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    until(lambda: "task.ended" in [e["type"] for e in events(place, job_run)], "quick to land")
    place.write(".runr/quick-landed")
    done = finished(place, job_run)
    assert (done["status"], statuses(done)["slow"]) == ("completed", "completed")
    assert place.git("show", f"{done['branch']}:shared.txt") == "quick\nslow\n"
    slow = next(e for e in done["tasks"] if e["path"].endswith("slow.md"))
    brief = (place.run_folder(slow["run_id"]) / "prompt-1.md").read_text("utf-8")
    assert "An earlier attempt" in brief
    assert "shared.txt" in brief.split("What went wrong")[1]


def test_work_that_fails_the_checks_only_together_with_newer_work_is_held_back(
    place: Place,
) -> None:
    config = _CHECKS.replace("test -d .", "test ! -e a.txt -o ! -e b.txt")
    place.config(config.replace("attempts = 1", "attempts = 2"))
    wait = _AWAIT.format(place.root / ".runr" / "landed")
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", f"[ -e a.txt ] || {{ {wait}; }}; echo b > b.txt")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    until(lambda: "task.ended" in [e["type"] for e in events(place, job_run)], "a to land")
    place.write(".runr/landed")
    done = finished(place, job_run)
    assert statuses(done) == {"a": "completed", "b": "failed"}
    runs = [e["payload"] for e in events(place, job_run) if e["type"] == "task.ended"]
    assert [run["code"] for run in runs] == ["", "verification_failed", "verification_failed"]
    first, second = (place.run_folder(run["run_id"]) / "prompt-1.md" for run in runs[1:])
    assert "`test ! -e a.txt -o ! -e b.txt` printed" in second.read_text("utf-8")
    assert first.with_name("prompt-2.md").exists()
    assert not second.with_name("prompt-2.md").exists()  # one attempt from the new tip, no more
    assert "b.txt" not in place.git("ls-tree", "--name-only", done["branch"])
    again = place.runr("job", "receipt", "--json", code=0).json
    assert "FAILED" in again["headline"]


def test_a_manual_task_pauses_the_job_until_a_person_has_done_it(place: Place) -> None:
    place.task("sign.md", "type: manual")
    place.script("next.md", "cat sign.txt > next.txt", "depends_on: [sign]")
    place.script("other.md", "echo other > other.txt")
    place.write(".runr/jobs/night.yaml", "tracks:\n  t: [{tasks: [sign, next, other]}]\n")
    place.commit("Tasks")
    paused = ended(place, "run", "night", code=9)
    assert statuses(paused) == {"sign": "waiting", "next": "waiting", "other": "completed"}
    assert "sign.md: it is manual" in paused["reason"]
    place.write("sign.txt", "signed\n")
    place.commit("Signed")
    place.runr("complete-task", "sign", "--reason", "done", code=0)
    done = ended(place, "resume", "night")
    assert set(statuses(done).values()) == {"completed"}
    assert place.git("show", f"{done['branch']}:next.txt") == "signed\n"


def test_what_can_never_start_is_said_at_once_and_the_others_go_on(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", "echo b > b.txt", "depends_on: [c]")
    place.script("c.md", "echo c > c.txt", "depends_on: [b]")
    place.script("d.md", "echo d > d.txt", "depends_on: [elsewhere]")
    place.script("elsewhere.md", "echo e > e.txt")
    place.script("e.md", "echo e > e.txt", "depends_on: [nosuch]")
    place.write(".runr/jobs/night.yaml", "tracks:\n  t: [{tasks: [a, b, c, d, e]}]\n")
    place.commit("Tasks")
    missing = "it depends on nosuch (no such task)"
    plan = place.runr("job", "run", "night", "--dry-run", code=1).out
    assert f"✗ e.md never starts: {missing}\n" in plan
    done = ended(place, "run", "night", code=1)
    reasons = {each["path"][12:-3]: each.get("reason") or "" for each in done["tasks"]}
    assert statuses(done)["a"] == "completed"
    assert reasons["b"] == reasons["c"] == "cycle: b.md → c.md → b.md"
    assert (statuses(done)["e"], reasons["e"]) == ("skipped", missing)
    assert "elsewhere.md" in place.runr("job", "receipt", code=0).out


def test_a_drained_job_ends_what_runs_and_a_resume_does_the_rest(place: Place) -> None:
    wait = _AWAIT.format(place.root / ".runr" / "go")
    place.script("a.md", f"{wait}; echo a > a.txt")
    place.script("b.md", "echo b > b.txt", "depends_on: [a]")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    until(lambda: "task.claimed" in [e["type"] for e in events(place, job_run)], "a to start")
    again = place.runr("job", "run", "--all-ready", code=1)
    assert again.err.startswith(f"runr: the job ready is running ({job_run})")
    asked = place.runr("job", "stop", job_run, code=0).out
    assert "has asked it to stop: what runs may end" in asked
    assert f"runr job stop {job_run} --kill" in asked
    place.write(".runr/go")
    stopped = finished(place, job_run)
    assert (stopped["status"], stopped["exit_code"]) == ("stopped", 8)
    assert statuses(stopped) == {"a": "completed", "b": "waiting"}
    assert statuses(ended(place, "resume", job_run)) == {"a": "completed", "b": "completed"}


def test_a_killed_job_keeps_the_work_and_continues_the_same_run(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"echo a > a.txt; {_AWAIT.format(go)}")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    until(lambda: "task.claimed" in [e["type"] for e in events(place, job_run)], "a to start")
    killed = place.runr("job", "stop", job_run, "--kill", code=0).out
    assert "a.md waiting  stopped by" in killed  # said as it happens, before the job has ended
    assert "running" not in killed.split(f"ready ({job_run}): ")[1]
    stopped = ended(place, "status", job_run)
    assert (stopped["status"], statuses(stopped)) == ("stopped", {"a": "waiting"})
    place.write(".runr/go")
    done = ended(place, "resume", job_run)
    assert statuses(done) == {"a": "completed"}
    claimed = [
        e["payload"]["run_id"] for e in events(place, job_run) if e["type"] == "task.claimed"
    ]
    assert len(claimed) == 2
    assert len(set(claimed)) == 1


def test_of_starts_at_the_same_moment_one_wins(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.script("b.md", "echo b > b.txt")
    place.write(".runr/jobs/night.yaml", "tracks: {t: [{tasks: [a, b]}]}\n")
    place.commit("Tasks")
    for words in (["run", "night"], ["resume"]):
        command = [RUNR, "job", *words, "--detach"]
        starting = [
            Popen(command, cwd=place.root, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, text=True)
            for _ in range(3)
        ]
        said = sorted(each.communicate()[1] for each in starting)
        assert sorted(each.returncode for each in starting) == [0, 1, 1]
        [job_run] = [each.name for each in (place.root / ".runr/job-runs").iterdir()]
        refusal = f"runr: the job night is running ({job_run})\n"
        assert [each.startswith(refusal) for each in said if "is running" in each] == [True] * 2
        place.runr("job", "stop", "--kill", code=0)


def test_a_run_of_a_job_that_is_resumed_alone_says_where_it_lands(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    until(lambda: "task.claimed" in [e["type"] for e in events(place, job_run)], "a to start")
    place.runr("job", "stop", job_run, "--kill", code=0)
    branch = finished(place, job_run)["branch"]
    go.touch()
    resumed = place.runr("resume", "a", code=0)
    assert f"a.md lands on {branch}, the branch of its job; then `runr job land" in resumed.err
    assert place.git("show", f"{branch}:a.txt") == "a\n"
    assert statuses(ended(place, "resume")) == {"a": "completed"}
    place.runr("job", "land", code=0)
    assert place.read("a.txt") == "a\n"


def test_a_job_does_not_bring_back_a_commit_that_was_taken_from_its_target(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.write("secret.txt", "secret\n")
    place.commit("Tasks, and a secret")
    ended(place, "run", "--all-ready")
    place.git("rm", "-q", "--cached", "secret.txt")
    place.git("commit", "-q", "--amend", "-m", "Tasks")
    before = place.git("rev-parse", "main")
    refused = place.runr("job", "land", code=1)
    assert "a merge would bring that commit back" in refused.err
    assert place.git("rev-parse", "main") == before
    rebase, land = refused.steps
    assert place.paste(rebase).code == 0
    place.git("switch", "-q", "main")
    assert place.paste(land).code == 0
    assert place.git("ls-files", "*.txt").split() == ["a.txt"]


@pytest.mark.parametrize("moment", ["task.started", "task.claimed"])
def test_a_job_whose_process_was_killed_finds_its_runs_again(place: Place, moment: str) -> None:
    wait = _AWAIT.format(place.root / ".runr" / "go")
    place.script("a.md", f"{wait}; echo a >> a.txt")
    place.script("b.md", "cat a.txt > b.txt", "depends_on: [a]")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    pid = process_of(place, job_run)
    until(lambda: moment in [e["type"] for e in events(place, job_run)], moment)
    os.kill(pid, signal.SIGKILL)
    lost = finished(place, job_run)
    assert (lost["status"], lost["exit_code"]) == ("interrupted", 8)
    place.write(".runr/go")
    done = ended(place, "resume")
    assert statuses(done) == {"a": "completed", "b": "completed"}
    assert place.git("show", f"{done['branch']}:b.txt") == "a\n"
    finished_runs = [e["payload"] for e in events(place, job_run) if e["type"] == "task.ended"]
    assert sorted(run["task"] for run in finished_runs) == [".runr/tasks/a.md", ".runr/tasks/b.md"]


def test_a_job_that_a_reboot_has_ended_says_so_and_what_has_become_of_its_runs(
    place: Place,
) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    until(lambda: "task.claimed" in [e["type"] for e in events(place, job_run)], "a to start")
    os.kill(process_of(place, job_run), signal.SIGKILL)
    (run,) = [each.name for each in (place.root / ".runr/runs").iterdir()]
    lock = until(lambda: (place.run_folder(run) / "lock").read_text("ascii"), "the run to sign")
    until(lambda: ended(place, "status")["status"] == "interrupted", "the end of the process")
    assert ended(place, "status")["tasks"][0]["now"] is None  # its run goes on
    os.kill(int(lock), signal.SIGKILL)
    for stale in place.root.glob(".runr/*/*/lock"):
        stale.write_text("1", encoding="ascii")  # as the number of another process since
    until(lambda: ended(place, "status")["tasks"][0]["now"], "the end of the run")
    assert ended(place, "status")["tasks"][0]["now"] == f"interrupted (run {run})"
    shown = place.runr("status", code=0).out
    assert f"✗ job ready interrupted, 1 running: runr job resume {job_run}\n" in shown
    page = place.runr("job", "receipt", code=0).out
    assert page.startswith("# ready was INTERRUPTED, and can be resumed: 0 of 1 task completed")
    assert [each["path"] for each in ended(place, "resume", "--dry-run")["tasks"]] == [
        ".runr/tasks/a.md"
    ]
    go.touch()
    assert statuses(ended(place, "resume")) == {"a": "completed"}
    assert ended(place, "status")["tasks"][0]["now"] is None


def test_every_command_that_starts_or_stops_something_has_a_dry_run(place: Place) -> None:
    right, go = place.root / ".runr" / "right", place.root / ".runr" / "go"
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", f"[ -e {right} ] && echo b > b.txt")
    place.script("c.md", "cat b.txt > c.txt", "depends_on: [b]")
    text = "schedule: every 1h\ntracks: {t: [{tasks: [a, b, c]}]}\n"
    place.write(".runr/jobs/night.yaml", text)
    place.commit("Tasks")
    assert place.runr("scheduler", "--dry-run", code=0).out.startswith("No job is due.\n")
    assert not (place.root / ".runr/job-runs").exists()
    place.runr("scheduler", "--once", code=0)
    fired = place.root / ".runr/job-runs/.fired.json"
    fired.write_text('{"night": "2025-01-08T12:00:00Z"}', encoding="utf-8")
    assert "night: would start\n" in place.runr("scheduler", "--dry-run", code=0).out
    assert "2025-01-08" in fired.read_text("utf-8")
    failed = ended(place, "run", "night", code=1)
    before = events(place, failed["id"])
    planned = [
        [each["path"][12:-3] for each in ended(place, word, "--dry-run")["tasks"]]
        for word in ("resume", "retry")
    ]
    assert planned == [[], ["b", "c"]]
    not_running = place.runr("job", "stop", "--dry-run", code=0).out
    assert not_running.startswith(f"night ({failed['id']}) is not running: failed")
    assert events(place, failed["id"]) == before
    place.script("b.md", f"{_AWAIT.format(go)}; echo b > b.txt")
    place.commit("Wait")
    ended(place, "retry", "--detach")
    until(lambda: ended(place, "status")["counts"].get("running"), "b to run")
    for words, end in ((["--kill"], "would be stopped, with its work kept"), ([], "may end")):
        plan = place.runr("job", "stop", *words, "--dry-run", code=0).out
        assert f": b.md {end}; 1 task would not start\n" in plan
    assert "stop" not in str([e["type"] for e in events(place, failed["id"])])
    place.runr("job", "stop", "--kill", code=0)


def test_a_branch_that_a_person_has_merged_has_landed(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", "echo b >> a.txt", "depends_on: [a]")
    place.commit("Tasks")
    place.runr("job", "run", "--all-ready", code=0)
    branch = str(ended(place, "status")["branch"])
    page = place.runr("job", "receipt", code=0).out
    assert "main has none of it yet" in page
    git(place.root, "merge", "--no-ff", "-m", "By hand", branch)
    page = place.runr("job", "receipt", code=0).out
    assert (
        f"2 tasks landed on main, now at {git(place.root, 'rev-parse', '--short=12', 'main')}"
        in page
    )
    for shown in (page, place.runr("job", "status", code=0).out):
        assert "runr job land" not in shown
    (step,) = (line.split() for line in page.splitlines() if "runr reset --revert" in line)
    assert step[3] == "b.md"  # a.md alone could not be taken back: b.md changed its file
    place.runr(*step[1:4], "--reason", "again", code=0)
    assert place.read("a.txt") == "a\n"


def test_a_stop_of_a_job_that_only_waits_returns_when_it_has_stopped(place: Place) -> None:
    place.config(
        "[run]\nworker = 'limited'\n[verify]\ntier1 = ['test -d .']\n[workers.limited]\n"
        "command = ['sh', '-c', 'echo usage limit reached; exit 1']\n"
    )
    place.task("a.md")
    place.task("b.md", "depends_on: [a]")
    place.commit("Tasks")
    started(place, "--all-ready")
    until(lambda: ended(place, "status")["waits_until"], "the limit to be met")
    stopped = place.runr("job", "stop", code=0).out
    assert ": stopped, 2 waiting: stopped by " in stopped
    assert "a.md  waiting    not before " in stopped


def test_a_step_whose_process_was_killed_is_resumed_without_a_word(place: Place) -> None:
    go = place.root / ".runr" / "go"
    mark = place.root / ".runr" / "working"
    place.script("a.md", f"touch {mark}; {_AWAIT.format(go)}; echo a > a.txt")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")

    def runner() -> int | None:
        claimed = [e["payload"] for e in events(place, job_run) if e["type"] == "task.claimed"]
        lock = place.run_folder(claimed[0]["run_id"]) / "lock" if claimed else None
        text = lock.read_text("utf-8").strip() if lock and lock.exists() else ""
        return int(text) if text.isdecimal() else None

    until(mark.exists, "the worker to work")
    os.kill(until(runner, "the process of the run"), signal.SIGKILL)
    place.write(".runr/go")
    done = finished(place, job_run)
    assert statuses(done) == {"a": "completed"}
    kinds = [
        e["payload"].get("code", "") for e in events(place, job_run) if e["type"] == "task.ended"
    ]
    assert kinds == ["interrupted", ""]


def test_failed_tasks_are_retried_and_completed_ones_are_not(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", f"[ -e {place.root}/.runr/fixed ] && echo b > b.txt")
    place.script("c.md", "cat b.txt > c.txt", "depends_on: [b]")
    place.commit("Tasks")
    done = ended(place, "run", "--all-ready", code=1)
    assert statuses(done) == {"a": "completed", "b": "failed", "c": "skipped"}
    receipt = place.runr("job", "receipt", "--json", code=0).json
    for answer in (done, receipt):
        skipped = next(each for each in answer["tasks"] if each["path"].endswith("/c.md"))
        assert skipped["blocked_by"] == [".runr/tasks/b.md"]
    assert statuses(ended(place, "resume", code=1))["b"] == "failed"
    place.write(".runr/fixed")
    again = ended(place, "retry")
    assert set(statuses(again).values()) == {"completed"}
    claimed = [
        e["payload"]["task"] for e in events(place, done["id"]) if e["type"] == "task.claimed"
    ]
    assert claimed.count(".runr/tasks/a.md") == 1


def test_a_task_that_a_person_completes_meanwhile_is_not_run(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.script("b.md", "exit 1", "depends_on: [a]")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    until(lambda: "task.claimed" in [e["type"] for e in events(place, job_run)], "a to start")
    place.runr("complete-task", "b", "--force", "--reason", "by hand", code=0)
    place.write(".runr/go")
    done = finished(place, job_run)
    assert statuses(done) == {"a": "completed", "b": "completed"}
    assert "outside of the job" in done["tasks"][1]["reason"]


def test_what_was_skipped_for_a_failed_task_is_done_once_a_person_has_completed_that(
    place: Place,
) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", "exit 1")
    place.script("b.md", f"touch {go}", "depends_on: [a]\nverify: ['test -f README.md']")
    place.script("c.md", f"{_AWAIT.format(go)}; echo c > c.txt")
    place.script("d.md", "exit 1")
    place.script("e.md", "echo e > e.txt", "depends_on: [d]")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    behind = {"b": "skipped", "e": "skipped"}
    until(lambda: behind.items() <= statuses(ended(place, "status")).items(), "b to be skipped")
    place.runr("complete-task", "a", "--force", "--reason", "by hand", code=0)
    done = finished(place, job_run)  # c ends only after b has begun
    assert statuses(done) == {
        "a": "completed",
        "b": "held",
        "c": "completed",
        "d": "failed",
        "e": "skipped",
    }


def test_tasks_land_one_by_one_where_the_job_asks_for_it(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.write(".runr/jobs/night.yaml", "land: each\ntracks:\n  t: [a]\n")
    place.commit("Tasks")
    assert ended(place, "run", "night")["branch"] == "main"
    assert place.read("a.txt") == "a\n"
    assert "one by one" in place.runr("job", "land", code=2).err


def test_the_work_of_a_job_is_submitted_to_a_branch_like_that_of_a_run(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.commit("Tasks")
    place.git("branch", "release")
    job_run = ended(place, "run", "--all-ready")["id"]
    assert "for a run" in place.runr("submit", "ready", "--to", "release", "--force", code=2).err
    would = place.runr("submit", "ready", "--to", "release", "--dry-run", code=0).out
    assert "ready (1 task) would land on release" in would
    assert "there is no run 'raedy'" in place.runr("submit", "raedy", "--to", "release", code=2).err
    done = place.runr("submit", job_run, "--to", "release", "--json", code=0).json
    assert (done["id"], done["task_count"]) == (job_run, 1)
    assert place.git("show", "release:a.txt") == "a\n"


def test_a_merge_of_the_branch_of_a_job_is_verified_before_it_lands(place: Place) -> None:
    place.config(_CHECKS.replace("test -d .", "test ! -e a.txt -o ! -e b.txt"))
    place.script("a.md", "echo a > a.txt")
    place.commit("Tasks")
    ended(place, "run", "--all-ready")
    place.write("b.txt", "b\n")
    before = place.commit("Mine")
    refused = place.runr("job", "land", code=4)
    assert "nothing landed on main: `test ! -e a.txt -o ! -e b.txt` fails" in refused.err
    assert place.git("rev-parse", "main").strip() == before
    place.git("rm", "-q", "b.txt")
    place.commit("Without it")
    assert place.runr("job", "land", "--json", code=0).json["verified"] is True
    assert place.read("a.txt") == "a\n"


def test_a_dry_run_shows_the_plan_and_what_would_stop_it_in_the_night(place: Place) -> None:
    checks = 'tier0 = ["test -e nothere"]\ntier1 = ["no-such-program --check"]'
    place.config(f'[run]\nworker = "script"\n\n[verify]\n{checks}\n')
    place.script("a.md", "echo a > a.txt", "owns: ['*.txt']")
    place.script("b.md", "echo b > b.txt", "owns: [b.txt]")
    place.script("c.md", "echo c > c.txt", "depends_on: [a]\nworker: nowhere")
    place.task("sign.md", "type: manual")
    place.write(".runr/jobs/night.yaml", "tracks:\n  t: [{tasks: [a, b, c, sign]}]\n")
    place.commit("Tasks")
    place.write("README.md", "changed\n")
    before = place.snapshot()
    plan = place.runr("job", "run", "night", "--dry-run", "--json", code=1).json
    planned = [(each["path"][12:-3], each["wave"]) for each in plan["tasks"]]
    assert planned == [("a", 1), ("b", 2), ("c", 2)]
    assert plan["tasks"][1]["collides_with"] == [".runr/tasks/a.md"]
    assert plan["not_started"] == {".runr/tasks/sign.md": "it is manual: a person does it"}
    found = {each["rule"]: each["message"] for each in plan["findings"]}
    assert "there is no worker nowhere" in found["worker"]
    assert "`no-such-program`" in found["tool"]
    assert "README.md" in found["dirty"]
    assert "`test -e nothere` fails" in found["base"]
    assert place.snapshot() == before
    assert place.branches() == ["main"]
    assert "works on" not in place.runr("job", "run", "night", "--dry-run", code=1).err
    # The same is said before a start, but for what takes long to find out: the job itself does.
    said = place.runr("job", "run", "night", "--detach", code=0).err
    assert [each["message"] in said for each in plan["findings"]] == [
        each["rule"] != "base" for each in plan["findings"]
    ]
    finished(place, "night")


def test_a_job_that_cannot_work_is_refused_before_anything_is_recorded(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.write(".runr/jobs/night.yaml", "tracks:\n  t: [b]\n")
    place.write(".runr/jobs/broken.yaml", "tracks:\n  t:\n    - task: a\n      timout: 5m\n")
    place.commit("Tasks")
    assert "did you mean 'night'?" in place.runr("job", "run", "nigt", code=2).err
    assert "step t/1: there is no task 'b'" in place.runr("job", "run", "night", code=2).err
    refused = place.runr("job", "run", "broken", code=2).err
    assert (
        ".runr/jobs/broken.yaml:4: a step has no key `timout`: did you mean `timeout`?" in refused
    )
    assert "no job has run yet" in place.runr("job", "status", code=2).err
    assert "unknown command job 'rn'; did you mean `runr job run`?" in place.runr("job", "rn").err
    shown = place.runr("list-jobs", code=0).out
    assert "✗ broken" in shown
    assert "✗ night" in shown
    assert not (place.root / ".runr" / "job-runs").exists()


def test_upcoming_shows_when_jobs_fire_and_what_is_ready(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", "echo b > b.txt", "depends_on: [a]")
    tracks = "tracks:\n  t: [a, b]\n"
    place.write(".runr/jobs/often.yaml", f"schedule: every 6h\n{tracks}")
    place.write(".runr/jobs/never.yaml", tracks)
    place.write(".runr/jobs/wrong.yaml", f"schedule: '61 * * * *'\n{tracks}")
    shown = place.runr("upcoming", "--json", code=0).json
    assert [each["job"] for each in shown["firings"]] == ["often"]
    assert shown["firings"][0]["counts"] == {"ready": 1, "blocked": 1}
    assert shown["ready_paths"] == [".runr/tasks/a.md"]
    assert len(place.runr("upcoming", "--until", "1d", "--json", code=0).json["firings"]) == 4
    bad = place.runr("job", "run", "--where", "nmae:a", code=2).err
    assert bad.startswith("runr: there is no filter nmae:")
    assert "write how long" in place.runr("upcoming", "--until", "soon", code=2).err
    soon = place.runr("upcoming", "--until", "1m", code=0).out
    assert soon.startswith("No job fires until then; the next one does on ")
    assert ".runr/jobs/wrong.yaml:1" in place.runr("list-jobs", code=0).out
    once = place.runr("scheduler", "--once", code=0).out
    assert once.startswith("No job is due.\n  ✗ wrong  ")


def test_all_that_is_ready_runs_detached_as_a_job_and_has_a_plan(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.script("b.md", "cat a.txt > b.txt", "depends_on: [a]")
    place.commit("Tasks")
    plan = place.runr("run", "--all-ready", "--dry-run", "--json", code=0).json
    assert [(each["path"][12:], each["wave"]) for each in plan["tasks"]] == [
        ("a.md", 1),
        ("b.md", 2),
    ]
    place.write("notes.txt", "mine\n")
    begun = place.runr("run", "--all-ready", "--detach", "--json", code=0)
    # What one after the other does needs no `owns`.
    assert begun.err == "runr: uncommitted changes, over which nothing lands: notes.txt\n"
    job_run = begun.json["id"]
    assert set(statuses(finished(place, job_run)).values()) == {"completed"}
    assert place.read("b.txt") == "a\n"
    assert (
        "takes --where" in place.runr("run", "--all-ready", "--tag", "x", "--dry-run", code=2).err
    )


def test_stopped_runs_are_resumed_together_and_are_no_success(place: Place) -> None:
    fixed = place.root / ".runr" / "fixed"
    for name in "ab":
        place.script(f"{name}.md", f"[ -e {fixed} ] && echo {name} > {name}.txt")
    place.commit("Tasks")
    place.runr("run", "--all-ready", code=1)
    assert "stopped: a.md, b.md" in place.runr("run", "--all-ready", code=1).out
    place.runr("resume", "--all", code=1)
    fixed.touch()
    assert "2 of 2 runs completed" in place.runr("resume", "--all", code=0).out
    assert place.runr("resume", "--all", code=0).out.startswith("No run was resumed")


def test_a_watched_status_ends_with_the_job(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", f"{_AWAIT.format(go)}; echo a > a.txt")
    place.commit("Tasks")
    job_run = started(place, "--all-ready")
    go.touch()
    shown = place.runr("job", "status", job_run, "--watch", code=0).out
    assert shown.splitlines()[-1].startswith("  ") or "receipt" in shown
    assert "completed, 1 completed" in shown


def wrapped(place: Place, columns: int, *words: str) -> str:
    """Return what a command shows in a narrow terminal, in which none of its lines may wrap."""
    text = seen(list(words), place.root, {"NO_COLOR": "1"}, columns).replace("\r", "")
    rows = text.partition("Next:")[0].splitlines()
    assert [row for row in rows if len(row) > columns] == []
    return " ".join(text.split())


@pytest.mark.parametrize("columns", [40, 60])
def test_jobs_are_shown_whole_in_a_narrow_terminal(place: Place, columns: int) -> None:
    place.write(
        ".runr/jobs/all-of-the-night.yaml",
        f"description: {'long ' * 19}end\nschedule: '@daily'\ntracks:\n  t: [{{tasks: [a, b]}}]\n"
        "  u: [{name: repair, task: fix, depends_on: [t], when: failed}]\n",
    )
    place.script("a.md", "exit 1")
    place.script("b.md", "test -d .", "depends_on: [a]")
    place.script("fix.md", "echo fix > fix.txt")
    place.commit("Tasks")
    listed = wrapped(place, columns, "list-jobs")
    for part in (
        "○ all-of-the-night 2 tracks, 3 tasks: 2 ready, 1 blocked",
        "long end schedule @daily, next",
        "t/1: a.md (ready), b.md (blocked, after a.md)",
        "u/repair, after t/1, when failed: fix.md (ready)",
    ):
        assert part in listed
    assert "@daily, 3 tasks: 2 ready, 1 blocked" in wrapped(place, columns, "upcoming")
    ended(place, "run", "all-of-the-night", code=1)
    shown = wrapped(place, columns, "job", "status")
    assert "✗ a.md failed the worker ended with an error" in shown
    assert "- b.md skipped it depends on a.md, which was not completed" in shown
    assert "failed, 1 completed, 1 failed, 1 skipped: a.md: the worker ended with an" in shown


def test_many_tasks_of_a_step_are_counted_in_a_list_of_jobs(place: Place) -> None:
    for number in range(10):
        place.task(f"t{number}.md")
    place.write(".runr/jobs/night.yaml", "tracks: {t: [{tasks: all-ready}]}\n")
    listed = place.runr("list-jobs", code=0).out
    assert "t7.md (ready), and 2 more\n" in listed
    assert "t8" not in listed
    (job,) = place.runr("list-jobs", "--json", code=0).json["jobs"]
    assert len(job["tasks"]) == 10
    assert job["steps"] == [{"name": "t/1", "depends_on": [], "when": "succeeded"}]


def test_the_status_of_an_ended_job_says_what_is_true_now_beside_its_record(place: Place) -> None:
    for name in ("again", "changed", "gone", "kept", "wrong"):
        place.script(f"{name}.md", f"echo {name} > {name}.txt")
    place.script("broken.md", "exit 1")
    place.task("sign.md", "type: manual")
    place.commit("Tasks")
    before = ended(place, "run", "--all-ready", code=1)
    assert {each["now"] for each in before["tasks"]} == {None}
    written = json.loads(place.read(f".runr/job-runs/{before['id']}/receipt.json"))
    assert {each["now"] for each in written["tasks"]} == {None}
    place.runr("reset", "wrong", "--reason", "not so", "--by", "Ada", code=0)
    place.runr("reset", "again", "--reason", "not so", "--by", "Ada", code=0)
    for name in ("again", "broken", "sign"):
        place.runr("complete-task", name, "--reason", "done", "--by", "Ada", code=0)
    place.script("changed.md", "echo other > changed.txt")
    (place.root / ".runr/tasks/gone.md").unlink()
    now = {
        "again": "completed again (by person:Ada)",
        "broken": "completed (by person:Ada)",
        "changed": "stale: its text has changed since",
        "gone": "without a task file",
        "kept": None,
        "sign": "completed (by person:Ada)",
        "wrong": "reset (by person:Ada: not so)",
    }
    shown = ended(place, "status")
    assert {each["path"][12:-3]: each["now"] for each in shown["tasks"]} == now
    assert statuses(shown) == statuses(before)
    assert f"runr job retry {shown['id']}" in shown["next_steps"]
    assert "job land" not in str(shown["next_steps"])
    text = place.runr("job", "status", code=0).out
    assert "5 completed, 1 waiting, 1 failed, 6 changed since: broken.md" in text
    assert "! wrong.md    completed  now reset (by person:Ada: not so)\n" in text
    receipt = place.runr("job", "receipt", "--json", code=0).json
    assert {each["path"][12:-3]: each["now"] for each in receipt["tasks"]} == now
    assert "; now again.md is completed again (by person:Ada), broken.md is" in receipt["headline"]
    page = place.runr("job", "receipt", code=0).out
    assert "- wrong.md: completed then, now reset (by person:Ada: not so)\n" in page
    assert "## What needs a person" not in page
    assert "kept.md" in receipt["take_back_step"]


def test_a_task_that_ran_out_of_time_leaves_its_work_and_its_report(place: Place) -> None:
    place.script("a.md", "echo half > a.txt; sleep 60")
    step = "{task: a, timeout: 2s}"
    place.write(".runr/jobs/night.yaml", f"tracks:\n  t:\n    - {step}\n")
    place.commit("Tasks")
    ended(place, "run", "night", code=6)
    receipt = place.runr("job", "receipt", "--json", code=0).json
    (task,) = receipt["tasks"]
    assert (task["code"], task["attempts"]) == ("time_limit", 1)
    assert task["seconds"] > 0
    run = task["run_ids"][0]
    assert (place.root / f".runr/worktrees/{run}/a.txt").read_text("utf-8") == "half\n"
    assert (place.run_folder(run) / "report.md").exists()
    page = place.read(f".runr/job-runs/{receipt['id']}/receipt.md")
    assert page.startswith("# night FAILED: 0 of 1 task completed; a.md: the worker did not finish")
    assert f"runr resume {run}" in page


def test_a_task_without_checks_or_changes_is_left_to_a_person(place: Place) -> None:
    place.config('[run]\nworker = "script"\n')
    place.script("unchecked.md", "echo a > a.txt")
    place.script("unchanged.md", "test -d .", "verify: ['test -d .']")
    place.commit("Tasks")
    paused = ended(place, "run", "--all-ready", code=9)
    assert statuses(paused) == {"unchecked": "held", "unchanged": "held"}
    assert "a.txt" not in place.git("ls-tree", "--name-only", paused["branch"])
    place.runr("approve", "unchecked", "--reason", "seen", code=0)
    place.runr("reject", "unchanged", "--reason", "do it", code=0)
    rejected = {"status": "failed", "code": "rejected", "reason": "rejected by Ada Example: do it"}
    for answer in (
        place.runr("job", "status", "--json", code=0).json,
        ended(place, "resume", code=9),
    ):
        unchanged = next(each for each in answer["tasks"] if each["path"].endswith("unchanged.md"))
        assert unchanged == {**unchanged, **rejected}
    assert (
        "unchanged.md: rejected by Ada Example: do it" in place.runr("job", "receipt", code=0).out
    )
    again = place.runr("job", "status", "--json", code=0).json
    assert statuses(again)["unchecked"] == "completed"
    assert "a.txt" in place.git("ls-tree", "--name-only", again["branch"])


def test_nothing_builds_on_a_task_that_was_reset_meanwhile(place: Place) -> None:
    go = place.root / ".runr" / "go"
    place.script("a.md", "echo a >> a.txt")
    place.script("b.md", f"{_AWAIT.format(go)}; echo b > b.txt")
    place.script("c.md", "cat a.txt > c.txt", "depends_on: [a, b]")
    place.write(".runr/jobs/night.yaml", "tracks:\n  t: [{tasks: [a, b, c]}]\n")
    place.commit("Tasks")
    job_run = started(place, "night")
    until(lambda: "task.ended" in [e["type"] for e in events(place, job_run)], "a to land")
    place.runr("reset", "a", "--reason", "by mistake", code=0)
    go.touch()
    done = finished(place, job_run)
    assert statuses(done)["c"] != "completed"
