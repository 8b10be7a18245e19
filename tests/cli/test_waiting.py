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


@pytest.mark.parametrize("header", ["", "type: hybrid\nverify: ['true']"])
def test_why_offers_the_approval_then_the_rejection(place: Place, header: str) -> None:
    waiting(place, header)
    steps = place.runr("why", "a", "--json", code=0).json["next_steps"]
    assert [step.split()[1] for step in steps] == ["approve", "reject"]
    shown = place.runr("why", "a", code=0).out.splitlines()
    assert shown[-2:] == [f"next: {step}" for step in steps]
    assert set(steps) < set(place.runr("task-status", "a", code=0).steps)
    assert place.paste(steps[0]).code == 0
    assert place.status("a.md")["status"] == "completed"
