"""What people ask an agent about their tasks, as calls of the tools, and what each costs in tokens.

Beside it stands what the same tools and the same answers cost with a server of the SDK that is
given functions, and nothing else.
"""

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import anyio
from mcp.client import Client, ClientRequestContext
from mcp.server import Server
from mcp.server.mcpserver.tools import Tool as SdkTool
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent
from pydantic import Field

from cli.terminal import Place
from fakes.project_kit import until
from runr.mcp_server.project_calls import ProjectCalls
from runr.mcp_server.registry import Call, Tool
from runr.mcp_server.server import assemble, offered
from runr.next_steps.step import MCP
from runr.project import Project, ProjectCache
from runr.runs.events import RunStopped
from runr.storage.layout import Layout
from unit.journals_of_runs import Journals, worked

CHARACTERS_PER_TOKEN = 4
SESSION = "0b7d1c4e-session"
Answer = Mapping[str, Any]


class Request(NamedTuple):
    """What a user asks: calls of a tool with arguments, and what the last answer has to say."""

    asks: str
    calls: list[tuple[str, dict[str, Any]]]
    says: Callable[[Answer], object]


def task(name: str, header: str = "", body: str = "") -> str:
    return f"---\n{header}\n---\n# Task {name}\n\n{body}\n"


def run(script: str) -> str:
    return f"```sh run\n{script}\n```"


def prepare(place: Place, gate: Path) -> None:
    """Make a repository the morning after a night in which much has happened."""
    script = "worker: script\nverify: [test -d .]"
    tasks = {
        "00-setup": task("00", script, run("echo made > setup.txt")),
        "01-api": task("01", "depends_on: [00-setup]\nverify: [test -f api.txt]", "Write api.txt."),
        "02-ask": task("02", "type: manual"),
        "03-broken": task("03", "worker: script\nverify: [test -f never]", run("echo > b.txt")),
        "04-ui": task("04", "depends_on: [03-broken]"),
        "05-site": task("05", "depends_on: [04-ui]"),
        "06-stale": task("06", "type: manual"),
        "07-right": task("07", "worker: script", run("echo > right.txt")),
        "08-wrong": task("08", "worker: script", run("echo > wrong.txt")),
        "09-slow": task("09", script, run(f"cat '{gate}' > slow.txt")),
        "10-paid": task("10", "type: hybrid"),
    }
    place.git("init", "-q", "-b", "main")
    for name, text in tasks.items():
        place.write(f".runr/tasks/{name}.md", text)
    place.commit("Tasks")
    place.runr("run", "00-setup", code=0)
    for name in ("03-broken", "07-right", "08-wrong"):
        place.runr("run", name)
    place.runr("complete-task", "06-stale", "--reason", "done", "--by", "Ada", code=0)
    place.write(".runr/tasks/06-stale.md", task("06", "type: manual", "More."))
    night = Journals(Layout(place.root), datetime.now(UTC) - timedelta(hours=5))
    used = worked(usage={"cost_usd": 1.25, "input_tokens": 1000, "output_tokens": 500})
    night.run("10-paid", [*used, RunStopped("time_limit")])


def names(answer: Answer) -> list[str]:
    return [row["path"][12:14] for row in answer["tasks"]]


