"""New tasks: a template with its title and keys, which read as what the user asked for."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runr.tasks.parser import body, parse
from runr.tasks.templates import MEANINGS, builtin, filled, listed, scalar, title_of


@pytest.mark.parametrize("name", MEANINGS)
def test_a_template_is_a_task_without_problems(name: str) -> None:
    task = parse("a.md", filled(builtin(name), "Do it", {}).encode())
    assert (task.title, task.problems) == ("Do it", ())
    assert (task.type == "manual") == (name == "manual")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
texts = texts.filter(str.strip)


@given(texts, st.lists(texts, max_size=3))
@example(
    "\x7f \x85 \ufffe \uffff \U00010000 \U000e0001 \U0001f600", ["a\u2028b", "null", "a: b", "#"]
)
def test_any_text_and_list_is_read_as_it_was_written(text: str, items: list[str]) -> None:
    written = f"---\nworker: {scalar(text)}\ntags: {listed(items)}\n---\n"
    task = parse("a.md", written.encode())
    assert task.problems == ()
    assert (task.worker, task.tags) == (text.strip(), tuple(map(str.strip, items)))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a/b.md", "a/b.md"),
        ("tests/a.py::b", '"tests/a.py::b"'),
        ("a:b", "a:b"),
        ("null", '"null"'),
        ("Null", '"Null"'),
        ("it's", '"it\'s"'),
        ("日本", "日本"),
        ("日 本", '"日 本"'),
    ],
)
def test_only_a_text_that_yaml_could_misread_gets_quotes(text: str, written: str) -> None:
    assert scalar(text) == written


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("01-build_the-api", "Build the api"),
        ("007", "007"),
        ("API-keys", "API keys"),
        ("x", "X"),
    ],
)
def test_a_title_is_made_of_the_name_of_the_file(stem: str, title: str) -> None:
    assert title_of(stem) == title


HEADER = "---\ntags: [a]\nowns:\n  - src/\n\t- x\n- b\nworker: codex\n---\n# {title}\nowns: text\n"


@pytest.mark.parametrize(
    ("text", "keys", "expected"),
    [
        (HEADER, {}, HEADER.replace("{title}", "T")),
        (HEADER, {"owns": [], "model": ""}, HEADER.replace("{title}", "T")),
        (
            HEADER,
            {"owns": ["docs/", "a b"]},
            '---\ntags: [a]\nowns: [docs/, "a b"]\nworker: codex\n---\n# T\nowns: text\n',
        ),
        (
            "---\ntags: [a]\n---\nowns: text\n",
            {"owns": "x", "tags": "c"},
            "---\ntags: c\nowns: x\n---\nowns: text\n",
        ),
        ("# {title}\n", {"tier": "tier2"}, "---\ntier: tier2\n---\n# T\n"),
        ("---\nno end\n", {"tier": "tier2"}, "---\ntier: tier2\n---\n---\nno end\n"),
    ],
)
def test_a_key_takes_the_place_of_the_templates_own(
    text: str, keys: dict[str, str | Sequence[str]], expected: str
) -> None:
    assert filled(text, "T", keys) == expected


def test_the_body_of_a_template_stays() -> None:
    made = filled(builtin("bugfix"), "T", {"owns": "src/", "tags": ["a"], "depends_on": ["b"]})
    task = parse("a.md", made.encode())
    assert (task.owns, task.tags, task.depends_on) == (("src/",), ("a",), ("b",))
    assert body(made.encode()) == body(builtin("bugfix").replace("{title}", "T").encode())
