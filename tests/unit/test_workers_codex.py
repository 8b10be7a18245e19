"""The worker `codex`, with a program in its place that prints what Codex prints."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from runr.config.settings import Config, WorkerSettings
from runr.errors import WorkerUnavailableError
from runr.workers import registry
from runr.workers.protocol import Assignment, FollowUp, WorkReport

DEADLINE_S = 30.0
THREAD = "01a20447-a45e-7b53-9ef5-dfad0efc2da2"
BEGIN = {"type": "thread.started", "thread_id": THREAD}
COMMAND = {"id": "item_1", "type": "command_execution", "command": "true", "exit_code": 0}
WARNING = {"id": "item_0", "type": "error", "message": "Model metadata not found"}


def said(text: str) -> dict[str, Any]:
    return {"type": "item.completed", "item": {"type": "agent_message", "text": text}}


def done(tokens_in: int, tokens_out: int) -> dict[str, Any]:
    usage = {"input_tokens": tokens_in, "cached_input_tokens": 9, "output_tokens": tokens_out}
    return {"type": "turn.completed", "usage": usage}


def failed(message: str) -> list[dict[str, Any]]:
    return [
        {"type": "error", "message": message},
        {"type": "turn.failed", "error": {"message": message}},
    ]


GOOD: list[dict[str, Any]] = [
    BEGIN,
    {"type": "item.completed", "item": WARNING},
    {"type": "turn.started"},
    {"type": "item.started", "item": COMMAND},
    {"type": "item.completed", "item": COMMAND},
    said("I wrote it."),
    done(200, 40),
]


class Codex:
    """A `codex` on PATH that stores its prompt and replays scripted output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "work").mkdir()
        self.assignment = Assignment(
            run_id=f"20250108-143022-{os.getpid()}",
            task_path=".runr/tasks/a.md",
            task_text="# A task\n",
            attempt=1,
            prompt="The whole task.",
            prompt_file=folder / "prompt-1.md",
            task_file=folder / "task.md",
            workdir=folder / "work",
            transcript=folder / "worker-1.jsonl",
            environment={**os.environ, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"},
            timeout_s=DEADLINE_S,
            settings=WorkerSettings(),
        )

    def plays(
        self, *lines: dict[str, Any], code: int = 0, after: str = "", first: str = ""
    ) -> None:
        """Write the program: it prints the lines, then runs `after`, then ends with `code`."""
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (self.folder / "lines").write_text(text, encoding="utf-8")
        program = self.bin / "codex"
        program.write_text(
            f"#!/bin/sh\ncd '{self.folder}'\nprintf '%s\\n' \"$@\" > arguments; env > environment\n"
            f"cat > prompt; pwd > where\n{first}\ncat lines; {after}\nexit {code}\n",
            encoding="utf-8",
        )
        program.chmod(0o755)

    def work(self, follow_up: FollowUp | None = None, **changes: Any) -> WorkReport:
        assignment = replace(self.assignment, follow_up=follow_up, **changes)
        worker, _ = registry.find("codex", Config())

        async def main() -> WorkReport:
            with anyio.fail_after(2 * DEADLINE_S):
                return await worker.work(assignment)

        return anyio.run(main)

    def kept(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture
def codex(tmp_path: Path) -> Codex:
    return Codex(tmp_path)


def test_a_session_works_in_its_folder_and_is_accounted_for(codex: Codex) -> None:
    codex.plays(*GOOD)
    report = codex.work(settings=WorkerSettings(model="gpt-x", extra_args=("-c", "x=1")))
    assert report == WorkReport(
        summary="I wrote it.",
        answer="I wrote it.",
        exit_code=0,
        session_id=THREAD,
        input_tokens=200,
        output_tokens=40,
        turns=1,
    )
    folder = str(codex.assignment.workdir)
    expected = ["exec", "--json", "-C", folder, "-s", "workspace-write", "-m", "gpt-x"]
    assert codex.kept("arguments").splitlines() == [*expected, "-c", "x=1", "-"]
    assert codex.kept("prompt") == "The whole task."
    kept = [json.loads(line) for line in codex.kept("worker-1.jsonl").splitlines()]
    assert kept == [*GOOD, {"type": "exit", "code": 0}]


def test_a_follow_up_goes_on_in_the_session_and_its_tokens_are_not_counted_twice(
    codex: Codex,
) -> None:
    codex.plays(BEGIN, said("Fixed."), done(500, 90))
    known = FollowUp(session_id=THREAD, prompt="It failed.", input_tokens=200, output_tokens=40)
    report = codex.work(known)
    assert (report.input_tokens, report.output_tokens) == (300, 50)
    assert report.session_id == THREAD
    assert codex.kept("arguments").splitlines()[-3:] == ["resume", THREAD, "-"]
    assert codex.kept("prompt") == "It failed."


def test_a_session_that_is_gone_is_replaced_by_a_fresh_one_with_the_whole_task(
    codex: Codex,
) -> None:
    gone = "grep -qx resume arguments && { echo 'Error: no rollout found' >&2; exit 1; }"
    codex.plays(*GOOD, first=gone)
    report = codex.work(FollowUp(session_id="old", prompt="It failed.", input_tokens=150))
    assert (report.stop, report.session_id, report.input_tokens) == (None, THREAD, 200)
    assert codex.kept("prompt") == "The whole task."
    assert codex.kept("prompt-1.md") == "The whole task."


@pytest.mark.parametrize(
    ("message", "stop"),
    [
        ("unexpected status 401 Unauthorized: no key, url: http://x", "worker_auth"),
        ("unexpected status 403 Forbidden: no", "worker_auth"),
        ("unexpected status 429 Too Many Requests: slow down", "worker_outage"),
        ("unexpected status 529 <unknown status code>: busy", "worker_outage"),
        ("stream disconnected before completion", "worker_outage"),
        ("You've hit your usage limit.", "usage_limit"),
        ("Codex ran out of room in the model's context window.", "context_overflow"),
        ("Invalid prompt: flagged as potentially violating our usage policy", "model_refusal"),
        ("unexpected status 400 Bad Request: nonsense", "worker_failed"),
    ],
)
def test_failures_of_a_turn_are_distinguished(codex: Codex, message: str, stop: str) -> None:
    codex.plays(BEGIN, {"type": "turn.started"}, *failed(message), code=1)
    report = codex.work()
    assert (report.stop, report.exit_code, report.summary) == (stop, 1, message)
    assert report.session_id == THREAD


def test_a_busy_service_says_how_long_to_wait(codex: Codex) -> None:
    codex.plays(BEGIN, *failed("Rate limit reached. Please try again in 11.5s."), code=1)
    assert codex.work().retry_after_s == 11.5


def test_a_session_that_only_tries_to_connect_had_an_outage(codex: Codex) -> None:
    trouble = {"type": "error", "message": "Reconnecting... waiting for network"}
    codex.plays(BEGIN, trouble, after="sleep 60")
    report = codex.work(timeout_s=1)
    assert report.stop == "worker_outage"
    assert "Reconnecting" in report.summary


def test_time_and_silence_end_a_session(codex: Codex) -> None:
    codex.plays(BEGIN, said("Begun."), after="sleep 60")
    late = codex.work(timeout_s=1)
    silent = codex.work(stall_s=1)
    assert (late.stop, silent.stop) == ("time_limit", "stalled")
    assert "Begun." in late.summary


def test_a_program_that_says_nothing_of_use_has_failed(codex: Codex) -> None:
    garbage: list[dict[str, Any]] = [{"type": "turn.completed", "usage": 7}, {"no": "type"}]
    codex.plays(*garbage, after="echo '{\"torn'; echo out of memory >&2", code=9)
    report = codex.work()
    assert (report.stop, report.exit_code) == ("worker_failed", 9)
    assert "out of memory" in report.summary


def test_a_stream_without_an_end_is_no_success(codex: Codex) -> None:
    codex.plays(*GOOD[:-1])
    assert codex.work().stop == "worker_failed"


def test_the_environment_is_codex_s_own_and_free_of_an_outer_session(
    codex: Codex,
) -> None:
    codex.plays(*GOOD)
    outer = {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_SESSION_ID": "outer",
        "CODEX_HOME": "/mine",
        "SERVICE_TOKEN": "not-for-the-record",
    }
    environment = {**codex.assignment.environment, **outer}
    codex.plays(*GOOD, after="echo it is $SERVICE_TOKEN")
    codex.work(environment=environment)
    summary = dict(line.split("=", 1) for line in codex.kept("environment").splitlines())
    assert summary["CODEX_HOME"] == "/mine"
    assert summary["RUNR_RUN_ID"] == codex.assignment.run_id
    assert not {"CLAUDECODE", "CLAUDE_CODE_SESSION_ID"} & set(summary)
    assert "it is [redacted]" in codex.kept("worker-1.jsonl")


def test_where_codex_is_not_installed_preflight_says_how_to() -> None:
    worker, settings = registry.find("codex", Config())
    with pytest.raises(WorkerUnavailableError, match="codex was not found") as refused:
        worker.preflight(settings, {"PATH": "/nowhere"})
    assert str(refused.value.next_steps[0]) == "npm install -g @openai/codex"
