"""`runr list-tasks` and `runr status --tasks`."""

import os
import pty
import re
import subprocess
import termios
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place
from fakes.forked import RUNR

ESCAPE = "\x1b["


def record(place: Place, **tasks: dict[str, Any]) -> None:
    """Write the status file; `t00` stands for the task `00.md`."""
    entries = {
        f".runr/tasks/{name.removeprefix('t').replace('_', '-')}.md": {
            "updated_at": "2025-01-08T14:35:22Z",
            "revision": 1,
            **entry,
        }
        for name, entry in tasks.items()
    }
    place.record(entries)


def completed(by: str, evidence: str) -> dict[str, Any]:
    return {
        "status": "completed",
        "completed_at": "2025-01-08T14:35:22Z",
        "completed_by": by,
        "evidence": evidence,
        "last_run_id": f"20250108-143022-{'k7qf' if by.startswith('run:') else by[-4:].lower()}",
    }


def names(place: Place, *words: str) -> list[str]:
    rows = place.runr("list-tasks", "--json", *words, code=0).json["tasks"]
    return [row["path"].removeprefix(".runr/tasks/") for row in rows]


def seen(words: list[str], cwd: Path, env: dict[str, str], columns: int = 80) -> str:
    """Run a command in a terminal of its own and return what it shows."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    command = [RUNR, *words]
    # The runner of the tests may have set a width of its own.
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | env
    with subprocess.Popen(command, cwd=cwd, stdout=theirs, stdin=theirs, env=env):
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other side is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    return shown.decode()


def test_each_task_is_a_line_with_mark_name_status_date_and_run(place: Place) -> None:
    place.task("00-setup.md")
    place.task("02-advanced-ai.md")
    place.task("03-networking.md")
    failed = {"status": "failed", "last_run_id": "20250108-150122-p2wd"}
    record(
        place,
        t00_setup=completed("run:20250108-143022-k7qf", "verified"),
        t03_networking=failed,
    )
    assert place.runr("list-tasks", code=0).out == (
        "Tasks in .runr/tasks/:\n"
        "  ✓ 00-setup.md        completed  2025-01-08  run:20250108-143022-k7qf\n"
        "  ○ 02-advanced-ai.md  pending\n"
        "  ✗ 03-networking.md   failed     2025-01-08  run:20250108-150122-p2wd\n"
        "  3 tasks: 1 verified, 1 ready, 1 failed\n"
    )


def test_status_with_tasks_is_the_list(place: Place) -> None:
    place.task("a.md")
    listed = place.runr("list-tasks", code=0).out
    assert place.runr("status", "--tasks", code=0).out == listed


def test_the_three_kinds_of_evidence_look_different(place: Place) -> None:
    for name in ("verified", "attested", "inferred"):
        place.task(f"{name}.md")
    record(
        place,
        verified=completed("run:20250108-143022-k7qf", "verified"),
        attested=completed("person:Grace", "attested"),
        inferred=completed("run:20250108-143022-k7qf", "inferred"),
    )
    assert place.runr("list-tasks", code=0).out.splitlines()[1:-1] == [
        "  ✎ attested.md  completed  2025-01-08  attested by Grace",
        "  ≈ inferred.md  completed  2025-01-08  inferred from run:20250108-143022-k7qf",
        "  ✓ verified.md  completed  2025-01-08  run:20250108-143022-k7qf",
    ]


def test_a_recorded_task_without_a_file_is_shown_as_orphaned(place: Place) -> None:
    place.task("a.md")
    record(place, gone=completed("person:Grace", "attested"))
    answer = place.runr("list-tasks", "--json", code=0).json
    assert [row["orphaned"] for row in answer["tasks"]] == [False, True]
    line = place.runr("list-tasks").out.splitlines()[-2]
    assert line.startswith("  ✎ gone.md")
    assert line.endswith("task file missing")


def test_a_completed_task_whose_text_has_changed_is_stale(place: Place) -> None:
    place.task("a.md")
    record(place, a=completed("person:Grace", "attested") | {"task_sha256": "0" * 64})
    assert names(place, "--stale") == ["a.md"]
    assert "stale: its text has changed since" in place.runr("list-tasks").out


def test_a_broken_task_file_is_a_problem_on_its_own_line_and_no_other(place: Place) -> None:
    place.task("fine.md")
    place.write(".runr/tasks/broken.md", "---\ntype: [automated\n---\n# Broken\n")
    (place.root / ".runr/tasks/bytes.md").write_bytes(b"# caf\xe9\n")
    (place.root / ".runr/tasks/folder.md").mkdir()
    result = place.runr("list-tasks", code=0)
    lines = {line.split()[1]: line for line in result.out.splitlines()[1:-1]}
    assert lines["fine.md"] == "  ○ fine.md    pending"
    assert "broken.md:2: " in lines["broken.md"]
    assert "not UTF-8" in lines["bytes.md"]
    assert "folder.md" in lines


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["a.md", "b.md", "c.md", "d.md"]),
        (["--status", "completed"], ["a.md"]),
        (["--status", "completed", "--status", "stopped"], ["a.md", "d.md"]),
        (["--type", "manual"], ["c.md"]),
        (["--tag", "api"], ["b.md"]),
        (["--ready"], ["b.md", "d.md"]),
        (["--blocked"], ["c.md"]),
        (["--search", "B.M"], ["b.md"]),
        (["--sort", "priority"], ["b.md", "a.md", "c.md", "d.md"]),
        (["--sort", "status"], ["d.md", "b.md", "c.md", "a.md"]),
        (["--sort", "updated"], ["d.md", "a.md", "b.md", "c.md"]),
        (["--limit", "2"], ["a.md", "b.md"]),
        (["--limit", "2", "--cursor", ".runr/tasks/b.md"], ["c.md", "d.md"]),
        (["--limit", "0"], ["a.md", "b.md", "c.md", "d.md"]),
    ],
)
def test_filters_sort_and_pages(place: Place, words: list[str], expected: list[str]) -> None:
    place.task("a.md")
    place.task("b.md", "tags: [api]\npriority: 5")
    place.task("c.md", "type: manual\ndepends_on: [b]")
    place.task("d.md")
    stopped = {
        "status": "stopped",
        "stop_reason": "scope_violation",
        "updated_at": "2025-02-01T00:00:00Z",
    }
    record(place, a=completed("person:Grace", "attested"), d=stopped)
    assert names(place, *words) == expected


def test_a_page_says_how_to_get_the_next_one(place: Place) -> None:
    for name in ("a b.md", "c.md", "d.md"):
        place.task(name)
    page = place.runr("list-tasks", "--limit", "1", "--json", code=0).json
    assert page["total_count"] == 3
    assert page["next_cursor"] == ".runr/tasks/a b.md"
    message = place.runr("list-tasks", "--limit", "1").out.splitlines()[-2]
    assert message == "  … of 3; --cursor '.runr/tasks/a b.md' shows more, --limit 0 all"
    last = place.runr("list-tasks", "--cursor", ".runr/tasks/c.md", "--json").json
    assert last["next_cursor"] is None


def test_an_unknown_cursor_or_filter_is_refused_with_what_there_is(place: Place) -> None:
    place.task("a.md")
    assert "unknown cursor 'x'" in place.runr("list-tasks", "--cursor", "x", code=2).err
    assert "'pending'" in place.runr("list-tasks", "--status", "pendin", code=2).err


def test_the_repository_is_found_from_a_subfolder_and_by_name(place: Place, tmp_path: Path) -> None:
    place.task("a.md")
    inner = place.root / "src" / "deep"
    inner.mkdir(parents=True)
    listed = place.runr("list-tasks", code=0).out
    assert place.runr("list-tasks", cwd=inner).out == listed
    assert place.runr("list-tasks", "--repo", str(place.root), cwd=tmp_path).out == listed
    assert place.runr("--repo", str(inner), "list-tasks", cwd=tmp_path).out == listed
    assert place.runr("list-tasks", "--repo", "nowhere", code=2).err.startswith("runr: ")


def test_json_may_stand_on_the_command_or_on_the_group(place: Place) -> None:
    place.task("a.md")
    own = place.runr("list-tasks", "--json", code=0).json
    assert place.runr("--json", "list-tasks", code=0).json == own
    assert own["total_count"] == 1
    first = own["tasks"][0]
    assert {key: first[key] for key in ("path", "title", "status", "type", "ready")} == {
        "path": ".runr/tasks/a.md",
        "title": "a",
        "status": "pending",
        "type": "automated",
        "ready": True,
    }


def test_without_tasks_the_list_is_empty_in_json_and_advice_in_text(place: Place) -> None:
    answer = place.runr("list-tasks", "--json", code=0).json
    assert answer["tasks"] == []
    assert answer["total_count"] == 0
    shown = place.runr("list-tasks", code=0)
    assert shown.steps == answer["next_steps"] == ["runr new first-task"]
    assert place.paste(shown.steps[0]).code == 0


def test_a_refusal_in_json_is_json_on_standard_output(place: Place) -> None:
    result = place.runr("--json", "task-status", "nope", code=2)
    assert result.err == ""
    assert result.json["error"]["code"] == "unknown"
    assert result.json["error"]["exit_code"] == 2
    assert result.json["error"]["next_steps"] == ["runr list-tasks"]


def test_colours_are_for_terminals_only_and_only_where_they_are_wanted(place: Place) -> None:
    place.task("a.md")
    record(place, a=completed("person:Grace", "attested"))
    assert ESCAPE not in place.runr("list-tasks").out
    assert ESCAPE in seen(["list-tasks"], place.root, {"TERM": "xterm"})
    assert ESCAPE not in seen(["list-tasks"], place.root, {"TERM": "xterm", "NO_COLOR": "1"})


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (140, "  ○ a.md  pending  Build the parser, priority 7, api, core"),
        (100, "  ○ a.md  pending  Build the parser, priority 7, api, core"),
        (99, "  ○ a.md  pending"),
    ],
)
def test_a_wide_terminal_shows_title_priority_and_tags(
    place: Place, width: int, shown: str
) -> None:
    place.write(
        ".runr/tasks/a.md", "---\npriority: 7\ntags: [api, core]\n---\n# Build the parser\n"
    )
    place.write(".runr/tasks/b.md", f"# {'日本' * 60}\n")
    terminal = {"TERM": "xterm", "NO_COLOR": "1"}
    lines = seen(["list-tasks"], place.root, terminal, width).splitlines()
    assert lines[1] == shown
    assert lines[2].endswith("…") is (width >= 100)
    assert len(lines[2]) < 99
    assert lines[-1] == "  2 tasks: 2 ready"
    assert "Build the parser" not in place.runr("list-tasks", env={"COLUMNS": str(width)}).out


def test_a_row_is_cut_to_the_width_of_the_terminal_and_whole_elsewhere(place: Place) -> None:
    place.task("b.md", f"depends_on: [{', '.join(f'missing-{number}' for number in range(9))}]")
    record(place, a={"status": "stopped", "stop_reason": "ambiguity", "last_run_id": "r" * 30})
    for width in (30, 60):
        lines = seen(["list-tasks"], place.root, {"TERM": "xterm"}, width).splitlines()[1:3]
        assert ["\x1b[33m" in line for line in lines] == [True, True]
        shown = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]
        assert [len(line) for line in shown] == [width] * 2
        assert all(line.endswith("…") for line in shown)
    assert "missing-8" in place.runr("list-tasks").out


def test_control_characters_are_not_printed(place: Place) -> None:
    place.write(".runr/tasks/a.md", "# Title \x1b]0;owned\x07 \x1b[2J\n")
    place.task("b\x1b[2J\n.md")
    shown = seen(["list-tasks"], place.root, {"TERM": "xterm"})
    shown += seen(["task-status", "a"], place.root, {"TERM": "xterm"})
    left = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert "\x1b" not in left
    assert "\x07" not in left


def test_wide_and_combining_names_keep_the_columns(place: Place) -> None:
    place.task("日本.md")
    place.task("gro\u0308\u00dfe.md")
    place.task("plain.md")
    shown = place.runr("list-tasks", code=0).out
    assert "  ○ 日本.md   pending\n" in shown
    assert "  ○ plain.md  pending\n" in shown
    assert "  ○ gro\u0308\u00dfe.md  pending\n" in shown


def test_a_reader_that_leaves_early_is_no_error(place: Place) -> None:
    for number in range(200):
        place.task(f"{number:03}-{'x' * 150}.md")
    done = subprocess.run(
        ["sh", "-c", f"{RUNR} list-tasks 2>err | head -1; echo code ${{PIPESTATUS:-0}}"],
        cwd=place.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("Tasks in .runr/tasks/:")
    assert place.read("err") == ""


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_a_terminal_is_coloured_unless_it_or_the_user_says_no(
    place: Place, env: dict[str, str], *, coloured: bool
) -> None:
    place.task("a.md", "type: [")
    assert ("\x1b[" in seen(["list-tasks"], place.root, env)) is coloured


@pytest.mark.parametrize("columns", [40, 200])
def test_a_command_is_whole_in_a_narrow_and_in_a_wide_terminal(place: Place, columns: int) -> None:
    name = "a task with a name that is longer than a narrow terminal.md"
    place.task(name, "type: manual")
    env = {"TERM": "dumb"}
    shown = seen(["task-status", name], place.root, env, columns).replace("\r\n", "\n")
    assert f"\n  runr complete-task '{name}' --reason 'what was done'\n" in shown
    assert name in seen(["list-tasks"], place.root, env, columns)


def test_a_name_in_the_status_file_adds_no_line_to_a_list(place: Place) -> None:
    place.task("a.md")
    forged = "person:Ada\n  ✓ b.md  completed\x1b[2K"
    record(place, a=completed(forged, "attested") | {"reason": "done\n  ✓ c.md  completed"})
    for words in (["list-tasks"], ["status"], ["task-status", "a"], ["why", "a"]):
        shown = place.runr(*words, code=0).out
        assert not [line for line in shown.splitlines() if line.startswith("  ✓ ")][1:]
        assert "\x1b" not in shown


def test_completions_are_counted_and_filtered_by_their_evidence(place: Place) -> None:
    levels = ("verified", "verified_in_workspace", "attested", "inferred")
    for level in levels:
        place.task(f"{level.replace('_', '-')}.md")
    place.task("open.md")
    runs = {level: {"last_run_id": f"20250108-143022-{level[-4:]}"} for level in levels}
    record(place, **{level: completed("person:Grace", level) | runs[level] for level in levels})
    shown = place.runr("list-tasks", code=0)
    counts = "1 verified, 1 verified in the workspace, 1 attested, 1 inferred, 1 ready"
    assert f"  5 tasks: {counts}\n" in shown.out
    answer = place.runr("list-tasks", "--json", code=0).json
    assert answer["counts"] == {**dict.fromkeys(levels, 1), "ready": 1}
    assert place.runr("graph", code=0).out.startswith(f"5 tasks: {counts}\n")
    only = place.runr("list-tasks", "--evidence", "verified", "--json", code=0).json["tasks"]
    assert [row["path"] for row in only] == [".runr/tasks/verified.md"]
    others = place.runr("list-tasks", "--where", "status:completed -evidence:verified", "--json")
    assert others.json["total_count"] == 3


def test_a_forced_completion_is_marked_wherever_it_is_shown(place: Place) -> None:
    place.task("a.md")
    place.task("b.md", "type: manual\ndepends_on: [a]")
    done = place.runr("complete-task", "b", "--force", "--reason", "x", code=0)
    assert ", forced in " in done.out
    assert ", forced)" in place.runr("report", code=0).out
    assert "  forced\n" in place.runr("list-tasks", code=0).out
    assert "forced: open dependencies: .runr/tasks/a.md" in place.runr("why", "b", code=0).out
    shown = place.runr("task-status", "b", "--json", code=0).json
    assert shown["task"]["override_reason"] == "open dependencies: .runr/tasks/a.md"
