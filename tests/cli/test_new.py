"""`runr new`, on the command line."""

from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place


def shown(place: Place, name: str) -> Any:
    return place.runr("task-status", name, "--json", code=0).json["task"]


def editor(place: Place, script: str) -> dict[str, str | None]:
    """Return variables that name an editor whose path has a blank in it."""
    program = place.write("my tools/edit", f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"VISUAL": f"'{program}' --wait", "EDITOR": "false"}


@pytest.mark.parametrize(
    "template", ["feature", "bugfix", "docs", "chore", "manual", "mine", "bare"]
)
def test_options_are_in_the_header_once(place: Place, template: str) -> None:
    place.task("00-setup.md")
    place.write(
        ".runr/templates/mine.md",
        "---\ntype: automated\ntags:\n  - old\n  - older\nowns: [src/]\n---\n# {title}\n",
    )
    place.write(".runr/templates/bare.md", "# {title}\n\nOnly text.\n")
    options = ["--type", "hybrid", "--depends-on", "00-setup.md", "--tag", "a: b", "--tag", "c"]
    place.runr("new", "deep/10-x", "--template", template, "--title", "The gate", *options, code=0)
    task = shown(place, "deep/10-x")
    assert task["problems"] == []
    assert task["title"] == "The gate"
    assert task["type"] == "hybrid"
    assert task["depends_on"] == ["00-setup"]
    assert task["blocked_by"] == [".runr/tasks/00-setup.md"]
    assert task["tags"] == ["a: b", "c"]
    assert task["owns"] == {"docs": ["docs/", "README.md"], "mine": ["src/"]}.get(template, [])


def test_a_title_alone_names_the_file(place: Place) -> None:
    made = place.runr("new", "--title", "Größe: paint the gate!", "--json", code=0).json
    assert made["message"] == "wrote .runr/tasks/größe-paint-the-gate.md"
    assert shown(place, "größe-paint-the-gate")["title"] == "Größe: paint the gate!"
    assert "--title" in place.runr("new", code=2).err
    assert "--title" in place.runr("new", "--title", "!!!", code=2).err


def test_a_dependency_has_to_be_there(place: Place) -> None:
    place.task("00-setup.md")
    refused = place.runr("new", "x", "--depends-on", "00-stup", code=2)
    assert "did you mean '00-setup'?" in refused.err
    assert not (place.root / ".runr/tasks/x.md").exists()


def test_templates_are_listed_and_a_template_of_the_user_takes_precedence(place: Place) -> None:
    place.write(".runr/templates/bugfix.md", "# Mine: {title}\n")
    rows = place.runr("new", "--list-templates", "--json", code=0).json["templates"]
    own = {row["name"]: row["own"] for row in rows}
    assert own == {"feature": False, "docs": False, "chore": False, "manual": False, "bugfix": True}
    assert ".runr/templates/bugfix.md" in place.runr("new", "--list-templates", code=0).out
    place.runr("new", "x", "--template", "bugfix", code=0)
    assert shown(place, "x")["title"] == "Mine: X"
    refused = place.runr("new", "y", "--template", "featur", code=2)
    assert "did you mean 'feature'?" in refused.err
    assert place.paste(refused.steps[0]).code == 0


def test_the_editor_gets_the_file_and_the_result_is_checked(place: Place) -> None:
    variables = editor(place, 'test "$1" = --wait && printf -- "---\\ntpye: x\\n---\\n" > "$2"')
    made = place.runr("new", "x", "--edit", "--json", env=variables, code=0).json
    assert made["notes"] == ["line 2: runr does not know the key `tpye`: did you mean `type`?"]
    assert "tpye" in place.read(".runr/tasks/x.md")


def test_an_editor_that_fails_keeps_the_file_and_says_so(place: Place) -> None:
    made = place.runr("new", "x", "--edit", "--json", env=editor(place, "exit 3"), code=0).json
    assert made["notes"] == ["the editor ended with exit code 3; the file is kept"]
    assert shown(place, "x")["problems"] == []
    gone = place.runr("new", "y", "--edit", "--json", env=editor(place, 'rm "$2"'), code=0).json
    assert "is gone again" in gone["message"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"VISUAL": None, "EDITOR": None}, "put its name into VISUAL or EDITOR"),
        ({"VISUAL": "no-such-editor -w"}, "'no-such-editor -w', which is not installed"),
        ({"VISUAL": "vi 'x"}, "VISUAL cannot be read as a command"),
        ({"VISUAL": " ", "EDITOR": "nope; touch broken"}, "which is not installed"),
    ],
)
def test_an_editor_that_cannot_be_started_is_reported_before_anything_is_written(
    place: Place, variables: dict[str, str | None], message: str
) -> None:
    refused = place.runr("new", "x", "--edit", env=variables, code=2)
    assert message in refused.err
    assert not (place.root / ".runr/tasks").exists()
    assert not (place.root / "broken").exists()


def test_a_template_that_is_no_text_is_reported(place: Place) -> None:
    file: Path = place.write(".runr/templates/bad.md")
    file.write_bytes(b"\xff")
    assert "not UTF-8" in place.runr("new", "x", "--template", "bad", code=2).err
