"""What a run does at its limits, through an outage, in further attempts, and without its worker."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fakes.project_kit import ProjectKit
from runr.errors import UnknownNameError, WorkerUnavailableError
from runr.lifecycle import runs
from runr.query.detail_models import RunDetails
from runr.runs import journal
from runr.runs.model import CheckResult, RunCreated, RunSpec, RunState, Verification
from runr.runs.prompts import follow_up_prompt, work_prompt
from runr.runs.stop_reasons import find
from runr.storage.layout import RunFiles
from unit.git_trees import git


@pytest.fixture
def kit(tmp_path: Path) -> ProjectKit:
    return ProjectKit(tmp_path)


def waits(run: RunFiles, kind: str = "worker.backoff") -> list[dict[str, Any]]:
    return [event.payload for event in journal.events(run) if event.type == kind]


def settings(kit: ProjectKit, worker: str = "script", *, more: str = "", **keys: Any) -> None:
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    kit.config(f'[run]\nworker = "{worker}"\n{lines}{more}')


# A program in place of `claude` that stores its prompts and replays scripted output.


class Played:
    """Keeps its arguments in `arguments-N` and its prompt in `prompt-N`, N from 1."""

    def __init__(self, kit: ProjectKit, *answers: dict[str, Any], worker: str = "") -> None:
        self.folder = kit.root.parent / "played"
        self.folder.mkdir()
        for number, answer in enumerate(answers, start=1):
            result = {"type": "result", "subtype": "success", "session_id": f"s-{number}"}
            text = json.dumps({"type": "system", "subtype": "init"})
            if (limit := answer.pop("limit", None)) is not None:
                info = {"status": "rejected", "resetsAt": limit, "rateLimitType": "five_hour"}
                text += "\n" + json.dumps({"type": "rate_limit_event", "rate_limit_info": info})
            if answer.pop("unknown", False):
                text = "No conversation found with session ID"
            code = 1 if answer.get("is_error") else 0
            text += "\n" + json.dumps({**result, "is_error": False, **answer})
            (self.folder / f"answer-{number}").write_text(f"{text}\n", encoding="utf-8")
            (self.folder / f"code-{number}").write_text(f"{code}\n", encoding="utf-8")
        self.script = self.folder / "claude.sh"
        self.script.write_text(
            f'echo x >> work.txt; cd "{self.folder}"; echo x >> count; n=$(wc -l < count)\n'
            'echo "$*" > "arguments-$n"; cat > "prompt-$n"; cat "answer-$n"\n'
            'exit $(cat "code-$n")\n',
            encoding="utf-8",
        )
        command = json.dumps(["sh", str(self.script)])
        self.settings = f"[workers.claude-code]\ncommand = {command}\n{worker}"

    def describe(self, number: int) -> tuple[str, str]:
        """Return the arguments and the prompt of a call."""
        names = (f"arguments-{number}", f"prompt-{number}")
        first, second = ((self.folder / name).read_text(encoding="utf-8") for name in names)
        return first, second

    @property
    def calls(self) -> int:
        return len((self.folder / "count").read_text(encoding="utf-8").splitlines())


REFUSED = {"is_error": True, "api_error_status": 529, "result": "API Error: 529 Overloaded"}
NEVER = 'verify: ["false"]'
CHECKED = 'verify: ["test -f work.txt"]'


def played(kit: ProjectKit, program: Played, *, header: str = NEVER, **keys: Any) -> RunDetails:
    settings(kit, "claude-code", more=program.settings, **keys)
    kit.task("a.md", header=header, body="Write a.txt.")
    return kit.run("a.md")


# limits


def test_a_worker_without_output_is_killed(kit: ProjectKit) -> None:
    settings(kit, stall_timeout="1s")
    kit.script("a.md", "echo begun; sleep 60")
    run = kit.run("a.md")
    assert run.stop_reason == "stalled"
    assert run.exit_code == 6
    assert run.detail
    assert "after 1.0s without a word\nbegun" in run.detail


def test_a_worker_with_output_is_not_killed(kit: ProjectKit) -> None:
    settings(kit, stall_timeout="1s")
    block = "for n in 1 2 3 4 5; do echo $n; sleep 0.4; done; echo 1 > a.txt"
    kit.script("a.md", block, header='verify: ["test -f a.txt"]')
    assert kit.run("a.md").status == "completed"


def test_a_command_without_output_is_killed(kit: ProjectKit) -> None:
    command = '[workers.mine]\ncommand = ["sh", "-c", "echo begun; sleep 60"]\n'
    settings(kit, "mine", stall_timeout="1s", more=command)
    kit.task("a.md")
    assert kit.run("a.md").stop_reason == "stalled"


def test_all_attempts_share_the_total_time(kit: ProjectKit) -> None:
    settings(kit, total_timeout="1s", attempts=20)
    kit.script("a.md", "sleep 0.4", header=NEVER)
    run = kit.run("a.md")
    assert (run.stop_reason, run.exit_code) == ("time_limit", 6)
    assert run.attempt < 20
    assert run.detail
    assert "run.total_timeout (1.0s) is over" in run.detail


def test_an_attempt_ends_at_the_total_timeout_and_a_resume_resets_it(kit: ProjectKit) -> None:
    settings(kit, total_timeout="1s")
    kit.script("a.md", "sleep 60", header='verify: ["test -f a.txt"]')
    run = kit.run("a.md")
    assert run.stop_reason == "time_limit"
    assert run.detail
    assert "run.total_timeout" in run.detail
    settings(kit, total_timeout="60s")
    kit.script("a.md", "echo 1 > a.txt", header='verify: ["test -f a.txt"]')
    runs.resume_run(kit.open(), run.id)
    assert kit.finish(kit.layout.run(run.id)).status == "completed"


def test_each_attempt_gets_the_rest_of_the_budget_and_the_run_stops_when_it_is_used_up(
    kit: ProjectKit,
) -> None:
    program = Played(kit, *[{"total_cost_usd": 0.6}] * 3, worker="resume = false\n")
    run = played(kit, program, budget_usd=1.0, attempts=5)
    assert (run.stop_reason, run.exit_code) == ("cost_limit", 6)
    assert run.cost_usd == pytest.approx(1.2)
    assert run.detail == "$1.20 of run.budget_usd ($1.00) is spent: raise it to continue"
    assert program.calls == 2
    assert "--max-budget-usd 1.0\n" in program.describe(1)[0]
    assert "--max-budget-usd 0.4\n" in program.describe(2)[0]


def test_a_smaller_budget_of_the_worker_takes_precedence(kit: ProjectKit) -> None:
    program = Played(kit, {}, worker="budget_usd = 0.25\n")
    played(kit, program, budget_usd=1.0, attempts=1)
    assert "--max-budget-usd 0.25" in program.describe(1)[0]


def test_above_the_limit_of_tokens_no_further_attempt_begins(kit: ProjectKit) -> None:
    usage = {"input_tokens": 300, "cache_read_input_tokens": 50, "output_tokens": 50}
    program = Played(kit, *[{"usage": usage}] * 5)
    run = played(kit, program, max_tokens=700, attempts=5)
    assert (run.stop_reason, run.exit_code) == ("token_limit", 6)
    assert program.calls == 2
    assert run.detail == "800 of run.max_tokens (700) are used: raise it to continue"
    assert run.input_tokens + run.output_tokens == 800
    report = kit.layout.run(run.id).report.read_text(encoding="utf-8")
    assert "reached its token limit" in report


def test_work_that_exceeded_a_limit_is_still_verified(kit: ProjectKit) -> None:
    program = Played(kit, {"usage": {"input_tokens": 900}, "total_cost_usd": 3.0})
    run = played(kit, program, max_tokens=700, budget_usd=1.0, header='verify: ["test -d ."]')
    assert run.status == "completed"


@pytest.mark.parametrize(
    "code", ["stalled", "time_limit", "cost_limit", "token_limit", "turn_limit"]
)
def test_every_limit_ends_with_the_exit_code_for_limits(code: str) -> None:
    assert (find(code).family, int(find(code).exit_code)) == ("limits", 6)


# outages


def test_an_outage_is_waited_out_and_the_attempt_does_not_count(kit: ProjectKit) -> None:
    program = Played(kit, {**REFUSED}, {**REFUSED}, {"result": "done"})
    run = played(kit, program, backoff_initial="1s", attempts=1, header='verify: ["test -d ."]')
    assert (run.status, run.attempt) == ("completed", 1)
    message = waits(kit.layout.run(run.id))
    assert [wait["seconds"] for wait in message] == [1, 2]
    assert message[0]["reason"] == "API Error: 529 Overloaded; trying again in 1.0s"
    assert "--resume s-2" in program.describe(3)[0]
    assert "Continue where you stopped" in program.describe(3)[1]


def test_an_outage_that_exceeds_the_maximum_wait_stops_the_run(kit: ProjectKit) -> None:
    program = Played(kit, *[{**REFUSED}] * 9)
    run = played(kit, program, backoff_initial="1s", backoff_max_wait="1s")
    assert (run.stop_reason, run.exit_code) == ("worker_outage", 7)
    assert [wait["seconds"] for wait in waits(kit.layout.run(run.id))] == [1]
    assert program.calls == 2


def test_a_busy_service_is_not_asked_before_the_time_that_it_names(kit: ProjectKit) -> None:
    busy = {**REFUSED, "result": "API Error: 529 Overloaded, try again in 2 seconds"}
    program = Played(kit, busy, {"result": "done"})
    run = played(kit, program, backoff_initial="1s", header=CHECKED)
    assert [wait["seconds"] for wait in waits(kit.layout.run(run.id))] == [2]


def test_a_service_that_names_a_later_time_than_the_run_waits_for_is_not_asked_again(
    kit: ProjectKit,
) -> None:
    busy = {**REFUSED, "result": "API Error: 529 Overloaded, try again in 50 seconds"}
    program = Played(kit, *[{**busy}] * 2)
    run = played(kit, program, backoff_initial="1s", backoff_max_wait="5s")
    assert (run.stop_reason, program.calls) == ("worker_outage", 1)
    assert run.detail
    assert "the service may be asked again at" in run.detail


def test_waiting_for_an_outage_can_be_disabled(kit: ProjectKit) -> None:
    program = Played(kit, *[{**REFUSED}] * 9)
    assert played(kit, program, backoff_max_wait=0).stop_reason == "worker_outage"
    assert program.calls == 1


def test_a_run_that_waits_can_be_stopped(kit: ProjectKit) -> None:
    program = Played(kit, {**REFUSED})
    settings(kit, "claude-code", more=program.settings)
    kit.task("a.md")
    run = kit.start("a.md")
    kit.await_event(run, "worker.backoff")
    runs.stop_run(kit.open(), run.id)
    assert kit.finish(run).stop_reason == "stopped"


# usage limits


def limited(seconds: int) -> dict[str, Any]:
    """Answer that the limit is used up; it resets in `seconds`."""
    reset = int(datetime.now(UTC).timestamp()) + seconds
    words = "You've hit your 5-hour limit · resets 5:31am (UTC)"
    return {"is_error": True, "api_error_status": 429, "result": words, "limit": reset}


def test_a_usage_limit_stops_the_run_at_once_and_says_when_it_resets(kit: ProjectKit) -> None:
    program = Played(kit, limited(7200))
    run = played(kit, program)
    assert (run.stop_reason, run.exit_code, program.calls) == ("usage_limit", 7, 1)
    assert run.resets_at
    assert run.detail
    assert f"the limit resets at {run.resets_at[:10]} {run.resets_at[11:16]} UTC" in run.detail
    warned: list[str] = []
    runs.resume_run(replace(kit.open(), warn=warned.append), run.id)
    kit.finish(kit.layout.run(run.id))
    assert f"the usage limit resets at {run.resets_at}: it may be too early" in warned


def test_a_usage_limit_is_waited_for_in_the_same_session_without_an_attempt(
    kit: ProjectKit,
) -> None:
    program = Played(kit, limited(1), {"result": "done"})
    keys = {"on_usage_limit": "wait", "backoff_initial": "1s", "total_timeout": "1h"}
    run = played(kit, program, attempts=1, header=CHECKED, **keys)
    assert (run.status, run.attempt, run.resets_at) == ("completed", 1, None)
    (wait,) = waits(kit.layout.run(run.id), "worker.usage_limit")
    assert wait["reason"].startswith("You've hit your 5-hour limit")
    assert "--resume s-1" in program.describe(2)[0]
    assert "Continue where you stopped" in program.describe(2)[1]


def test_a_limit_that_resets_after_the_maximum_wait_is_not_waited_for(kit: ProjectKit) -> None:
    program = Played(kit, limited(7200))
    run = played(kit, program, on_usage_limit="wait", usage_limit_max_wait="1h")
    assert (run.stop_reason, program.calls) == ("usage_limit", 1)


@pytest.mark.parametrize(("policy", "stop"), [("fallback", None), ("stop", "usage_limit")])
def test_a_fallback_takes_over_at_a_usage_limit_where_the_settings_say_so(
    kit: ProjectKit, policy: str, stop: str | None
) -> None:
    program = Played(kit, limited(7200))
    more = '[workers.other]\ncommand = ["sh", "-c", "echo 1 > a.txt"]\n' + program.settings
    settings(kit, "claude-code", more=more, fallback=["other"], on_usage_limit=policy)
    kit.task("a.md", header='verify: ["test -f a.txt"]')
    assert kit.run("a.md").stop_reason == stop


def test_the_time_of_a_wait_does_not_count_as_time_of_the_run(kit: ProjectKit) -> None:
    program = Played(kit, limited(6), {"result": "done"})
    keys = {"on_usage_limit": "wait", "backoff_initial": "1s", "total_timeout": "5s"}
    assert played(kit, program, header=CHECKED, **keys).status == "completed"


# further attempts in the same session


def test_a_further_attempt_resumes_its_session_and_gets_only_what_failed(
    kit: ProjectKit,
) -> None:
    answers = [{"session_id": "mine", "total_cost_usd": cost} for cost in (0.5, 0.75)]
    program = Played(kit, *answers)
    run = played(kit, program, attempts=2, header='verify: ["echo the-wrong-word; false"]')
    assert run.stop_reason == "verification_failed"
    assert "--session-id" in program.describe(1)[0]
    arguments, prompt = program.describe(2)
    assert "--resume mine" in arguments
    assert "--session-id" not in arguments
    assert "Failed checks of attempt 1" in prompt
    assert "the-wrong-word" in prompt
    assert "Do not weaken" in prompt
    assert "Write a.txt." not in prompt
    assert kit.layout.run(run.id).prompt(2).read_text(encoding="utf-8") == prompt
    assert run.cost_usd == pytest.approx(0.75)
    assert run.session_id == "mine"


def test_a_lost_session_is_replaced_by_a_new_one_with_the_whole_task(
    kit: ProjectKit,
) -> None:
    gone = {"unknown": True, "is_error": True, "subtype": "error_during_execution"}
    program = Played(kit, {"total_cost_usd": 0.5}, gone, {"total_cost_usd": 0.25})
    run = played(kit, program, attempts=2)
    assert "--resume s-1" in program.describe(2)[0]
    arguments, prompt = program.describe(3)
    assert "--session-id" in arguments
    assert "Write a.txt." in prompt
    assert "Failed checks of attempt 1" in prompt
    assert kit.layout.run(run.id).prompt(2).read_text(encoding="utf-8") == prompt
    assert run.cost_usd == pytest.approx(0.75)
    assert (run.attempt, run.session_id) == (2, "s-3")


def test_a_session_that_is_too_long_is_not_resumed(kit: ProjectKit) -> None:
    full = {"is_error": True, "api_error_status": 400, "terminal_reason": "prompt_too_long"}
    program = Played(kit, full, {"result": "done"})
    run = played(kit, program, header=CHECKED)
    assert (run.stop_reason, run.exit_code) == ("context_overflow", 6)
    runs.resume_run(kit.open(), run.id)
    assert kit.finish(kit.layout.run(run.id)).status == "completed"
    arguments, prompt = program.describe(2)
    assert "--resume" not in arguments
    assert "Write a.txt." in prompt


def test_resuming_sessions_can_be_disabled(kit: ProjectKit) -> None:
    program = Played(kit, {}, {}, worker="resume = false\n")
    played(kit, program, attempts=2)
    arguments, prompt = program.describe(2)
    assert "--resume" not in arguments
    assert "Write a.txt." in prompt


def test_a_resumed_run_gives_its_session_the_current_task(kit: ProjectKit) -> None:
    program = Played(kit, {"session_id": "mine"}, {"session_id": "mine"})
    run = played(kit, program, attempts=1)
    kit.task("a.md", header='verify: ["test -d ."]', body="Write b.txt instead.")
    runs.resume_run(kit.open(), run.id)
    assert kit.finish(kit.layout.run(run.id)).status == "completed"
    arguments, prompt = program.describe(2)
    assert "--resume mine" in arguments
    assert "Write b.txt instead." in prompt


def test_the_prompt_of_a_further_attempt_is_short() -> None:
    start = RunCreated(".runr/tasks/a.md", "x", "/w", base_sha="0", base_tree="0")
    failed = CheckResult(tier="task", command="make check", exit_code=2, seconds=1, tail="E: no")
    state = RunState(
        "r",
        start,
        RunSpec(owns=("a",)),
        created_at="2025-01-08T14:30:22Z",
        updated_at="2025-01-08T14:30:22Z",
        attempt=2,
        verification=Verification("failed", (failed,), attempt=1),
    )
    prompt = follow_up_prompt(state)
    assert prompt.startswith("# Attempt 2 at task .runr/tasks/a.md")
    for part in ("make check", "E: no", "You may change only: a", "Rules:"):
        assert part in prompt
    body = "A long story.\n" * 100
    assert len(prompt) < len(work_prompt(state, body))


# fallbacks


def test_a_worker_that_is_not_installed_is_replaced(kit: ProjectKit) -> None:
    missing = '[workers.claude-code]\ncommand = ["no-such-program"]\n'
    settings(kit, "claude-code", fallback=["script"], more=missing)
    kit.script("a.md", "echo 1 > a.txt", header='verify: ["test -f a.txt"]')
    run = kit.run("a.md")
    assert (run.status, run.worker) == ("completed", "script")
    (message,) = waits(kit.layout.run(run.id), "worker.fallback")
    assert (message["worker"], message["fallback"]) == ("claude-code", "script")
    assert "no-such-program was not found" in message["reason"]
    assert "Runr-Worker: script" in git(kit.root, "log", "-1", "--format=%B")


def test_a_worker_that_is_not_logged_in_is_replaced_until_the_run_ends(kit: ProjectKit) -> None:
    program = Played(kit, {"is_error": True, "result": "Not logged in · Please run /login"})
    settings(kit, "claude-code", fallback=["script"], attempts=3, more=program.settings)
    kit.script("a.md", "echo x >> a.txt", header='verify: ["test $(wc -l < a.txt) = 3"]')
    run = kit.run("a.md")
    assert (run.status, run.attempt) == ("completed", 3)
    assert program.calls == 1
    assert len(waits(kit.layout.run(run.id), "worker.fallback")) == 1


def test_without_any_worker_nothing_is_recorded(kit: ProjectKit) -> None:
    missing = '[workers.claude-code]\ncommand = ["no-such-program"]\n'
    missing += '[workers.codex]\ncommand = ["nor-this-one"]\n'
    settings(kit, "claude-code", fallback=["codex"], more=missing)
    kit.task("a.md")
    with pytest.raises(WorkerUnavailableError, match="no-such-program"):
        kit.start("a.md")
    assert journal.ids(kit.layout) == []


def test_a_fallback_that_does_not_exist_is_refused_at_once(kit: ProjectKit) -> None:
    settings(kit, fallback=["codecs"])
    kit.script("a.md", "true")
    with pytest.raises(UnknownNameError, match="did you mean codex"):
        kit.start("a.md")


# what every child knows


def test_the_run_s_id_reaches_the_worker_the_checks_and_their_git_hooks(kit: ProjectKit) -> None:
    hook = kit.root / ".git" / "hooks" / "post-commit"
    said = kit.root.parent
    hook.write_text(f'#!/bin/sh\necho "$RUNR_RUN_ID" > {said}/hook\n', encoding="utf-8")
    hook.chmod(0o755)
    block = f'echo "$RUNR_RUN_ID" > {said}/worker; echo 1 > a.txt; git add a.txt; git commit -qm a'
    kit.script("a.md", block, header=f"verify: ['echo \"$RUNR_RUN_ID\" > {said}/check']")
    run = kit.run("a.md")
    assert run.status == "completed"
    for name in ("worker", "check", "hook"):
        assert (said / name).read_text(encoding="utf-8").strip() == run.id
