"""The four tools on a real repository: from the list to the recorded commit."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.types import TextContent

from cli.terminal import Place
from mcpserver.raw_client import RawClient, calling, enveloped, request
from runr.lifecycle import follow
from runr.mcp_server import identity
from runr.mcp_server.server import build
from runr.project import Project
from runr.runs.events import RunStopped
from runr.storage.layout import Layout
from unit.journals_of_runs import Journals, worked

pytestmark = pytest.mark.anyio

SESSION = "0b7d1c4e-session"
CHARACTERS_PER_TOKEN = 4
Answer = dict[str, Any]


@pytest.fixture(params=["legacy", "2026-07-28"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Caller:
    """A client to which the text of an answer has to say what its structure says."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.progress: list[str] = []

    async def __call__(self, tool: str, /, **arguments: Any) -> Answer:
        answer = await self._client.call_tool(tool, arguments, progress_callback=self._listen)
        assert not answer.is_error, answer.content
        assert answer.structured_content is not None
        [content] = answer.content
        assert isinstance(content, TextContent)
        assert json.loads(content.text) == answer.structured_content
        return dict(answer.structured_content)

    async def refusal(self, tool: str, /, **arguments: Any) -> str:
        answer = await self._client.call_tool(tool, arguments)
        assert answer.is_error
        [content] = answer.content
        assert isinstance(content, TextContent)
        return content.text

    async def _listen(self, progress: float, total: float | None, message: str | None) -> None:
        assert total is not None
        assert progress > 0
        self.progress.append(message or "")


@asynccontextmanager
async def caller(start: Path, era: str = "2026-07-28") -> AsyncIterator[Caller]:
    environment = {**os.environ, "CLAUDE_CODE_SESSION_ID": SESSION}
    async with Client(build(start, environment), mode=era) as client:
        yield Caller(client)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


async def test_the_four_tools_fit_their_budget(repository: Path, era: str) -> None:
    async with Client(build(repository, os.environ), mode=era) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == [
        "list-tasks",
        "task-status",
        "complete-task",
        "run-task",
    ]
    listing = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    size = len(json.dumps(listing, separators=(",", ":")))
    assert size <= 700 * CHARACTERS_PER_TOKEN
    # A schema of the answers that is not whole hides fields from typed clients.
    assert not any(tool.output_schema for tool in tools)
    assert len(identity.INSTRUCTIONS) <= 600


async def test_annotations_distinguish_reading_from_writing(repository: Path) -> None:
    async with Client(build(repository, os.environ)) as client:
        tools = (await client.list_tools()).tools
    hints = {tool.name: tool.annotations for tool in tools if tool.annotations}
    assert [name for name, hint in hints.items() if hint.read_only_hint] == [
        "list-tasks",
        "task-status",
    ]
    assert [name for name, hint in hints.items() if hint.open_world_hint] == ["run-task"]
    assert [name for name, hint in hints.items() if hint.destructive_hint] == ["run-task"]


async def test_the_tasks_are_listed_with_what_can_be_done(repository: Path, era: str) -> None:
    async with caller(repository, era) as call:
        answer = await call("list-tasks")
        ready = await call("list-tasks", ready=True, query="type:automated")
        manual = await call("list-tasks", query="USERS", status="pending")
    paths = [row["path"].removeprefix(".runr/tasks/") for row in answer["tasks"]]
    assert paths == ["00-setup.md", "01-api.md", "02-manual.md"]
    assert answer["tasks"][1]["blocked_by"] == [".runr/tasks/00-setup.md"]
    assert answer["next_steps"]
    assert [row["title"] for row in ready["tasks"]] == ["Set it up"]
    assert [row["type"] for row in manual["tasks"]] == ["manual"]


