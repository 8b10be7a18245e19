"""`runr run`: from a task file to a verified, recorded commit, and every refusal and stop."""

import os
import signal
import subprocess
from pathlib import Path

from cli.terminal import DEADLINE_S, Place
from fakes.forked import RUNR

FOREVER = "trap 'exit 0' TERM; while :; do sleep 0.05; done"


def start_run(place: Place, name: str, script: str = FOREVER) -> str:
    """Start a run that works until it is stopped; wait until its worker runs; return its id."""
    place.script(name, script)
    answer = place.runr("run", "--task", name, "--detach", "--json", code=0).json
    run_id = str(answer["id"])
    place.await_phase(run_id, "work")
    return run_id


def test_a_run_loads_no_module_of_the_repository(place: Place) -> None:
    place.script("a.md", "echo hello > hello.txt")
    for name in ("anyio", "json", "runr"):
        place.write(f"{name}.py", "raise SystemExit('loaded from the repository')\n")
    place.commit("Tasks")
    place.runr("run", "--task", "a", "--detach", code=0)
    assert place.runr("follow").code in (0, 9)
    assert "loaded from" not in next(place.root.glob(".runr/runs/*/runner.log")).read_text()


def test_a_verified_task_is_committed_merged_and_recorded(place: Place) -> None:
    place.script(
        "a.md", "echo hello > hello.txt", 'owns: [hello.txt]\nverify: ["test -s hello.txt"]'
    )
    place.commit("Tasks")
    result = place.runr("run", "--task", "a", code=0)
    assert "✓ a.md: completed, verified, commit" in result.out
    assert place.read("hello.txt") == "hello\n"
    assert place.branches() == ["main"]
    assert place.git("worktree", "list").count("\n") == 1
    assert place.git("status", "--porcelain") == ""
    entry = place.status("a.md")
    trailers = dict(
        line.split(": ", 1)
        for line in place.git("log", "-1", "--format=%(trailers:only,unfold)").splitlines()
        if line
    )
    assert trailers == {
        "Runr-Run-Id": entry["last_run_id"],
        "Runr-Task": ".runr/tasks/a.md",
        "Runr-Checkpoint": "true",
        "Runr-Verified": "tier1,task",
        "Runr-Verified-Tree": place.git("rev-parse", "HEAD^{tree}").strip(),
        "Runr-Worker": "script",
    }
    assert entry["status"] == "completed"
    assert entry["evidence"] == "verified"
    assert entry["verification"] == "passed"
    assert entry["completed_by"] == f"run:{entry['last_run_id']}"
    assert entry["checkpoint_sha"] == place.git("rev-parse", "HEAD").strip()
    folder = place.run_folder(entry["last_run_id"])
    kept = {path.name for path in folder.iterdir() if path.stat().st_size}
    assert kept >= {
        "timeline.jsonl",
        "state.json",
        "task.md",
        "config.json",
        "prompt-1.md",
        "worker-1.jsonl",
        "verify-1.log",
        "diff.patch",
        "report.md",
    }
    assert "+hello" in (folder / "diff.patch").read_text()
    report = place.runr("report", "latest", code=0).out
    assert report.startswith("# a.md: completed and verified")


def test_when_the_attempts_are_used_up_the_run_stops_with_three_commands(place: Place) -> None:
    place.script("a.md", "echo no such luck > a.txt", 'verify: ["cat a.txt; false"]')
    result = place.runr("run", "--task", "a", code=4)
    assert "no such luck" in result.out
    assert len(result.steps) == 3
    entry = place.status("a.md")
    assert (entry["status"], entry["stop_reason"]) == ("stopped", "verification_failed")
    assert entry["run_count"] == 1
    assert place.git("log", "--format=%s").splitlines() == ["Start"]
    shown = place.runr("task-status", "a", code=0)
    assert shown.steps == result.steps


def test_a_change_outside_of_what_the_task_owns_stops_the_run(place: Place) -> None:
    place.script("a.md", "mkdir src other; echo 1 | tee src/a other/b", "owns: [src/]")
    result = place.runr("run", "--task", "a", code=5)
    assert "out of scope: other/b" in result.out


