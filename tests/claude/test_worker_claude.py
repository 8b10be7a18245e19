import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from claude.claude_place import Turn
from fakes.model_api import FakeModel
from runr.config.settings import WorkerSettings
from runr.workers.claude_code import ClaudeCode
from runr.workers.protocol import Assignment, WorkReport

DEADLINE_S = 90.0
RUN_ID = f"20250108-143022-{os.getpid()}"
PUSH = {"tools": [{"name": "Bash", "input": {"command": "git push origin main"}}]}


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def work(
    claude_path: Path,
    model: FakeModel,
    workdir: Path,
    *,
    prompt: str = "Do it.",
    timeout_s: float = DEADLINE_S,
    retries: int = 0,
    **settings: Any,
) -> WorkReport:
    environment = {
        "PATH": f"{claude_path.parent}{os.pathsep}{os.environ['PATH']}",
        **model.env(home=workdir.parent / "home"),
        "CLAUDE_CODE_MAX_RETRIES": str(retries),
        "RUNR_RUN_ID": RUN_ID,
    }
    assignment = Assignment(
        run_id=RUN_ID,
        task_path=".runr/tasks/a.md",
        task_text="",
        attempt=1,
        prompt=prompt,
        prompt_file=workdir.parent / "prompt-1.md",
        task_file=workdir.parent / "task.md",
        workdir=workdir,
        transcript=workdir.parent / "worker-1.jsonl",
        environment=environment,
        timeout_s=timeout_s,
        settings=WorkerSettings(**settings),
    )

    async def main() -> WorkReport:
        with anyio.fail_after(2 * DEADLINE_S):
            worker = ClaudeCode()
            worker.preflight(assignment.settings, environment)
            return await worker.work(assignment)

    return anyio.run(main)


