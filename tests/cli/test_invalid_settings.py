"""Invalid settings are mentioned by every command, in the words in which a run is refused."""

import json
from collections.abc import Mapping

import pytest

from cli.terminal import Place
from runr.cli.commands import COMMANDS

#: Commands that answer programs in a protocol of their own, that read no settings, or do not end.
OTHERS = {"mcp", "hook", "merge-status", "version", "completion", "demo", "scheduler"}

#: The words after those commands that need some.
WORDS: Mapping[str, tuple[str, ...]] = {
    "task-status": ("a",),
    "why": ("a",),
    "run": ("a",),
    "new": ("fresh",),
    "note": ("latest", "half of it"),
    "stop": ("latest",),
    "follow": ("latest",),
    "complete-task": ("m", "--reason", "done"),
    "approve": ("a", "--reason", "good"),
    "reject": ("a", "--reason", "bad"),
    "acknowledge": ("a",),
    "reset": ("a", "--reason", "by mistake"),
    "submit": ("latest", "--to", "main"),
    "land": ("--all",),
    "intervene": ("--reason", "by hand", "--all"),
    "import": ("archive.json", "--preview"),
    "clean": ("--dry-run",),
    "rebuild": ("--dry-run",),
    "install": ("claude", "--print"),
    "job": ("status", "latest"),
    "history": ("a",),
    "db": ("check",),
    "hooks": ("list",),
}
BROKEN = '[run]\nworker = "script"\nattemts = 1\n'
MESSAGE = ".runr/config.toml:3: "


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a repository with a completed task and settings that became invalid."""
    folder = tmp_path_factory.mktemp("broken")
    place = Place(folder / "repo", folder / "home")
    place.git("init", "-q", "-b", "main")
    place.git("config", "user.name", "Ada Example")
    place.git("config", "user.email", "ada@example.invalid")
    place.config('[run]\nworker = "script"\n')
    place.script("a.md", "echo 1 > a.txt", 'verify: ["test -f a.txt"]')
    place.task("m.md", "type: manual")
    place.commit("Tasks")
    place.write("archive.json", place.runr("export", code=0).out)
    place.run("a")
    place.config(BROKEN)
    return place


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - OTHERS))
def test_every_command_mentions_them(broken: Place, name: str) -> None:
    words = WORDS.get(name, ())
    shown = broken.runr(name, *words)
    assert (shown.out + shown.err).count(MESSAGE) == 1, shown
    assert "attemts" in shown.out + shown.err
    answer = json.loads(broken.runr(name, *words, "--json").out)
    assert MESSAGE in json.dumps(answer), answer


def test_they_are_checked_again_only_when_they_change(broken: Place) -> None:
    broken.config('[run]\nworker = "script"\n')
    assert broken.runr("list-tasks", code=0).err == ""
    broken.config('[run]\nworker = "script"\nattempts = "x"\n')
    assert MESSAGE in broken.runr("list-tasks", code=0).err
    broken.config(BROKEN)