def test_a_manual_task_is_not_run_and_the_answer_says_how_to_complete_it(place: Place) -> None:
    place.task("call the bank.md", "type: manual")
    result = place.runr("run", "--task", "call the bank", code=9)
    assert "manual" in result.err
    assert result.steps[-1].startswith("runr complete-task 'call the bank.md' --reason ")
    assert place.paste(result.steps[-1]).code == 0
    assert place.status("call the bank.md")["evidence"] == "attested"


def test_open_dependencies_are_refused_unless_forced_and_the_force_is_recorded(
    place: Place,
) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.script("b.md", "echo 1 > b.txt")
    place.script("c.md", "echo 1 > c.txt", "depends_on: [a, b]")
    refused = place.runr("run", "--task", "c", code=3)
    assert "a.md" in refused.err
    assert "b.md" in refused.err
    assert place.paste(refused.steps[0]).code == 0
    assert place.runr("runs", "--json").json["total_count"] == 0
    run = place.run("c", "--force")
    assert run["override_reason"] == "open dependencies: .runr/tasks/a.md, .runr/tasks/b.md"
    assert "Overridden: open dependencies" in place.runr("report", run["id"]).out


def test_a_worker_over_its_time_is_ended_and_the_run_stops(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt; sleep 1000", "timeout: 1s")
    result = place.runr("run", "--task", "a", code=6)
    assert "ended after the time limit" in result.out
    assert place.status("a.md")["stop_reason"] == "time_limit"


def test_an_unknown_worker_gets_the_near_match(place: Place) -> None:
    place.task("a.md")
    result = place.runr("run", "--task", "a", "--worker", "scrpt", code=2)
    assert "did you mean script?" in result.err


def test_a_worker_that_is_not_installed_says_what_to_install(place: Place, tmp_path: Path) -> None:
    place.task("a.md")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "sh"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True)
        (tools / name).symlink_to(found.stdout.strip())
    words = ("run", "--task", "a", "--worker", "claude-code")
    result = place.runr(*words, env={"PATH": str(tools)}, code=7)
    assert "claude was not found on PATH" in result.err
    assert "npm install -g @anthropic-ai/claude-code" in result.err
    assert "<" not in result.err
    assert place.runr("runs", "--json").json["total_count"] == 0


def test_the_worker_command_gets_the_prompt_and_the_paths(place: Place) -> None:
    place.config(
        '[run]\nworker = "cat"\n[verify]\ntier1 = ["grep -q greets prompt.txt"]\n'
        "[workers.cat]\n"
        'command = ["sh", "-c", "cat > prompt.txt; test -r $RUNR_TASK_FILE"]\n'
    )
    place.task("a.md", body="Write a file that greets.")
    place.commit("Tasks")
    assert place.run("a")["status"] == "completed"
    assert "Write a file that greets." in place.read("prompt.txt")


def test_outside_of_a_repository_nothing_runs(tmp_path: Path, place: Place) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    result = place.runr("run", "--task", "a", cwd=outside, code=2)
    assert "not inside a git repository" in result.err
    assert not list(outside.iterdir())


def test_without_a_commit_the_answer_is_how_to_make_one(bare: Place) -> None:
    bare.config('[run]\nworker = "script"\n[verify]\ntier1 = ["test -d ."]\n')
    bare.script("a.md", "echo 1 > a.txt")
    assert bare.runr("list-tasks", code=0).out.endswith("○ a.md  pending\n  1 task: 1 ready\n")
    refused = bare.runr("run", "--task", "a", code=2)
    assert "no commits yet" in refused.err
    assert bare.paste(refused.steps[0]).code == 0
    assert bare.run("a")["status"] == "completed"


def test_on_a_detached_head_the_work_waits_for_a_branch_to_land_on(
    place: Place,
) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    place.git("checkout", "-q", "--detach")
    result = place.runr("run", "--task", "a", code=11)
    assert "no branch is checked out" in result.out
    assert not (place.root / "a.txt").exists()
    assert place.runr("task-status", "a").steps == result.steps
    assert place.paste(result.steps[-1]).code == 11
    place.git("switch", "-q", "main")
    assert place.paste(result.steps[-1]).code == 0
    assert place.read("a.txt") == "1\n"
    assert place.status("a.md")["status"] == "completed"


