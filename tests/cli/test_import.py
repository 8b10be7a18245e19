"""`runr import`, on the command line."""

import json
import os
import pty
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place
from fakes.forked import RUNR

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
    return {record["source"] or record["place"]: record for record in answer["records"]}


def written(answer: Any) -> int:
    return int(answer["counts"]["imported"] + answer["counts"]["changed"])


def backlog(place: Place, *headers: str) -> None:
    """Write files of a backlog, numbered from 1: the lines of their headers."""
    for number, header in enumerate(headers, start=1):
        text = f"---\nid: task-{number}\n{header}\n---\n\nDo it.\n"
        place.write(f"backlog/tasks/task-{number} - x.md", text)


def listed(place: Place) -> dict[str, Any]:
    answer = place.runr("list-tasks", "--json", code=0).json
    return {task["path"].removeprefix(".runr/tasks/"): task for task in answer["tasks"]}


def taskfiles(place: Place) -> dict[str, bytes]:
    files = (place.root / ".runr/tasks").rglob("*.md")
    return {str(file.relative_to(place.root)): file.read_bytes() for file in files}


def recorded(place: Place) -> str:
    return place.read(".runr/task-status.json") if place.has_status() else ""


@pytest.mark.parametrize("name", SHAPES)
def test_real_files_of_other_tools_are_imported_and_listed_without_problems(
    place: Place, name: str
) -> None:
    words = ("--done", "attest", "--by", "Ada", "--json")
    answer = place.runr("import", "--yes", brought(place, name), *words, code=0).json
    tasks = listed(place)
    assert len(tasks) == written(answer) > 1
    assert answer["record_count"] == len(answer["records"]) == sum(answer["counts"].values())
    for task in tasks.values():
        assert task["problems"] == []
        assert "no such task" not in "".join(task["blocked_by"])
    done = [task for task in tasks.values() if task["status"] == "completed"]
    assert len(done) == answer["attested_count"]
    assert {task["evidence"] for task in done} <= {"attested"}


@pytest.mark.parametrize("name", SHAPES)
def test_imported_tasks_are_in_the_graph_and_pass_lint(place: Place, name: str) -> None:
    answer = place.runr("import", "--yes", brought(place, name), "--json", code=0).json
    drawn = place.runr("graph", "--format", "mermaid", code=0).out
    names = [record["path"] for record in answer["records"] if record["path"]]
    assert all(name.removeprefix(".runr/tasks/").removesuffix(".md") in drawn for name in names)
    # Only of this one the source itself goes round in a circle.
    found = place.runr("lint", "--json").json["diagnostics"]
    assert [each["rule"] for each in found] == (["cycle"] if name == "merged" else [])


@pytest.mark.parametrize("name", SHAPES)
def test_a_second_import_changes_nothing(place: Place, name: str) -> None:
    words = ("import", "--yes", brought(place, name), "--done", "attest", "--by", "Ada", "--json")
    place.runr(*words, code=0)
    before, status = taskfiles(place), recorded(place)
    again = place.runr(*words, code=0).json
    assert (written(again), again["attested_count"]) == (0, 0)
    assert taskfiles(place) == before
    assert recorded(place) == status


@pytest.mark.parametrize("name", SHAPES)
def test_a_preview_lists_everything_and_writes_nothing(place: Place, name: str) -> None:
    file = brought(place, name)
    planned = place.runr("import", file, "--preview", "--json", code=0).json
    assert not (place.root / ".runr/tasks").exists()
    assert not place.has_status()
    done = place.runr("import", "--yes", file, "--json", code=0).json
    after = {key: done[key] for key in ("dry_run", "next_steps", "notes")}
    assert planned | after == done


def test_task_master_numbers_lists_and_states_are_kept(place: Place) -> None:
    words = ("--done", "attest", "--by", "Ada", "--json")
    found = rows(place.runr("import", "--yes", brought(place, "tagged"), *words, code=0).json)
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
    place.runr(
        "import", "--yes", brought(place, "epic"), "--done", "attest", "--by", "Grace", code=0
    )
    entry = place.status("orchard-q7x.1-fell-the-dead-trees.md")
    assert entry["evidence"] == "attested"
    assert entry["verification"] == "none"
    assert entry["completed_by"] == "person:Grace"
    assert entry["reason"] == "marked closed in .: The wood is stacked."
    report = place.runr("report", entry["last_run_id"], code=0).out
    assert "attested by Grace" in report
    before = place.read(".runr/task-status.json")
    place.runr("rebuild", code=0)
    assert json.loads(place.read(".runr/task-status.json")) == json.loads(before)


