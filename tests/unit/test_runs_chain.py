"""The chain of seals over a journal."""

import pytest

from runr.runs.chain import Key, first_break, is_foreign, sealed, split

KEY = Key(b"0123456789abcdef", bytes(32))
OTHER = Key(b"fedcba9876543210", bytes(32))
BODIES = [b'{"seq":1}', b'{"seq":2}', b'{"seq":3}']


def chained(key: Key = KEY) -> list[bytes]:
    lines = [b""]
    for body in BODIES:
        lines.append(sealed(body, lines[-1], key))
    return lines[1:]


def test_a_sealed_line_is_split_into_what_it_was_and_its_seal() -> None:
    body, seal = split(sealed(b'{"a":"b"}', b"", KEY))
    assert body == b'{"a":"b"}'
    assert seal.startswith(KEY.id + b":")


@pytest.mark.parametrize("end", [b"x", b" "])
def test_a_line_with_another_end_has_no_seal(end: bytes) -> None:
    line = sealed(b"{}", b"", KEY)[:-1] + end
    assert split(line) == (line, b"")


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"seal":"x"}', b'{"a":1,"seel":"' + b"0" * 49 + b'"}']
)
def test_a_line_without_a_seal_is_returned_as_it_is(line: bytes) -> None:
    assert split(line) == (line, b"")


def test_a_journal_is_foreign_when_no_line_has_a_seal_of_the_key() -> None:
    assert not is_foreign(chained(), KEY)
    assert not is_foreign([b"{}", *chained()], KEY)
    assert is_foreign(chained(OTHER), KEY)
    assert is_foreign([b"{}"], KEY)
    assert is_foreign([], KEY)
    assert is_foreign(chained(), None)


def test_a_whole_chain_has_no_break() -> None:
    assert first_break(chained(), KEY) is None
    assert first_break([], KEY) is None


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_changed_line_is_the_first_break(number: int) -> None:
    lines = chained()
    lines[number - 1] = lines[number - 1].replace(b'"seq"', b'"SEQ"')
    assert first_break(lines, KEY) == number


@pytest.mark.parametrize(("removed", "number"), [(0, 1), (1, 2)])
def test_a_removed_line_breaks_the_chain_where_it_was(removed: int, number: int) -> None:
    lines = chained()
    del lines[removed]
    assert first_break(lines, KEY) == number


def test_lines_in_another_order_break_the_chain() -> None:
    first, second, third = chained()
    assert first_break([first, third, second], KEY) == 2
