"""Each unmet precondition of a run: what is said, whether it blocks, and what to type."""

import pytest

from runr.next_steps.step import Location
from runr.runs.preconditions import Facts, Filter, problems

LFS = Filter(name="lfs", program="git-lfs", required=True, path="a.bin")
MINE = Filter(name="mine", program="smudge", required=False, path="b.txt")


@pytest.mark.parametrize(
    ("facts", "blocks", "message", "steps"),
    [
        (Facts(is_bare=True), True, "core.bare is true", ["git config core.bare false"]),
        (Facts(operation="merge"), False, "a merge is in progress", ["git status"]),
        (
            Facts(operation="rebase", in_place=True),
            True,
            "until it is finished, a run that works in it cannot commit",
            ["git status"],
        ),
        (Facts(stale_locks=("x.lock",), in_place=True), True, "cannot commit", ["rm x.lock"]),
        (Facts(stale_locks=("x.lock",)), False, "x.lock was left by a git", ["rm x.lock"]),
        (
            Facts(filters=(LFS,)),
            True,
            "a.bin needs git's filter lfs, and its program git-lfs is not on PATH",
            ["command -v git-lfs", "git lfs install"],
        ),
        (Facts(filters=(MINE,)), False, "b.txt needs git's filter mine", ["command -v smudge"]),
        (Facts(lacks_lfs=True), False, "names Git LFS", ["git lfs install", "git lfs pull"]),
        (
            Facts(unfetched=("lib",)),
            True,
            "the commit of submodule lib is not here",
            ["git submodule update --init lib"],
        ),
        (
            Facts(absent=("lib", "vendor")),
            False,
            "not checked out, and empty for a run, too: lib, vendor",
            ["git submodule update --init"],
        ),
        (
            Facts(ignored=("out", "dist")),
            False,
            "git ignores out, dist",
            ["git check-ignore -v out dist"],
        ),
        (
            Facts(missing_tools=(("make test", "make"),)),
            True,
            "the check `make test` cannot pass: make is not on PATH",
            ["command -v make"],
        ),
        (
            Facts(unnamed=("user.name", "user.email")),
            False,
            "git has no user.name and no user.email: checkpoints are committed as runr",
            [
                "git config user.name 'Your Name' && git config user.email you@example.com",
            ],
        ),
        (
            Facts(wants_signatures=True),
            False,
            "merge.verifySignatures is set, and checkpoints are not signed",
            ["git config commit.gpgsign true"],
        ),
    ],
)
def test_an_unmet_precondition_comes_with_what_to_type(
    facts: Facts, blocks: bool, message: str, steps: list[str]
) -> None:
    (problem,) = problems(facts)
    assert message in problem.message
    assert problem.blocks is blocks
    assert [str(step) for step in problem.next_steps] == steps


def test_a_commit_that_cannot_be_signed_blocks_for_the_reason_given() -> None:
    (problem,) = problems(Facts(signs=True, wants_signatures=True, unsigned="no key"))
    assert (problem.message, problem.blocks) == ("no key", True)


def test_nothing_is_wrong_with_a_repository_that_signs_what_it_merges() -> None:
    assert problems(Facts()) == ()
    assert problems(Facts(signs=True, wants_signatures=True)) == ()


def test_blocking_problems_come_first_and_only_a_missing_tool_may_be_forced() -> None:
    facts = Facts(operation="merge", missing_tools=(("make", "make"),), unfetched=("lib",))
    found = problems(facts)
    assert [problem.topic for problem in found] == ["submodules", "checks", "working tree"]
    assert [problem.may_force for problem in found] == [False, True, False]


def test_paths_are_named_from_the_root_wherever_the_command_is_typed() -> None:
    found = problems(Facts(unfetched=("lib",), absent=("lib",), ignored=("out",)))
    typed = [step.shell(Location(root="/repo")) for each in found for step in each.next_steps]
    assert len(typed) == 3
    assert all(command.startswith("git -C /repo ") for command in typed)
