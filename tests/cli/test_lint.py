"""`runr lint`: each diagnostic with its line, SARIF, and fixes."""

import json
from typing import Any

import pytest

from cli.terminal import Place


def findings(place: Place, *words: str, code: int) -> list[tuple[str, str, str, int | None]]:
    answer = place.runr("lint", *words, "--json", code=code).json
    return [
        (each["rule"], each["severity"], each["path"].removeprefix(".runr/tasks/"), each["line"])
        for each in answer["diagnostics"]
    ]


def messages(place: Place, *words: str) -> str:
    return place.runr("lint", *words).out


def test_tasks_without_problems_pass(place: Place) -> None:
    place.task("01-a.md", "owns: [src/]\nverify: ['test -f x', 'FOO=1 sh check.sh', './check.sh']")
    place.task("02-b.md", "depends_on: [01-a]\nowns: [src/api/]")
    place.write("check.sh")
    assert place.runr("lint", code=0).out == "2 tasks: no problems found.\n"
    assert place.runr("verify-tasks", "--strict", code=0).out == "2 tasks: no problems found.\n"


def test_every_diagnostic_has_its_line(place: Place) -> None:
    place.task("00-ok.md")
    place.task("a.md", "tpye: manual\ndepends_on: [00-okay, a, x/y]")
    place.task("b.md", "type: manuel")
    place.task("c.md", "tags: [x]\ndepends_on: [d]")
    place.task("d.md", "depends_on: [c]")
    place.task("e.md", "title: E\nverify: ['no-such-tool --all', 'scripts/none.sh', '$TOOL x']")
    assert findings(place, code=1) == [
        ("unknown-key", "warning", "a.md", 2),
        *[("dependency", "error", "a.md", 3)] * 3,
        ("header", "error", "b.md", 2),
        ("cycle", "error", "c.md", 3),
        *[("command", "warning", "e.md", 3)] * 2,
    ]
    message = messages(place)
    assert "did you mean `type`?" in message
    assert ".runr/tasks/a.md:3: error: depends on 00-okay (no such task); did you mean" in message
    assert "waits for itself: c.md → d.md → c.md" in message
    assert "`scripts/none.sh` of the check `scripts/none.sh` is not in the repository" in message
    assert message.endswith("6 tasks: 5 errors, 3 warnings.\n")


def test_names_that_collide_on_some_file_systems_are_reported(place: Place) -> None:
    place.task("a.md")
    place.task("A.md")
    place.task("caf\u00e9.md")
    place.task("cafe\u0301.md")
    place.task("b.md")
    assert [(rule, path) for rule, _, path, _ in findings(place, code=0)] == [
        ("name-clash", "a.md"),
        ("name-clash", "caf\u00e9.md"),
    ]
    assert "differs from .runr/tasks/A.md only in case" in messages(place)


def test_warnings_fail_only_where_it_is_asked_for(place: Place) -> None:
    place.task("a.md", "tpye: manual")
    place.task("b.md", "type: nothing")
    assert findings(place, "a", code=0) == [("unknown-key", "warning", "a.md", 2)]
    assert findings(place, "a", "--strict", code=1)
    refused = place.runr("lint", "aa", code=2)
    assert "there is no task 'aa'" in refused.err


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("[src/]", "[src/api/x.py]", True),
        ("[README.md]", "[./README.md]", True),
        ("['*.md']", "[README.md]", True),
        ("['**/*.md']", "['READ*']", True),
        ("[.]", "[src/]", True),
        ("[src/]", "[source/]", False),
        ("['*.py']", "['*.md']", False),
    ],
)
def test_open_tasks_that_own_the_same_files_are_reported(
    place: Place, one: str, other: str, shared: bool
) -> None:
    place.task("a.md", f"owns: {one}")
    place.task("b.md", f"owns: {other}")
    overlap = [("scope-overlap", "warning", "a.md", 2)]
    assert findings(place, code=0) == (overlap if shared else [])
    place.task("between.md", "depends_on: [a]")
    place.task("b.md", f"depends_on: [between]\nowns: {other}")
    assert findings(place, code=0) == []


def test_the_files_of_a_completed_task_do_not_overlap(place: Place) -> None:
    place.task("a.md", "type: manual\nowns: [src/]")
    place.task("b.md", "owns: [src/]")
    assert len(findings(place, code=0)) == 1
    place.runr("complete-task", "a", "--reason", "done", "--force", code=0)
    assert findings(place, code=0) == []


def change(place: Place, name: str, **facts: Any) -> None:
    """Write something else into the status file, as a bad merge may."""
    whole = json.loads(place.read(".runr/task-status.json"))
    whole["tasks"][f".runr/tasks/{name}"] |= facts
    place.write(".runr/task-status.json", json.dumps(whole))