@pytest.mark.parametrize(
    ("policy", "kind", "ready"),
    [("hold", "manual", 0), ("pending", "automated", 0), ("skip", None, 1)],
)
def test_what_is_done_elsewhere_is_not_completed_without_a_name(
    place: Place, policy: str, kind: str | None, ready: int
) -> None:
    answer = place.runr(
        "import", "--yes", brought(place, "plain"), "--done", policy, "--json", code=0
    ).json
    assert written(answer) == (3 if kind else 2)
    assert not place.has_status()
    slab = listed(place).get("01-pour-the-foundation.md")
    assert (slab["type"] if slab else None) == kind
    # Work that is not there is nothing to wait for.
    assert listed(place)["02-raise-the-frame.md"]["ready"] == ready


def test_what_is_held_as_done_elsewhere_is_attested_by_the_printed_command(place: Place) -> None:
    place.git("config", "user.name", "Grace O'Malley")
    answer = place.runr("import", "--yes", brought(place, "plain"), code=0)
    assert "01-pour-the-foundation.md  done in Task Master, not attested: on hold" in answer.out
    assert "1 task is done in Task Master; runr checked nothing of that" in answer.out
    held = place.read(".runr/tasks/01-pour-the-foundation.md")
    assert "> Imported on hold: done in Task Master, not attested." in held
    (attest,) = [step for step in answer.steps if "--done attest" in step]
    assert place.paste(attest).code == 0
    assert place.status("01-pour-the-foundation.md")["completed_by"] == "person:Grace O'Malley"
    assert listed(place)["02-raise-the-frame.md"]["ready"]


def test_an_attestation_needs_a_name(place: Place, tmp_path: Path) -> None:
    empty = tmp_path / "gitconfig"
    empty.write_text("[user]\n\tuseConfigOnly = true\n", encoding="utf-8")
    file = brought(place, "plain")
    for config in ("", str(empty)):
        env = {"GIT_CONFIG_GLOBAL": config} if config else {}
        refused = place.runr("import", "--yes", file, "--done", "attest", env=env, code=2)
        assert "1 task would be attested: name with --by the person" in refused.err
        (step,) = refused.steps
        assert ("--by 'YOUR NAME'" in step) == bool(config)
        assert not (place.root / ".runr/tasks").exists()
    assert place.paste(step).code == 0


def test_nothing_is_overwritten_and_the_rest_is_imported(place: Place) -> None:
    mine = place.task("02-raise-the-frame.md", body="mine")
    answer = rows(place.runr("import", "--yes", brought(place, "plain"), "--json", code=0).json)
    assert answer["taskmaster:2"]["changes"] == [
        "02-raise-the-frame.md is there already: written as 02-raise-the-frame-2.md"
    ]
    assert "mine" in mine.read_text(encoding="utf-8")
    assert listed(place)["11-set-the-benches.md"]["blocked_by"] == [
        ".runr/tasks/02-raise-the-frame-2.md"
    ]


def test_an_interrupted_import_is_completed_by_the_next_one(place: Place) -> None:
    file = brought(place, "plain")
    place.runr("import", "--yes", file, code=0)
    (place.root / ".runr/tasks/02-raise-the-frame.md").unlink()
    words = ("--done", "attest", "--by", "Ada", "--json")
    answer = place.runr("import", "--yes", file, *words, code=0).json
    assert (written(answer), answer["attested_count"]) == (1, 1)
    assert listed(place)["01-pour-the-foundation.md"]["evidence"] == "attested"


