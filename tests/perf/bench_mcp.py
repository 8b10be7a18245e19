"""How fast the MCP server answers, beside servers of a few lines in the same run.

One is hand-written, the other has the SDK and a tool that does nothing. The start is measured
until the answer to the first request, and until the tools are listed; the time that passes,
and the processor time of the server until then.

With ten thousand tasks, a third of them completed, the processor time of a call counts, that of
the git processes which it starts too: the least of several calls to one server, and of the first
ones after a change. Beside it stands a bare stat of the files.

At last what people ask: the tokens of the call and its answer, beside those of the same tools
and answers as the SDK alone lists and writes them.

python tests/perf/bench_mcp.py
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import anyio

from cli.terminal import Place
from mcpserver.raw_client import Message, RawClient, calling, enveloped, initialize, request
from mcpserver.typical_requests import measure
from perf.bench_listing import repository
from perf.bench_tasks import list_bare
from perf.stopwatch import ms, say
from runr.project import Project
from runr.status import store
from runr.status.model import Entry, Evidence, State

STARTS = 7
CALLS = 300
TASKS = 100
MANY = 10_000
REPEATS = 10
LARGE: dict[str, Message] = {
    "task-status": {"task": "00004-build"},
    "list-tasks": {},
    "list-tasks, ready": {"ready": True},
}

#: Answers every request with a constant: what a Python process and two pipes cost alone.
ECHO = """
import json, sys
for line in sys.stdin:
    request_id = json.loads(line).get("id")
    if request_id is not None:
        print(json.dumps({"jsonrpc": "2.0", "id": request_id, "result": {}}), flush=True)
"""

#: A server that is what the SDK costs.
SDK = """
import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool

async def listed(context, params):
    return ListToolsResult(tools=[Tool(name="list-tasks", input_schema={"type": "object"})])

async def called(context, params):
    return CallToolResult(content=[TextContent(type="text", text="")])

async def serve():
    server = Server("bare", on_list_tools=listed, on_call_tool=called)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())