async def test_a_thousand_tasks_do_not_make_a_long_answer(repository: Path) -> None:
    names = [f"area-{number // 100}/{number:04}-a-task-of-many.md" for number in range(1000)]
    for name in names:
        file = repository / ".runr/tasks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"---\ndepends_on: {json.dumps(names[:50])}\n---\n# {'Title ' * 12}\n")
    async with caller(repository) as call:
        first = await call("list-tasks")
        wide = await call("list-tasks", limit=200)
        seen, page = [*first["tasks"]], first
        while cursor := page.get("next_cursor"):
            page = await call("list-tasks", cursor=cursor, limit=200)
            seen += page["tasks"]
    assert first["total_count"] == 1003
    assert len(json.dumps(first, separators=(",", ":"))) < 2000 * CHARACTERS_PER_TOKEN
    assert len(json.dumps(wide, separators=(",", ":"))) < 50_000
    paths = [row["path"] for row in seen]
    assert len(paths) == 1003
    assert paths == sorted(set(paths))


async def test_a_session_works_fails_fixes_and_completes(repository: Path, era: str) -> None:
    async with caller(repository, era) as call:
        assert (await call("run-task", task="00-setup", wait_s=60))["run"]["status"] == "completed"
        opened = await call("run-task", task="01-api", worker="session")
        assert "Write api.txt." in opened["brief"]
        assert opened["run"]["session_id"] == SESSION
        own = await call.refusal("complete-task", task="01-api", by="Grace", force=True)
        assert "`by` and `force`: the run of 01-api.md is a session's own" in own
        assert "runr complete-task 01-api.md --reason" in own
        failed = await call("complete-task", task="01-api", reason="Wrote the API")
        noted = await call("task-status", task="01-api")
        assert "Wrote the API" in noted["run"]["notes"][0]
        assert not failed["completed"]
        assert failed["task"]["status"] == "in_progress"
        (repository / "api.txt").write_text("made\n", encoding="utf-8")
        done = await call("complete-task", task="01-api")
        assert done["completed"]
        detail = await call("task-status", task="01-api")
    assert detail["task"]["status"] == "completed"
    assert detail["task"]["evidence"] == "verified"
    trailers = git(repository, "log", "-1", "--format=%(trailers)")
    assert f"Runr-Run-Id: {done['run']['id']}" in trailers
    assert f"Runr-Session: {SESSION}" in trailers


async def test_waiting_for_a_run_sends_progress(repository: Path, era: str) -> None:
    async with caller(repository, era) as call:
        answer = await call("run-task", task="00-setup", wait_s=60)
        text = call.progress
    assert answer["run"]["verification"] == "passed"
    assert answer["next_steps"]
    assert text
    assert all(message.startswith(f"run {answer['run']['id']}: ") for message in text)


async def test_a_caller_whose_wait_is_over_learns_that_the_run_continues(repository: Path) -> None:
    gate = repository.parent / "gate"
    os.mkfifo(gate)
    task = repository / ".runr/tasks/03-slow.md"
    task.write_text(f"---\nworker: script\n---\n# Slow\n\n```sh run\ncat '{gate}'\n```\n")
    async with caller(repository) as call:
        answer = await call("run-task", task="03-slow", wait_s=1)
        assert answer["run"]["status"] == "running"
        assert answer["next_steps"][0].startswith("Wait")
        refused = await call.refusal("run-task", task="03-slow")
        assert answer["run"]["id"] in refused
    gate.write_text("open\n")
    project = Project.open(repository, os.environ)
    assert follow.wait_for_run(project, answer["run"]["id"], 60).status != "running"


async def test_a_run_that_fails_is_answered_with_what_failed(repository: Path) -> None:
    task = repository / ".runr/tasks/03-broken.md"
    checks = '["echo the reason; false"]'
    task.write_text(
        f"---\nworker: script\nverify: {checks}\n---\n# Broken\n\n```sh run\necho > a\n```\n"
    )
    async with caller(repository) as call:
        answer = await call("run-task", task="03-broken", wait_s=60)
    assert answer["run"]["status"] == "stopped"
    assert "the reason" in answer["run"]["checks"][0]["tail"]