def test_a_completion_without_a_record_is_reported(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.task("b.md", "type: manual")
    place.commit()
    place.run("a")
    place.runr("complete-task", "b", "--reason", "done", code=0)
    assert findings(place, code=0) == []
    change(place, "a.md", checkpoint_sha="1" * 40, last_run_id="20250108-143022-k7qe")
    change(place, "b.md", last_run_id="20250108-143022-k7qf")
    assert findings(place, code=1) == [
        ("commit", "error", "a.md", None),
        ("evidence", "error", "b.md", None),
    ]
    (place.root / ".runr/tasks/b.md").unlink()
    assert ("orphan", "warning", "b.md", None) in findings(place, code=1)


def test_sarif_has_what_its_schema_asks_for(place: Place) -> None:
    place.task("größe a.md", "tpye: manual")
    place.task("b.md", "type: manuel")
    log = json.loads(place.runr("lint", "--format", "sarif", code=1).out)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["tool"]["driver"]["name"] == "runr"
    found = {}
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        (location,) = result["locations"]
        place_in = location["physicalLocation"]
        found[place_in["artifactLocation"]["uri"]] = (result["level"], place_in["region"])
    assert found == {
        ".runr/tasks/b.md": ("error", {"startLine": 2}),
        ".runr/tasks/gr%C3%B6%C3%9Fe%20a.md": ("warning", {"startLine": 2}),
    }


def test_a_fix_touches_only_bytes_around_the_text(place: Place) -> None:
    content = b"\xef\xbb\xbf---\r\ntpye: x \r\n---\r\n# A\r\n\r\ntail  "
    file = place.task("a.md")
    file.write_bytes(content)
    latin = place.task("b.md")
    latin.write_bytes(b"\xe9\r\n")
    shown = place.runr("lint", "--fix", "--dry-run", code=0).out
    assert "-<BOM>---<CR>" in shown
    assert "1 file would be fixed" in shown
    assert file.read_bytes() == content
    place.runr("lint", "--fix", code=1)
    assert file.read_bytes() == b"---\ntpye: x \n---\n# A\n\ntail  "
    assert latin.read_bytes() == b"\xe9\r\n"
    assert "--fix" in place.runr("lint", "--dry-run", code=2).err


def test_all_problems_of_the_settings_are_errors_with_their_lines(place: Place) -> None:
    place.task("a.md")
    place.config("[run]\nattempts = 0\n\n[verfy]\n")
    assert findings(place, code=1) == [
        ("config", "error", ".runr/config.toml", 2),
        ("config", "error", ".runr/config.toml", 4),
    ]
    assert messages(place).splitlines() == [
        ".runr/config.toml:2: error: run.attempts: write a number that is at least 1 [config]",
        ".runr/config.toml:4: error: unknown key `verfy`; did you mean `verify`? [config]",
        "1 task: 2 errors, 0 warnings.",
    ]
    place.config("x")
    assert findings(place, code=1) == [("config", "error", ".runr/config.toml", 1)]
    assert findings(place, "a", code=0) == []


def test_damaged_records_are_errors_and_are_left_as_they_are(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.commit("A task")
    run = place.run("a")["id"]
    assert findings(place, code=0) == []
    folder = place.run_folder(run)
    (folder / "timeline.jsonl").write_text("{}\n")
    assert findings(place, code=1) == [
        ("record", "error", f".runr/runs/{run}/timeline.jsonl", None)
    ]
    place.write(".runr/task-status.json", "{")
    assert ("record", "error", ".runr/task-status.json", None) in findings(place, code=1)
    assert place.read(".runr/task-status.json") == "{"


def test_workers_that_the_settings_name_have_to_exist(place: Place) -> None:
    place.config('[run]\nworker = "claud-code"\nfallback = ["cdx"]\n\n[phases]\nreview = "off"\n')
    first, second = messages(place).splitlines()[:2]
    assert "error: run.worker: there is no worker claud-code; did you mean claude-code?" in first
    assert "error: run.fallback: there is no worker cdx; did you mean codex?" in second


def test_a_filter_of_lint_repairs_no_damaged_status_file(place: Place) -> None:
    place.task("a.md", "tags: [x]")
    place.write(".runr/task-status.json", "{")
    refused = place.runr("lint", "--tag", "x", code=10)
    assert "task-status.json is damaged" in refused.err
    assert refused.steps == ["runr rebuild"]
    assert place.read(".runr/task-status.json") == "{"


def test_paths_out_of_the_repository_are_reported(place: Place) -> None:
    place.task("a.md", "owns: [/etc/passwd, ../x, ~/y, a..b, src/]")
    found = findings(place, code=0)
    assert found == [("scope-outside", "warning", "a.md", 2)] * 3
