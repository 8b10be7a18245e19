import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from runr.config.settings import Config, WorkerSettings
from runr.errors import UnknownNameError, UsageError, WorkerUnavailableError
from runr.workers import registry
from runr.workers.claude_code import ClaudeCode
from runr.workers.protocol import Assignment, Worker, WorkReport
from runr.workers.script import extract_scripts

DEADLINE_S = 30.0
HIDDEN = "not-for-the-record"


def fence(script: str) -> str:
    return f"# A task\n\n```sh run\n{script}\n```\n"


def work(
    folder: Path,
    name: str,
    *,
    task: str = "# A task\n",
    prompt: str = "Do it.",
    config: Config | None = None,
    timeout_s: float = DEADLINE_S,
    worker: Worker | None = None,
) -> tuple[WorkReport, list[dict[str, Any]]]:
    found, settings = registry.find(name, config or Config())
    workdir = folder / "work"
    workdir.mkdir(exist_ok=True)
    assignment = Assignment(
        run_id=f"20250108-143022-{os.getpid()}",
        task_path=".runr/tasks/a.md",
        task_text=task,
        attempt=2,
        prompt=prompt,
        prompt_file=folder / "prompt-2.md",
        task_file=folder / "task.md",
        workdir=workdir,
        transcript=folder / "worker-2.jsonl",
        environment={**os.environ, "SERVICE_TOKEN": HIDDEN},
        timeout_s=timeout_s,
        settings=settings,
    )

    async def main() -> WorkReport:
        with anyio.fail_after(2 * DEADLINE_S):
            return await (worker or found).work(assignment)

    report = anyio.run(main)
    kept = assignment.transcript
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    return report, [json.loads(line) for line in lines]


def own(*command: str, **settings: Any) -> Config:
    return Config(workers={"mine": WorkerSettings(command=command, **settings)})


# script


def test_the_blocks_of_a_task_run_in_order_in_the_working_folder(tmp_path: Path) -> None:
    task = fence("echo one > a.txt; echo said") + fence("cat a.txt")
    report, transcript = work(tmp_path, "script", task=task)
    assert report.stop is None
    assert (tmp_path / "work" / "a.txt").read_text(encoding="utf-8") == "one\n"
    assert transcript == [
        {"type": "output", "block": 1, "text": "said"},
        {"type": "exit", "block": 1, "code": 0},
        {"type": "output", "block": 2, "text": "one"},
        {"type": "exit", "block": 2, "code": 0},
    ]


def test_a_block_gets_the_run_and_the_task_in_its_environment(tmp_path: Path) -> None:
    script = 'echo "$RUNR_TASK $RUNR_ATTEMPT $RUNR_TASK_FILE $RUNR_WORKDIR $RUNR_PROMPT_FILE"'
    report, _ = work(tmp_path, "script", task=fence(script))
    folder = tmp_path / "work"
    text = f".runr/tasks/a.md 2 {tmp_path}/task.md {folder} {tmp_path}/prompt-2.md"
    assert report.summary.splitlines()[-1] == text


def test_a_failing_block_ends_the_attempt_with_its_last_output(tmp_path: Path) -> None:
    task = fence("echo so far\nls no-such-file\necho not here") + fence("touch later")
    report, transcript = work(tmp_path, "script", task=task)
    assert report.stop == "worker_failed"
    assert report.exit_code
    assert "block 1 (line 3) failed" in report.summary
    assert "so far" in report.summary
    assert "no-such-file" in report.summary
    assert "not here" not in report.summary
    assert transcript[-1] == {"type": "exit", "block": 1, "code": report.exit_code}
    assert not (tmp_path / "work" / "later").exists()


def test_an_unset_variable_fails_a_block(tmp_path: Path) -> None:
    report, _ = work(tmp_path, "script", task=fence('rm -rf "$NO_SUCH_FOLDER/x"\ntouch later'))
    assert report.stop == "worker_failed"
    assert "NO_SUCH_FOLDER" in report.summary
    assert not (tmp_path / "work" / "later").exists()