async def test_ten_failing_checks_do_not_make_a_long_answer(repository: Path) -> None:
    checks = [f"seq -f 'check {number}: line %g' 500; false" for number in range(10)]
    task = repository / ".runr/tasks/03-broken.md"
    task.write_text(f"---\nverify: {json.dumps(checks)}\n---\n# Broken\n")
    async with caller(repository) as call:
        await call("run-task", task="03-broken", worker="session")
        failed = await call("complete-task", task="03-broken")
        detail = await call("task-status", task="03-broken")
        long = await call("task-status", task="03-broken", tail=1500)
    for answer in (failed, detail):
        assert all("line 500" in check["tail"] for check in answer["run"]["checks"])
        assert len(json.dumps(answer)) < 2000 * CHARACTERS_PER_TOKEN
    assert all(len(check["tail"]) > 1400 for check in long["run"]["checks"])


async def test_refusals_say_what_to_do_next(repository: Path) -> None:
    async with caller(repository) as call:
        blocked = await call.refusal("run-task", task="01-api", worker="session")
        unknown = await call.refusal("task-status", task="00-setpu")
        forced = await call.refusal("complete-task", task="00-setup", force=True)
        word = {"reason": "no time", "by": "Grace", "skip_checks": True}
        skipped = await call.refusal("complete-task", task="00-setup", **word)
    assert blocked.startswith("01-api.md waits for")
    assert "\nNext: list-tasks with ready=true" in blocked
    assert "did you mean" in unknown
    assert "requires a reason" in forced
    assert "skip_checks" in skipped  # a person's way, and only in a terminal


async def test_a_damaged_status_file_is_reported_in_the_answer(repository: Path) -> None:
    (repository / ".runr/task-status.json").write_text("{ half a fi", encoding="utf-8")
    async with caller(repository) as call:
        answer = await call("list-tasks")
        again = await call("list-tasks")
    assert "it is kept aside as" in answer["next_steps"][0]
    assert not any("it is kept aside as" in step for step in again["next_steps"])


@pytest.mark.parametrize("tool", ["list-tasks", "task-status", "complete-task", "run-task"])
async def test_outside_a_repository_every_call_says_so_until_there_is_one(
    tmp_path: Path, tool: str
) -> None:
    arguments = {} if tool == "list-tasks" else {"task": "a"}
    async with caller(tmp_path) as call:
        refused = await call.refusal(tool, **arguments)
        step = "For the user, in a terminal: `git init`"
        assert refused == f"{tmp_path} is not inside a git repository\n{step}"
        git(tmp_path, "init", "-q")
        assert (await call("list-tasks"))["total_count"] == 0


@pytest.mark.parametrize("how", ["--repo", "CLAUDE_PROJECT_DIR", "folder"])
async def test_runr_mcp_finds_the_repository(repository: Path, tmp_path: Path, how: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "runr", "mcp"]
    environment = dict(os.environ)
    if how == "--repo":
        command += ["--repo", str(repository)]
        environment["CLAUDE_PROJECT_DIR"] = str(elsewhere)
    elif how == "CLAUDE_PROJECT_DIR":
        environment[how] = str(repository)
    folder = repository / ".runr" if how == "folder" else elsewhere
    with RawClient(command, environment, folder) as client:
        client.ask(enveloped("server/discover"))
        answer = client.ask(enveloped("tools/call", calling("list-tasks"), 2))
        assert answer["result"]["structuredContent"]["total_count"] == 3
        client.handshake()
        answer = client.ask(request("tools/call", calling("task-status", task="00-setup"), 3))
        assert answer["result"]["structuredContent"]["task"]["status"] == "pending"
        assert client.hang_up() == 0
        assert client.remaining() == []
        assert client.log == ""


async def test_a_job_is_started_and_read_by_the_tools_for_tasks(repository: Path) -> None:
    (repository / ".runr/jobs").mkdir()
    (repository / ".runr/jobs/night.yaml").write_text("tracks:\n  t: [00-setup, 02-manual]\n")
    async with caller(repository) as call:
        started = await call("run-task", job="night", wait_s=60)
        read = await call("task-status", job="night")
        both = await call.refusal("run-task", task="00-setup", job="night")
        neither = await call.refusal("task-status")
        forced = await call.refusal("run-task", job="night", force=True)
    job_run = started["job_run"]
    assert (job_run["status"], job_run["counts"]["completed"]) == ("paused", 1)
    assert read["job_run"] == job_run
    assert [each["path"][12:] for each in job_run["open_tasks"]] == ["02-manual.md"]
    assert "needs one of `task` or `tasks` or `all_ready` or `job`" in both
    assert "pass one of `task` and `job`" in neither
    assert "`force`: not for action=start with `job`" in forced