def before(run_of: Callable[[str], str]) -> Iterator[Request]:
    """Yield what only reads."""
    yield Request(
        "what is next",
        [("list-tasks", {"ready": True})],
        lambda a: names(a)[0] == "03" and "with action=resume" in a["next_steps"][0],
    )
    yield Request(
        "what is blocked, and by what",
        [("list-tasks", {"blocked": True})],
        lambda a: a["tasks"][0]["blocked_by"] == [".runr/tasks/03-broken.md"],
    )
    yield Request(
        "why is X blocked, at the root",
        [("task-status", {"task": "05-site"})],
        lambda a: a["task"]["root_causes"][0]["path"].endswith("03-broken.md"),
    )
    yield Request(
        "why did it fail",
        [("task-status", {"task": "03-broken"})],
        lambda a: a["run"]["checks"][0]["exit_code"] == 1 and a["task"]["why"],
    )
    yield Request(
        "what waits for a person",
        [("list-tasks", {"waiting": True})],
        lambda a: names(a) == ["02", "07", "08"],
    )
    yield Request(
        "what is stale",
        [("list-tasks", {"stale": True})],
        lambda a: names(a) == ["06"] and a["tasks"][0]["stale_reasons"],
    )
    yield Request(
        "who did it, and which commit",
        [("task-status", {"task": "00-setup"})],
        lambda a: a["run"]["worker"] == "script" and a["commits"] and a["task"]["completed_by"],
    )
    yield Request(
        "how many are done, open, failed",
        [("list-tasks", {"limit": 1})],
        lambda a: (
            a["total_count"] == sum(a["counts"].values()) == 11
            and (a["counts"]["verified"], a["counts"]["stale"]) == (1, 1)
        ),
    )
    yield Request(
        "what ran last night, and at what cost",
        [("list-tasks", {"since": "12h"})],
        lambda a: (
            a["run_list"]["total_count"] == 6
            and a["run_list"]["counts"] == {"completed": 2, "stopped": 4}
            and (a["run_list"]["cost_usd"], a["run_list"]["input_tokens"]) == (1.25, 1000)
        ),
    )
    yield Request(
        "the runs of one task",
        [("task-status", {"task": "10-paid", "runs": True})],
        lambda a: [each["cost_usd"] for each in a["run_list"]["runs"]] == [1.25],
    )
    yield Request(
        "the cost of a run",
        [("task-status", {"task": run_of("10-paid")})],
        lambda a: a["run"]["cost_usd"] == 1.25 and a["task"]["path"].endswith("10-paid.md"),
    )
    yield Request(
        "the text of a task",
        [("task-status", {"task": "01-api", "text": True})],
        lambda a: "Write api.txt." in a["text"],
    )


def after(root: Path, run_of: Callable[[str], str]) -> Iterator[Request]:
    """Yield what changes something; what a person decides, they confirm."""
    yield Request(
        "start",
        [("run-task", {"task": "01-api", "worker": "session"})],
        lambda a: "Write api.txt." in a["brief"],
    )
    yield Request(
        "finish too early",
        [("complete-task", {"task": "01-api"})],
        lambda a: not a["completed"] and "Fix what failed" in a["next_steps"][0],
    )
    yield Request(
        "note",
        [("complete-task", {"task": "01-api", "action": "note", "reason": "Half"})],
        lambda a: "noted" in a["message"],
    )
    (root / "api.txt").write_text("made\n", encoding="utf-8")
    yield Request(
        "finish",
        [("complete-task", {"task": "01-api"})],
        lambda a: a["completed"] and a["task"]["evidence"] == "verified",
    )
    said = {"reason": "I looked", "by": "Grace"}
    yield Request(
        "approve",
        [("complete-task", {"task": "07-right", "action": "approve", **said})],
        lambda a: a["task"]["evidence"] == "attested" and (root / "right.txt").is_file(),
    )
    yield Request(
        "reject",
        [("complete-task", {"task": "08-wrong", "action": "reject", **said})],
        lambda a: a["run"]["stop_reason"] == "rejected" and a["run"]["rejected_by"] == "Grace",
    )
    yield Request(
        "acknowledge",
        [("complete-task", {"task": "06-stale", "action": "acknowledge", **said})],
        lambda a: a["acknowledged_by"] == "Grace",
    )
    yield Request(
        "create a task",
        [("list-tasks", {"limit": 1})],
        lambda a: "write .runr/tasks/NAME.md:\n---\n" in a["next_steps"][-1],
    )
    template = task("12", "worker: script\nverify: [test -f new.txt]", run("echo > new.txt"))
    (root / ".runr/tasks/12-new.md").write_text(template, encoding="utf-8")
    yield Request(
        "run all that is ready",
        [("run-task", {"all_ready": True, "worker": "script"})],
        lambda a: a["job_run"]["status"] == "running",
    )
    until(lambda: run_of("09-slow") != "", "a run of 09-slow")
    yield Request(
        "stop a run",
        [("run-task", {"task": "09-slow", "action": "stop"})],
        lambda a: a["run"]["stop_reason"] == "stopped",
    )
    yield Request(
        "stop a job",
        [("run-task", {"job": "ready", "action": "stop"})],
        lambda a: a["job_run"]["job"] == "ready",
    )
    yield Request(
        "resume",
        [("run-task", {"task": "09-slow", "action": "resume"})],
        lambda a: a["run"]["status"] == "running",
    )