def test_a_command_that_reads_its_input_does_not_consume_the_script(tmp_path: Path) -> None:
    report, _ = work(tmp_path, "script", task=fence("cat\necho after"))
    assert report.summary.splitlines()[-1] == "after"


def test_a_task_without_a_block_says_how_to_write_one(tmp_path: Path) -> None:
    report, transcript = work(tmp_path, "script", task="# A task\n\n```sh\necho no\n```\n")
    assert report.stop == "worker_failed"
    assert "```sh run" in report.summary
    assert transcript == []


def test_a_block_that_is_not_closed_does_not_run(tmp_path: Path) -> None:
    task = fence("touch first") + "\n```sh run\ntouch second\n\nSome prose.\n"
    report, _ = work(tmp_path, "script", task=task)
    assert report.stop == "worker_failed"
    assert "line 7 is not closed" in report.summary
    assert list((tmp_path / "work").iterdir()) == []


def test_all_blocks_share_one_time_limit(tmp_path: Path) -> None:
    task = fence("echo begun") + fence("sleep 60")
    report, transcript = work(tmp_path, "script", task=task, timeout_s=1)
    assert report.stop == "time_limit"
    assert "block 2" in report.summary
    assert transcript[-1] == {"type": "exit", "block": 2, "code": None}


def test_secrets_of_the_environment_do_not_reach_the_transcript(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nc2hvcnQ\n-----END PRIVATE KEY-----"
    script = f"echo it is $SERVICE_TOKEN\ncat <<'END'\n{key}\nopen\nEND\nfalse"
    report, transcript = work(tmp_path, "script", task=fence(script))
    assert [line["text"] for line in transcript[:-1]] == [
        "it is [redacted]",
        "-----BEGIN PRIVATE KEY-----",
        "[redacted]",
        "[redacted]",
        "open",
    ]
    assert HIDDEN not in report.summary


LIST = """\
1. First:

   ```sh run
   echo list
     indented
   ```

   - Nested:

     ~~~~sh run
     echo nested
     ~~~
     ~~~~
- ```sh run
  echo same line
  ```
"""


@pytest.mark.parametrize(
    ("markdown", "texts"),
    [
        ("```sh run\necho a\n```", ["echo a\n"]),
        ("```sh run\r\necho a\r\n```\r\n", ["echo a\n"]),
        ("   ```   sh   run  \n   echo a\n   ```\n", ["echo a\n"]),
        ("~~~sh run\n```\n~~~\n", ["```\n"]),
        ("````sh run\n```\n````\n", ["```\n"]),
        ("```sh run\n\tcat <<-END\n\tEND\n```\n", ["\tcat <<-END\n\tEND\n"]),
        ("```sh run\na\fb\n```\n", ["a\fb\n"]),
        ("```sh run\n```\n", [""]),
        (LIST, ["echo list\n  indented\n", "echo nested\n~~~\n", "echo same line\n"]),
        ("```sh\nno\n```\n```bash run\nno\n```\n```sh run now\nno\n```\n```\nsh run\n```\n", []),
        ("````md\n```sh run\nno\n```\n````\n", []),
        ("<!--\n```sh run\nno\n```\n-->\n", []),
        ("<!-- a note -->\n```sh run\nyes\n```\n", ["yes\n"]),
        ("    ```sh run\n    no\n    ```\n", []),
        ("> ```sh run\n> no\n> ```\n", []),
        ("Use ```sh run``` so.\n", []),
        ("``` `sh run`\nno\n```\n", []),
    ],
)
def test_only_fences_marked_sh_run_are_scripts(markdown: str, texts: list[str]) -> None:
    found = extract_scripts(markdown)
    assert [block.text for block in found] == texts
    assert all(block.closed for block in found)


def test_a_block_ends_with_the_list_item_it_stands_in() -> None:
    (block,) = extract_scripts("- ```sh run\n  echo a\nProse, and no end.\n\n```sh\nno\n```\n")
    assert (block.text, block.closed) == ("echo a\n", False)


# command


def test_a_command_gets_the_prompt_and_its_exit_code_counts(tmp_path: Path) -> None:
    config = own("sh", "-c", 'cat > prompt.txt; echo "$RUNR_ATTEMPT $RUNR_TASK $1"', "sh")
    config = own(*config.workers["mine"].command, extra_args=("more",))
    prompt = "Ünïcode\n" * 40_000
    report, transcript = work(tmp_path, "mine", prompt=prompt, config=config)
    assert (report.stop, report.exit_code) == (None, 0)
    assert report.summary == "2 .runr/tasks/a.md more"
    assert (tmp_path / "work" / "prompt.txt").read_text(encoding="utf-8") == prompt
    assert transcript[-1] == {"type": "exit", "code": 0}


def test_a_command_that_fails_is_a_worker_that_failed(tmp_path: Path) -> None:
    config = own("sh", "-c", "echo $SERVICE_TOKEN is wrong >&2; exit 3")
    report, transcript = work(tmp_path, "mine", config=config)
    assert (report.stop, report.exit_code) == ("worker_failed", 3)
    assert report.summary == "sh ended with exit code 3\n[redacted] is wrong"
    assert transcript[0] == {"type": "output", "text": "[redacted] is wrong"}


def test_a_command_whose_last_line_speaks_of_a_usage_limit_has_reached_one(tmp_path: Path) -> None:
    said = "You have hit your usage limit. Try again in 2 hours."
    report, _ = work(tmp_path, "mine", config=own("sh", "-c", f"echo begun; echo {said}; exit 1"))
    assert (report.stop, report.exit_code, report.summary) == ("usage_limit", 1, said)


def test_a_command_is_ended_at_its_time_limit(tmp_path: Path) -> None:
    config = own("sh", "-c", "echo begun; sleep 60")
    report, transcript = work(tmp_path, "mine", config=config, timeout_s=1)
    assert report.stop == "time_limit"
    assert transcript[-1] == {"type": "exit", "code": None}


def test_a_command_may_be_in_the_working_folder(tmp_path: Path) -> None:
    tool = tmp_path / "work" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho here\n", encoding="utf-8")
    tool.chmod(0o755)
    config = own("./tool")
    worker, settings = registry.find("mine", config)
    worker.preflight(settings, os.environ)
    report, _ = work(tmp_path, "mine", config=config)
    assert report.summary == "here"


@pytest.mark.parametrize("name", ["command", "mine", "claude-code", "codex", "script"])
def test_preflight_names_a_program_that_is_not_there(name: str) -> None:
    missing = "sh" if name == "script" else "no-such-program"
    config = Config(workers={name: WorkerSettings(command=("no-such-program",))})
    worker, settings = registry.find(name, config)
    with pytest.raises(WorkerUnavailableError, match=f"{missing} was not found") as refused:
        worker.preflight(settings, {"PATH": "/nowhere"})
    assert refused.value.next_steps


def test_preflight_looks_on_the_path_of_the_given_environment(tmp_path: Path) -> None:
    tool = tmp_path / "claude"
    tool.write_text("#!/bin/sh\n", encoding="utf-8")
    tool.chmod(0o755)
    worker, settings = registry.find("claude-code", Config())
    worker.preflight(settings, {"PATH": str(tmp_path)})
    with pytest.raises(WorkerUnavailableError) as refused:
        worker.preflight(settings, {"PATH": "/nowhere"})
    assert "npm install -g @anthropic-ai/claude-code" in map(str, refused.value.next_steps)


# claude-code, with a program in its place that prints scripted output.


def said(**line: Any) -> str:
    return json.dumps(line)


def played(folder: Path, script: str, **settings: Any) -> tuple[WorkReport, list[dict[str, Any]]]:
    (folder / "claude.sh").write_text(script, encoding="utf-8")
    command = ("sh", str(folder / "claude.sh"))
    config = Config(workers={"claude-code": WorkerSettings(command=command, **settings)})
    return work(folder, "claude-code", config=config, worker=ClaudeCode(linger_s=0.2))


USAGE = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 3}
DONE = {"type": "result", "subtype": "success", "is_error": False, "session_id": "s-1"}