anyio.run(serve)
"""

INITIALIZED: Message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
#: What clients open with, and the request that they are ready after.
OPENINGS: dict[str, tuple[Sequence[Message], Sequence[Message]]] = {
    "initialize": ([initialize()], []),
    "tools listed": ([initialize()], [INITIALIZED, request("tools/list", None, 2)]),
    "discover": ([enveloped("server/discover")], []),
    "tools listed, modern": (
        [enveloped("server/discover")],
        [enveloped("tools/list", None, 2)],
    ),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root)
        servers = {
            "hand-written echo": [sys.executable, "-c", ECHO],
            "SDK alone": [sys.executable, "-c", SDK],
            "runr mcp": [sys.executable, "-m", "runr", "mcp", "--repo", folder],
        }
        say("from the start of the process: time that passes, processor time")
        row = ("{:<18}" + "  {:>20}" * len(OPENINGS)).format
        say(row("server", *OPENINGS))
        for name, command in servers.items():
            say(row(name, *(start(command, *opening) for opening in OPENINGS.values())))
        row = "{:<18}  {:>14}  {:>14}".format
        say(row("server", "unknown tool/s", "list-tasks/s"))
        for name, command in servers.items():
            # The first is refused by the registry: the protocol's own cost.
            refused, listed = (rate(command, calling(tool)) for tool in ("nothing", "list-tasks"))
            say(row(name, f"{refused:.0f}", f"{listed:.0f}"))
        many = worked_on(repository(root / "many", MANY, committed=False))
        stat = processor_seconds_of(lambda: list_bare(many / ".runr/tasks"))
        say(f"stat of {MANY:,} files: {ms(stat)} of processor time")
        for tool, arguments in LARGE.items():
            taken = ms(cost(many, tool, arguments))
            say(f"{tool}, {MANY:,} tasks: {taken} of processor time")
            for what, change in CHANGES.items():
                taken = ms(cost(many, tool, arguments, change))
                say(f"  the first after {what}: {taken}")
        tell_tokens(Place(root / "asked", root), root / "gate")


def tell_tokens(place: Place, gate: Path) -> None:
    """Print what each request costs, and with the SDK alone."""
    row = "{:<40}  {:>6}  {:>9}".format
    say(row("tokens", "runr", "SDK alone"))
    costs = anyio.run(measure, place, gate)
    for cost in costs:
        say(row(*cost))
    say(row("sum", sum(cost.tokens for cost in costs), sum(cost.bare for cost in costs)))


def cost(
    root: Path, tool: str, arguments: Message, change: Callable[[Path], object] | None = None
) -> float:
    """Return the processor time of a call of a tool: the least, each after the change, if any."""
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(root)]
    params = calling(tool.partition(",")[0], **arguments)
    taken = []
    with RawClient(command, os.environ) as client:
        for number in range(REPEATS):
            if change:
                change(root)
            begin = client.processor_seconds()
            answer = client.ask(enveloped("tools/call", params, number + 1))
            assert not answer["result"].get("isError"), answer
            taken.append(client.processor_seconds() - begin)
        client.hang_up()
    return min(taken)


def edit(root: Path) -> None:
    """Change a task file, and its size."""
    file = next((root / ".runr/tasks").glob("*/00004-build.md"))
    file.write_text(file.read_text() + "more\n")


def complete(root: Path) -> None:
    """Record another completion of a task in the status file."""
    entry = Entry(
        status=State.COMPLETED, evidence=Evidence.VERIFIED, completed_by=f"run:{time.time_ns()}"
    )
    path = ".runr/tasks/nothing.md"
    store.update(Project.open(root, os.environ).layout, lambda old: {**old, path: entry})


CHANGES = {"an edit": edit, "a change of a status": complete}


def worked_on(root: Path) -> Path:
    """Commit the tasks, then a checkpoint of every third, and record these as completed."""
    git = ["git", "-C", str(root), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "Add the tasks"], check=True)
    branch = subprocess.check_output([*git, "symbolic-ref", "HEAD"], text=True).strip()
    before = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    files = sorted((root / ".runr/tasks").glob("*/*.md"))[: MANY // 3]
    paths = [file.relative_to(root).as_posix() for file in files]
    commits = [f"reset {branch}\nfrom {before}\n"]
    for number, path in enumerate(paths):
        text = (
            f"Do it\n\nRunr-Run-Id: {_run_id(number)}\nRunr-Task: {path}\nRunr-Checkpoint: true\n"
        )
        author = f"committer Ada <ada@example.org> {1_735_700_000 + number} +0000"
        commits.append(f"commit {branch}\n{author}\ndata {len(text)}\n{text}\n")
    subprocess.run([*git, "fast-import", "--quiet"], input="".join(commits).encode(), check=True)
    listed = subprocess.check_output([*git, "rev-list", "--reverse", f"{before}..HEAD"], text=True)
    entries = {
        path: Entry(
            status=State.COMPLETED,
            evidence=Evidence.VERIFIED,
            completed_by=f"run:{_run_id(number)}",
            last_run_id=_run_id(number),
            checkpoint_sha=sha,
        )
        for number, (path, sha) in enumerate(zip(paths, listed.split(), strict=True))
    }
    store.update(Project.open(root, os.environ).layout, lambda _: entries)
    return root


def _run_id(number: int) -> str:
    return f"20250101-{number:06}-bnch"


def processor_seconds_of(work: Callable[[], object]) -> float:
    """Return the processor time that the work takes in this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def make(root: Path) -> None:
    """Make a repository with some tasks."""
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    tasks = root / ".runr/tasks"
    tasks.mkdir(parents=True)
    for number in range(TASKS):
        file = tasks / f"{number:03}-build.md"
        file.write_text(f"---\ntags: [part-{number}]\n---\n# Build part {number}\n")


def start(command: Sequence[str], first: Sequence[Message], then: Sequence[Message]) -> str:
    """Return what passes from the start of the process to its last answer, and its processor time.

    `then` is sent once the first answer has come.
    """
    passed, used = [], []
    for _ in range(STARTS):
        begin = time.perf_counter()
        with RawClient(command, os.environ) as client:
            for messages in filter(None, (first, then)):
                client.send(*messages)
                client.receive()
            passed.append(time.perf_counter() - begin)
            used.append(client.processor_seconds())
            client.hang_up()
    return f"{ms(median(passed))} {ms(median(used))}"


def rate(command: Sequence[str], params: Message) -> float:
    """Return how many calls a second are answered, one after the other."""
    with RawClient(command, os.environ) as client:
        client.ask(enveloped("tools/call", params))
        begin = time.perf_counter()
        for number in range(CALLS):
            client.ask(enveloped("tools/call", params, number + 2))
        taken = time.perf_counter() - begin
        client.hang_up()
    return CALLS / taken


if __name__ == "__main__":
    main()
