"""The trailers of a commit message: how they are written, and which of a message's lines count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.git.trailers import (
    Block,
    ManualTrailers,
    MergeTrailers,
    Trailers,
    message,
    parse_trailers,
)

RUN = "20250108-143022-k7qf"
MERGE = MergeTrailers(run_id=RUN, task="a.md")
SHA = "5" * 40


def pairs(text: str) -> list[dict[str, str]]:
    """Return the trailers of each block, without the prefix that all share."""
    blocks = parse_trailers(text)
    return [{key.removeprefix("Runr-"): value for key, value in each.pairs} for each in blocks]


@pytest.mark.parametrize(
    ("trailers", "lines"),
    [
        (
            Trailers(run_id=RUN, task="a.md", worker="codex"),
            ["Task: a.md", "Checkpoint: true", "Verified: none", "Worker: codex"],
        ),
        (
            Trailers(
                run_id=RUN,
                task="a.md",
                worker="codex",
                verified=("tier0", "task"),
                session="s",
                milestone="2/3",
                verified_tree=SHA,
            ),
            [
                "Task: a.md",
                "Checkpoint: true",
                "Verified: tier0,task",
                f"Verified-Tree: {SHA}",
                "Worker: codex",
                "Session: s",
                "Milestone: 2/3",
            ],
        ),
        (
            Trailers(run_id=RUN, task="", worker="w", checkpoint=False),
            ['Task: ""', "Verified: none", "Worker: w"],
        ),
        (ManualTrailers(run_id=RUN, reason="typo"), ["Intervention: true", "Reason: typo"]),
        (
            ManualTrailers(run_id=RUN, reason="wrong", task="a.md", reset=True),
            ["Task: a.md", "Reset: true", "Reason: wrong"],
        ),
        (MERGE, ["Task: a.md"]),
    ],
)
def test_each_kind_of_commit_names_its_run_and_what_it_is(
    trailers: Trailers | ManualTrailers | MergeTrailers, lines: list[str]
) -> None:
    expected = "".join(f"Runr-{line}\n" for line in (f"Run-Id: {RUN}", *lines))
    assert message("Subject", "", trailers) == f"Subject\n\n{expected}"


@given(st.text(), st.text(), st.text(), st.text())
def test_trailers_survive_any_message_text(
    subject: str, body: str, task: str, session: str
) -> None:
    written = Trailers(run_id=RUN, task=task, worker="w", session=session)
    text = message(subject, body, written)
    assert "\0" not in text
    (block,) = parse_trailers(text)
    assert (block.all("Runr-Task"), block.all("Runr-Session")) == ((task,), (session,))
    assert (block.checkpoint, block.verified) == (True, ())
    first = text.split("\n", 1)[0]
    assert 0 < len(first) <= 72
    assert first.isprintable()
    assert not first.startswith(("#", "-", ";"))


@pytest.mark.parametrize(
    ("subject", "first"),
    [
        ("", "runr checkpoint"),
        (" Do\n it ", "Do it"),
        ("#1 Do it", "runr: #1 Do it"),
        ("x" * 72, "x" * 72),
        ("x" * 73, "x" * 71 + "…"),
        ("x" * 70 + " yz", "x" * 70 + "…"),
    ],
)
def test_a_subject_is_one_short_line_that_git_reads_as_text(subject: str, first: str) -> None:
    assert message(subject, "", MERGE).split("\n")[0] == first


def test_a_line_of_the_body_that_looks_like_a_trailer_is_quoted() -> None:
    body = "\nWhy:\ta\x07reason  \n  Runr-Task: b.md\nRunr-Task : c.md\n\n"
    assert message("Subject", body, MERGE).split("\n")[2:-3] == [
        "Why:\ta reason",
        ">   Runr-Task: b.md",
        "Runr-Task : c.md",
        "",
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a b.md", "a b.md"),
        ("", '""'),
        (" a", '" a"'),
        ("a ", '"a "'),
        ("a\nb", r'"a\nb"'),
        ('"a"', r'"\"a\""'),
        ('a"b', 'a"b'),
    ],
)
def test_a_value_that_no_line_holds_is_a_json_string(value: str, written: str) -> None:
    text = MergeTrailers(run_id=RUN, task=value).render()
    assert text == f"Runr-Run-Id: {RUN}\nRunr-Task: {written}\n"
    assert pairs(f"Subject\n\n{text}") == [{"Run-Id": RUN, "Task": value}]


@pytest.mark.parametrize("value", ['"a', '"a" b', '"'])
def test_a_value_that_only_begins_like_json_is_taken_as_it_is(value: str) -> None:
    assert pairs(f"Subject\n\nRunr-Task: {value}") == [{"Task": value}]


ONE, TWO = {"Run-Id": "1", "Task": "a.md"}, {"Run-Id": "2", "Task": "b.md"}
FIRST, SECOND = "Runr-Run-Id: 1\nRunr-Task: a.md\n", "Runr-Run-Id: 2\nRunr-Task: b.md\n"
SQUASHED = "Squashed commit of the following:"


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("Subject", []),
        (FIRST, [{"Task": "a.md"}]),  # what is in the subject does not count
        (f"Subject\n\n{FIRST}", [ONE]),
        ("S\n\n" + FIRST.replace("\n", "  \r\n"), [ONE]),
        (f"Subject\n\n{FIRST}{SECOND}", [ONE, TWO]),
        (f"Subject\n\n{FIRST}\n* Second\n\n{SECOND}", [ONE, TWO]),
        # Trailers of others do not divide those of one commit; text does.
        ("S\n\nRunr-Run-Id: 1\nSigned-off-by: Ada\nRunr-Task: a.md", [ONE]),
        ("S\n\nRunr-Run-Id: 1\n\nRunr-Task: a.md", [{"Run-Id": "1"}, {"Task": "a.md"}]),
        ("S\n\nRunr-Task: a.md\nRunr-Task: b.md", [{"Task": "b.md"}]),
        ("S\n\nRunr-Task: a.md\nRunr-Run-Id: 1", [ONE]),
        ("S\n\nRunr-Run-Id: 1\n\nRunr-Checkpoint: true", [{"Run-Id": "1", "Checkpoint": "true"}]),
        ("S\n\n> Runr-Task: a.md\n    Runr-Task: b.md\nrunr-task: c.md\nRunr-Task:d", []),
        # What `git merge --squash` collects is indented, and names the commits.
        (f"{SQUASHED}\n\ncommit {SHA}\n\n    S\n\n    Runr-Task: a.md", [{"Task": "a.md"}]),
        (f"{SQUASHED}\n\ncommit {SHA}\n\n        Runr-Task: a.md", []),
        (f"{SQUASHED}\n\ncommit {SHA[:39]}\n\n    Runr-Task: a.md", []),
        (f"All of it\n\ncommit {SHA}\n\n    Runr-Task: a.md", []),
    ],
)
def test_the_blocks_of_a_message_are_those_of_its_commits(
    text: str, blocks: list[dict[str, str]]
) -> None:
    assert pairs(text) == blocks


@pytest.mark.parametrize(
    ("key", "value", "properties"),
    [
        ("Runr-Checkpoint", "true", (True, False, False, ())),
        ("Runr-Checkpoint", "false", (False, False, False, ())),
        ("Runr-Reset", "true", (False, True, False, ())),
        ("Runr-Reset", "yes", (False, False, False, ())),
        ("Runr-Milestone", "1/2", (False, False, True, ())),
        ("Runr-Milestone", "2/2", (False, False, False, ())),
        ("Runr-Verified", "tier0, task,", (False, False, False, ("tier0", "task"))),
        ("Runr-Verified", "none", (False, False, False, ())),
    ],
)
def test_a_block_says_what_its_commit_is(
    key: str, value: str, properties: tuple[bool, bool, bool, tuple[str, ...]]
) -> None:
    block = Block(((key, value), (key, "another")))
    assert (block.checkpoint, block.reset, block.partial, block.verified) == properties
    assert (block.get(key), block.all(key)) == (value, (value, "another"))
    assert (block.get("Runr-Task"), block.all("Runr-Task")) == (None, ())