def test_all_results_of_a_session_count_and_garbage_does_not(tmp_path: Path) -> None:
    first = said(**DONE, result="one", total_cost_usd=0.5, num_turns=2, usage=USAGE)
    last = said(**DONE, result="two", total_cost_usd=0.75, num_turns=1, usage=USAGE)
    garbage = ["warning: no JSON", '{"torn', "[1]", '{"type":"result","usage":7}', "{}", "\\"]
    lines = "\n".join([garbage[0], first, *garbage[1:], last])
    report, transcript = played(tmp_path, f"cat <<'END'\n{lines}\nEND\n")
    assert report == WorkReport(
        summary="two",
        answer="two",
        exit_code=0,
        session_id="s-1",
        cost_usd=0.75,
        input_tokens=30,
        output_tokens=6,
        turns=3,
    )
    assert {"type": "output", "text": "warning: no JSON"} in transcript
    assert [line["result"] for line in transcript if "result" in line] == ["one", "two"]


def test_a_process_that_stays_after_its_result_is_ended_and_its_work_counts(tmp_path: Path) -> None:
    script = f"echo '{said(**DONE, result='done')}'; sleep 60"
    report, transcript = played(tmp_path, script)
    assert (report.stop, report.summary, report.exit_code) == (None, "done", None)
    assert transcript[-1] == {"type": "exit", "code": None}