def test_one_damaged_file_keeps_no_other_from_being_imported(place: Place) -> None:
    backlog(
        place,
        "title: One\nstatus: To Do",
        "title: Two\nstatus: To Do\ndependencies: [task-3]",
        "title: [\n- a: {",
        "title: Four\nstatus: To Do\nstatus: Done",
    )
    place.write("backlog/tasks/readme.md", "# Tasks\n")
    tasks = place.root / "backlog/tasks"
    (tasks / "task-5 - x.md").write_bytes(b"---\nid: task-5\ntitle: caf\xe9\n---\n")
    (tasks / "task-6 - x.md").symlink_to("nowhere.md")
    os.mkfifo(tasks / "task-7 - x.md")
    answer = place.runr("import", "--yes", ".", code=1)
    damaged = [line.strip() for line in answer.out.splitlines() if line.startswith("  !")]
    assert damaged[0].startswith("! ./backlog/tasks/task-3 - x.md, line ")
    assert damaged[1:] == [
        "! ./backlog/tasks/task-4 - x.md, line 5  the key `status` occurs twice, first on line 4",
        "! ./backlog/tasks/task-6 - x.md  cannot be read: No such file or directory",
        "! ./backlog/tasks/task-7 - x.md  is not a regular file",
    ]
    assert (
        "8 records: 3 imported, 2 of them with changes; 1 left out; 4 could not be imported."
        in answer.out
    )
    found = listed(place)
    assert list(found) == ["task-1-one.md", "task-2-two.md", "task-5-caf.md"]
    assert found["task-2-two.md"]["type"] == "manual"


WORDS = (
    *("Review", "To Review", "Blocked", "Proposed", "Ready for human", "Shipped"),
    *("[a]", "{a: b}"),
)


def test_an_unknown_status_puts_a_task_on_hold(place: Place) -> None:
    backlog(place, *(f"title: T\nstatus: {word}" for word in WORDS))
    place.write("backlog/config.yml", 'statuses: ["To Do", "Review", "Shipped"]\n')
    issues = [
        {"id": "x-1", "title": "a", "status": "ready_for_human"},
        {"id": "x-2", "title": "b", "status": "blocked"},
        {"id": "x-3", "title": "c", "status": "open", "issue_type": "gate"},
        {"id": "x-4", "title": "d", "status": None, "dependencies": {"external": "x"}},
    ]
    place.write("b.jsonl", "".join(json.dumps(issue) + "\n" for issue in issues))
    place.write("t.json", '{"master":{"tasks":[{"id":1,"title":"b","status":"blocked"},{"id":2}]}}')
    place.write("hub.json", json.dumps([{"number": 1, "title": "a", "state": "MERGED"}]))
    for file in ("backlog", "b.jsonl", "t.json", "hub.json"):
        place.runr("import", "--yes", file, "--into", f"from-{file.partition('.')[0]}", code=0)
    tasks = listed(place)
    assert len(tasks) == len(WORDS) + 7
    assert {task["type"] for task in tasks.values()} == {"manual"}
    assert "runr run" not in place.runr("next").out
    assert tasks["from-backlog/task-2-t.md"]["tags"] == ["to-review"]
    held = place.read(".runr/tasks/from-backlog/task-6-t.md")
    assert "> Imported on hold: status `Shipped` is not known." in held


def test_an_empty_file_of_one_tool_hides_no_tasks_of_another(place: Place) -> None:
    place.write(".beads/issues.jsonl")
    place.write("tasks.json", '{"version": "2.0.0", "tasks": [{"label": "build"}]}')
    backlog(place, "title: One")
    answer = place.runr("import", "--yes", ".", code=0)
    assert answer.out.startswith("Backlog.md, .:")
    assert "note: ./.beads/issues.jsonl (Beads) has no records" in answer.out
    assert "note: ./tasks.json is not a file of Task Master" in answer.out
    assert list(listed(place)) == ["task-1-one.md"]


def test_where_several_tools_have_tasks_each_is_offered(place: Place) -> None:
    backlog(place, "title: One")
    brought(place, "epic")
    brought(place, "plain")
    place.write("tasks/tasks.json", '{"tasks": [{"id": 1, "title": "Old"}]}')
    refused = place.runr("import", "--yes", ".", "--tag", "old one", code=2)
    assert "./backlog (Backlog.md, 1)" in refused.err
    assert "./.beads/issues.jsonl (Beads, 4)" in refused.err
    assert len(refused.steps) == 4
    assert [place.paste(f"{step} --preview").code for step in refused.steps] == [0] * 4
    place.runr("import", "--yes", ".", "--from", "backlog", code=0)
    assert list(listed(place)) == ["task-1-one.md"]


def test_an_import_without_records_says_so(place: Place) -> None:
    place.write(".beads/issues.jsonl")
    answer = place.runr("import", "--yes", ".", code=0)
    assert "There is nothing to import." in answer.out
    (place.root / ".beads/issues.jsonl").unlink()
    assert "bd export -o .beads/issues.jsonl" in place.runr("import", "--yes", ".", code=2).err


