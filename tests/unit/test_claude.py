"""Parts of the hooks: commits in shell commands, concurrent notes."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from runr.claude import commit_trailers
from runr.redaction import Redactor
from runr.runs import journal
from runr.runs.events import PhaseStarted
from runr.runs.journal import Journal
from runr.runs.model import Phase, RunCreated, RunState
from runr.runs.session_events import ToolEdit
from runr.storage.layout import Layout
from unit.git_trees import make

NOW = datetime(2025, 1, 8, 14, 30, 22, tzinfo=UTC)
START = RunCreated(
    task=".runr/tasks/a.md",
    worker="session",
    workdir="/repo",
    base_sha="0" * 40,
    base_tree="1" * 40,
)


@pytest.mark.parametrize(
    "command",
    [
        "git commit -m x",
        "git add -A && git commit -m 'x; git commit'",
        "GIT_AUTHOR_NAME=a git -C sub -c user.name='A B' commit -m \"x\"",
        "cd a; git commit -F - <<'END'\ngit commit\nEND",
        "git commit --amend --no-edit",
    ],
)
def test_a_commit_in_a_command_is_given_trailers_once(command: str) -> None:
    stamped = commit_trailers.with_trailers(command, ["Runr-Run-Id: r-1"])
    assert stamped is not None
    assert stamped.replace(" --trailer 'Runr-Run-Id: r-1'", "", 1) == command
    assert subprocess.run(["sh", "-n", "-c", stamped], check=False).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        "echo 'git commit'",
        'echo "git commit"',
        "git log --grep commit",
        "git commit-tree HEAD",
        "cat > notes <<END\ngit commit -m x\nEND",
        "grep -rn git commit",
        "git 'unfinished",
        "",
    ],
)
def test_a_command_that_is_not_a_commit_is_unchanged(command: str) -> None:
    assert commit_trailers.with_trailers(command, ["Runr-Run-Id: r-1"]) is None


def test_notes_and_events_by_many_writers_are_numbered_without_a_gap(tmp_path: Path) -> None:
    run = journal.claim(Layout(make(tmp_path)), NOW, iter(["k7qf"]))
    log = Journal(run, lambda: NOW, Redactor({}))
    log.append(START)

    def is_new(tool_use_id: str, _: RunState) -> bool:
        return not journal.has_tool_event(run, tool_use_id)

    def write(number: int) -> None:
        if number % 5 == 0:
            log.append(PhaseStarted(Phase.WORK, number))
        else:
            edit = ToolEdit("Edit", "a.txt", str(number % 15))
            new = partial(is_new, edit.id)
            log.append_if(new, edit, source="session", timeout_s=30)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(60)))
    known = journal.events(run)
    assert [event.seq for event in known] == list(range(1, len(known) + 1))
    edits = [event.payload["id"] for event in known if event.type == "tool.edit"]
    assert len(edits) == len(set(edits)) == 12
    kept = journal.state(run)
    run.state.unlink()
    assert journal.state(run) == kept
