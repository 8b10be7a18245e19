"""Next steps in a repository without commits, in which no run can start."""

import pytest

from cli.terminal import Place

FIRST = "git add --all && git commit --allow-empty -m Start"


@pytest.mark.parametrize(
    "words",
    [["next"], ["why", "a"], ["task-status", "a"], ["list-tasks"], ["resume"], ["new", "b"]],
)
def test_the_first_commit_comes_before_a_run(bare: Place, words: list[str]) -> None:
    bare.config('[run]\nworker = "script"\n')
    bare.script("a.md", "echo 1 > a.txt")
    steps = bare.runr(*words, "--json", code=0).json["next_steps"]
    run = next(number for number, step in enumerate(steps) if step.startswith("runr run "))
    assert steps[0] == FIRST
    assert [bare.paste(step).code for step in (FIRST, f"{steps[run]} --detach")] == [0, 0]
    bare.runr("stop", "latest", code=0)
    assert FIRST not in bare.runr("next", "--json", code=0).json["next_steps"]


@pytest.mark.parametrize("words", [["run"], ["complete-task", "a"], ["run", "b"]])
def test_it_does_after_a_refusal(bare: Place, words: list[str]) -> None:
    bare.task("a.md")
    bare.task("b.md", "depends_on: [a]")
    assert bare.runr(*words).steps[0] == FIRST


def test_a_manual_task_is_completed_without_a_commit(bare: Place) -> None:
    bare.task("a.md", "type: manual")
    (step,) = bare.runr("task-status", "a", code=0).steps
    assert bare.paste(step).code == 0


@pytest.mark.parametrize("how", ["packed", "detached"])
def test_a_commit_is_found_wherever_git_keeps_it(bare: Place, how: str) -> None:
    bare.task("a.md")
    bare.commit("Start")
    bare.git(*{"packed": ("pack-refs", "--all"), "detached": ("checkout", "-q", "--detach")}[how])
    assert FIRST not in bare.runr("next", "--json", code=0).json["next_steps"]
