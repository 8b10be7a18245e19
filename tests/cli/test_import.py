"""Taking over the tasks of other tools, as it is typed."""

import json
import os
import pty
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import RUNR, Place

FIXTURES = Path(__file__).parents[1] / "fixtures" / "imports"
SHAPES = ("plain", "tagged", "epic", "memories", "board", "merged", "github.json")


def brought(place: Place, name: str) -> str:
    """Put an example into the repository and return the path to type."""
    source = FIXTURES / name
    if source.is_dir():
        shutil.copytree(source, place.root, dirs_exist_ok=True)
        return "."
    shutil.copy(source, place.root)
    return name


def rows(answer: Any) -> dict[str, Any]:
    return {task["source"]: task for task in answer["tasks"]}


def listed(place: Place) -> dict[str, Any]:
    answer = place.runr("list-tasks", "--json", code=0).json
    return {task["path"].removeprefix(".runr/tasks/"): task for task in answer["tasks"]}


def taskfiles(place: Place) -> dict[str, bytes]:
    files = (place.root / ".runr/tasks").rglob("*.md")
    return {str(file.relative_to(place.root)): file.read_bytes() for file in files}


def recorded(place: Place) -> str:
    return place.read(".runr/task-status.json") if place.has_status() else ""


@pytest.mark.parametrize("name", SHAPES)
def test_what_other_tools_keep_imports_lists_and_has_no_problem(place: Place, name: str) -> None:
    answer = place.runr("import", brought(place, name), "--json", code=0).json
    tasks = listed(place)
    assert len(tasks) == answer["written"] > 1
    for task in tasks.values():
        assert task["problems"] == []
        assert "no such task" not in "".join(task["blocked_by"])
    done = [task for task in tasks.values() if task["status"] == "completed"]
    assert len(done) == answer["completed"]
    assert {task["evidence"] for task in done} <= {"attested"}


@pytest.mark.parametrize("name", SHAPES)
def test_what_other_tools_keep_is_drawn_and_verified(place: Place, name: str) -> None:
    answer = place.runr("import", brought(place, name), "--json", code=0).json
    drawn = place.runr("graph", "--format", "mermaid", code=0).out
    names = [task["path"] for task in answer["tasks"] if task["path"]]
    assert all(name.removeprefix(".runr/tasks/").removesuffix(".md") in drawn for name in names)
    # Only of this one the source itself goes round in a circle.
    found = place.runr("lint", "--json").json["findings"]
    assert [each["rule"] for each in found] == (["cycle"] if name == "merged" else [])


@pytest.mark.parametrize("name", SHAPES)
def test_a_second_import_changes_nothing(place: Place, name: str) -> None:
    file = brought(place, name)
    place.runr("import", file, code=0)
    before, status = taskfiles(place), recorded(place)
    again = place.runr("import", file, "--json", code=0).json
    assert (again["written"], again["completed"]) == (0, 0)
    assert {task["action"] for task in again["tasks"]} <= {"known", "leave"}
    assert taskfiles(place) == before
    assert recorded(place) == status


@pytest.mark.parametrize("name", SHAPES)
def test_a_preview_says_all_of_it_and_writes_nothing(place: Place, name: str) -> None:
    file = brought(place, name)
    planned = place.runr("import", file, "--preview", "--json", code=0).json
    assert not (place.root / ".runr/tasks").exists()
    assert not place.has_status()
    done = place.runr("import", file, "--json", code=0).json
    assert planned == done | {"dry_run": True}


def test_task_master_numbers_lists_and_states_are_kept(place: Place) -> None:
    found = rows(place.runr("import", brought(place, "tagged"), "--json", code=0).json)
    tasks = listed(place)
    press = tasks["2.2-press-the-finds.md"]
    assert press["status"] == "pending"
    assert press["ready"], press["blocked_by"]
    # A task waits for its subtasks, and a subtask for what its task waits for.
    assert tasks["2-collect-in-spring.md"]["blocked_by"] == [".runr/tasks/2.2-press-the-finds.md"]
    assert "1-keep-a-herbarium" in found["taskmaster:2.1"]["depends_on"]
    assert tasks["3-show-it.md"]["type"] == "manual"
    assert tasks["3-show-it.md"]["tags"] == ["review"]
    assert tasks["3-show-it.md"]["priority"] == -1
    assert tasks["autumn-fungi/2-find-a-guide.md"]["blocked_by"] == [
        ".runr/tasks/autumn-fungi/1-buy-a-knife.md"
    ]
    text = place.read(".runr/tasks/2.1-walk-the-river.md")
    assert "## Acceptance criteria\n\n- ten sheets" in text