async def test_what_ran_and_what_it_cost_is_answered_as_the_command_line_does(
    repository: Path, home: Path
) -> None:
    night = Journals(Layout(repository), datetime.now(UTC) - timedelta(hours=5))
    used = worked(usage={"cost_usd": 1.25, "input_tokens": 1000, "output_tokens": 500})
    for name in ("00-setup", "01-api"):
        night.run(name, [*used, RunStopped("time_limit")])
    night.now -= timedelta(days=3)
    old = night.run("00-setup", [*used, RunStopped("time_limit")])
    place = Place(repository, home)
    async with caller(repository) as call:
        since = (await call("list-tasks", since="12h"))["run_list"]
        own = await call("task-status", task="00-setup", runs=True, text=True)
        one = await call("task-status", task=old.id)
        nonsense = await call.refusal("list-tasks", since="lately")
    assert (since["counts"], since["cost_usd"]) == ({"stopped": 2}, 2.5)
    assert own["run_list"]["total_count"] == 2
    assert own["text"] == place.read(".runr/tasks/00-setup.md")
    assert (one["run"]["id"], one["run"]["cost_usd"]) == (old.id, 1.25)
    assert "write yesterday, today, how long ago" in nonsense
    for shown, words in ((since, ["--since", "12h"]), (own["run_list"], ["--task", "00-setup"])):
        typed = place.runr("runs", *words, "--json", code=0).json
        figures = ("total_count", "counts", "cost_usd", "input_tokens", "output_tokens")
        assert {name: typed[name] for name in figures} == {name: shown[name] for name in figures}
        assert [run["id"] for run in typed["runs"]] == [run["id"] for run in shown["runs"]]
    text = place.runr("runs", "--since", "12h", code=0).out
    assert text.endswith("2 runs: 2 stopped; $2.50; 3,000 tokens\n")
    assert place.runr("runs", "--since", "1m", code=0).out.startswith("No run since ")


async def test_a_task_is_created_as_the_answers_say(repository: Path) -> None:
    async with caller(repository) as call:
        listed = await call("list-tasks")
        assert "To create a task" not in str(await call("list-tasks", ready=True))
        unknown = await call.refusal("task-status", task="nothing-like-it")
        template = listed["next_steps"][-1].partition("NAME.md:\n")[2]
        assert unknown.endswith(f"Next: To create a task, write .runr/tasks/NAME.md:\n{template}")
        (repository / ".runr/tasks/new.md").write_text(template, encoding="utf-8")
        made = (await call("task-status", task="new"))["task"]
        assert (made["verify"], made["owns"], made.get("problems")) == (
            ["make test"],
            ["src/"],
            None,
        )
        own = repository / ".runr/templates/feature.md"
        own.parent.mkdir()
        own.write_text("# {title}\n", encoding="utf-8")
        assert (await call("list-tasks"))["next_steps"][-1].endswith("NAME.md:\n# {title}\n")


UNSTARTABLE = {
    "missing": "---\ndepends_on: [gone]\n---\n# M\n",
    "cycle": "---\ndepends_on: [cycle]\n---\n# C\n",
    "broken": "---\nverify: [\n---\n# B\n",
    "behind": "---\ndepends_on: [missing]\n---\n# E\n",
}


async def test_no_next_step_is_the_call_that_was_just_made(repository: Path) -> None:
    for file in (repository / ".runr/tasks").iterdir():
        file.unlink()
    for name, text in UNSTARTABLE.items():
        (repository / f".runr/tasks/{name}.md").write_text(text, encoding="utf-8")
    steps = {}
    async with caller(repository) as call:
        for given in ("", "blocked=true", "ready=true", "waiting=true", "status=pending"):
            name, _, value = given.partition("=")
            asked = {name: True if value == "true" else value} if given else {}
            made = f"list-tasks with {given}" if given else "list-tasks"
            steps[made] = (await call("list-tasks", **asked))["next_steps"]
        query = (await call("list-tasks", query="is:blocked"))["next_steps"]
        for name in UNSTARTABLE:
            answer = await call("task-status", task=name)
            steps[f"task-status '{name}.md'"] = answer["next_steps"]
    for made, lines in steps.items():
        assert not [line for line in lines if line == made or line.endswith(f": {made}.")], made
    assert query == steps["list-tasks with blocked=true"] == ["Nothing here is ready to run."]
    assert steps["task-status 'missing.md'"] == ["Fix the file first (gone (no such task))."]
    assert steps["task-status 'behind.md'"][0].endswith("first: task-status 'missing.md'.")


