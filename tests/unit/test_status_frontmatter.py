"""The status in a task file's header: every other byte stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.status import frontmatter
from runr.status.model import Entry, Evidence, State
from runr.tasks import parser

DONE = {
    "status": "completed",
    "completed_at": "2026-11-22T16:30:47Z",
    "completed_by": "person:Ada: the first # of her name",
    "completed_commit": "a" * 40,
}
OPEN = {"status": "pending", "completed_at": None, "completed_by": None, "completed_commit": None}
LINES = """status: completed
completed_at: 2026-11-22T16:30:47Z
completed_by: "person:Ada: the first # of her name"
completed_commit: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
"""

_OURS = re.compile(
    rb"(?m)^(status|completed_at|completed_by|completed_commit):[^\r\n]*(\r\n|\r|\n)"
)


def without(content: bytes) -> bytes:
    """Return what is left of a file without the lines that are the mirror's."""
    return _OURS.sub(b"", content)


def test_a_file_without_a_header_gets_one() -> None:
    made = frontmatter.with_status_keys(b"# Title\n\nbody", DONE)
    assert made == f"---\n{LINES}---\n# Title\n\nbody".encode()


def test_an_empty_file_gets_one() -> None:
    assert frontmatter.with_status_keys(b"", OPEN) == b"---\nstatus: pending\n---\n"


def test_lines_are_replaced_where_they_stand_and_others_added_behind_them() -> None:
    before = b"---\ntags: [a]   # note\nstatus:   pending   # mine\npriority: 1\n---\n\n# T\n"
    made = frontmatter.with_status_keys(
        before, {**OPEN, "status": "completed", "completed_at": "2026-01-01"}
    )
    assert made == (
        b"---\ntags: [a]   # note\nstatus: completed   # mine\ncompleted_at: 2026-01-01\n"
        b"priority: 1\n---\n\n# T\n"
    )


def test_obsolete_lines_are_removed() -> None:
    made = frontmatter.with_status_keys(f"---\n{LINES}tags: [a]\n---\nbody\n".encode(), OPEN)
    assert made == b"---\nstatus: pending\ntags: [a]\n---\nbody\n"


def test_unchanged_values_keep_their_spelling() -> None:
    before = b"---\r\nstatus:    pending\r\n---\r\nbody"
    assert frontmatter.with_status_keys(before, OPEN) == before


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_stay(eol: bytes, bom: bytes) -> None:
    body = bom + eol.join([b"---", b"tags: [a]", b"---", b"# T", b"", b"text  "])
    made = frontmatter.with_status_keys(body, DONE)
    assert made is not None
    assert without(made) == body
    assert made.count(b"\r\n") == made.count(b"\n") * (eol == b"\r\n")


@pytest.mark.parametrize(
    "before",
    [
        b"---\nstatus: |\n  pending\n  and more\ntags: [a]\n---\n",
        b"---\nstatus:\n- a\n- b\ntags: [a]\n---\n",
        b'---\n"status": "a\n  b"\ntags: [a]\n---\n',
    ],
    ids=["block", "list", "quoted"],
)
def test_a_value_of_several_lines_goes_as_a_whole(before: bytes) -> None:
    made = frontmatter.with_status_keys(before, OPEN)
    assert made is not None
    assert made.endswith(b"\ntags: [a]\n---\n")
    assert frontmatter.read(made) == {"status": "pending"}


@pytest.mark.parametrize(
    "before",
    [
        b"---\ntags: [a]\n# never closed\n",
        b"---\ntags: [a\n---\n",
        b"---\ntags: a\ntags: b\n---\n",
        b"---\n- a list\n---\n",
        b"---\n{status: pending, tags: [a]}\n---\n",
        b"\xff\xfe# not UTF-8\n",
    ],
    ids=["unclosed", "no YAML", "twice", "a list", "in braces", "not UTF-8"],
)
def test_a_header_that_cannot_be_edited_safely_is_left_alone(before: bytes) -> None:
    made = frontmatter.with_status_keys(before, DONE)
    assert made is None or parser.parse("", made).problems == parser.parse("", before).problems


def test_an_entry_says_which_lines_it_wants() -> None:
    entry = Entry(
        status=State.COMPLETED,
        completed_at="2026-11-22T16:30:47Z",
        completed_by="run:x",
        checkpoint_sha="b" * 40,
        evidence=Evidence.VERIFIED,
    )
    assert list(frontmatter.status_keys(entry).values()) == [
        "completed",
        "2026-11-22T16:30:47Z",
        "run:x",
        "b" * 40,
    ]
    assert frontmatter.status_keys(Entry(status=State.STOPPED, completed_at="x")) == {
        **OPEN,
        "status": "stopped",
    }


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
KEYS = st.sampled_from(["tags", "title", "x-own", "depends_on", "notes", "priority"])
VALUES = st.sampled_from(
    ["", " [a, b]", " 1  # note", " 'it''s'", " |\n  text\n\n  more", "\n- a\n- b", " >-\n  folded"]
)
OLD = st.sampled_from(
    ["status: pending", "status:    stopped  # mine", "completed_at: 2020-01-01", "completed_by: x"]
)
ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Return task files in the shapes that people write them in."""
    eol = draw(ENDS)
    keys = draw(st.lists(st.tuples(KEYS, VALUES), max_size=5, unique_by=lambda pair: pair[0]))
    old = draw(st.lists(OLD, max_size=3, unique_by=lambda line: line.partition(":")[0]))
    lines = draw(st.permutations([*(f"{key}:{value}" for key, value in keys), *old]))
    body = draw(WORDS)
    mark = draw(st.sampled_from(["", "\ufeff"]))
    lead = draw(st.sampled_from(["", "\n", "\n\n"]))
    is_closed = bool(lines) or draw(st.booleans())
    head = "\n".join(["---", *lines, "---", ""]) if is_closed else ""
    return f"{mark}{lead}{head}".replace("\n", eol).encode() + body.encode()


@given(files(), st.sampled_from([DONE, OPEN]))
def test_every_byte_outside_the_status_lines_is_kept(
    content: bytes, lines: dict[str, str | None]
) -> None:
    made = frontmatter.with_status_keys(content, lines)
    if made is None:
        return
    said = {key: value for key, value in lines.items() if value is not None}
    assert frontmatter.read(made) == said
    assert parser.parse("", made).sha256 == parser.parse("", content).sha256
    assert frontmatter.with_status_keys(made, lines) == made
    had_header = frontmatter._edited(content, {}) == content  # noqa: SLF001 - a header, or none
    before, after = without(content), without(made)
    if had_header and after != before:
        eol = b"\r\n" if b"\r\n" in made else b"\n"
        marks = (b"---\n---\n", b"---\r\n---\r\n", b"---\r---\r", b"---" + eol + b"---" + eol)
        start = 3 if before.startswith(b"\xef\xbb\xbf") else 0
        assert any(after == before[:start] + mark + before[start:] for mark in marks)
