"""`runr demo`: what a new user sees first."""

import os
from pathlib import Path

import pytest

from cli.terminal import Place, Result
from fakes.forked import RUNR

pytestmark = pytest.mark.installed


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Result]:
    """Walk through the demo once, as a user without any settings."""
    folder = tmp_path_factory.mktemp("demo")
    place = Place(folder, folder)
    nothing: dict[str, str | None] = dict.fromkeys(
        name for name in os.environ if name.startswith(("GIT_", "RUNR_", "CLAUDE"))
    )
    nothing |= {"HOME": str(folder / "home"), "GIT_CONFIG_NOSYSTEM": "1"}
    nothing["PATH"] = "/usr/bin:/bin"  # as after `make demo`: the environment is not activated
    result = place.runr("demo", "--dir", "it is here", env=nothing, code=0)
    return Place(folder / "it is here", folder), result


def test_the_demo_ends_with_the_documented_statuses(shown: tuple[Place, Result]) -> None:
    place, result = shown
    assert result.err == ""
    rows = place.runr("list-tasks", "--json", code=0).json["tasks"]
    assert {row["path"][12:]: (row["status"], row["evidence"]) for row in rows} == {
        "00-setup.md": ("completed", "verified"),
        "01-french.md": ("completed", "verified"),
        "02-german.md": ("completed", "attested"),
        "03-tell-the-team.md": ("completed", "attested"),
        "04-tidy.md": ("stopped", None),
    }
    # A false "done": the file that its check needs is in no commit.
    _, _, after = result.out.partition("✗ grep -rq Bonjour greetings")
    assert after.splitlines()[1].endswith(
        "it passes in the workspace, among files that are in no commit: greetings/lib/french.txt"
    )
    assert "work, attempt 2" in after
    assert place.git("ls-files", "greetings/french.txt")
    assert result.out.count("Runr-Checkpoint: true") == 3
    assert place.git("status", "--porcelain") == ""


def test_each_command_after_the_stop_can_be_pasted_in_the_demo(
    shown: tuple[Place, Result],
) -> None:
    place, result = shown
    _, _, after = result.out.partition("■ 04-tidy.md: stopped")
    stop = [line.strip() for line in after.splitlines()[2:6]]
    assert stop[0] == "Next:"
    report, look, resume = stop[1:]
    assert place.paste(report).code == 0
    assert place.paste(look).code == 0
    assert place.paste(resume).code == 5


def test_the_next_commands_of_the_demo_work_from_any_folder(
    shown: tuple[Place, Result], tmp_path: Path
) -> None:
    _, result = shown
    typed = [line.strip() for line in result.out.partition("is still stopped")[2].splitlines()[2:]]
    path, there, report, look, _, doctor = typed
    assert path == f"export PATH={Path(RUNR).parent}:$PATH"
    assert there.startswith("cd ")
    bare = "PATH=/usr/bin:/bin; set -e"
    elsewhere = Place(tmp_path / "elsewhere", tmp_path)
    assert elsewhere.paste(f"{bare}\n{path}\n{there}\n{report}\n{look}\n{doctor}").code == 0


def test_the_demo_refuses_a_folder_that_holds_something(place: Place) -> None:
    before = place.snapshot()
    refused = place.runr("demo", "--dir", ".", code=2)
    assert "not empty" in refused.err
    assert place.snapshot() == before


@pytest.mark.long
def test_the_demo_in_json_is_one_document(tmp_path: Path) -> None:
    place = Place(tmp_path / "somewhere", tmp_path)
    answer = place.runr("demo", "--dir", "here", "--json", code=0).json
    assert answer["next_steps"][0] == f"cd {place.root / 'here'}"
    assert len(answer["next_steps"]) == 5
