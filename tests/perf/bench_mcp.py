"""How fast the MCP server answers, beside a server of a few lines in the same run.

With ten thousand tasks the processor time of a call counts, that of the git processes which it
starts too. The server has answered once before, and beside it stands a bare stat of the files.

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

from mcpserver.raw_client import Message, RawClient, calling, enveloped, initialize
from perf.bench_listing import repository
from perf.bench_tasks import list_bare
from perf.stopwatch import ms, say

STARTS = 7
CALLS = 300
TASKS = 100
MANY = 10_000
REPEATS = 20
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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root)
        servers = {
            "hand-written echo": [sys.executable, "-c", ECHO],
            "runr mcp": [sys.executable, "-m", "runr", "mcp", "--repo", folder],
        }
        row = "{:<18}  {:>14}  {:>16}  {:>14}  {:>14}".format
        say(row("server", "first discover", "first initialize", "unknown tool/s", "list-tasks/s"))
        for name, command in servers.items():
            figures = (
                f"{ms(first(command, enveloped('server/discover')))}",
                f"{ms(first(command, initialize()))}",
                # Refused by the registry: the protocol's own cost.
                f"{rate(command, calling('nothing')):.0f}",
                f"{rate(command, calling('list-tasks')):.0f}",
            )
            say(row(name, *figures))
        many = repository(root / "many", MANY)
        stat = processor_seconds_of(lambda: list_bare(many / ".runr/tasks"))
        say(f"stat of {MANY:,} files: {ms(stat)} of processor time")
        for tool, arguments in LARGE.items():
            taken = ms(cost(many, tool, arguments))
            say(f"{tool}, {MANY:,} tasks: {taken} of processor time")


def cost(root: Path, tool: str, arguments: Message) -> float:
    """Return the processor time that a call of a tool takes, of many one after the other."""
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(root)]
    params = calling(tool.partition(",")[0], **arguments)
    with RawClient(command, os.environ) as client:
        for number in range(2):
            answer = client.ask(enveloped("tools/call", params, number + 1))
            assert not answer["result"].get("isError"), answer
        begin = client.processor_seconds()
        for number in range(REPEATS):
            client.ask(enveloped("tools/call", params, number + 10))
        taken = client.processor_seconds() - begin
        client.hang_up()
    return taken / REPEATS


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


def first(command: Sequence[str], message: Message) -> float:
    """Return the seconds from the start of the process to its first answer."""
    taken = []
    for _ in range(STARTS):
        begin = time.perf_counter()
        with RawClient(command, os.environ) as client:
            client.ask(message)
            taken.append(time.perf_counter() - begin)
            client.hang_up()
    return median(taken)


def rate(command: Sequence[str], params: Message) -> float:
    """Return how many calls a second are answered, one after the other."""
    with RawClient(command, os.environ) as client:
        client.ask(enveloped("tools/list"))
        begin = time.perf_counter()
        for number in range(CALLS):
            client.ask(enveloped("tools/call", params, number + 2))
        taken = time.perf_counter() - begin
        client.hang_up()
    return CALLS / taken


if __name__ == "__main__":
    main()
