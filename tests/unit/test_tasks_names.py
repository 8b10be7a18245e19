"""Which task a name refers to, and in which order names are listed."""

import unicodedata

import pytest

from runr.tasks.model import Task
from runr.tasks.names import Resolver, natural_key

ROOT = ".runr/tasks"
ACCENT = unicodedata.normalize("NFC", f"{ROOT}/caf\u00e9.md")
PATHS = [
    f"{ROOT}/{name}"
    for name in ("a.md", "api/a.md", "api/b.md", "web/b.md", "api/deep/c.md", "plain", "d.md.md")
]


def find(name: str, beside: str | None = None) -> tuple[str, ...]:
    tasks = [Task(path=path, title=path) for path in [*PATHS, ACCENT]]
    return Resolver.of(tasks).find(name, beside=beside)


@pytest.mark.parametrize(
    ("name", "beside", "path"),
    [
        ("a", None, "a.md"),
        ("a.md", None, "a.md"),
        (" a ", None, "a.md"),
        (".runr/tasks/a", None, "a.md"),
        (".runr/tasks/api/a.md", None, "api/a.md"),
        ("./.runr/tasks/a.md", None, "a.md"),
        ("api/a", None, "api/a.md"),
        ("api\\a", None, "api/a.md"),
        ("plain", None, "plain"),
        ("d.md", None, "d.md.md"),
        ("c", None, "api/deep/c.md"),
        ("a", "api/b.md", "api/a.md"),
        ("a.md", "api/b.md", "api/a.md"),
        ("a", "web/b.md", "a.md"),
        ("a", "plain", "a.md"),
        ("b", "web/b.md", "web/b.md"),
        ("../a", "api/b.md", "a.md"),
        ("./b", "api/a.md", "api/b.md"),
        ("deep/c", "api/a.md", "api/deep/c.md"),
        ("../b", "api/deep/c.md", "api/b.md"),
        ("api/b", "web/b.md", "api/b.md"),
    ],
)
def test_a_name_is_found_beside_the_task_that_uses_it_and_below_the_folder(
    name: str, beside: str | None, path: str
) -> None:
    near = f"{ROOT}/{beside}" if beside else None
    assert find(name, near) == (f"{ROOT}/{path}",)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["caf\u00e9", "caf\u00e9.md", f"{ROOT}/caf\u00e9.md"])
def test_an_accent_is_the_same_however_it_is_written(name: str, form: str) -> None:
    wanted = unicodedata.normalize(form, name)  # type: ignore[arg-type]
    assert find(wanted) == (ACCENT,)
    assert find(wanted, f"{ROOT}/api/a.md") == (ACCENT,)


def test_a_bare_name_of_several_tasks_names_them_all() -> None:
    assert find("b") == (f"{ROOT}/api/b.md", f"{ROOT}/web/b.md")


@pytest.mark.parametrize("name", ["", ".", "..", "x", "api/x", "../a", "api/d/c", "A"])
def test_a_name_that_is_not_there_finds_nothing(name: str) -> None:
    assert find(name) == ()


def test_names_are_listed_as_a_person_counts() -> None:
    names = ["aa", "a-100", "a-10", "a", "a-10b", "a-2", "a-1"]
    listed = ["a", "a-1", "a-2", "a-10", "a-10b", "a-100", "aa"]
    assert sorted(names, key=natural_key) == listed
    assert sorted(["7b", "07a", "007", "7"], key=natural_key) == ["007", "7", "07a", "7b"]
    assert sorted(["v1-10-1", "v1-9-2", "v1-9-1"], key=natural_key)[:2] == ["v1-9-1", "v1-9-2"]