def transcript(workdir: Path) -> list[dict[str, Any]]:
    text = (workdir.parent / "worker-1.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def marked() -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"RUNR_RUN_ID={RUN_ID}".encode() in file.read_bytes().split(b"\0"):
                found.append((file.parent / "cmdline").read_text(encoding="utf-8"))
        except OSError:
            continue
    return found


def test_a_file_is_written_and_the_session_accounted_for(claude_path: Path, workdir: Path) -> None:
    file = {"file_path": str(workdir / "a.txt"), "content": "hello\n"}
    usage = {"input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 20}
    script: list[dict[str, Any]] = [
        {"tools": [{"name": "Write", "input": file}], "usage": usage},
        {"text": "I wrote it.", "usage": usage},
    ]
    with FakeModel(script) as model:
        report = work(claude_path, model, workdir)
        session = model.main_requests()[0].headers["x-claude-code-session-id"]
    assert (workdir / "a.txt").read_text(encoding="utf-8") == "hello\n"
    assert (report.stop, report.exit_code, report.summary) == (None, 0, "I wrote it.")
    assert report.session_id == session
    assert (report.input_tokens, report.output_tokens, report.turns) == (2200, 40, 2)
    assert report.cost_usd
    assert report.denied == ()
    kinds = [line["type"] for line in transcript(workdir)]
    assert kinds[0] == "system"
    assert kinds[-2:] == ["result", "exit"]


def test_a_long_prompt_arrives_whole(claude_path: Path, workdir: Path) -> None:
    prompt = "".join(f"Line {number}: é and no more.\n" for number in range(10_000)) + "The end."
    assert len(prompt) > 200_000
    with FakeModel([{"text": "ok"}]) as model:
        report = work(claude_path, model, workdir, prompt=prompt)
        assert model.main_requests()[0].prompt == prompt
    assert report.stop is None


def test_a_denied_tool_is_reported(claude_path: Path, workdir: Path) -> None:
    with FakeModel([PUSH, {"text": "I could not."}]) as model:
        report = work(claude_path, model, workdir, allowed_tools=())
    assert (report.stop, report.summary) == (None, "I could not.")
    assert report.denied == ("Bash: git push origin main",)


@pytest.mark.parametrize(
    ("status", "stop"), [(401, "worker_auth"), (529, "worker_outage"), (400, "worker_failed")]
)
def test_a_refusal_of_the_api_has_its_own_stop_reason(
    claude_path: Path, workdir: Path, status: int, stop: str
) -> None:
    with FakeModel([{"error": {"status": status}, "repeat": -1}]) as model:
        report = work(claude_path, model, workdir)
    assert (report.stop, report.exit_code) == (stop, 1)
    assert str(status) in report.summary


@pytest.mark.parametrize(
    ("turn", "stop"),
    [
        ({"error": {"status": 400, "message": "prompt is too long: 9 > 8"}}, "context_overflow"),
        ({"text": "I will not.", "refused": True, "repeat": -1}, "model_refusal"),
    ],
)
def test_work_that_the_model_cannot_or_will_not_do_has_its_own_stop_reason(
    claude_path: Path, workdir: Path, turn: Turn, stop: str
) -> None:
    with FakeModel([turn]) as model:
        report = work(claude_path, model, workdir)
    assert (report.stop, report.exit_code) == (stop, 1)


def test_the_delay_that_a_busy_service_asks_for_reaches_the_report(
    claude_path: Path, workdir: Path
) -> None:
    busy = {"status": 529, "headers": {"retry-after": "2"}}
    with FakeModel([{"error": busy, "repeat": -1}]) as model:
        report = work(claude_path, model, workdir, retries=1)
    assert report.stop == "worker_outage"
    assert report.retry_after_s
    assert report.retry_after_s >= 2


def test_the_budget_ends_the_session(claude_path: Path, workdir: Path) -> None:
    turn = {"tools": [{"name": "Bash", "input": {"command": "true"}}], "repeat": -1}
    with FakeModel([{**turn, "usage": {"input_tokens": 200_000}}]) as model:
        report = work(claude_path, model, workdir, budget_usd=0.5)
    assert report.stop == "cost_limit"
    assert report.cost_usd
    assert report.cost_usd > 0.5


def test_the_turn_limit_ends_the_session(claude_path: Path, workdir: Path) -> None:
    turn = {"tools": [{"name": "Bash", "input": {"command": "true"}}], "repeat": -1}
    with FakeModel([turn]) as model:
        report = work(claude_path, model, workdir, max_turns=2)
    assert report.stop == "turn_limit"
    assert report.summary


@pytest.mark.long
def test_at_the_time_limit_nothing_of_the_session_is_left(claude_path: Path, workdir: Path) -> None:
    begun = workdir / "begun"
    command = f"setsid sleep 600 & trap '' TERM; touch {begun}; while :; do sleep 600; done"
    with FakeModel([{"tools": [{"name": "Bash", "input": {"command": command}}]}]) as model:
        report = work(claude_path, model, workdir, timeout_s=10)
    assert begun.exists()
    assert report.stop == "time_limit"
    assert "time limit of 10.0s" in report.summary
    assert report.session_id
    assert report.input_tokens == 100
    assert marked() == []


def test_the_project_s_servers_and_hooks_are_not_loaded(claude_path: Path, workdir: Path) -> None:
    hook = {"hooks": [{"type": "command", "command": f"touch {workdir}/hooked"}]}
    (workdir / ".claude").mkdir()
    (workdir / ".claude" / "settings.json").write_text(
        json.dumps({"hooks": {"SessionStart": [hook], "Stop": [hook]}}), encoding="utf-8"
    )
    server = {"command": "touch", "args": [str(workdir / "served")]}
    (workdir / ".mcp.json").write_text(json.dumps({"mcpServers": {"x": server}}), encoding="utf-8")
    (workdir / "CLAUDE.md").write_text("The rule is 42.\n", encoding="utf-8")
    with FakeModel([{"text": "ok"}]) as model:
        work(claude_path, model, workdir)
        request = model.main_requests()[0]
    assert "The rule is 42." in "\n".join(request.all_texts)
    assert {"EnterWorktree", "ScheduleWakeup"}.isdisjoint(request.tool_names)
    assert not (workdir / "hooked").exists()
    assert not (workdir / "served").exists()