def test_a_session_that_goes_on_after_a_result_is_not_cut_short(tmp_path: Path) -> None:
    # The second turn takes longer than a session at rest is given.
    message = {"id": "m-2", "content": [{"type": "text", "text": "more"}], "usage": USAGE}
    begin = said(type="assistant", message=message, session_id="s-1")
    end = said(**DONE, result="all done", usage=USAGE)
    script = f"echo '{said(**DONE, result='one')}'; echo '{begin}'; sleep 0.5; echo '{end}'"
    report, _ = played(tmp_path, script)
    assert (report.stop, report.summary, report.exit_code) == (None, "all done", 0)
    assert report.input_tokens == 15


def test_without_a_result_the_messages_tell_what_was_used(tmp_path: Path) -> None:
    message = {"id": "m-1", "content": [{"type": "text", "text": "I tried"}], "usage": USAGE}
    line = said(type="assistant", message=message, session_id="s-1")
    report, _ = played(tmp_path, f"echo '{line}'; echo '{line}'; echo out of memory >&2; exit 9")
    assert (report.stop, report.exit_code, report.session_id) == ("worker_failed", 9, "s-1")
    assert (report.input_tokens, report.output_tokens, report.turns) == (15, 3, 1)
    assert report.summary == "claude ended with exit code 9\nout of memory\nI tried"


@pytest.mark.parametrize(
    ("line", "stop"),
    [
        ({"subtype": "error_max_turns", "errors": ["Reached maximum"]}, "turn_limit"),
        ({"subtype": "error_max_budget_usd"}, "cost_limit"),
        ({"subtype": "error_during_execution", "errors": ["see /login"]}, "worker_failed"),
        ({"subtype": "success", "api_error_status": 403}, "worker_auth"),
        ({"subtype": "success", "api_error_status": 429}, "worker_outage"),
        ({"subtype": "success", "api_error_status": 529}, "worker_outage"),
        ({"subtype": "success", "api_error_status": 400}, "worker_failed"),
        ({"subtype": "success", "result": "Not logged in · Please run /login"}, "worker_auth"),
        ({"subtype": "success", "result": "API Error: Connection refused"}, "worker_outage"),
        ({"subtype": "success", "result": "Prompt is too long"}, "context_overflow"),
        ({"subtype": "success", "api_error_status": 413}, "context_overflow"),
    ],
)
def test_failures_of_a_session_are_distinguished(
    tmp_path: Path, line: dict[str, Any], stop: str
) -> None:
    result = said(**{"type": "result", "is_error": True, "session_id": "s-1", **line})
    report, _ = played(tmp_path, f"echo '{result}'; exit 1")
    assert report.stop == stop


