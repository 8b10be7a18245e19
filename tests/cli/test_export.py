"""`runr export`, on the command line."""

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place, Prepare

STATUS = ".runr/task-status.json"


@pytest.fixture
def worked(prepared: Prepare) -> Place:
    """Return a repository in which a task is verified, one attested, one open."""
    return prepared(_worked)


def _worked(place: Place) -> None:
    place.script("01-a.md", "echo a > a.txt", header="tags: [one]\npriority: 2")
    place.task("02-b.md", "type: manual\ndepends_on: [01-a]", body="By hand,\n\nin two parts.")
    place.task("deep/03-c.md", "depends_on: [02-b]\nverify: ['test -f c']")
    (place.root / ".runr/tasks/04-latin.md").write_bytes(b"# caf\xe9\r\n")
    place.commit()
    place.run("01-a")
    place.runr("complete-task", "02-b", "--reason", "did it", code=0)


def elsewhere(place: Place) -> Place:
    there = Place(place.root.with_name("elsewhere"), place.home)
    there.git("init", "-q", "-b", "main")
    return there


def seen(place: Place) -> list[Any]:
    tasks = place.runr("list-tasks", "--json", code=0).json["tasks"]
    return [{key: task[key] for key in ("path", "title", "status", "evidence")} for task in tasks]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_an_export_is_restored_in_another_repository(worked: Place, form: str) -> None:
    there = elsewhere(worked)
    target = str(there.root / "kept")
    worked.runr("export", "--format", form, "--output", target, code=0)
    preview = there.runr("import", "kept", "--preview", code=0).out
    assert re.search(r"\d+ would be imported\.$", preview, re.MULTILINE)
    assert not (there.root / ".runr/tasks").exists()
    there.runr("import", "--yes", "kept", code=0)
    assert [task["path"] for task in seen(there)] == [task["path"] for task in seen(worked)]
    assert json.loads(there.read(STATUS)) == json.loads(worked.read(STATUS))
    # Neither the runs nor the commits are of this repository.
    assert not {"verified", "attested"} & {task["evidence"] for task in seen(there)}
    run = worked.status("01-a.md")["last_run_id"]
    assert there.events(run) == worked.events(run)
    assert "completed and verified" in there.runr("report", run, code=0).out
    assert there.runr("export", "--format", form).out == worked.runr("export", "--format", form).out


def test_an_export_is_printed_byte_for_byte_whatever_the_terminal_reads(worked: Place) -> None:
    worked.task("05-umlaut.md", body="größer")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    printed = worked.runr("export", env=plain, code=0)
    texts = {task["path"]: task for task in json.loads(printed.out)["tasks"]}
    assert texts[".runr/tasks/05-umlaut.md"]["text"].endswith("größer\n")
    assert texts[".runr/tasks/04-latin.md"]["base64"]


def test_the_history_goes_to_another_clone_and_completes_nothing_there(worked: Place) -> None:
    printed = worked.runr("export", "--format", "history", code=0).out
    assert json.loads(printed.splitlines()[0]) == {"format": "runr-history", "version": 1}
    there = elsewhere(worked)
    worked.git("push", "-q", str(there.root), "main:work")
    there.git("checkout", "-q", "work")
    there.write("kept.jsonl", printed)
    assert "2 would be imported" in there.runr("import", "kept.jsonl", "--preview", code=0).out
    assert "2 imported" in there.runr("import", "kept.jsonl", "--yes", code=0).out
    assert "2 here already" in there.runr("import", "kept.jsonl", "--yes", code=0).out
    run = worked.status("01-a.md")["last_run_id"]
    assert there.events(run) == worked.events(run)
    assert there.runr("export", "--format", "history", code=0).out == printed
    there.runr("rebuild", code=0)
    # What the commit shows is inferred, and the attestation is only in the record.
    levels = {task["path"]: task["evidence"] for task in seen(there)}
    assert levels[".runr/tasks/01-a.md"] in (None, "inferred")
    assert levels[".runr/tasks/02-b.md"] is None
    shown = there.runr("history", "01-a", code=0).out
    assert "foreign record, no evidence" in shown


def test_the_table_has_columns_for_people(worked: Place) -> None:
    rows = list(csv.DictReader(io.StringIO(worked.runr("export", "--format", "csv", code=0).out)))
    tasks = {row["id"]: row for row in rows if row["kind"] == "task"}
    assert tasks[".runr/tasks/01-a.md"]["state"] == "completed"
    assert tasks[".runr/tasks/02-b.md"]["title"] == "02-b"
    assert {row["kind"] for row in rows} == {"runr-export", "task", "status", "event"}


def test_what_is_here_and_different_is_not_overwritten(worked: Place) -> None:
    worked.runr("export", "--output", "kept.json", code=0)
    changed = worked.task("02-b.md", body="other")
    refused = worked.runr("import", "--yes", "kept.json", "--json", code=1).json
    failed = [record for record in refused["records"] if record["outcome"] == "failed"]
    assert {record["reason"] for record in failed} == {"here already, and different"}
    assert refused["counts"]["imported"] == 0
    assert "other" in changed.read_text(encoding="utf-8")
    refused = worked.runr("export", "--output", "kept.json", code=2)
    assert "--force" in refused.err
    worked.runr("export", "--output", "kept.json", "--force", code=0)
    assert "0 imported" in worked.runr("import", "--yes", "kept.json", code=0).out
    assert "only --preview" in worked.runr("import", "kept.json", "--into", "x", code=2).err


