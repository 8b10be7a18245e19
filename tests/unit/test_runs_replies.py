"""Milestones and verdicts as planners and reviewers write them."""

import pytest

from runr.runs.replies import ReviewVerdict, parse_milestones, parse_verdict, repeats

PLAN = """\
I looked at the code.

1. Read the settings
2. Write **the** parser
   with its tests
3) Call `parse()`
"""


def test_the_items_of_a_numbered_list_are_milestones_without_their_marks() -> None:
    assert parse_milestones(PLAN, 9) == ("Read the settings", "Write the parser", "Call parse()")


def test_the_last_of_two_lists_is_the_plan() -> None:
    assert parse_milestones(f"{PLAN}\nShorter:\n\n**1.** One\n**2.** Two\n", 9) == ("One", "Two")


@pytest.mark.parametrize(("most", "items"), [(3, ("a", "b", "c")), (2, ("a", "b; c")), (1, ())])
def test_items_beyond_the_limit_are_joined_into_the_last(most: int, items: tuple[str, ...]) -> None:
    assert parse_milestones("1. a\n2. b\n3. c", most) == items


@pytest.mark.parametrize("text", ["", "1. All of it", "no list\n", "2000. a\n2001. b"])
def test_fewer_than_two_items_are_no_plan(text: str) -> None:
    assert parse_milestones(text, 9) == ()


@pytest.mark.parametrize(
    "text",
    [
        "VERDICT: approve",
        "All well.\n\n**Verdict: approved.**\n",
        "VERDICT: changes\nverdict: APPROVE",
    ],
)
def test_a_line_approves(text: str) -> None:
    assert parse_verdict(text) == ReviewVerdict(approved=True)


@pytest.mark.parametrize(
    ("text", "feedback"),
    [
        ("Add a test.\nVERDICT: changes", "Add a test."),
        (
            "VERDICT: approve\n> **VERDICT:** changes requested\nAdd a test.\n",
            "VERDICT: approve\nAdd a test.",
        ),
        ("VERDICT: changes", "No details were given."),
    ],
)
def test_a_line_asks_for_changes_and_the_rest_says_which(text: str, feedback: str) -> None:
    assert parse_verdict(text) == ReviewVerdict(approved=False, feedback=feedback)


@pytest.mark.parametrize(
    "text", ["", "approve", "The verdict: approve it or not", "VERDICT: maybe"]
)
def test_without_a_line_of_its_own_there_is_no_verdict(text: str) -> None:
    assert parse_verdict(text) is None


@pytest.mark.parametrize(
    ("feedback", "again"),
    [
        (["Line 12 of parser lacks a test"], False),
        (["Line 12 of parser lacks a test", "line 14 of Parser lacks a test!"], True),
        (["Line 12 of parser lacks a test", "Rename it", "Line 3 of parser lacks a test"], True),
        (["Rename it", "Rename it", "Add a heading"], False),
        (["alpha beta gamma delta epsilon", "alpha beta gamma delta"], True),
        (["alpha beta gamma delta", "alpha beta gamma"], False),
        (["alpha beta", "gamma delta"], False),
        (["1.", "2."], True),
    ],
)
def test_feedback_repeats_when_it_uses_nearly_the_same_words(
    feedback: list[str], again: bool
) -> None:
    assert repeats(feedback) is again