def test_a_session_without_output_has_failed(tmp_path: Path) -> None:
    report, _ = played(tmp_path, "exit 0")
    assert report.stop == "worker_failed"
    assert report.session_id


def test_the_session_is_started_as_configured_and_free_of_an_outer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "outer")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", "/outer")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "/mine")
    monkeypatch.setenv("CLAUDE_CODE_USE_BEDROCK", "0")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost")
    script = f"""echo "$*" > arguments; env > environment; echo '{said(**DONE, result="x")}'"""
    settings = {
        "model": "opus",
        "max_turns": 7,
        "budget_usd": 1.5,
        "extra_args": ("--effort", "low"),
    }
    report, _ = played(tmp_path, script, permission_mode="plan", **settings)
    assert report.stop is None
    arguments = (tmp_path / "work" / "arguments").read_text(encoding="utf-8")
    assert arguments.startswith("-p --output-format stream-json --verbose --session-id ")
    assert "--name runr .runr/tasks/a.md --permission-mode plan" in arguments
    limits = "--allowedTools Bash --model opus --max-turns 7 --max-budget-usd 1.5"
    assert arguments.strip().endswith(f"{limits} --effort low")
    text = (tmp_path / "work" / "environment").read_text(encoding="utf-8").splitlines()
    names = {line.partition("=")[0] for line in text}
    assert not names & {"CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "CLAUDE_PROJECT_DIR"}
    assert names >= {"CLAUDE_CONFIG_DIR", "CLAUDE_CODE_USE_BEDROCK", "ANTHROPIC_BASE_URL"}
    assert "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1" in text


# catalog


def test_workers_are_found_by_name_with_their_settings() -> None:
    config = Config(
        workers={
            "claude-code": WorkerSettings(model="opus"),
            "mine": WorkerSettings(command=("true",)),
            "bare": WorkerSettings(model="x"),
        }
    )
    assert registry.names(config) == ("claude-code", "codex", "command", "mine", "script")
    found = {name: registry.find(name, config) for name in registry.names(config)}
    assert found["claude-code"][1].model == "opus"
    assert found["mine"][1].command == ("true",)
    kinds = {name: type(worker).__name__ for name, (worker, _) in found.items()}
    assert kinds == {
        "claude-code": "ClaudeCode",
        "codex": "Codex",
        "command": "Command",
        "mine": "Command",
        "script": "Script",
    }


def test_an_unknown_worker_is_refused_with_the_nearest_name_and_the_list() -> None:
    with pytest.raises(UnknownNameError, match="did you mean claude-code") as refused:
        registry.find("claude", Config())
    assert "claude-code, codex, command, script" in str(refused.value.next_steps[0])


def test_a_worker_of_one_s_own_needs_a_command() -> None:
    with pytest.raises(UsageError, match="mine has no command"):
        registry.find("mine", Config(workers={"mine": WorkerSettings(model="x")}))
    worker, settings = registry.find("command", Config())
    with pytest.raises(WorkerUnavailableError, match="command has no command"):
        worker.preflight(settings, os.environ)


def test_the_session_worker_is_claude_code_s_own() -> None:
    with pytest.raises(UsageError, match="Claude Code session"):
        registry.find("session", Config())


class Guest:
    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None: ...

    async def work(self, assignment: Assignment) -> WorkReport:
        return WorkReport(summary=assignment.prompt)


def broken() -> Worker:
    raise RuntimeError("half installed")


def test_a_package_can_bring_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "guest-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Name: guest\nVersion: 1.0\n", encoding="utf-8")
    (package / "entry_points.txt").write_text(
        f"[{registry.GROUP}]\nguest = {__name__}:Guest\nbad = {__name__}:broken\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    report, _ = work(tmp_path, "guest", prompt="hello")
    assert report.summary == "hello"
    with pytest.raises(WorkerUnavailableError, match="half installed"):
        registry.find("bad", Config())
    with pytest.raises(UnknownNameError, match="did you mean guest"):
        registry.find("gest", Config())