class Cost(NamedTuple):
    """The tokens of a request, and those of the same with the SDK alone."""

    asks: str
    tokens: int
    bare: int


def tokens(text: str) -> int:
    return len(text) // CHARACTERS_PER_TOKEN


async def measure(place: Place, gate: Path) -> list[Cost]:
    """Return the costs of the list of the tools, then of each request; each has to be answered."""
    os.mkfifo(gate)
    prepare(place, gate)

    def run_of(name: str) -> str:
        found = place.runr("runs", "--task", name, "--json").json["runs"]
        return str(found[0]["id"]) if found else ""

    environment = {**os.environ, "CLAUDE_CODE_SESSION_ID": SESSION}
    answers: list[object] = []
    server, costs = _server(place.root, environment, answers)
    async with Client(server, elicitation_callback=_confirmed) as client:
        for requests in (before(run_of), after(place.root, run_of)):
            costs += [await _cost(client, asked, answers) for asked in requests]
    await anyio.Path(gate).write_text("open\n")
    place.runr("follow", "latest")
    return costs


def _server(
    root: Path, environment: Mapping[str, str], answers: list[object]
) -> tuple[Server[Any], list[Cost]]:
    """Return a server that keeps its answers, and what the list of its tools costs."""
    cache = ProjectCache()

    def opener(warn: Callable[[str], None]) -> Project:
        return Project.open(root, environment, warn=warn, surface=MCP, cache=cache)

    offer = offered(ProjectCalls(opener))
    listed = [
        tool.listing().model_dump_json(by_alias=True, exclude_none=True) for tool in offer.tools
    ]
    bare = [_bare_listing(tool) for tool in offer.tools]
    kept = [replace(tool, call=_keeping(tool, answers)) for tool in offer.tools]
    costs = [Cost("the list of the tools", tokens("".join(listed)), tokens("".join(bare)))]
    return assemble(replace(offer, tools=kept)), costs


def _keeping(tool: Tool[Any], answers: list[object]) -> Callable[[Call[Any]], Any]:
    async def call(made: Call[Any]) -> object:
        answer = await tool.call(made)
        answers.append(answer)
        return answer

    return call


def _bare_listing(tool: Tool[Any]) -> str:
    """Return the tool as the SDK lists a function with these arguments and this answer."""

    async def function(**_: object) -> None:
        """Stand for the tool; the SDK reads its signature."""

    fields = tool.arguments.model_fields.items()
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # what the SDK reads
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.is_required() else field.get_default(),
                annotation=Annotated[
                    field.annotation, *field.metadata, Field(description=field.description)
                ],
            )
            for name, field in fields
        ],
        return_annotation=tool.answers[0],
    )
    made = SdkTool.from_function(function, tool.name, description=tool.description)
    listed = {"name": made.name, "description": made.description}
    schemas = {"inputSchema": made.parameters, "outputSchema": made.output_schema}
    return json.dumps(listed | schemas, separators=(",", ":"))


def _bare_answer(answer: object) -> str:
    """Return the text that the SDK makes of what a function returns."""
    made = SdkTool.from_function(_bare_answer, structured_output=False)
    result = made.fn_metadata.convert_result(answer)
    assert isinstance(result, CallToolResult)
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


async def _confirmed(
    context: ClientRequestContext,  # noqa: ARG001 - named by the client
    params: ElicitRequestParams,  # noqa: ARG001 - as above
) -> ElicitResult:
    return ElicitResult(action="accept", content={"answer": "Yes, I confirm this myself, as Grace"})


async def _cost(client: Client, request: Request, answers: list[object]) -> Cost:
    """Return the tokens of the calls and of the answers, which have to be right."""
    spent = bare = 0
    content: Answer = {}
    for tool, arguments in request.calls:
        answers.clear()
        answer = await client.call_tool(tool, arguments)
        assert not answer.is_error, (request.asks, answer.content)
        content = answer.structured_content or {}
        called = json.dumps(arguments)
        spent += tokens(called + json.dumps(content, separators=(",", ":")))
        bare += tokens(called + _bare_answer(answers[-1]))
        steps = [step for step in content.get("next_steps", ()) if "`" in step]
        assert not steps, (request.asks, steps)
    assert request.says(content), (request.asks, content)
    return Cost(request.asks, spent, bare)
