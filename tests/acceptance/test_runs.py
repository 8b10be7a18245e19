"""What a run must never do: each test is a known failure of other tools.

`cli/test_submit.py` covers submitting, `acceptance/test_out_of_scope.py` the scope.
"""

import subprocess
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from acceptance.working import STUBBORN, Gate, active_run, kill_run, worker_of
from cli.terminal import DEADLINE_S, Place, answered
from fakes.forked import RUNR
from fakes.project_kit import is_running


def test_two_runs_in_one_second_have_folders_of_their_own(place: Place) -> None:
    names = [f"t{number}.md" for number in range(5)]
    for name in names:
        place.script(name, f"echo {name} > {name}.txt")
    place.commit("Tasks")
    ids = [answer["id"] for answer in _started_together(place, names)]
    assert len(set(ids)) == len(names)
    assert max(Counter(run_id[:15] for run_id in ids).values()) > 1, "no two in one second"
    ended = [place.await_end(run_id) for run_id in ids]
    assert [run["status"] for run in ended] == ["completed"] * len(names)
    assert len({run["checkpoint_sha"] for run in ended}) == len(names)
    assert [place.status(name)["last_run_id"] for name in names] == ids
    for name, run in zip(names, ended, strict=True):
        assert place.git("show", f"{run['checkpoint_sha']}:{name}.txt") == f"{name}\n"


