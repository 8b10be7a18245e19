"""A forked `runr` answers as the installed one does; most tests start it that way."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from acceptance.working import text_of
from cli.terminal import DEADLINE_S, Place
from fakes import forked

Ended = subprocess.CompletedProcess[bytes]


def both(place: Place, *words: str, cwd: Path | None = None, **env: str) -> tuple[Ended, Ended]:
    """Run a command both ways, the installed program first."""
    ways = []
    for forks in (False, True):
        forked.allow(forks=forks)
        variables = {**os.environ, **env}
        ways.append(forked.run_runr(words, cwd or place.root, variables, DEADLINE_S))
    return ways[0], ways[1]


@pytest.mark.parametrize(
    "words",
    [
        ("version",),
        ("--help",),
        (),
        ("list-tasks",),
        ("list-tasks", "--json", "--all"),
        ("task-status", "größe-\udcff"),
        ("doctor", "--json"),
        ("lsit-tasks",),
        ("report", "latest", "--json"),
    ],
)
def test_a_forked_command_ends_like_the_installed_one(place: Place, words: tuple[str, ...]) -> None:
    place.task("a.md", "type: manual")
    installed, other = both(place, *words)
    assert (other.returncode, other.stdout, other.stderr) == (
        installed.returncode,
        installed.stdout,
        installed.stderr,
    )


def test_a_forked_command_has_the_folder_and_the_environment_that_it_is_given(place: Place) -> None:
    outside = place.root.parent
    installed, other = both(place, "list-tasks", cwd=outside)
    assert (other.returncode, other.stderr) == (installed.returncode, installed.stderr)
    place.write(".runr/config.toml", "[run]\nwrong = 1\n")
    quiet, debug = both(place, "list-tasks", NO_COLOR="1", RUNR_DEBUG="1")
    assert debug.stderr == quiet.stderr


def test_an_environment_that_the_interpreter_reads_at_its_start_is_given_to_a_new_one(
    place: Place,
) -> None:
    installed, other = both(place, "version", PYTHONPROFILEIMPORTTIME="1")
    assert b"import time:" in installed.stderr
    assert b"import time:" in other.stderr


def test_a_forked_run_is_a_process_of_its_own_like_an_installed_one(place: Place) -> None:
    found = []
    for name, forks in (("a.md", False), ("b.md", True)):
        forked.allow(forks=forks)
        place.script(name, f"echo $$ > {place.root}/{name}.pid; sleep 1000")
        run = place.runr("run", "--task", name, "--detach", "--json", code=0).json["id"]
        worker = int(text_of(place.root / f"{name}.pid"))
        runner = int((place.run_folder(run) / "lock").read_text())
        assert os.getsid(runner) != os.getsid(0)
        variables = Path(f"/proc/{worker}/environ").read_text().replace(run, "RUN")
        kept = [line for line in variables.split("\0") if not line.startswith(("RUNR_TASK=", "_="))]
        found.append((sorted(kept), Path(f"/proc/{runner}/cwd").readlink(), is_forked(runner)))
        place.runr("stop", run, code=0)
    assert found[0][:2] == found[1][:2]
    assert [each[2] for each in found] == [False, not forked.NEVER]


def is_forked(pid: int) -> bool:
    return b"runr_server.py" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_command_that_does_not_end_is_killed(place: Place) -> None:
    place.script("a.md", "sleep 1000")
    run = place.runr("run", "--task", "a", "--detach", "--json", code=0).json["id"]
    with pytest.raises(subprocess.TimeoutExpired):
        forked.run_runr(["follow", run], place.root, os.environ, 0.5)
    place.runr("stop", run, code=0)


def test_a_forked_runr_on_path_exits_as_the_installed_one(place: Place, tmp_path: Path) -> None:
    place.task("a.md", "type: manual")
    for words in (["list-tasks"], ["task-status", "b"], ["version"]):
        installed, other = (
            subprocess.run([program, *words], cwd=place.root, capture_output=True, check=False)
            for program in (forked.RUNR, on_path(tmp_path))
        )
        assert (other.returncode, other.stdout, other.stderr) == (
            installed.returncode,
            installed.stdout,
            installed.stderr,
        )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_a_signal_to_a_forked_runr_on_path_ends_the_command(
    place: Place, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    command = [on_path(tmp_path), "mcp", "--repo", str(place.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdin
        assert client.stdout
        client.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        client.stdin.flush()
        assert client.stdout.readline()
        client.send_signal(number)
        assert client.stdout.read() == b""  # nothing holds the stream any longer
    assert client.returncode == code


def on_path(folder: Path) -> str:
    return str(forked.forked_command(folder / "bin") or forked.RUNR)