def test_what_was_done_elsewhere_is_somebodys_word_and_says_whose(place: Place) -> None:
    place.runr("import", brought(place, "epic"), "--by", "Grace", code=0)
    entry = place.status("orchard-q7x.1-fell-the-dead-trees.md")
    assert entry["evidence"] == "attested"
    assert entry["verification"] == "none"
    assert entry["completed_by"] == "person:Grace"
    assert entry["reason"] == "marked closed in .: The wood is stacked."
    report = place.runr("report", entry["last_run_id"], code=0).out
    assert "on the word of Grace" in report
    before = place.read(".runr/task-status.json")
    place.runr("rebuild", code=0)
    assert json.loads(place.read(".runr/task-status.json")) == json.loads(before)


@pytest.mark.parametrize(
    ("policy", "written", "status"), [("pending", 3, "pending"), ("skip", 2, None)]
)
def test_what_was_done_elsewhere_can_be_left_open_or_out(
    place: Place, policy: str, written: int, status: str | None
) -> None:
    answer = place.runr("import", brought(place, "plain"), "--done", policy, "--json", code=0).json
    assert answer["written"] == written
    assert not place.has_status()
    slab = listed(place).get("01-pour-the-foundation.md")
    assert (slab and slab["status"]) == status
    # Work that is not there is nothing to wait for.
    assert listed(place)["02-raise-the-frame.md"]["ready"] == (policy == "skip")


def test_a_completion_needs_a_name(place: Place, tmp_path: Path) -> None:
    empty = tmp_path / "gitconfig"
    empty.write_text("[user]\n\tuseConfigOnly = true\n", encoding="utf-8")
    nameless = {"GIT_CONFIG_GLOBAL": str(empty)}
    refused = place.runr("import", brought(place, "plain"), env=nameless, code=2)
    assert "--by" in refused.err
    assert not (place.root / ".runr/tasks").exists()


def test_nothing_is_overwritten_and_nothing_is_half_imported(place: Place) -> None:
    mine = place.task("02-raise-the-frame.md", body="mine")
    file = brought(place, "plain")
    preview = rows(place.runr("import", file, "--dry-run", "--json", code=0).json)
    assert preview["taskmaster:2"]["action"] == "taken"
    refused = place.runr("import", file, code=2)
    assert "02-raise-the-frame.md is there already" in refused.err
    assert list(taskfiles(place)) == [str(mine.relative_to(place.root))]
    assert "mine" in mine.read_text(encoding="utf-8")
    assert place.paste(refused.steps[0]).code == 0
    assert "imported/02-raise-the-frame.md" in listed(place)


def test_an_import_that_was_broken_off_is_finished_by_the_next(place: Place) -> None:
    file = brought(place, "plain")
    place.runr("import", file, "--done", "pending", code=0)
    (place.root / ".runr/tasks/02-raise-the-frame.md").unlink()
    answer = place.runr("import", file, "--json", code=0).json
    assert (answer["written"], answer["completed"]) == (1, 1)
    assert listed(place)["01-pour-the-foundation.md"]["evidence"] == "attested"


def test_foreign_names_stay_in_the_folder_of_tasks(place: Place) -> None:
    names = [
        "../../../out",
        "/etc/passwd",
        "..",
        ".hidden",
        "a/b\\c",
        "x" * 400,
        "\u202ereversed",
        "",
    ]
    issues = [{"id": name, "title": name, "status": "open"} for name in names]
    place.write("evil.jsonl", "".join(json.dumps(issue) + "\n" for issue in issues))
    before = place.snapshot()
    place.runr("import", "evil.jsonl", code=0)
    assert place.snapshot() == before
    folder = place.root / ".runr/tasks"
    assert len(list(folder.iterdir())) == len(names)
    assert len(listed(place)) == len(names)
    assert all(task["problems"] == [] for task in listed(place).values())


