"""The quick header reader: what it reads, PyYAML reads the same; the rest it leaves to PyYAML."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runr.tasks import frontmatter, plain_header
from runr.tasks.fields import Header
from runr.tasks.templates import builtin

SCALARS = (
    *("text", "null", "Null", "~", "yes", "on", "-1", "1.0", "1_000", "12:30", "2024-01-08"),
    *("a: b", "a:", "a#b", "a #b", "# x", "- a", "-", "--", "? a", "*a", "&a b", "!x", "%a"),
    *("`a", "'a'", "'a''b'", '"a"', '"a\\n"', '""', "''", "'a\nb'", '"a" b', "'a' # c"),
    *("[a, b]", "[]", "[ ]", "[a,b]", '["a, b", c]', "[a: b]", "[~, null]", "[a, ]", "[,]"),
    *("[a, [b]]", "[a] b", "[a\n, b]", "[-1]", "[a:b]", "[a?]", "{a: b}", "|\n  x", ">\n  x"),
    *("a\n  b", "a\n\n  b", "a\tb", "a\\b", "it's", "a]", "[a", "~/x", "=", "<<", "src/**/*.py"),
    *("\u00e9", "\u00a0x", "x\u00a0", "x\u2028y", "x\u0085y", "\ufeffx", "x\ufeff", "\U0001f600"),
    *("\ud7ff", "\ue000", "x" * 1100, f'"{"x" * 1100}"'),
)
KEYS = ("title", "tags", "depends_on", "my-key", "_x", "null", "9", "a b", "k" * 101, '"q"')

texts = st.sampled_from(SCALARS) | st.text(st.characters(codec="utf-8"), max_size=12)
lists = st.builds(
    lambda indent, items: "".join(f"\n{indent}- {item}" for item in items),
    st.sampled_from(["", " ", "  "]),
    st.lists(texts, max_size=3),
)
brackets = st.lists(texts, max_size=3).map(lambda items: f" [{', '.join(items)}]")
values = texts.map(lambda text: f" {text}") | lists | brackets | st.sampled_from(["", "  # c"])
lines = st.builds(lambda key, value: f"{key}:{value}", st.sampled_from(KEYS), values)
others = st.sampled_from(["", " ", "# c", "  # c", "\t", "  more", "- x", "...", "a"])
headers = st.lists(lines | others, max_size=5).map(lambda found: "\n".join([*found, ""]))


@settings(max_examples=300, deadline=None)
@given(headers)
@example("tags:\n- a\n  - b\n")
@example("tags: [a]\n  more\n")
@example("title: text\n\n  more\n")
def test_what_the_quick_reader_reads_pyyaml_reads_the_same(header: str) -> None:
    quick = plain_header.read(header)
    if quick is None:
        return
    whole = frontmatter.read(header, 1) if header.strip() else Header()
    assert isinstance(whole, Header), whole
    assert quick == whole.values


@pytest.mark.parametrize("template", ["feature", "bugfix", "docs", "chore", "manual"])
def test_the_templates_need_no_yaml(template: str) -> None:
    header = builtin(template).split("---\n")[1]
    assert plain_header.read(header) is not None


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("a: 1.10\nb: on\nc:\n", {"a": "1.10", "b": "on", "c": None}),
        ("a: [x, 'y z', \"w\", null]\n", {"a": ["x", "y z", "w", None]}),
        ("a: []\n\n# note\nb:\n  - x y\n  - 'z'\n", {"a": [], "b": ["x y", "z"]}),
        ("a: pytest -q tests/x.py::y\n", {"a": "pytest -q tests/x.py::y"}),
    ],
)
def test_plain_headers_are_read_as_texts(header: str, read: dict[str, object]) -> None:
    assert plain_header.read(header) == read


@pytest.mark.parametrize(
    "header",
    [
        "a: b: c\n",
        "a: x\na: y\n",
        "a: &x y\n",
        "a: [b: c]\n",
        "a: |\n  x\n",
        " a: x\n",
        'a: "\\n"\n',
    ],
)
def test_what_is_not_plain_is_left_to_pyyaml(header: str) -> None:
    assert plain_header.read(header) is None
