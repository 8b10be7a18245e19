"""Each line of a journal, byte for byte, through a file that anyone may have written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.interchange import history_lines
from runr.interchange.history_lines import JournalLine

JOURNAL = "runs/20250108-143022-k7qf"
EVENTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    ),
    max_size=4,
)
WRITTEN = EVENTS.map(lambda event: json.dumps(event, separators=(",", ":")).encode())
LINES = WRITTEN | st.binary(max_size=40).filter(lambda line: not set(line) & set(b"\r\n"))


@given(LINES)
def test_every_line_comes_back_as_it_was(line: bytes) -> None:
    kept = history_lines.encode(JournalLine(JOURNAL, line))
    assert history_lines.decode(kept) == JournalLine(JOURNAL, line)
    assert (kept.count(b"\n"), kept[-1:]) == (1, b"\n")
    assert kept.decode().isprintable() or "\x00" not in kept.decode()


def test_an_event_can_be_read_as_one() -> None:
    line = '{"seq":1,"text":"größer \u202e"}'.encode()
    kept = history_lines.encode(JournalLine(JOURNAL, line))
    assert json.loads(kept)["event"]["seq"] == 1
    assert b"\\u202e" in kept


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "Expecting"),
        (b"[]", "no object"),
        (b'{"journal": "runs/a"}', "no object"),
        (b'{"journal": "runs/a", "event": {}, "text": ""}', "no object"),
        (b'{"journal": "runs/../../x", "event": {}}', "no name of a journal"),
        (b'{"journal": "runs/a/b", "event": {}}', "no name of a journal"),
        (b'{"journal": "runs/.git", "event": {}}', "no name of a journal"),
        (b'{"journal": "runs/a..b", "event": {}}', "no name of a journal"),
        ('{"journal": "runs/ä", "event": {}}'.encode(), "no name of a journal"),
        (b'{"journal": "locks/a", "event": {}}', "no name of a journal"),
        (b'{"journal": "runs/a\\n", "event": {}}', "no name of a journal"),
        (b'{"journal": ["runs/a"], "event": {}}', "no name of a journal"),
        (b'{"journal": "runs/a", "event": []}', "nothing that a journal has"),
        (b'{"journal": "runs/a", "files": "x"}', "nothing that a journal has"),
        (b'{"journal": "runs/a", "text": "one\\ntwo"}', "end of a line"),
        (b'{"journal": "runs/a", "base64": "Cg=="}', "end of a line"),
        (b'{"journal": "runs/a", "base64": "%"}', "base64 is damaged"),
        (b'{"journal": "runs/a", "text": "\\ud800"}', "no text"),
        (b'{"journal": "runs/a", "event": {"a": NaN}}', "not JSON"),
        (b'{"journal": "runs/a", "event": ' + b'{"a":' * 100_000, "too deeply"),
    ],
)
def test_what_no_export_writes_is_refused(line: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        history_lines.decode(line)


@pytest.mark.parametrize("line", [b"", b"{}", b'{"format": "runr-export"}', b"\xff"])
def test_another_file_is_no_history(line: bytes) -> None:
    assert history_lines.version_of(line) is None
    assert history_lines.version_of(history_lines.header()) == history_lines.VERSION