def test_the_next_step_of_a_preview_is_the_import(place: Place) -> None:
    place.git("config", "user.name", "Ada")
    words = ("--into", "my trees", "--tag", "it's")
    preview = place.runr("import", brought(place, "epic"), *words, "--preview", code=0)
    assert [place.paste(step).code for step in preview.steps] == [0, 0]
    name = "my trees/orchard-q7x.1-fell-the-dead-trees.md"
    assert listed(place)[name]["tags"] == ["it's"] or "it's" in listed(place)[name]["tags"]
    assert place.status(name)["evidence"] == "attested"


def test_the_next_step_of_an_import_is_to_add_checks_and_commit(place: Place) -> None:
    place.write("more.json", '{"tasks": [{"id": 1, "title": "More"}]}')
    (place.root / "sub").mkdir()
    answer = place.runr("import", "--yes", "../more.json", cwd=place.root / "sub", code=0)
    assert "note: add checks for each task to its header (`verify:`)" in answer.out
    assert [place.paste(step).code for step in answer.steps] == [0, 0]
    assert place.git("log", "-1", "--format=%s") == "Import 1 task from Task Master\n"
    assert not place.git("status", "--porcelain", ".runr")


def test_without_checks_and_settings_the_next_step_adds_them(bare: Place) -> None:
    answer = bare.runr("import", "--yes", brought(bare, "plain"), code=0)
    assert "no checks are set" in answer.out
    assert answer.steps[0] == "runr init"
    assert [bare.paste(step).code for step in answer.steps] == [0] * len(answer.steps)


def test_no_commit_is_advised_where_git_ignores_the_tasks(place: Place) -> None:
    place.write(".gitignore", ".runr\n")
    answer = place.runr("import", "--yes", brought(place, "plain"), code=0)
    assert not [step for step in answer.steps if step.startswith("git ")]


def test_a_file_from_powershell_is_read(place: Place) -> None:
    text = (FIXTURES / "github.json").read_text(encoding="utf-8")
    (place.root / "issues.json").write_bytes(text.encode("utf-16"))
    assert written(place.runr("import", "--yes", "issues.json", "--json", code=0).json) == 2


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
    place.runr("import", "--yes", "evil.jsonl", code=1)
    assert place.snapshot() == before
    folder = place.root / ".runr/tasks"
    assert len(list(folder.iterdir())) == len(names) - 1  # one has no id
    assert len(listed(place)) == len(names) - 1
    assert all(task["problems"] == [] for task in listed(place).values())


@pytest.mark.parametrize("into", ["../out", "/tmp", ".hidden", "a/../../b", "x.md", "a\nb", "link"])
def test_a_target_outside_of_the_tasks_is_refused(place: Place, into: str) -> None:
    place.write("elsewhere/keep")
    (place.root / ".runr/tasks").mkdir(parents=True)
    (place.root / ".runr/tasks/link").symlink_to(place.root / "elsewhere")
    refused = place.runr("import", "--yes", brought(place, "plain"), "--into", into, code=2)
    assert refused.err.startswith("runr: ")
    assert [file.name for file in (place.root / "elsewhere").iterdir()] == ["keep"]


def test_a_script_in_foreign_text_is_not_run(place: Place) -> None:
    answer = rows(
        place.runr("import", "--yes", brought(place, "github.json"), "--json", code=0).json
    )
    assert "a block marked `sh run` is plain text here" in answer["github:8"]["changes"]
    assert "```sh\nrm -rf tuning" in place.read(".runr/tasks/08-find-the-tuning-fork.md")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("x.json", '{"tasks": [\n  {"id": 1,}\n]}', "x.json, line 2, column 12: not JSON"),
        ("x.json", '{"things": 1}', "of no tool that runr knows"),
        ("x.json", "", "x.json: the file is empty"),
        ("x.json", "[" * 100_000, "nested too deeply"),
        ("nothing.json", None, "there is no file or folder 'nothing.json'"),
        ("folder/empty", "x", "holds no tasks that runr can read"),
    ],
)
def test_what_is_of_no_known_tool_is_refused_in_one_line(
    place: Place, file: str, text: str | None, message: str
) -> None:
    if text is not None:
        place.write(file, text)
    refused = place.runr("import", "--yes", file.partition("/")[0], code=2)
    assert refused.err.startswith("runr: ")
    assert message in refused.err.splitlines()[0]
    assert not (place.root / ".runr/tasks").exists()


