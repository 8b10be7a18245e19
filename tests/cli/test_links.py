"""Symbolic links in `.runr`, as in a hostile clone: never followed, reported in one line."""

import json
from pathlib import Path

import pytest

from cli.terminal import HOOKS, Place
from fakes.marks import also_long

RUN = "runs/{run}"
KINDS = (
    *("", "locks", "runs", RUN, "worktrees", "tasks/b.md", "task-status.json"),
    *(f"{RUN}/lock", f"{RUN}/timeline.jsonl", "hooks.log"),
)
MORE_KINDS = (
    *("tasks", "config.toml", "runr.db", "greeting.json"),
    *(f"{RUN}/{name}" for name in ("state.json", "task.md", "report.md")),
    *(f"{RUN}/{name}" for name in ("prompt-2.md", "worker-2.jsonl")),
)
COMMANDS = (
    *("runr status", *HOOKS, "runr resume RUN", "runr run --task b"),
    *("runr rebuild", "runr clean --records --older-than 0s"),
)


@pytest.fixture
def died(place: Place) -> str:
    """Return a run of the task `a` whose process was killed."""
    place.script("a.md", "exit 1")
    place.config('[run]\nworker = "script"\nattempts = 1\n')
    place.script("b.md", "echo b > b.txt", "verify: ['test -d .']")
    place.commit("Tasks")
    run = place.runr("--json", "run", "--task", "a").json["id"]
    folder = place.run_folder(run)
    lines = (folder / "timeline.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["type"] != "run.stopped"]
    (folder / "timeline.jsonl").write_text("".join(kept))
    (folder / "state.json").unlink()
    status = json.loads(place.read(".runr/task-status.json"))
    status["tasks"][".runr/tasks/a.md"]["status"] = "in_progress"
    place.write(".runr/task-status.json", json.dumps(status))
    return str(run)


def turned_into_link(path: Path, outside: Path) -> Path:
    """Move a file or folder out of the repository, with a link in its place."""
    victim = outside / "victim"
    if path.exists():
        path.rename(victim)
    else:
        victim.write_text("alias precious=1\n")
        path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(victim)
    return victim


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("kind", [*KINDS, *also_long(*MORE_KINDS)])
def test_nothing_outside_of_the_repository_is_touched_through_a_link(
    place: Place, died: str, tmp_path: Path, kind: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    turned_into_link(place.root / ".runr" / kind.format(run=died), outside)
    before = contents(outside)
    for command in COMMANDS:
        said = place.paste(command.replace("RUN", died))
        assert "Traceback" not in said.out + said.err, said
        assert "internal error" not in said.err, said
        assert contents(outside) == before, command


@pytest.mark.parametrize("kind", ["", "locks", "runs", "task-status.json", "config.toml"])
def test_a_link_is_one_error_with_a_command_that_removes_it(
    place: Place, died: str, tmp_path: Path, kind: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = place.root / ".runr" / kind.format(run=died)
    victim = turned_into_link(link, outside)
    refused = place.runr("status", code=10)
    message = f"runr: {link} is a symbolic link, which runr does not follow: remove it"
    assert refused.err.splitlines() == [message, f"  rm {link}"]
    place.paste(refused.err.splitlines()[1].strip())
    assert not link.is_symlink()
    assert victim.exists()


@pytest.mark.parametrize("name", ["locks", "runs", "worktrees", "backup", "templates"])
def test_a_link_to_a_folder_in_which_runr_would_make_files_stays_empty(
    place: Place, tmp_path: Path, name: str
) -> None:
    place.script("b.md", "echo b > b.txt")
    place.commit("Tasks")
    outside = tmp_path / "outside"
    outside.mkdir()
    (place.root / ".runr" / name).symlink_to(outside)
    for command in ("run --task b", "install claude --project", "new c", "status"):
        place.runr(*command.split())
    assert contents(outside) == {}
