"""How many first turns of Codex have the tools, beside a server of a few lines in the same run.

Codex is started again and again, with a scripted model, and the tools are counted that its first
request offers. It waits about a second for a server, unless that is marked as required; both are
measured. The time is that from the start of Codex to the end of its only turn.

python tests/perf/bench_clients.py
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from clients.real_client import CLIENTS, ClientPlace, a_place
from fakes.scripted_model import ScriptedModel
from perf.bench_mcp import SDK
from perf.stopwatch import ms, say, seconds

STARTS = 10
CODEX = CLIENTS["codex"]


def main() -> None:
    if shutil.which("codex") is None:
        say("codex is not on PATH, so no first turns are counted: npm install -g @openai/codex")
        return
    servers = {
        "SDK alone": [sys.executable, "-c", SDK],
        "runr mcp": [sys.executable, "-m", "runr", "mcp"],
    }
    say(f"load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    row = "{:<12}  {:>22}  {:>16}  {:>16}".format
    say(row("server", "", "with the tools", "median time"))
    for required in (False, True):
        for name, command in servers.items():
            had, taken = first_turns(command, required=required)
            how = "required" if required else "as Codex has it"
            say(row(name, how, f"{had} of {STARTS}", ms(median(taken))))


def first_turns(command: Sequence[str], *, required: bool) -> tuple[int, list[float]]:
    """Return how many first turns had a tool of the server, and how long each start took."""
    with tempfile.TemporaryDirectory() as folder, ScriptedModel(CODEX.dialect) as model:
        place = a_place(Path(folder) / "repository", Path(folder) / "home")
        there = ClientPlace(client=CODEX, place=place, model=model)
        file = CODEX.set_up(place.home, model, place.root)
        file.write_text(file.read_text(encoding="utf-8") + server(command, required=required))
        variables = {"HOME": str(place.home)}
        taken = [seconds(lambda: there.start(variables=variables)) for _ in range(STARTS)]
        assert len(model.turns) == STARTS, "a start of Codex had no turn, or two"
        return sum(bool(turn.tools) for turn in model.turns), taken


def server(command: Sequence[str], *, required: bool) -> str:
    """Return the settings of a server."""
    program, *words = (json.dumps(word) for word in command)
    lines = [f"command = {program}", f"args = [{', '.join(words)}]"]
    return "\n".join(["\n[mcp_servers.runr]", *lines, f"required = {json.dumps(required)}", ""])


if __name__ == "__main__":
    main()
