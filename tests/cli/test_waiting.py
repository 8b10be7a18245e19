"""A task whose run waits for a person: what every command says of it, and offers."""

import pytest

from cli.terminal import Place


def waiting(place: Place, header: str = "") -> str:
    """Run a task whose work a person has to look at, and return the id of its run."""
    place.config('[run]\nworker = "script"\n')
    place.script("a.md", "echo 1 > a.txt", header)
    place.commit("Task")
    run: str = place.run("a", code=9)["id"]
    return run


@pytest.mark.parametrize("header", ["", "type: hybrid\nverify: ['test -d .']"])
def test_why_offers_the_approval_then_the_rejection(place: Place, header: str) -> None:
    waiting(place, header)
    steps = place.runr("why", "a", "--json", code=0).json["next_steps"]
    assert [step.split()[1] for step in steps] == ["approve", "reject"]
    shown = place.runr("why", "a", code=0).out.splitlines()
    assert shown[-2:] == [f"next: {step}" for step in steps]
    assert set(steps) < set(place.runr("task-status", "a", code=0).steps)
    assert place.paste(steps[0]).code == 0
    assert place.status("a.md")["status"] == "completed"


def named(rows: list[dict[str, str]]) -> list[str]:
    return [row["path"].removeprefix(".runr/tasks/") for row in rows]


def test_a_task_that_waits_for_a_person_is_nowhere_counted_as_ready(place: Place) -> None:
    waiting(place)
    place.task("b.md")
    place.task("m.md", "type: manual")
    listed = place.runr("list-tasks", "--json", code=0).json
    assert listed["counts"] == {"ready": 1, "waiting": 2}
    assert listed["needs_human_count"] == 2
    assert named([row for row in listed["tasks"] if row["ready"]]) == ["b.md"]
    assert named([row for row in listed["tasks"] if row["needs_human"]]) == ["a.md", "m.md"]
    assert named(place.runr("list-tasks", "--ready", "--json", code=0).json["tasks"]) == ["b.md"]
    for words in (("status",), ("status", "--tasks")):
        assert "3 tasks: 1 ready, 2 waiting for a person\n" in place.runr(*words, code=0).out
    chosen = place.runr("next", "--json", code=0).json
    assert (chosen["task"]["path"], chosen["ready_count"]) == (".runr/tasks/b.md", 1)
    assert chosen["why"] == "it is the only one that is ready"
    assert [path[12:] for path in chosen["needs_human_paths"]] == ["a.md", "m.md"]


def test_where_everything_waits_the_list_leads_to_what_there_is_to_decide(place: Place) -> None:
    waiting(place)
    (step,) = place.runr("list-tasks", "--json", code=0).json["next_steps"]
    assert step == "runr task-status a.md"
    assert "approve" in "".join(place.paste(step).steps)