def _started_together(place: Place, names: list[str]) -> list[Any]:
    with ExitStack() as stack:
        typed = [
            stack.enter_context(
                subprocess.Popen(
                    [RUNR, "run", "--task", name, "--detach", "--json"],
                    cwd=place.root,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for name in names
        ]
        answers = [one.communicate(timeout=DEADLINE_S)[0] for one in typed]
    return [answered(answer) for answer in answers]


def test_a_worker_gets_the_whole_task_and_on_a_retry_what_failed(place: Place) -> None:
    place.config(
        '[run]\nworker = "cat"\nattempts = 2\n'
        '[workers.cat]\ncommand = ["sh", "-c", "cat > prompt-$RUNR_ATTEMPT.txt"]\n'
    )
    body = 'First paragraph.\n\n- a list with `code` and "quotes"\n\n## The end\n\nThe last word.'
    check = "test -e prompt-2.txt || { echo 'tell me twice'; exit 1; }"
    place.task("a.md", f'owns: ["prompt-*.txt"]\nverify: ["{check}"]', body)
    run = place.run("a")
    first, second = place.read("prompt-1.txt"), place.read("prompt-2.txt")
    assert run["attempt"] == 2
    for message in (first, second):
        assert body in message
        assert "You may change only: prompt-*.txt" in message
        assert f"`{check}`" in message
    assert "Failed checks of attempt 1" not in first
    assert "Failed checks of attempt 1" in second
    assert "\ntell me twice\n" in second


def test_verification_over_its_time_is_failed(place: Place) -> None:
    check = "test -d . && sleep 99"
    place.config(f'[run]\nworker="script"\nattempts=1\n[verify]\ntimeout="1s"\ntier1=["{check}"]\n')
    place.script("a.md", "echo 1 > a.txt")
    run = place.run("a", code=4)
    assert run["verification"] == "failed"
    assert run["checks"][0]["exit_code"] is None
    assert place.status("a.md")["verification"] == "failed"


def test_no_verification_is_never_called_passed(place: Place) -> None:
    place.config('[run]\nworker = "script"\n')
    place.script("a.md", "echo 1 > a.txt")
    result = place.runr("run", "--task", "a", code=9)
    shown = [result.out, place.runr("report", "latest").out, place.runr("task-status", "a").out]
    assert not [text for text in shown if "passed" in text or "✓" in text]
    assert place.status("a.md")["verification"] == "none"
    assert not (place.root / "a.txt").exists()


def test_a_killed_run_is_interrupted_at_the_next_command(place: Place) -> None:
    run_id = active_run(place, "a.md", STUBBORN)
    kill_run(place, run_id)
    assert "■ a.md  stopped" in place.runr("list-tasks", code=0).out
    assert place.status("a.md")["stop_reason"] == "interrupted"
    assert len(place.runr("task-status", "a", code=0).steps) == 3


def test_a_killed_run_keeps_no_later_run_from_the_same_files(place: Place) -> None:
    kill_run(place, active_run(place, "a.md", STUBBORN))
    place.script("b.md", "echo 1 > grown.txt", "owns: [grown.txt]")
    assert place.run("b")["status"] == "completed"
    place.script("a.md", "echo 2 > grown.txt")
    assert place.run("a")["status"] == "completed"
    assert place.git("show", "HEAD:grown.txt") == "2\n"


def test_the_worker_of_a_killed_run_edits_nothing_more(place: Place) -> None:
    run_id = active_run(place, "a.md", STUBBORN)
    worker = worker_of(place, run_id)
    kill_run(place, run_id)
    assert is_running(worker)
    place.runr("list-tasks", code=0)
    assert not is_running(worker)


@pytest.mark.long
def test_a_worker_that_stalls_is_gone_before_another_one_begins(place: Place) -> None:
    place.config(
        '[run]\nworker = "script"\nstall_timeout = "1s"\n[verify]\ntier1 = ["test -d ."]\n'
    )
    first, beside = "../../../first", "../../../beside"
    place.script(
        "a.md",
        f"if [ -e {first} ]; then ! kill -0 $(cat {first}) || touch {beside}; date > a; exit; fi\n"
        f"trap '' TERM; echo $$ > {first}; sleep 1000",
    )
    stopped = place.runr("run", "--task", "a", code=6)
    assert not is_running(int(place.read("first")))
    assert place.status("a.md")["stop_reason"] == "stalled"
    assert place.paste(stopped.steps[-1]).code == 0
    assert not (place.root / "beside").exists()


def test_a_stopped_run_that_left_edits_is_resumed_with_them(place: Place) -> None:
    place.script("a.md", "echo 1 >> a.txt; test -e ../../../go")
    stopped = place.runr("run", "--task", "a", code=1)
    place.write("go")
    resumed = place.paste(stopped.steps[-1])
    assert resumed.code == 0
    assert place.git("show", "HEAD:a.txt") == "1\n1\n"
    assert place.status("a.md")["run_count"] == 1


def test_a_resumed_run_has_all_its_attempts_again(place: Place) -> None:
    place.script("a.md", "echo x >> log.txt", 'verify: ["test $(wc -l < log.txt) -ge 4"]')
    stopped = place.run("a", code=4)
    assert stopped["attempt"] == 2
    resumed = place.runr("resume", stopped["id"], "--json", code=0).json
    assert (resumed["attempt"], resumed["verification"]) == (4, "passed")


def test_the_time_limit_is_the_one_that_was_set(place: Place) -> None:
    place.config('[run]\nworker = "script"\ntimeout = "1s"\n[verify]\ntier1 = ["test -d ."]\n')
    place.script("short.md", "sleep 1000")
    place.script("long.md", "sleep 1.5; echo 1 > a.txt", "timeout: 3h")
    assert "ended after the time limit of " in place.runr("run", "--task", "short", code=6).out
    run = place.run("long")
    assert (run["status"], run["attempt"]) == ("completed", 1)


def test_a_missing_fallback_does_not_delay_a_run(place: Place) -> None:
    place.config(
        '[run]\nworker = "gone"\nfallback = ["gone-too"]\n[verify]\ntier1 = ["test -d ."]\n'
        '[workers.gone]\ncommand = ["no-such-program"]\n'
        '[workers.gone-too]\ncommand = ["no-such-program-either"]\n'
    )
    place.script("a.md", "echo 1 > a.txt")
    refused = place.runr("run", "--task", "a", code=7)
    assert "no-such-program" in refused.err
    assert place.runr("runs", "--json").json["total_count"] == 0
    assert place.run("a", "--worker", "script")["status"] == "completed"


def test_a_worker_that_fails_is_quoted_and_not_blindly_tried_again(place: Place) -> None:
    place.script("a.md", "echo half > a.txt; echo 'the disk is on fire'; exit 3")
    result = place.runr("run", "--task", "a", code=1)
    assert "failed with exit code 3" in result.out
    assert "the disk is on fire" in result.out
    entry = place.status("a.md")
    assert entry["stop_reason"] == "worker_failed"
    assert not (place.run_folder(entry["last_run_id"]) / "prompt-2.md").exists()
    left = place.root / ".runr/worktrees" / entry["last_run_id"] / "a.txt"
    assert left.read_text() == "half\n"


def test_a_successful_run_is_reported_as_completed(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    result = place.runr("run", "--task", "a", code=0)
    assert "✓ a.md: completed, verified" in result.out
    everywhere = [("report", "latest"), ("task-status", "a"), ("runs",), ("list-tasks",)]
    shown = [result, *(place.runr(*words, code=0) for words in everywhere)]
    for answer in shown:
        assert answer.err == ""
        assert "completed" in answer.out
        assert not [word for word in ("stop", "STOP", "manual", "✗", "■") if word in answer.out]


def test_every_outcome_has_an_exit_code_of_its_own(place: Place) -> None:
    place.config('[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["test -d ."]\n')
    ends: dict[str, tuple[str, str, int]] = {
        "done": ("", "echo 1 > a.txt", 0),
        "failed": ("", "exit 1", 1),
        "blocked": ("depends_on: [failed]", "true", 3),
        "abandoned": ('verify: ["false"]', "true", 4),
        "out_of_scope": ("owns: [b.txt]", "echo 1 > c.txt", 5),
        "late": ("timeout: 1s", "sleep 1000", 6),
        "no worker": ("worker: codex", "true", 7),
        "person": ("type: hybrid", "echo 1 > d.txt", 9),
    }
    for name, (header, script, _) in ends.items():
        place.script(f"{name}.md", script, header)
    no_codex = {"PATH": f"{Path(RUNR).parent}:/usr/bin:/bin"}
    codes = {name: place.runr("run", "--task", name, env=no_codex).code for name in ends}
    codes |= {"usage": place.runr("run", "--task", "no such task").code}
    assert codes == {name: code for name, (_, _, code) in ends.items()} | {"usage": 2}
    assert place.runr("follow", place.status("late.md")["last_run_id"]).code == 6


@pytest.mark.parametrize("name", ["$(touch pwned)", "`touch pwned`", "a; touch pwned", "'a\" && b"])
def test_a_title_or_a_path_is_never_a_command(place: Place, name: str) -> None:
    place.script(f"{name}.md", "echo 1 > a.txt", 'verify: ["test -e a.txt"]')
    place.task("last.md", f"type: manual\ndepends_on: ['{name.replace(chr(39), chr(39) * 2)}']")
    place.commit("Tasks")
    answer = place.runr("run", "--auto-only", "--json", code=0).json
    assert [run["task_path"] for run in answer["runs"]] == [f".runr/tasks/{name}.md"]
    place.runr("complete-task", "last", "--reason", name, code=0)
    assert place.git("log", "-1", "--format=%s").endswith(f"{name}\n")
    assert f"Runr-Task: .runr/tasks/{name}.md\n" in place.git("log", "-1", "--format=%B")
    assert not list(place.root.rglob("pwned"))


def test_a_run_continues_when_its_terminal_is_closed(place: Place, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    place.script("a.md", f"{gate.wait}; echo 1 > a.txt")
    with subprocess.Popen(
        [RUNR, "run", "--task", "a"],
        cwd=place.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as terminal:
        gate.comes()
        subprocess.run(["kill", "-s", "KILL", "--", f"-{terminal.pid}"], check=True)
    gate.open()
    assert place.await_end("latest")["status"] == "completed"
    assert place.read("a.txt") == "1\n"


def test_a_run_works_at_the_top_of_its_tree_wherever_it_was_typed(place: Place) -> None:
    place.write("src/deep/x.txt", "x\n")
    place.script("a.md", "echo 1 > a.txt", 'verify: ["test -e a.txt"]')
    place.commit("Tasks")
    result = place.runr("run", "--task", "a", cwd=place.root / "src/deep", code=0)
    assert "✓ a.md: completed" in result.out
    assert place.git("show", "--format=", "--name-only", "HEAD").split() == ["a.txt"]


def test_runs_at_the_same_time_do_not_see_each_others_edits(place: Place, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    first = active_run(place, "a.md", f"echo half > shared.txt; {gate.wait}; echo a > a.txt")
    gate.comes()
    place.script("b.md", "test ! -e shared.txt; echo b > b.txt")
    assert place.run("b")["status"] == "completed"
    gate.open()
    assert place.await_end(first)["status"] == "completed"
    assert [place.read(name) for name in ("a.txt", "b.txt", "shared.txt")] == [
        "a\n",
        "b\n",
        "half\n",
    ]
