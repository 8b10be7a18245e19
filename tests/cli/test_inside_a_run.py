"""What a worker may not do from inside its run, and that nothing of it outlives the run."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from cli.terminal import Place
from fakes.processes import ends, working_below
from fakes.project_kit import kill, until
from runr.cli.commands import CommandGroup
from runr.workers import cgroup

CONFIG = '[run]\nworker = "script"\nattempts = 1\n'
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and prctl")

#: What only a person decides, as a worker would type it.
DECISIONS = (
    "complete-task u --force --reason mine --by Ada",
    "complete-task u --reason mine --by Ada",
    "approve u --reason mine",
    "reject u --reason mine",
    "acknowledge u --reason mine",
    "reset u --reason mine",
    "run --force --task u",
    "run --task u",
    "resume latest",
    "intervene --reason mine",
    "clean",
    "import backlog.md --by Ada --done attest",
    "submit latest --to main",
    "land",
    "stop latest",
    "new another",
    "lint --fix",
    "rebuild",
    "init",
    "workers add mine -- true",
    "install git-hooks",
    "install claude --user",
    "install merge-driver --uninstall",
    "job run --all-ready",
    "scheduler --once",
    "job stop",
    "job resume",
    "job retry",
    "job land",
    "hooks test post_job",
)

#: Commands that only show something without these options.
RECORDING = ("status --infer-from-git --apply",)

#: Commands that change nothing that outlives a run or is not its own, and that programs call.
ALLOWED = (
    *("list-tasks", "status", "task-status", "next", "why", "graph", "runs", "follow", "report"),
    *("verify", "audit", "export", "doctor", "hooks list", "completion", "version"),
    *("list-jobs", "upcoming", "job status", "job receipt"),
    *("history", "health", "metrics", "db path", "db check", "db migrate", "db vacuum"),
    *("note", "demo", "mcp", "hook", "merge-status"),
)


def test_every_command_is_refused_in_a_run_or_known_to_be_harmless() -> None:
    every = set(names(CommandGroup("runr"), ()))
    refused = {name for name in every for words in DECISIONS if f"{words} ".startswith(f"{name} ")}
    assert refused.isdisjoint(ALLOWED)
    assert refused | set(ALLOWED) == every


def names(group: click.Group, before: tuple[str, ...]) -> Iterator[str]:
    """Yield every command of a group, with the groups around it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from names(command, (*before, name))
        else:
            yield " ".join((*before, name))


#: All find out in the same way that they are inside.
FEW = ("complete-task u --force --reason mine --by Ada", "run --task u", "stop latest")


def decide(prefix: str, decisions: Sequence[str]) -> str:
    return "\n".join(f"{prefix} runr {words} >> said 2>&1 || true" for words in decisions)


ESCAPES = {
    "as it is": "",
    "without the variable": "env -u RUNR_RUN_ID",
    "a session of its own": 'setsid -w env -i PATH="$PATH" HOME="$HOME"',
}


@pytest.mark.installed
@LINUX
@pytest.mark.parametrize("prefix", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_worker_decides_nothing(place: Place, prefix: str) -> None:
    place.config(CONFIG)
    place.write(".git/info/exclude", "said\n")
    place.task("u.md")
    decisions = FEW if prefix else (*DECISIONS, *RECORDING)
    place.script("t.md", f"cd ../../..\n{decide(prefix, decisions)}")
    place.commit()
    place.runr("run", "--task", "t")
    said = place.read("said")
    assert said.count("this is inside run") == len(decisions), said
    assert not (place.root / ".runr/tasks/another.md").exists()
    assert place.status("u.md") in (None, {}) or place.status("u.md")["status"] == "pending"


DAEMONS = """
setsid env -i sh -c 'exec sleep 600' >/dev/null 2>&1 &
(setsid env -i sh -c 'setsid sh -c "exec sleep 600" & exec sleep 600' >/dev/null 2>&1 &)
sleep 0.2
"""


@pytest.mark.installed
@LINUX
@pytest.mark.parametrize("where", ["worker", "check"])
def test_nothing_that_has_left_its_session_outlives_the_run(place: Place, where: str) -> None:
    place.config(CONFIG)
    place.write("daemons.sh", DAEMONS)
    place.script(
        "t.md",
        f"echo 1 > a; {'sh daemons.sh' if where == 'worker' else ':'}",
        header=f"verify: ['{'test -d .' if where == 'worker' else 'sh daemons.sh'}']",
    )
    place.commit()
    assert place.run("t")["status"] == "completed"
    assert not [pid for pid in working_below(place.root) if b"600" in command(pid)]


#: Waits until the process of its run was killed, and then decides.
ORPHAN = """
echo $$ > {state}/begun
mv {state}/begun {state}/pid
until [ -e {state}/killed ]; do sleep 0.01; done
for words in "complete-task u --force --reason mine --by Ada" "approve t --reason mine"; do
  runr $words >> {state}/said 2>&1
done
touch {state}/done
exec sleep 600
"""


@pytest.mark.installed
@pytest.mark.skipif(cgroup.own() is None, reason="needs a cgroup in which others may be made")
def test_what_is_left_of_a_killed_run_decides_nothing_and_ends(
    place: Place, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    place.config(CONFIG)
    place.task("u.md")
    place.write("orphan.sh", ORPHAN.format(state=state))
    start = f'cd {place.root}; setsid env -i PATH="$PATH" HOME="$HOME" sh orphan.sh'
    place.script("t.md", f"({start} > /dev/null 2>&1 &); exec sleep 600")
    place.commit()
    run = place.runr("run", "--task", "t", "--detach", "--json", code=0).json["id"]
    until((state / "pid").exists, "what the worker leaves")
    pid = int((state / "pid").read_text(encoding="utf-8"))
    kill(int((place.run_folder(run) / "lock").read_text(encoding="utf-8")))
    (state / "killed").touch()
    until((state / "done").exists, "its decisions")
    said = (state / "said").read_text(encoding="utf-8")
    assert said.count(f"this is inside run {run}") == 2, said
    place.runr("status", code=0)
    assert ends(pid, 5)
    assert cgroup.left_by(run) == ()
    assert place.status("u.md") in (None, {}) or place.status("u.md")["status"] == "pending"


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
