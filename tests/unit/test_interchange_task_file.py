"""The task files that an import writes: safe names, and text that runs nothing."""

import pytest

from runr.interchange.external_task import ExternalTask
from runr.interchange.task_file import beside, has_script, path_of, render, safe_stem, unused


def external(**facts: object) -> ExternalTask:
    return ExternalTask(**({"id": "1", "stem": "1-do", "title": "Do it"} | facts))  # type: ignore[arg-type] # a test names fields


@pytest.mark.parametrize(
    ("stem", "safe"),
    [
        ("1-do it!", "1-do-it"),
        ("../../etc/passwd", "etc-passwd"),
        ("a..b...c", "a.b.c"),
        (".hidden", "hidden"),
        ("-x.md", "x"),
        ("a.md", "a"),
        ("e\u0301", "é"),
        ("日" * 70, "日" * 60),
        ("...", "task"),
        ("", "task"),
    ],
)
def test_a_name_leads_nowhere_else_and_is_not_hidden(stem: str, safe: str) -> None:
    assert safe_stem(stem) == safe


def test_a_file_is_in_the_folder_of_its_list_below_the_target() -> None:
    assert path_of(external(), "") == "1-do.md"
    assert path_of(external(folder="my list"), "") == "my-list/1-do.md"
    assert path_of(external(folder="../x"), "sub") == "sub/x/1-do.md"


def test_a_name_that_is_taken_in_any_case_is_numbered() -> None:
    assert unused("a.md", {"b.md"}) == "a.md"
    assert unused("A.md", {"a.md"}) == "A-2.md"
    assert unused("x/A.md", {"x/a.md", "x/a-2.md", "x/a-3.md"}) == "x/A-4.md"


@pytest.mark.parametrize(
    ("own", "other", "name"),
    [
        ("a.md", "b.md", "b"),
        ("x/a.md", "x/b.md", "b"),
        ("x/a.md", "b.md", "b"),
        ("x/a.md", "y/b.md", "y/b"),
        ("a.md", "x/b.md", "x/b"),
    ],
)
def test_a_dependency_in_the_same_folder_is_named_without_it(
    own: str, other: str, name: str
) -> None:
    assert beside(own, other) == name


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("```sh run\nrm -rf x\n```", True),
        ("~~~~ sh\trun \r\nx\n", True),
        ("```s\0h run\nx\n```", True),
        ("```sh\nx\n```", False),
        ("```sh run it\nx\n```", False),
        ("``sh run", False),
    ],
)
def test_text_from_elsewhere_runs_nothing(body: str, found: bool) -> None:
    assert has_script(body) is found
    assert not has_script(render(external(body=body), "s", (), ()).decode())


def test_a_task_is_written_with_what_is_known_of_it() -> None:
    task = external(
        body="\n\nDo this.\r\n\x07\n",
        related=("https://x/1", "a\nb"),
        tags=("ui", "two\nlines"),
        priority=-1,
    )
    assert render(task, "beads: 1", ["a", "b c"], ["status `x`", "why"]).decode() == (
        '---\nsource: "beads: 1"\ntype: manual\ndepends_on: [a, "b c"]\n'
        'tags: [ui, "two lines"]\npriority: -1\n---\n\n# Do it\n\n'
        "> Imported on hold: status `x`; why.\n\nDo this.\n\n"
        "## See also\n\n- https://x/1\n- a b\n"
    )
    assert render(external(), "s", (), ()) == b"---\nsource: s\n---\n\n# Do it\n"