def test_what_is_damaged_in_an_export_does_not_keep_the_rest(worked: Place) -> None:
    there = elsewhere(worked)
    worked.runr("export", "--output", "kept.json", code=0)
    kept = json.loads(worked.read("kept.json"))
    kept["tasks"][0] |= {"text": None, "base64": "%"}
    there.write("kept.json", json.dumps(kept))
    answer = there.runr("import", "--yes", "kept.json", code=1)
    assert "! kept.json, tasks[0]  the content of .runr/tasks/01-a.md is damaged" in answer.out
    assert [task["path"] for task in seen(there)] == [
        *[".runr/tasks/02-b.md", ".runr/tasks/04-latin.md", ".runr/tasks/deep/03-c.md"]
    ]


def test_an_export_of_a_newer_runr_is_refused(place: Place) -> None:
    place.write("kept", '{"format": "runr-export", "version": 9}')
    refused = place.runr("import", "--yes", "kept", code=2)
    assert "was written by a newer runr (format 9" in refused.err.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ('{"format": "runr-export", "tasks": [{}]}', "kept, tasks[0]", "`path` is missing"),
        (
            '{"format": "runr-export", "runs": [{"id": "../x", "events": [{}]}]}',
            "kept, runs[0]",
            "'../x' is no id of a run",
        ),
        (
            "kind,id,seq,time,state,title,encoding,data\ntask,a\n",
            "kept, line 2",
            "there are 2 columns, not 8",
        ),
        (
            "kind,id,seq,time,state,title,encoding,data\nx,,,,,,,\n",
            "kept, line 2",
            "`x` is no kind of row",
        ),
    ],
)
def test_a_damaged_export_is_accounted_for(
    place: Place, text: str, where: str, reason: str
) -> None:
    place.write("kept", text)
    (record,) = place.runr("import", "--yes", "kept", "--json", code=1).json["records"]
    assert (record["place"], record["reason"]) == (where, reason)
    assert not (place.root / ".runr/tasks").exists()


@pytest.mark.parametrize("form", ["taskmaster", "beads", "backlog"])
def test_tasks_survive_an_export_to_another_tool_and_back(worked: Place, form: str) -> None:
    there = elsewhere(worked)
    names = {"taskmaster": "tasks.json", "beads": "issues.jsonl", "backlog": "backlog"}
    target = str(there.root / names[form])
    worked.runr("export", "--format", form, "--output", target, code=0)
    file = "." if form == "backlog" else names[form]
    there.runr("import", "--yes", file, "--done", "attest", "--by", "Ada", code=0)
    tasks = there.runr("list-tasks", "--json", code=0).json["tasks"]
    found = {task["title"]: task for task in tasks}
    assert {title: task["status"] for title, task in found.items()} == {
        "01-a": "completed",
        "02-b": "completed",
        "03-c": "pending",
    }
    # What runr verified is not verified by what another tool says of it.
    assert found["01-a"]["evidence"] == "attested"
    assert found["01-a"]["priority"] > 0
    shown = there.runr("task-status", found["03-c"]["path"], "--json", code=0).json["task"]
    assert len(shown["depends_on"]) == 1
    assert "By hand,\n\nin two parts." in there.read(found["02-b"]["path"])


def test_the_backlog_format_needs_a_folder(worked: Place) -> None:
    refused = worked.runr("export", "--format", "backlog", code=2)
    assert worked.paste(refused.steps[0]).code == 0
    assert len(list((worked.root / "backlog/tasks").iterdir())) == 3
    json.loads(worked.runr("export", "--format", "taskmaster", code=0).out)


@pytest.mark.parametrize("form", ["json", "csv", "taskmaster", "backlog"])
def test_an_export_makes_no_folders(place: Place, form: str) -> None:
    place.task("a.md")
    refused = place.runr("export", "--format", form, "--output", "none/deep/x", code=2)
    first, step = refused.err.splitlines()
    folder = place.root / "none/deep"
    assert first == f"runr: cannot write none/deep/x: the folder {folder} does not exist"
    assert not folder.parent.exists()
    assert place.paste(step.strip()).code == 0
    place.runr("export", "--format", form, "--output", "none/deep/x", code=0)


@pytest.mark.parametrize("form", ["json", "csv", "history"])
def test_runs_in_a_folder_whose_name_is_no_text_are_restored_as_they_were(
    tmp_path: Path, home: Path, form: str
) -> None:
    place = Place(tmp_path / os.fsdecode(b"caf\xe9"), home)
    place.git("init", "-q", "-b", "main")
    place.config('[run]\nworker = "script"\n')
    place.script("a.md", "echo 1 > a.txt", "verify: ['test -f a.txt']")
    place.commit("Task")
    run = str(place.run("a")["id"])
    there = elsewhere(place)
    place.runr("export", "--format", form, "--output", str(there.root / "kept"), code=0)
    there.runr("import", "--yes", "kept", code=0)
    journals = [each.run_folder(run) / "timeline.jsonl" for each in (place, there)]
    assert journals[0].read_bytes() == journals[1].read_bytes()