async def test_a_list_says_what_is_to_be_done_with_the_tasks_that_it_has(
    repository: Path, home: Path
) -> None:
    place = Place(repository, home)
    tasks = repository / ".runr/tasks"
    for name in ("done", "stale", "orphaned"):
        (tasks / f"{name}.md").write_text("---\ntype: manual\n---\n# T\n", encoding="utf-8")
        place.runr("complete-task", name, "--reason", "done", "--by", "Ada", code=0)
    (tasks / "stale.md").write_text("---\ntype: manual\n---\n# Again\n", encoding="utf-8")
    (tasks / "orphaned.md").unlink()
    said = {}
    async with caller(repository) as call:
        await call("run-task", task="00-setup", worker="session")
        for query in ("status:in_progress", "path:done", "is:stale path:stale", "is:orphaned"):
            said[query] = (await call("list-tasks", query=query))["next_steps"]
    assert said == {
        "status:in_progress": ["1 is in progress. The first: task-status '00-setup.md'."],
        "path:done": [
            "All of these are completed. What can be started: list-tasks with ready=true."
        ],
        "is:stale path:stale": ["1 is stale. Why: task-status 'stale.md'."],
        "is:orphaned": [{"for_user": "runr lint", "why": "1 is recorded without a task file"}],
    }


async def test_several_tasks_are_refused_by_the_name_that_is_wrong(repository: Path) -> None:
    async with caller(repository) as call:
        refused = await call.refusal("run-task", tasks=["00-setup", "01-apy"])
    assert refused.startswith("there is no task '01-apy'; did you mean '01-api'?\n")
    assert not Layout(repository).job_runs.exists()


async def test_a_time_is_written_alike_as_an_argument_and_in_a_query(repository: Path) -> None:
    async with caller(repository) as call:
        await call("run-task", task="01-api", worker="session", force=True)
        for since in ("yesterday", "today", "2h"):
            as_word = await call("list-tasks", query=f"since:{since}")
            as_argument = await call("list-tasks", since=since)
            assert [row["title"] for row in as_word["tasks"]] == ["Build the API"]
            assert as_word["tasks"] == as_argument["tasks"]
        old = await call("list-tasks", since="0001-01-02")
        early = await call.refusal("list-tasks", since="0001-01-01T00:00+05:00")
    assert old["run_list"]["since"] == "0001-01-02T00:00:00.000Z"
    assert "write yesterday, today, how long ago" in early


async def test_a_note_and_a_stop_are_those_of_the_session(repository: Path) -> None:
    async with caller(repository) as call:
        await call("run-task", task="01-api", worker="session", force=True)
        noted = await call("complete-task", task="01-api", action="note", reason="Half of it")
        assert (await call("task-status", task="01-api"))["run"]["notes"][0].endswith("Half of it")
        stopped = await call("run-task", task="01-api", action="stop")
        resumed = await call("run-task", task="01-api", action="resume")
        mixed = await call.refusal("run-task", task="01-api", tasks=["02-manual"])
        needless = await call.refusal("run-task", task="01-api", action="stop", force=True)
        session = await call.refusal("run-task", all_ready=True, worker="session")
    assert noted["message"].startswith("noted in run ")
    assert stopped["run"]["detail"] == f"abandoned by session {SESSION}"
    assert "Write api.txt." in resumed["brief"]
    assert "needs one of `task` or `tasks` or `all_ready` or `job`" in mixed
    assert "`force`: not for action=stop with `task`" in needless
    assert "runs one task" in session
