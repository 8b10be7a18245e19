"""A worker with `sandbox = "repo"`: what it sees of the repository, and what it cannot change."""

import pytest

from cli.terminal import Place
from runr.execution import sandbox

CONFIG = """\
[run]
worker = "script"
attempts = 1
[verify]
tier1 = ["grep -q good a"]
[workers.script]
sandbox = "repo"
"""

pytestmark = pytest.mark.skipif(not sandbox.is_possible(), reason="needs user namespaces")

#: What a confined worker tries, each on a line of its own.
TRIES = """\
echo x > ../../config.toml
ls ../../runs/*/timeline.jsonl
test -s ../../../.git/runr/key/journals
rm ../../tasks/t.md
echo x > ../../../README.md
git update-ref refs/heads/main HEAD~1
git --git-dir ../../../.git symbolic-ref HEAD refs/heads/x
git config user.name Mallory
echo x > ../../../.git/hooks/pre-commit
umount ../../../.git
mount -o remount,rw,bind ../../..
unshare -rm mount -o remount,rw,bind ../../..
ls /proc/$PPID/root/ || ls /proc/$PPID/cwd/
"""


@pytest.fixture
def source(place: Place) -> Place:
    place.config(CONFIG)
    place.write("a", "1\n")
    place.commit("One")
    return place


def test_a_confined_worker_works_and_commits(source: Place) -> None:
    source.script(
        "t.md",
        "echo good > a; git add a; git commit -qm Work; test -s $RUNR_TASK_FILE;"
        " test -s $RUNR_PROMPT_FILE; git log -1 --format=%s",
    )
    source.commit("Two")
    assert source.run("t")["status"] == "completed"
    assert source.read("a") == "good\n"


def test_a_confined_worker_changes_nothing_else(source: Place) -> None:
    tried = [f"if {line}; then echo POSSIBLE; fi >> tried 2>&1" for line in TRIES.splitlines()]
    source.script("t.md", "\n".join(["echo good > a", *tried]))
    source.commit("Two")
    before = source.git("for-each-ref", "refs/heads/main"), source.git("symbolic-ref", "HEAD")
    run = source.run("t", code=0)
    assert "POSSIBLE" not in source.read("tried"), source.read("tried")
    assert run["status"] == "completed"
    assert source.read("README.md") == "# A project\n"
    assert source.read(".runr/config.toml") == CONFIG
    assert source.git("rev-parse", "HEAD~1").strip() == before[0].split()[0]
    assert source.git("symbolic-ref", "HEAD") == before[1]


def test_a_sandbox_needs_a_worktree(source: Place) -> None:
    source.script("t.md", "echo good > a")
    source.commit("Two")
    source.runr("run", "--task", "t", "--in-place", code=7)
    assert "needs a worktree" in source.runr("report", "latest").out
