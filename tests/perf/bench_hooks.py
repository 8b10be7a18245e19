"""Measure what a hook costs a Claude Code session, with an empty Python program as baseline.

    .venv/bin/python tests/perf/bench_hooks.py [RUNS]

Each figure is the median and the fastest of several starts, in milliseconds.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from perf.stopwatch import seconds, tell

_RUNR = str(Path(sys.executable).with_name("runr"))
_SHIM = str(Path(__file__).parents[2] / "skill" / "hooks" / "runr.sh")
_SESSION = "11111111-2222-3333-4444-555555555555"
_TASK = '---\nowns: [a.txt]\nverify: ["test -d ."]\n---\n# Task {number}\n'
#: Without bytecode, as some machines for tests are set up, every start would compile runr anew.
_NOT_OURS = ("CLAUDE", "RUNR", "PYTHONDONTWRITEBYTECODE")
_ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if not key.startswith(_NOT_OURS)},
    "PATH": f"{Path(_RUNR).parent}{os.pathsep}{os.environ['PATH']}",
}


def main() -> None:
    """Print one line for each figure."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory(prefix="runr-bench-") as folder:
        here = Path(folder)
        plain = here / "plain"
        _git(plain, "init", "-q")
        for size in (3, 1_000):
            _repository(here / str(size), size)
        idle, large = here / "3", here / "1000"
        busy = Path(shutil.copytree(idle, here / "busy"))
        _runr(busy, "run", "--task", "0", "--worker", "session")
        python = [sys.executable, "-c", "pass"]
        tell("python -c pass", [_timed(python, plain) for _ in range(runs)])
        _hook("PreToolUse, outside of runr, plugin's script", plain, "PreToolUse", runs, shim=True)
        _hook("PreToolUse, outside of runr", plain, "PreToolUse", runs)
        _hook("PreToolUse, no task open", idle, "PreToolUse", runs)
        _hook("PreToolUse, an edit within the scope", busy, "PreToolUse", runs, "a.txt")
        _hook("PreToolUse, an edit that is denied", busy, "PreToolUse", runs, "b.txt")
        _hook("PostToolUse, no task open", idle, "PostToolUse", runs)
        _hook("PostToolUse, an edit is noted", busy, "PostToolUse", runs, "a.txt")
        _hook("Stop, no task open", idle, "Stop", runs)
        for root, tasks in ((idle, "3 tasks"), (large, "1,000 tasks")):
            _hook(f"SessionStart, {tasks}, nothing changed", root, "SessionStart", runs)
            _hook(f"SessionStart, {tasks}, one changed", root, "SessionStart", runs, change=True)
        # Behind the starts: else it would find something to look at when it is gone aside.
        _hook("SessionEnd, nothing changed", idle, "SessionEnd", runs)
        _stops(busy, runs)


def _stops(root: Path, runs: int) -> None:
    """Let the session stop on its run twice, and resume the run, `runs` times."""
    (run,) = (root / ".runr" / "runs").iterdir()
    held, left, called = [], [], []
    for number in range(runs + 1):
        if number:
            _runr(root, "resume", run.name)
        called.append(_once(root, "PreToolUse", tool="mcp__runr__complete-task"))
        taken = [_once(root, "Stop") for _ in range(2)]
        held += taken[:1]
        left += taken[1:]
    tell("PreToolUse, a tool of runr's is called", called[1:])
    tell("Stop, a session is held", held[1:])
    tell("Stop, a run is left", left[1:])


def _hook(
    name: str,
    root: Path,
    event: str,
    runs: int,
    path: str = "a.txt",
    *,
    shim: bool = False,
    change: bool = False,
) -> None:
    taken = []
    for _ in range(runs + 1):
        if change:
            (root / ".runr" / "tasks" / "0.md").write_text(_TASK.format(number=time.time_ns()))
        kept = _kept(root)
        taken.append(_once(root, event, path, shim=shim))
        while change and _kept(root) == kept:
            time.sleep(0.05)  # the work after the response must not be measured with the next one
    tell(name, taken[1:])  # the first one warms up


def _kept(root: Path) -> int:
    """Return when the summary for a session was computed last."""
    greeting = root / ".runr" / "greeting.json"
    return greeting.stat().st_mtime_ns if greeting.exists() else 0


def _once(
    root: Path, event: str, path: str = "a.txt", *, shim: bool = False, tool: str = "Edit"
) -> float:
    call: dict[str, Any] = {
        "session_id": _SESSION,
        "cwd": str(root),
        "hook_event_name": event,
        "tool_name": tool,
        "tool_use_id": f"toolu_{time.time_ns()}",
        "tool_input": {"file_path": str(root / path)},
    }
    command = ["sh", _SHIM, event] if shim else [_RUNR, "hook", event]
    return _timed(command, root, json.dumps(call).encode())


def _repository(root: Path, size: int) -> None:
    _git(root, "init", "-q", "-b", "main")
    tasks = root / ".runr" / "tasks"
    tasks.mkdir(parents=True)
    for number in range(size):
        (tasks / f"{number}.md").write_text(_TASK.format(number=number), encoding="utf-8")
    _git(root, "add", "-A")
    who = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org")
    _git(root, *who, "commit", "-q", "-m", "Start")


def _git(root: Path, *words: str) -> None:
    root.mkdir(exist_ok=True)
    subprocess.run(["git", "-C", str(root), *words], check=True)


def _runr(root: Path, *words: str) -> None:
    environment = _ENVIRONMENT | {"CLAUDE_CODE_SESSION_ID": _SESSION}
    subprocess.run(
        [_RUNR, *words], cwd=root, env=environment, stdout=subprocess.DEVNULL, check=True
    )


def _timed(command: Sequence[str], cwd: Path, given: bytes = b"") -> float:
    environment = _ENVIRONMENT | {"CLAUDE_ENV_FILE": str(cwd.parent / "exports.sh")}
    start = partial(subprocess.run, command, cwd=cwd, env=environment, input=given, check=True)
    return seconds(partial(start, stdout=subprocess.DEVNULL))


if __name__ == "__main__":
    main()
