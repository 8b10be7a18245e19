import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from runr.errors import WorkerUnavailableError
from runr.workers import cgroup, process, process_tree
from runr.workers.process import Ended

# Tests run side by side, and ending one run must not end another.
MARKER = f"20250108-143022-{os.getpid()}"
DEADLINE_S = 20.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
IN_CGROUPS = pytest.mark.skipif(
    cgroup.own() is None, reason="needs a cgroup in which this user may make others"
)

#: Ignores a polite end for ever, and so do its children; says its id, aloud or into a file.
STUBBORN = """
trap '' TERM
if [ "${1-}" = quiet ]; then
  # It is there with its content, or not at all.
  echo pid $$ > saying; mv saying said; exec > /dev/null 2>&1
else
  echo pid $$
fi
while :; do sleep 60; done
"""
STARTS = {
    "in the group": "sh stubborn.sh &",
    "in a session of its own": "setsid sh stubborn.sh &",
    "in a session of its own, silent": "setsid sh stubborn.sh quiet &",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stubborn.sh").write_text(STUBBORN, encoding="utf-8")
    return tmp_path


def run(
    *command: str | Path,
    cwd: Path,
    timeout_s: float = DEADLINE_S,
    given: bytes = b"",
    grace_s: float = 0.2,
    on_line: Callable[[str], None] | None = None,
) -> tuple[Ended, list[str]]:
    lines: list[str] = []

    async def main() -> Ended:
        with anyio.fail_after(2 * DEADLINE_S):
            return await process.run(
                [str(part) for part in command],
                cwd=cwd,
                env=os.environ,
                input=given,
                on_line=on_line or lines.append,
                timeout_s=timeout_s,
                grace_s=grace_s,
                marker=MARKER,
            )

    return anyio.run(main), lines


def run_out_of_time(
    script: str, folder: Path, is_ready: Callable[[list[str]], bool], grace_s: float = 0.2
) -> list[str]:
    """Return what a script that does not end says, with more time until it was ready by its end."""
    timeout_s = 0.5
    while timeout_s < DEADLINE_S:
        ended, lines = run("sh", "-c", script, cwd=folder, timeout_s=timeout_s, grace_s=grace_s)
        assert (ended.exit_code, ended.timed_out) == (None, True)
        if is_ready(lines):
            return lines
        timeout_s *= 2
    pytest.fail("it was never ready")


def pids(lines: list[str]) -> Iterator[int]:
    return (int(line.split()[1]) for line in lines if line.startswith("pid "))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in ("Z", "X")


def test_lines_arrive_in_order_from_both_streams_and_the_exit_code_is_returned(
    tmp_path: Path,
) -> None:
    script = "echo one; echo two >&2; printf 'three\\r\\n\\n'; printf 'no end'; exit 7"
    ended, lines = run("sh", "-c", script, cwd=tmp_path)
    assert lines == ["one", "two", "three", "", "no end"]
    assert (ended.exit_code, ended.timed_out) == (7, False)
    assert ended.seconds > 0


def test_a_line_arrives_when_it_is_written(tmp_path: Path) -> None:
    # The script ends only because its first line was heard.
    ended, _ = run(
        *("sh", "-c", "echo go; until [ -e heard ]; do sleep 0.01; done"),
        cwd=tmp_path,
        on_line=lambda _: (tmp_path / "heard").touch(),
    )
    assert ended.exit_code == 0


def test_the_program_gets_its_input_folder_environment_and_marker(tmp_path: Path) -> None:
    given = os.urandom(300_000).hex().encode()
    ended, lines = run("sh", "-c", "pwd; echo $RUNR_RUN_ID; wc -c", cwd=tmp_path, given=given)
    assert lines[:2] == [str(tmp_path), MARKER]
    assert lines[2].strip() == "600000"
    assert ended.exit_code == 0


def test_a_program_that_never_reads_its_input_holds_nothing_up(tmp_path: Path) -> None:
    ended, lines = run("echo", "done", cwd=tmp_path, given=b"x" * 10_000_000)
    assert (ended.exit_code, lines) == (0, ["done"])


def test_without_input_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    ended, lines = run("cat", cwd=tmp_path)
    assert (ended.exit_code, lines) == (0, [])


def test_giant_output_arrives_whole_and_a_giant_line_in_parts(tmp_path: Path) -> None:
    script = (
        "import sys; [print('x' * 99) for _ in range(200_000)]; sys.stdout.write('y' * 20_000_000)"
    )
    ended, lines = run(sys.executable, "-c", script, cwd=tmp_path)
    assert ended.exit_code == 0
    assert lines[:200_000] == ["x" * 99] * 200_000
    parts = lines[200_000:]
    assert "".join(parts) == "y" * 20_000_000
    assert len(parts) == 3


def test_bytes_that_are_not_text_are_replaced(tmp_path: Path) -> None:
    _, lines = run("printf", r"a\377b\n", cwd=tmp_path)
    assert lines == ["a\ufffdb"]


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_what_a_finished_program_left_behind_is_ended(folder: Path, start: str) -> None:
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        (folder / "said").touch()

    # The program ends when the other one has said its id.
    wait = "until [ -e said ]; do sleep 0.01; done"
    ended, _ = run("sh", "-c", f"{start} {wait}", cwd=folder, on_line=hear)
    (left,) = pids([*lines, *(folder / "said").read_text(encoding="utf-8").splitlines()])
    assert not is_alive(left)
    assert (ended.exit_code, ended.timed_out) == (0, False)


def test_at_the_time_limit_the_whole_tree_is_ended(folder: Path) -> None:
    script = f"rm -f said; {' '.join(STARTS.values())} trap '' TERM; wait"
    said = folder / "said"
    lines = run_out_of_time(
        script, folder, lambda lines: said.exists() and len([*pids(lines)]) == 2
    )
    started = [*pids(lines), *pids(said.read_text(encoding="utf-8").splitlines())]
    assert len(started) == 3
    assert not any(is_alive(pid) for pid in started)


def test_a_program_is_asked_to_end_first_and_its_last_output_is_kept(tmp_path: Path) -> None:
    script = "trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.01; done"
    lines = run_out_of_time(script, tmp_path, lambda lines: "ready" in lines, grace_s=DEADLINE_S)
    assert [line for line in lines if line != "Terminated"] == ["ready", "bye"]


def test_a_cancelled_run_leaves_no_process(folder: Path) -> None:
    lines: list[str] = []
    scopes: list[anyio.CancelScope] = []

    def hear(line: str) -> None:
        lines.append(line)
        if len(list(pids(lines))) == 2:
            scopes[0].cancel()

    async def main() -> None:
        with anyio.fail_after(DEADLINE_S), anyio.CancelScope() as scope:
            scopes.append(scope)
            await process.run(
                ["sh", "-c", "setsid sh stubborn.sh & sh stubborn.sh"],
                cwd=folder,
                env=os.environ,
                on_line=hear,
                timeout_s=DEADLINE_S,
                grace_s=0.1,
                marker=MARKER,
            )
            pytest.fail("was not cancelled")

    anyio.run(main)
    assert len(list(pids(lines))) == 2
    assert not any(is_alive(pid) for pid in pids(lines))


def test_an_error_of_the_listener_ends_the_program_and_comes_through(folder: Path) -> None:
    lines: list[str] = []

    def refuse(line: str) -> None:
        lines.append(line)
        raise LookupError(line)

    with pytest.raises(LookupError, match="pid"):
        run("sh", "stubborn.sh", cwd=folder, on_line=refuse)
    assert lines
    assert not any(is_alive(pid) for pid in pids(lines))


#: In a session of its own, without the environment, left by its parent.
ESCAPE = "(env -i PATH=$PATH setsid sh -c 'echo pid $$; read x < gate' &); "
HEARD = "until [ -e heard ]; do sleep 0.01; done"


def test_a_detached_process_that_holds_the_output_is_not_waited_for(tmp_path: Path) -> None:
    # Where there is no cgroup it cannot be found, and the output stays open.
    os.mkfifo(tmp_path / "gate")
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        (tmp_path / "heard").touch()

    gate = os.open(tmp_path / "gate", os.O_RDWR)
    try:
        ended, _ = run("sh", "-c", ESCAPE + HEARD, cwd=tmp_path, on_line=hear)
        (escaped,) = pids(lines)
        assert ended.exit_code == 0
        assert is_alive(escaped) == (cgroup.own() is None)
    finally:
        os.write(gate, b"\n")
        os.close(gate)


@IN_CGROUPS
def test_a_program_is_in_a_cgroup_that_is_gone_afterwards(tmp_path: Path) -> None:
    ended, lines = run("cat", "/proc/self/cgroup", cwd=tmp_path)
    assert ended.exit_code == 0
    assert any(line.startswith("0::") and line.endswith(f".{MARKER}") for line in lines)
    assert cgroup.left_by(MARKER) == ()


@IN_CGROUPS
def test_the_cgroup_of_a_dead_run_is_ended_with_those_in_it(tmp_path: Path) -> None:
    folder = cgroup.make(MARKER)
    assert folder
    enter = "mkdir $0/below; echo 0 > $0/below/cgroup.procs; echo there; exec sleep 600"
    with subprocess.Popen(
        ["setsid", "sh", "-c", enter, folder],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
    ) as left:
        assert left.stdout
        assert left.stdout.readline() == b"there\n"
        assert process_tree.end_marked(MARKER, grace_s=0.1) == 1
        assert left.wait(DEADLINE_S) < 0
    assert cgroup.left_by(MARKER) == ()


@IN_CGROUPS
def test_a_program_starts_as_it_would_without_a_cgroup(tmp_path: Path) -> None:
    """Python, which enters the cgroup before, ignores a signal and sets a variable of its own."""
    plain = {"PATH": os.environ["PATH"]}
    lines: list[str] = []

    async def main() -> None:
        await process.run(
            ["sh", "-c", "env | cut -d= -f1 | sort; kill -PIPE $$; echo ignored"],
            cwd=tmp_path,
            env=plain,
            on_line=lines.append,
            timeout_s=DEADLINE_S,
            marker=MARKER,
        )

    anyio.run(main)
    assert lines == ["PATH", "PWD", "RUNR_RUN_ID"]


@pytest.mark.parametrize("program", ["no-such-program-anywhere", "./not-executable", "./garbage"])
def test_a_program_that_cannot_be_started_is_named(tmp_path: Path, program: str) -> None:
    (tmp_path / "not-executable").touch()
    (tmp_path / "garbage").write_bytes(b"\x00\x01")
    (tmp_path / "garbage").chmod(0o755)
    with pytest.raises(WorkerUnavailableError, match=program) as refused:
        run(program, cwd=tmp_path)
    assert refused.value.next_steps


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkerUnavailableError, match=r"no folder .*gone"):
        run("true", cwd=tmp_path / "gone")


def test_the_processes_of_a_dead_run_are_found_by_its_marker(folder: Path) -> None:
    def start(marker: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            ["sh", "stubborn.sh"],
            cwd=folder,
            env={**os.environ, "RUNR_RUN_ID": marker},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout
        assert child.stdout.readline().startswith("pid ")
        return child

    with start(MARKER) as ours, start(MARKER + "x") as other:
        try:
            assert process_tree.end_marked(MARKER, grace_s=0.1) >= 1
            assert ours.wait(DEADLINE_S) < 0
            assert other.poll() is None
            assert process_tree.end_marked(MARKER) == 0
        finally:
            process_tree.end_marked(MARKER + "x", grace_s=0.1)


def test_neither_this_process_nor_its_parent_is_killed(tmp_path: Path) -> None:
    script = f"from runr.workers.process_tree import end_marked; print(end_marked({MARKER!r}))"
    ended, lines = run(
        "sh", "-c", '"$@"; echo still here', "sh", sys.executable, "-c", script, cwd=tmp_path
    )
    assert (ended.exit_code, lines) == (0, ["0", "still here"])
