"""`runr graph` and `runr next`: dependencies, filters and ranking."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cli.terminal import Place


def lay(place: Place, **status: dict[str, Any]) -> None:
    """Write five tasks that depend on each other, and what is recorded of some."""
    place.task("00-setup.md")
    place.task("api/01-login.md", "depends_on: [00-setup]\ntags: [api]")
    place.task("api/02-logout.md", "depends_on: [01-login]\ntags: [api]")
    place.task("docs/03-guide.md", "depends_on: [00-setup, 02-logout]")
    place.task("04-tell.md", "type: manual\npriority: 9")
    names = {"setup": "00-setup.md", "login": "api/01-login.md", "logout": "api/02-logout.md"}
    entries = {f".runr/tasks/{names[name]}": entry for name, entry in status.items()}
    if entries:
        place.record(entries)


RUN = "20250108-143022-k7qf"
DONE = {
    "status": "completed",
    "evidence": "verified",
    "completed_by": f"run:{RUN}",
    "last_run_id": RUN,
}


def test_the_graph_is_a_tree_of_dependencies_with_their_dependents(place: Place) -> None:
    lay(place, setup=DONE)
    assert place.runr("graph", code=0).out == (
        "5 tasks: 1 verified, 1 ready, 1 waiting for a person, 2 blocked\n"
        "critical path, 3 tasks: api/01-login.md → api/02-logout.md → docs/03-guide.md\n"
        "✓ 00-setup.md  verified\n"
        "├─ ○ api/01-login.md  ready\n"
        "│  └─ ○ api/02-logout.md  blocked\n"
        "│     └─ ○ docs/03-guide.md  blocked\n"
        "└─ ○ docs/03-guide.md  (above)\n"
        "○ 04-tell.md  waiting for a person\n"
    )


def test_the_graph_of_one_task_shows_its_dependencies_and_dependents(place: Place) -> None:
    lay(place)
    lines = place.runr("graph", "01-login", code=0).out.splitlines()
    assert lines[2:] == [
        "needs:",
        "○ api/01-login.md  blocked",
        "└─ ○ 00-setup.md  ready",
        "unblocks:",
        "○ api/01-login.md  blocked",
        "└─ ○ api/02-logout.md  blocked",
        "   └─ ○ docs/03-guide.md  blocked",
    ]
    assert "did you mean 'api/01-login'" in place.runr("graph", "api/01-logn", code=2).err


def test_cycles_and_bad_names_are_shown_in_the_graph(place: Place) -> None:
    place.task("a.md", "depends_on: [b]")
    place.task("b.md", "depends_on: [a, gone]")
    out = place.runr("graph", code=0).out
    assert "cycle: a.md → b.md → a.md\n" in out
    assert "b.md  blocked  gone (no such task)" in out
    assert "a.md  (cycle)" in out


def test_every_format_draws_the_same_tasks_and_json_is_whole(place: Place) -> None:
    lay(place, setup=DONE)
    answer = place.runr("graph", "--json", code=0).json
    assert answer == place.runr("graph", "--format", "json", code=0).json
    assert answer["total_count"] == 5
    login = next(task for task in answer["tasks"] if task["path"].endswith("01-login.md"))
    assert login["needs"] == [".runr/tasks/00-setup.md"]
    assert (login["unblocks_count"], login["unblocks_all_count"], login["critical"]) == (1, 2, True)
    assert [path[12:] for path in answer["critical_path"]] == [
        "api/01-login.md",
        "api/02-logout.md",
        "docs/03-guide.md",
    ]
    picture = ET.fromstring(place.runr("graph", "--format", "svg", code=0).out)  # noqa: S314 - ours
    titles = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert ".runr/tasks/04-tell.md: for a person" in titles
    mermaid = place.runr("graph", "--format", "mermaid", code=0).out
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count("-->") + mermaid.count("==>") == 4
    dot = place.runr("graph", "--format", "dot", code=0).out
    assert '".runr/tasks/00-setup.md" -> ".runr/tasks/api/01-login.md"' in dot


def test_filters_are_the_same_words_on_every_command(place: Place) -> None:
    lay(place, login={"status": "failed", "stop_reason": "error", "updated_at": "2025-01-08"})
    for words, expected in [
        (["--tag", "api"], ["api/01-login.md", "api/02-logout.md"]),
        (["--where", "tag:api -status:failed"], ["api/02-logout.md"]),
        (["--path", "docs"], ["docs/03-guide.md"]),
        (["--waiting"], ["04-tell.md"]),
        (["--status", "failed", "--since", "2025-01-01"], ["api/01-login.md"]),
        (["--worker", "script", "--search", "LOG"], ["api/01-login.md", "api/02-logout.md"]),
    ]:
        for command in ("list-tasks", "graph"):
            rows = place.runr(command, "--json", *words, code=0).json["tasks"]
            assert [row["path"].removeprefix(".runr/tasks/") for row in rows] == expected
    place.task("api/09-odd.md", "tags: [api]\nowner: me")
    found = place.runr("lint", "--json", "--tag", "api", "--where=odd", code=0).json
    assert {finding["path"] for finding in found["diagnostics"]} == {".runr/tasks/api/09-odd.md"}
    assert found["task_count"] == 1
    assert "no task matches the filter" in place.runr("lint", "--tag", "none", code=2).err
    typed = place.runr("list-tasks", "--json", "tag:api", "-r", "x", code=2)
    assert typed.json["error"]["code"] == "usage"
    query = place.runr("list-tasks", "--json", "tag:api status:failed -type:manual log", code=0)
    assert [row["title"] for row in query.json["tasks"]] == ["01-login"]
    assert "did you mean status:?" in place.runr("next", "statsu:failed", code=2).err


def test_next_is_the_ready_task_with_the_highest_priority_that_needs_no_person(
    place: Place,
) -> None:
    lay(place)
    place.task("05-later.md")
    place.task("06-soon.md", "priority: 2")
    assert place.runr("next", code=0).out == (
        "○ 06-soon.md\n"
        "  its priority 2 is the highest of 3 that are ready\n"
        "  1 task waits for a person: runr list-tasks --waiting\n"
        "Next:\n"
        "  runr run --task 06-soon.md\n"
    )
    answer = place.runr("next", "--json", "--where=-06", code=0).json
    assert answer["task"]["path"] == ".runr/tasks/00-setup.md"
    assert (answer["unblocks_count"], answer["unblocks_all_count"], answer["ready_count"]) == (
        2,
        3,
        2,
    )
    assert answer["next_steps"] == ["runr run --task 00-setup.md"]
    assert answer["needs_human_paths"] == [".runr/tasks/04-tell.md"]


def test_explain_gives_the_reason_for_this_task_and_against_each_other_one(place: Place) -> None:
    lay(place, logout={"status": "in_progress", "last_run_id": "20250108-143022-k7qf"})
    place.task("05-later.md")
    out = place.runr("next", "--explain", code=0).out
    assert "  of 2 ready tasks with priority 0 it unblocks the most\n" in out
    assert "  it unblocks 3 tasks, 2 directly\n" in out
    assert "  not 04-tell.md: waits for a person: a person has to do it\n" in out
    assert "  not api/01-login.md: blocked by .runr/tasks/00-setup.md\n" in out
    assert "  not 05-later.md: ready, and unblocks 0 instead of 3\n" in out


def test_next_says_why_no_task_can_be_started(place: Place) -> None:
    assert "there are no tasks yet" in place.runr("next", code=0).out
    place.task("a.md", "type: manual")
    message = place.runr("next", code=0)
    assert "all startable work waits for a person" in message.out
    assert message.steps == ["runr list-tasks --waiting"]
    place.task("b.md", "depends_on: [b]")
    assert "none of the 1 open tasks can be started" in place.runr("next", "b.md", code=0).out


def test_all_ready_runs_in_the_order_of_next(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.script("b.md", "echo 1 > b.txt")
    place.script("c.md", "echo 1 > c.txt", "depends_on: [b]")
    place.script("d.md", "echo 1 > d.txt", "type: hybrid\npriority: 1")
    place.script("e.md", "echo 1 > e.txt", "tags: [other]")
    place.commit("Tasks")
    assert place.runr("next", "--json").json["task"]["path"] == ".runr/tasks/d.md"
    answer = place.runr("run", "--all-ready", "--where=-tag:other", "--json", code=9).json
    assert [run["task_path"][12:] for run in answer["runs"]] == ["d.md", "b.md", "a.md", "c.md"]
    assert answer["needs_human_paths"] == [".runr/tasks/d.md"]
    assert place.status("e.md") is None
    mixed = place.runr("run", "--task", "e", "--tag", "other", code=2)
    assert mixed.steps == ["runr run --task e", "runr run --all-ready --help"]
    assert [place.paste(step).code for step in mixed.steps] == [0, 0]


def test_a_blocked_task_names_its_root_causes(place: Place) -> None:
    lay(place, setup={"status": "stopped", "stop_reason": "scope_violation"})
    detail = place.runr("task-status", "03-guide", "--json", code=0).json["task"]
    assert detail["blocked_by"] == [".runr/tasks/00-setup.md", ".runr/tasks/api/02-logout.md"]
    assert detail["root_causes"] == [
        {
            "path": ".runr/tasks/00-setup.md",
            "why": "files were changed that this task may not change",
        }
    ]
    assert "root cause: 00-setup.md: files were" in place.runr("task-status", "03-guide").out


@pytest.mark.parametrize("words", [["approve"], ["reject"]])
def test_an_approval_needs_a_run_that_waits_for_a_person(place: Place, words: list[str]) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    said = [*words, "a", "--reason", "why"]
    assert "a.md yet, so there is nothing to decide" in place.runr(*said, code=2).err
    run = place.run("a")
    assert "does not wait for a person (completed)" in place.runr(*said, code=2).err
    assert place.runr(words[0], run["id"], "--reason", "why", code=2).steps == [
        "runr task-status a.md"
    ]
    assert "there is no task 'b'" in place.runr(words[0], "b", "--reason", "why", code=2).err
    assert "--reason" in place.runr(*words, "a", code=2).err
    assert "inside run" in place.runr(*said, env={"RUNR_RUN_ID": run["id"]}, code=2).err


def test_a_run_that_waits_is_rejected_resumed_and_approved(place: Place) -> None:
    place.script("a.md", 'echo "$RUNR_ATTEMPT" > a.txt', "type: hybrid")
    place.commit("Tasks")
    run = place.run("a", code=9)
    assert place.runr("list-tasks", "--waiting", "--json").json["total_count"] == 1
    assert place.runr("next").out.startswith("No next task: all startable work waits")
    sent = place.runr("reject", run["id"], "--reason", "not yet", "--by", "Grace", code=0)
    assert sent.steps[-1] == f"runr resume {run['id']}"
    assert place.status("a.md")["stop_reason"] == "rejected"
    assert "Grace: not yet" in place.runr("task-status", "a").out
    [said] = [e["payload"] for e in place.events(run["id"]) if e["type"] == "run.rejected"]
    assert (said["by"], said["reason"]) == ("Grace", "not yet")
    assert place.runr("list-tasks", "--waiting", "--json").json["total_count"] == 0
    assert "(rejected)" in place.runr("approve", "a", "--reason", "right", code=2).err
    assert place.runr("next").steps[-1] == f"runr resume {run['id']}"
    place.paste(sent.steps[-1])
    prompt = (place.run_folder(run["id"]) / "prompt-2.md").read_text("utf-8")
    assert "not yet" in prompt
    done = place.runr("approve", "a", "--reason", "right", "--by", "Grace", "--json", code=0).json
    assert done["completed"]
    assert (done["run"]["approved_by"], done["run"]["reason"]) == ("Grace", "right")
    assert place.status("a.md")["evidence"] == "attested"
    assert place.git("show", "main:a.txt") == "2\n"