def test_a_dirty_tree_is_left_exactly_as_it_was(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.write("kept.txt", "kept\n")
    place.write("staged.txt", "old\n")
    place.commit("Tasks")
    place.write("kept.txt", "half a sentence\r\nwithout an end")
    place.write("staged.txt", "staged\n")
    place.git("add", "staged.txt")
    place.write("staged.txt", "staged and changed\n")
    place.write("new/untracked.txt", "mine\n")
    (place.root / "README.md").unlink()
    before, state = place.snapshot(), place.git("status", "--porcelain=v2", "-uall")
    assert place.run("a")["integration"] == "fast-forward"
    after = place.snapshot()
    assert after.pop("a.txt") == b"1\n"
    assert after == before
    assert place.git("status", "--porcelain=v2", "-uall") == state


def test_work_on_a_file_that_is_dirty_here_stays_on_its_branch(place: Place) -> None:
    place.script("a.md", "echo theirs >> README.md")
    place.commit("Tasks")
    place.write("README.md", "mine\n")
    result = place.runr("run", "--task", "a", code=11)
    assert "it would overwrite uncommitted changes: README.md" in result.out
    assert place.read("README.md") == "mine\n"
    place.git("stash", "-q")
    assert place.paste(result.steps[-1]).code == 0
    assert place.read("README.md").endswith("theirs\n")


def test_in_place_works_in_the_users_own_tree(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt; pwd > where.txt")
    place.commit("Tasks")
    place.write("README.md", "mine, not yet committed\n")
    run = place.run("a", "--in-place")
    assert run["integration"] == "in-place"
    assert Path(place.read("where.txt").strip()) == place.root
    assert place.git("show", "--format=", "--name-only", "HEAD").split() == ["a.txt", "where.txt"]
    assert place.git("status", "--porcelain").split() == ["M", "README.md"]


def test_a_detached_run_can_be_followed_to_its_end(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    started = place.runr("run", "--task", "a", "--detach", code=0)
    assert started.steps[0].startswith("runr follow ")
    assert place.paste(started.steps[0]).code == 0
    assert place.status("a.md")["status"] == "completed"


def test_ctrl_c_ends_the_following_and_not_the_run(place: Place) -> None:
    gate = place.root / "gate"
    os.mkfifo(gate)
    place.script("a.md", f"cat '{gate}' > a.txt")
    command = [RUNR, "run", "--task", "a"]
    with subprocess.Popen(
        command, cwd=place.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout is not None
        run_id = follower.stdout.readline().split()[1]
        while "work, attempt 1" not in follower.stdout.readline():
            pass
        follower.send_signal(signal.SIGINT)
        _, err = follower.communicate(timeout=DEADLINE_S)
    assert follower.returncode == 8
    assert f"runr follow {run_id}" in err
    assert "Traceback" not in err
    gate.write_text("still here\n")
    assert place.await_end(run_id)["status"] == "completed"


def test_of_two_runs_of_one_task_the_second_is_refused_and_names_the_first(place: Place) -> None:
    first = start_run(place, "a.md")
    refused = place.runr("run", "--task", "a", code=1)
    assert f"run {first} is running" in refused.err
    assert refused.steps == [f"runr follow {first}", f"runr stop {first}"]
    assert place.runr("runs", "--json").json["total_count"] == 1
    stopped = place.paste(refused.steps[1])
    assert stopped.code == 0
    assert place.status("a.md")["stop_reason"] == "stopped"
    assert place.runr("follow", first, code=8).out.count("■") == 1


def test_a_run_does_not_start_runs(place: Place) -> None:
    place.script("inner.md", "echo 1 > inner.txt")
    place.script("a.md", f"'{RUNR}' run --task inner || echo $? > code.txt")
    place.commit("Tasks")
    assert place.run("a")["status"] == "completed"
    assert place.read("code.txt") == "2\n"
    assert place.status("inner.md") is None


def test_auto_only_runs_what_is_ready_by_dependency_and_priority(place: Place) -> None:
    for name, header in {
        "a.md": "depends_on: [z]",
        "b.md": "priority: 1",
        "c.md": "priority: 9",
        "m.md": "type: manual",
        "h.md": "type: hybrid",
        "w.md": "depends_on: [m]",
        "z.md": "priority: 5",
    }.items():
        place.script(name, f"echo 1 > {name}.txt", header)
    answer = place.runr("run", "--auto-only", "--json", code=0).json
    assert [run["task_path"][12:] for run in answer["runs"]] == ["c.md", "z.md", "b.md", "a.md"]
    assert [path[12:] for path in answer["needs_human_paths"]] == ["h.md", "m.md"]
    again = place.runr("run", "--auto-only", code=0).out
    assert "No automated task is ready; waiting for a person: h.md, m.md" in again


def test_auto_only_continues_after_a_task_that_stops_or_cannot_start(place: Place) -> None:
    place.script("a.md", "exit 1")
    place.script("b.md", "echo 1 > b.txt", "worker: missing")
    place.script("c.md", "echo 1 > c.txt")
    result = place.runr("run", "--auto-only", code=1)
    assert "✗ b.md: there is no worker missing" in result.out
    assert "1 of 2 runs completed" in result.out
    assert place.status("c.md")["status"] == "completed"


def test_without_any_check_a_person_is_asked_and_their_attestation_merges_the_work(
    place: Place,
) -> None:
    place.config('[run]\nworker = "script"\n')
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    result = place.runr("run", "--task", "a", code=9)
    assert place.status("a.md")["stop_reason"] == "no_checks"
    assert place.status("a.md")["verification"] == "none"
    assert not (place.root / "a.txt").exists()
    batch = place.runr("run", "--auto-only", code=0)
    assert "waiting for a person: a.md" in batch.out
    assert place.paste(result.steps[1]).code == 0
    assert place.read("a.txt") == "1\n"
    entry = place.status("a.md")
    assert (entry["status"], entry["evidence"]) == ("completed", "attested")
    assert entry["completed_by"] == "person:Ada Example"
    assert "Runr-Verified: none" in place.git("log", "-1", "--format=%B")


def test_a_hybrid_task_waits_for_its_person_and_is_then_merged(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt", "type: hybrid")
    place.commit("Tasks")
    result = place.runr("run", "--task", "a", code=9)
    assert not (place.root / "a.txt").exists()
    assert place.runr("task-status", "a").steps == result.steps
    done = place.runr("complete-task", "a", "--reason", "looked at it", "--by", "Grace", code=0)
    assert "✎ a.md: completed, attested by Grace" in done.out
    assert place.read("a.txt") == "1\n"
    assert place.status("a.md")["reason"] == "looked at it"


def test_a_completed_task_is_run_again_only_when_forced(place: Place) -> None:
    place.script("a.md", "date +%N > a.txt")
    first = place.run("a")["id"]
    refused = place.runr("run", "--task", "a", code=2)
    assert f"already completed (by run:{first})" in refused.err
    assert place.run("a", "--force")["id"] != first
    assert place.status("a.md")["run_count"] == 2


def test_runs_are_listed_newest_first_in_columns(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.script("longer.md", "exit 1", "depends_on: [a]")
    first = place.run("a")["id"]
    second = place.run("longer", code=1)["id"]
    lines = place.runr("runs", code=0).out.splitlines()
    assert lines[0].startswith(f"■ {second}  stopped    longer.md  script ")
    assert lines[0].endswith("(worker_failed)")
    assert lines[1].startswith(f"✓ {first}  completed  a.md       script ")
    page = place.runr("runs", "--limit", "1", code=0).out.splitlines()
    assert page[1] == "… of 2; --limit 0 shows all"
    only = place.runr("runs", "--task", "a", "--json", code=0).json
    assert [run["id"] for run in only["runs"]] == [first]


def test_a_mistyped_task_gets_the_near_match(place: Place) -> None:
    place.task("01-setup-database.md")
    for word in ("01-setup-databse", "01"):
        refused = place.runr("run", "--task", word, code=2)
        assert "did you mean '01-setup-database'?" in refused.err


def test_run_takes_task_names_as_arguments(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt", "depends_on: [b]")
    place.script("b.md", "echo 1 > b.txt")
    place.script("c.md", "exit 1")
    place.commit("Tasks")
    assert "did you mean 'a'?" in place.runr("run", "b", "aa", code=2).err
    assert not place.has_status()
    refused = place.runr("run", "a", "b", code=3)
    assert "a.md waits for .runr/tasks/b.md" in refused.err
    ended = place.runr("run", "a", "c", "--task", "b", code=1)
    assert ended.out.endswith("2 of 3 runs completed\n")
    assert place.runr("run", "c", "--json", code=1).json["status"] == "stopped"
