"""Everything that goes wrong with a real `claude` ends in a verified result or in a clean stop."""

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import ClaudePlace, Turn, write
from cli.terminal import answered
from fakes.marks import also_long
from fakes.model_api import FakeModel
from fakes.project_kit import gone, is_running
from runr.runs import journal
from runr.status.model import State
from unit.git_trees import git

GOOD: list[Turn] = [write("a.txt", "good\n"), {"text": "I wrote it."}]
BUSY: Turn = {"error": {"status": 529}}


@pytest.fixture
def place(tmp_path: Path, claude_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClaudePlace:
    # Without the CLI's own patience, which is as long as ours.
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "0")
    return ClaudePlace(tmp_path, claude_path)


def bash(command: str) -> Turn:
    return {"tools": [{"name": "Bash", "input": {"command": command}}]}


def settings(place: ClaudePlace, more: str = "", **keys: Any) -> None:
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    place.kit.config(f'[run]\nworker = "claude-code"\n{lines}{more}')


def task(place: ClaudePlace, more: str) -> None:
    header = f'owns: [a.txt]\nverify: ["grep -q good a.txt"]\n{more}'
    place.kit.task("foo.md", header=header, body="Write a.txt.")


def ran(place: ClaudePlace, script: list[Turn], code: int) -> tuple[Any, FakeModel]:
    """Run the task to its end; return the run and the requests to the model."""
    with FakeModel(script) as model:
        done = place.runr("run", "--task", "foo.md", model=model)
    assert done.returncode == code, done.stdout + done.stderr
    run = place.answer("task-status", "foo.md")["run"]
    assert marked(run["id"]) == []
    return run, model


def resumed(place: ClaudePlace, run: Any, script: list[Turn]) -> str:
    with FakeModel(script) as model:
        done = place.runr("resume", run["id"], model=model)
    assert done.returncode == 0, done.stdout + done.stderr
    return model.main_requests()[0].last_user_text