@pytest.mark.parametrize("into", ["../out", "/tmp", ".hidden", "a/../../b", "x.md", "a\nb", "link"])
def test_a_target_outside_of_the_tasks_is_refused(place: Place, into: str) -> None:
    place.write("elsewhere/keep")
    (place.root / ".runr/tasks").mkdir(parents=True)
    (place.root / ".runr/tasks/link").symlink_to(place.root / "elsewhere")
    refused = place.runr("import", brought(place, "plain"), "--into", into, code=2)
    assert refused.err.startswith("runr: ")
    assert [file.name for file in (place.root / "elsewhere").iterdir()] == ["keep"]


def test_a_script_in_foreign_text_is_not_run(place: Place) -> None:
    answer = rows(place.runr("import", brought(place, "github.json"), "--json", code=0).json)
    assert answer["github:8"]["notes"] == ["a block marked `sh run` is plain text here"]
    assert "```sh\nrm -rf tuning" in place.read(".runr/tasks/08-find-the-tuning-fork.md")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("tasks.json", '{"tasks": [\n  {"id": 1,}\n]}', "tasks.json, line 2, column 12: no JSON"),
        ("tasks.json", '{"tasks": [{"title": "x"}]}', "master.tasks[0]: id: Field required"),
        ("tasks.json", '{"tasks": [{"id": 1, "status": []}]}', "master.tasks[0]: status: "),
        ("tasks.json", '{"things": 1}', "of no tool that runr knows"),
        ("issues.jsonl", '{"id": "a", "status": "open"}\n{"id"', "issues.jsonl, line 2, column 6"),
        ("issues.jsonl", '{"id": "a", "priority": "urgent"}', "line 1: priority: "),
        ("a.md", "---\nid: task-1\ntitle: [\n---\n", "a.md, line 3: "),
        ("a.md", "# No header\n", "a.md, line 1: there is no header with an `id`"),
        ("gh.json", '[{"number": "x", "title": "y"}]', "gh.json, [0]: number: "),
        ("tasks.json", "[" * 100_000, "nested too deeply"),
        ("nothing.json", None, "there is no file or folder 'nothing.json'"),
        ("folder", "", "holds no tasks that runr can read"),
    ],
)
def test_bad_input_gets_one_line_with_the_place(
    place: Place, file: str, text: str | None, message: str
) -> None:
    if text is not None:
        place.write(f"{file}/empty" if text == "" else file, text)
    refused = place.runr("import", file, code=2)
    assert refused.err.startswith("runr: ")
    assert message in refused.err.splitlines()[0]
    assert not (place.root / ".runr/tasks").exists()


def test_bytes_that_are_no_text_are_told(place: Place) -> None:
    (place.root / "issues.jsonl").write_bytes(b'{"id": "a"}\n\xff')
    assert "line 2: the file is not UTF-8" in place.runr("import", "issues.jsonl", code=2).err


def test_a_tool_that_is_named_and_a_list_that_is_not_there(place: Place) -> None:
    file = brought(place, "tagged")
    refused = place.runr("import", file, "--list", "autumn", code=2)
    assert "there are master, autumn/fungi" in refused.err
    answer = place.runr("import", file, "--list", "autumn/fungi", "--tag", "wild", "--json").json
    assert answer["written"] == 2
    assert {tuple(task["tags"]) for task in listed(place).values()} == {("wild",)}
    assert (
        "only a Task Master file"
        in place.runr("import", brought(place, "github.json"), "--list", "x", code=2).err
    )


@pytest.mark.parametrize(("typed", "written"), [("y\n", True), ("n\n", False)])
def test_a_terminal_is_shown_the_preview_and_asked(place: Place, typed: str, written: bool) -> None:
    file = brought(place, "plain")
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    try:
        done = subprocess.run(
            [RUNR, "import", file],
            cwd=place.root,
            stdin=theirs,
            capture_output=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert b"tasks would be written" in done.stdout
    assert b"Write this?" in done.stdout
    assert (place.root / ".runr/tasks").exists() == written
