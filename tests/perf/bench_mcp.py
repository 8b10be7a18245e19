"""How fast the MCP server answers, beside a server of a few lines in the same run.

python tests/perf/bench_mcp.py
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from mcpserver.raw_client import Message, RawClient, calling, enveloped, initialize
from perf.stopwatch import ms, say

STARTS = 7
CALLS = 300
TASKS = 100

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