def marked(run_id: str) -> list[str]:
    """Return the processes that still carry the run's id."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"RUNR_RUN_ID={run_id}".encode() in file.read_bytes().split(b"\0"):
                found.append((file.parent / "cmdline").read_text(encoding="utf-8"))
        except OSError:
            continue
    return found


def events(place: ClaudePlace, run: Any, kind: str) -> list[dict[str, Any]]:
    known = journal.events(place.kit.layout.run(run["id"]))
    return [event.payload for event in known if event.type == kind]


@pytest.mark.long
def test_a_model_that_does_not_answer_is_ended_at_the_time_limit(place: ClaudePlace) -> None:
    task(place, "timeout: 3s")
    run, _ = ran(place, [{"text": "late", "delay": 60}], 6)
    assert run["stop_reason"] == "time_limit"
    assert "time limit of 3.0s" in run["detail"]
    assert place.kit.entry("foo.md").status is State.STOPPED
    task(place, "timeout: 1m")
    resumed(place, run, GOOD)
    assert (place.root / "a.txt").read_text() == "good\n"


@pytest.mark.long
def test_a_login_that_is_refused_for_ever_is_not_waited_for(
    place: ClaudePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "10")
    task(place, "timeout: 4s")
    run, _ = ran(place, [{"error": {"status": 401}, "repeat": -1}], 7)
    assert run["stop_reason"] == "worker_auth"
    assert events(place, run, "worker.backoff") == []


@pytest.mark.long
def test_an_overloaded_service_is_waited_out(place: ClaudePlace) -> None:
    settings(place, backoff_initial="1s", attempts=1)
    run, model = ran(place, [BUSY, *GOOD], 0)
    assert (run["status"], run["attempt"]) == ("completed", 1)
    (wait,) = events(place, run, "worker.backoff")
    assert wait["seconds"] == 1
    assert "529" in wait["reason"]
    again = model.main_requests()[1]
    assert "Write a.txt." in again.user_text
    assert "Continue where you stopped" in again.user_text


@pytest.mark.long
def test_an_outage_during_the_work_resumes_the_same_session(
    place: ClaudePlace,
) -> None:
    settings(place, backoff_initial="1s")
    run, model = ran(place, [write("a.txt", "good\n"), BUSY, {"text": "done"}], 0)
    sessions = {r.headers["x-claude-code-session-id"] for r in model.main_requests()}
    assert sessions == {run["session_id"]}
    assert len(model.main_requests()[-1].tool_results) == 1


@pytest.mark.long
def test_a_service_that_stays_overloaded_stops_the_run_after_the_maximum_wait(
    place: ClaudePlace,
) -> None:
    settings(place, backoff_initial="1s", backoff_max_wait="1s")
    run, model = ran(place, [{**BUSY, "repeat": -1}], 7)
    assert run["stop_reason"] == "worker_outage"
    assert len(events(place, run, "worker.backoff")) == 1
    assert len(model.main_requests()) == 2
    assert place.kit.entry("foo.md").status is State.STOPPED


@pytest.mark.long
def test_the_budget_of_all_attempts_ends_the_run(place: ClaudePlace) -> None:
    settings(place, budget_usd=0.5)
    costly = {**bash("true"), "usage": {"input_tokens": 200_000}, "repeat": -1}
    run, _ = ran(place, [costly], 6)
    assert run["stop_reason"] == "cost_limit"
    assert run["cost_usd"] > 0.5
    assert "run.budget_usd" in run["detail"]


@pytest.mark.long
def test_the_cost_of_a_resumed_session_is_counted_once(place: ClaudePlace) -> None:
    usage = {"input_tokens": 100_000}
    script = [{"text": "done", "usage": usage}, {**GOOD[0], "usage": usage}, GOOD[1]]
    run, model = ran(place, script, 0)
    assert run["attempt"] == 2
    message = model.main_requests()[1]
    assert message.headers["x-claude-code-session-id"] == run["session_id"]
    assert "Failed checks of attempt 1" in message.last_user_text
    first, second = (
        facts["usage"]["cost_usd"]
        for facts in events(place, run, "phase.finished")
        if facts["phase"] == "work"
    )
    # The second attempt cost as much as the first, and one cheap answer more.
    assert first < second < 1.1 * first
    assert run["cost_usd"] == pytest.approx(first + second)


@pytest.mark.long
def test_a_deleted_session_is_replaced_by_a_new_one(place: ClaudePlace) -> None:
    projects = place.home / ".claude" / "projects"
    check = f"rm -rf {projects}; grep -q good a.txt"
    place.kit.task("foo.md", header=f'verify: ["{check}"]', body="Write a.txt.")
    run, model = ran(place, [{"text": "done"}, *GOOD], 0)
    assert (run["status"], run["attempt"]) == ("completed", 2)
    fresh = model.main_requests()[1]
    assert "Write a.txt." in fresh.prompt
    assert "Failed checks of attempt 1" in fresh.prompt


def wrapped(place: ClaudePlace, script: str) -> None:
    wrapper = place.root.parent / "wrapper.sh"
    wrapper.write_text(script, encoding="utf-8")
    more = f"[workers.claude-code]\ncommand = {json.dumps(['sh', str(wrapper)])}\n"
    settings(place, more, attempts=1)


@pytest.mark.long
def test_garbage_around_the_output_is_ignored(place: ClaudePlace) -> None:
    garbage = """echo 'not json'; echo '{"torn'; echo '{"type":"result","usage":7}'; echo '[1]'"""
    wrapped(place, f'{garbage}\nclaude "$@"\n{garbage}; printf "\\377\\376\\n"\n')
    run, _ = ran(place, GOOD, 0)
    assert run["status"] == "completed"
    assert run["cost_usd"] > 0


def test_output_that_breaks_off_is_a_worker_that_failed_with_its_work_kept(
    place: ClaudePlace,
) -> None:
    # All of it up to the result, without which its end is unknown.
    wrapped(place, 'claude "$@" | grep -v \'"type":"result"\'\n')
    run, _ = ran(place, GOOD, 1)
    assert run["stop_reason"] == "worker_failed"
    tree = place.kit.layout.worktree(run["id"])
    assert (tree / "a.txt").read_text() == "good\n"
    assert not (place.root / "a.txt").exists()


@pytest.mark.long
def test_what_the_worker_left_in_the_background_is_ended(place: ClaudePlace) -> None:
    file = place.root.parent / "pid"
    left = f"setsid nohup sleep 600 > /dev/null 2>&1 & echo $! > {file}"
    run, _ = ran(place, [bash(left), *GOOD], 0)
    assert run["status"] == "completed"
    assert not is_running(int(file.read_text()))


def test_a_runner_that_is_terminated_leaves_a_stop_and_no_worker(place: ClaudePlace) -> None:
    begun = place.root.parent / "begun"
    script = [bash(f"echo good > a.txt; echo $$ > {begun}; sleep 600"), {"text": "done"}]
    with FakeModel(script) as model:
        started = place.runr("run", "--task", "foo.md", "--detach", "--json", model=model)
        run = answered(started.stdout)
        files = place.kit.layout.run(run["id"])
        place.kit.await_file(begun)
        runner = place.kit.runner(files)
        watched = os.pidfd_open(runner)
        os.kill(runner, signal.SIGTERM)
        assert gone(watched)
        os.close(watched)
        state = journal.require(files)
        assert (state.result, state.stop_reason) == ("stopped", "interrupted")
        assert place.kit.entry("foo.md").stop_reason == "interrupted"
        assert marked(run["id"]) == []
        resumed_ = place.runr("resume", run["id"], model=model)
    assert resumed_.returncode == 0, resumed_.stdout + resumed_.stderr
    assert (place.root / "a.txt").read_text() == "good\n"
    assert len(place.kit.checkpoints()) == 1


@pytest.mark.long
def test_commits_of_the_worker_s_own_are_kept_below_one_checkpoint(place: ClaudePlace) -> None:
    commit = "echo good > a.txt && git add a.txt && git commit -qm 'My own'"
    run, _ = ran(place, [bash(commit), {"text": "done"}], 0)
    assert git(place.root, "log", "-3", "--format=%s").splitlines()[1:] == ["My own", "Start"]
    assert place.kit.checkpoints() == [run["checkpoint_sha"]]
    assert f"Runr-Run-Id: {run['id']}" in place.message()


@pytest.mark.parametrize("committed", [False, *also_long(True)])
def test_an_edit_out_of_scope_stops_the_run_with_the_work_kept(
    place: ClaudePlace, committed: bool
) -> None:
    edit = "echo no > README.md" + ("; git commit -qam 'My own'" if committed else "")
    run, _ = ran(place, [write("a.txt", "good\n"), bash(edit), {"text": "done"}], 5)
    assert (run["stop_reason"], run["violations"]) == ("scope_violation", ["README.md"])
    tree = place.kit.layout.worktree(run["id"])
    assert (tree / "a.txt").read_text() == "good\n"
    assert not (place.root / "a.txt").exists()
    assert place.kit.checkpoints() == []


@pytest.mark.long
def test_a_worker_that_deletes_its_worktree_stops_cleanly_and_can_go_on(place: ClaudePlace) -> None:
    run, _ = ran(place, [bash('find "{{cwd}}" -delete'), {"text": "done"}], 1)
    assert run["stop_reason"] == "worker_failed"
    assert "removed its folder" in run["detail"]
    assert place.kit.entry("foo.md").status is State.STOPPED
    message = resumed(place, run, GOOD)
    assert "Write a.txt." in message
    assert place.answer("task-status", "foo.md")["task"]["evidence"] == "verified"
    assert len(place.kit.checkpoints()) == 1


def used_up(seconds: int) -> Turn:
    """Answer as the service does where the limit of an account is used up."""
    reset = str(int(datetime.now(UTC).timestamp()) + seconds)
    limit = "anthropic-ratelimit-unified"
    headers = {
        f"{limit}-status": "rejected",
        f"{limit}-reset": reset,
        f"{limit}-representative-claim": "five_hour",
        f"{limit}-5h-status": "rejected",
        f"{limit}-5h-reset": reset,
        f"{limit}-5h-utilization": "1.0",
        f"{limit}-overage-status": "rejected",
        "retry-after": str(seconds),
        "x-should-retry": "false",
    }
    return {"error": {"status": 429, "headers": headers}}


def test_the_usage_limit_of_an_account_differs_from_an_outage_and_waited_for(
    place: ClaudePlace,
) -> None:
    place.login = "sk-ant-oat01-test"
    task(place, "")
    settings(place, attempts=1)
    run, model = ran(place, [used_up(7200)], 7)
    assert run["stop_reason"] == "usage_limit"
    assert run["resets_at"] > run["ended_at"]
    assert len(model.main_requests()) == 1
    settings(place, attempts=1, on_usage_limit="wait", backoff_initial="1s")
    again = resumed(place, run, [used_up(1), *GOOD])
    assert "Write a.txt." in again
    (wait,) = events(place, run, "worker.usage_limit")
    assert "limit" in wait["reason"]


def test_a_reset_that_is_no_time_is_a_limit_all_the_same(place: ClaudePlace) -> None:
    place.login = "sk-ant-oat01-test"
    task(place, "")
    run, _ = ran(place, [used_up(99_999_999_999_999)], 7)
    assert run["stop_reason"] == "usage_limit"


def test_a_limit_that_the_owner_of_a_key_has_set_is_a_usage_limit(place: ClaudePlace) -> None:
    task(place, "")
    message = (
        "You have reached your specified API usage limits. You will regain access on "
        "2099-01-01 at 00:00 UTC."
    )
    run, _ = ran(place, [{"error": {"status": 400, "message": message}, "repeat": -1}], 7)
    assert (run["stop_reason"], run["resets_at"]) == ("usage_limit", "2099-01-01T00:00:00Z")


def test_an_account_without_credit_is_named(place: ClaudePlace) -> None:
    task(place, "")
    message = "Your credit balance is too low to access the Anthropic API."
    run, _ = ran(place, [{"error": {"status": 400, "message": message}}], 7)
    assert run["stop_reason"] == "worker_billing"