@pytest.mark.parametrize(
    ("file", "content", "where", "reason"),
    [
        ("tasks.json", b'{"tasks": [\n  {"id": 1,}\n]}', "line 2, column 12", "not JSON: "),
        ("tasks.json", b'{"tasks": [{"id": 1, "title": "a"}, 3]}', "tasks[1]", "a number where"),
        ("tasks.json", b'{"a": {"tasks": 1}}', "a.tasks", "a number where a list of tasks"),
        ("tasks.json", b'{"a": {"tasks": []}, "b": [{"id": 1}]}', "b", "a list without a list"),
        ("b.jsonl", b'{"id": "a", "status": "open"}\n{"id"', "line 2, column 6", "not JSON: "),
        ("b.jsonl", b'{"id": "a"}\n\xff', "line 2, column 1", "not JSON: "),
        ("a.md", b"---\nid: task-1\nlabels: [\n---\n", "line 3", "`labels: [` is no YAML: "),
        ("gh.json", b'[{"number": "x", "title": "y"}]', "[0]", "there is no `number`"),
    ],
)
def test_a_record_that_cannot_be_read_is_reported_with_its_place(
    place: Place, file: str, content: bytes, where: str, reason: str
) -> None:
    (place.root / file).write_bytes(content)
    answer = place.runr("import", "--yes", file, code=1)
    assert f"  ! {file}, {where}  {reason}" in answer.out
    assert "1 could not be imported." in answer.out


def test_an_unknown_tool_or_list_is_refused(place: Place) -> None:
    file = brought(place, "tagged")
    refused = place.runr("import", "--yes", file, "--list", "autumn", code=2)
    assert "there are master, autumn/fungi" in refused.err
    answer = place.runr(
        "import", "--yes", file, "--list", "autumn/fungi", "--tag", "wild", "--json"
    ).json
    assert written(answer) == 2
    assert answer["counts"]["left_out"] == answer["record_count"] - 2
    assert {tuple(task["tags"]) for task in listed(place).values()} == {("wild",)}
    assert (
        "only a Task Master file"
        in place.runr("import", "--yes", brought(place, "github.json"), "--list", "x", code=2).err
    )


@pytest.mark.parametrize(
    ("typed", "imported", "attested"),
    [
        ("y\ny\n", True, True),
        ("y\nn\n", True, False),
        ("y\n\n", True, False),
        ("n\n", False, False),
    ],
)
def test_a_terminal_is_shown_the_preview_and_asked(
    place: Place, typed: str, imported: bool, attested: bool
) -> None:
    place.git("config", "user.name", "Ada")
    out = answered(place, typed, "import", brought(place, "plain"))
    assert "3 would be imported" in out
    assert "Import 3 records?" in out
    question = "Attest 1 task that is done in Task Master, in the name of Ada?"
    assert (question in out) == imported
    assert (place.root / ".runr/tasks").exists() == imported
    assert place.has_status() == attested
    if attested:
        assert place.status("01-pour-the-foundation.md")["completed_by"] == "person:Ada"


def test_without_a_terminal_an_import_has_to_be_confirmed(place: Place) -> None:
    file = brought(place, "plain")
    for words in ((), ("--json",)):
        refused = place.runr("import", file, *words, code=2)
        assert not (place.root / ".runr/tasks").exists()
    preview, confirmed = place.runr("import", file, code=2).steps
    assert "3 would be imported" in place.paste(preview).out
    assert "without a terminal" in refused.json["error"]["message"]
    assert "3 imported" in place.paste(confirmed).out


def test_options_replace_the_questions_in_a_terminal(place: Place) -> None:
    file = brought(place, "plain")
    out = answered(place, "y\n", "import", file, "--done", "attest", "--by", "Grace")
    assert "Attest" not in out
    assert place.status("01-pour-the-foundation.md")["completed_by"] == "person:Grace"
    assert "?" not in answered(place, "", "import", file)


def answered(place: Place, typed: str, *words: str) -> str:
    """Type a command at a terminal, and then the answers to its questions."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    try:
        done = subprocess.run(
            [RUNR, *words],
            cwd=place.root,
            stdin=theirs,
            capture_output=True,
            timeout=60,
            check=False,
            text=True,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    return done.stdout
