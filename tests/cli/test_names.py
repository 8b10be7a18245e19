"""Task names that are hard on shells, terminals, file systems and git."""

import os
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from cli.terminal import Place
from fakes.marks import also_long

Form = Literal["NFC", "NFD"]
ODD = [
    'it\'s "quoted" $(touch pwned).md',
    "-rf.md",
    "größe-日本.md",
]
ODDER = [
    "with space.md",
    "deep/-er/and er.md",
    "`touch pwned`.md",
    "a;touch pwned;b.md",
    "a&&touch pwned.md",
    "--force.md",
    "😀.md",
    "~root.md",
    "*.md",
    "%s{task}.md",
]


@pytest.mark.parametrize("name", [*ODD, *also_long(*ODDER)])
def test_every_printed_command_works_for_a_task_with_an_odd_name(place: Place, name: str) -> None:
    place.script(name, "echo $RUNR_ATTEMPT > a.txt; test -e ../../../go", "type: hybrid")
    place.commit("Tasks")
    shown = place.runr("task-status", f"./{name}", code=0)
    assert len(shown.steps) == 1
    stopped = place.paste(shown.steps[0])
    assert stopped.code == 1, stopped
    place.write("go")
    for command in stopped.steps[:2]:
        assert place.paste(command).code == 0, command
    waiting = place.paste(stopped.steps[2])
    assert waiting.code == 9, waiting
    assert len(waiting.steps) == 3
    report, approve, reject = waiting.steps
    assert place.paste(report).code == 0, report
    rejected = place.paste(reject)
    assert rejected.code == 0, rejected
    resume = next(step for step in rejected.steps if step.startswith("runr resume "))
    assert place.paste(resume).code == 9
    assert place.paste(approve).code == 0, approve
    entry = place.status(name)
    assert (entry["status"], entry["evidence"]) == ("completed", "attested")
    assert place.git("show", "HEAD:a.txt") == "3\n"
    assert not list(place.root.rglob("pwned"))


@pytest.mark.parametrize("name", ["$(touch pwned).md", "-rf.md", "größe 日本.md"])
def test_a_new_task_is_named_so_that_its_commands_can_be_pasted(place: Place, name: str) -> None:
    made = place.runr("new", "--", name, code=0)
    assert len(made.steps) == 2
    assert place.paste(made.steps[0]).code == 0
    assert (place.root / ".runr/tasks" / name).is_file()
    assert not list(place.root.rglob("pwned"))


@pytest.mark.parametrize(("on_disk", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_name_is_found_in_either_unicode_form(place: Place, on_disk: Form, typed: Form) -> None:
    name = "größe.md"
    place.script(unicodedata.normalize(on_disk, name), "echo 1 > a.txt")
    wanted = unicodedata.normalize(typed, name)
    assert place.run(wanted)["status"] == "completed"
    place.task("b.md", f"depends_on: [{wanted}]")
    row = place.runr("task-status", "b", "--json", code=0).json["task"]
    assert row["blocked_by"] == []


@pytest.mark.parametrize("in_place", [True, False])
def test_a_repository_works_in_a_folder_whose_name_is_no_text(
    tmp_path: Path, home: Path, in_place: bool
) -> None:
    place = Place(tmp_path / os.fsdecode(b"caf\xe9 %d 'x'"), home)
    place.git("init", "-q", "-b", "main")
    place.config('[run]\nworker = "script"\n')
    place.write(".gitignore", "go\n")
    script = f"echo 1 > a.txt; test -e {'' if in_place else '../../../'}go"
    place.script("a.md", script, "verify: ['test -f a.txt']")
    place.commit("Task")
    stopped = place.runr("run", *(["--in-place"] if in_place else []), "--task", "a", code=1)
    report, look, resume = stopped.steps
    assert place.paste(report).code == 0
    assert "a.txt" in place.paste(look).out
    place.write("go")
    assert place.paste(resume).code == 0
    assert place.status("a.md")["evidence"] == "verified"
    assert list(tmp_path.iterdir()) == [place.root], "nothing is written beside it"
