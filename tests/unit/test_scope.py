import pytest

from runr.core.scope import is_runrs, matches, violations


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("src/api/", "src/api/users.py", True),
        ("src/api", "src/api/deep/er/users.py", True),
        ("./src/api/", "src/api/users.py", True),
        ("src/api", "src/api", True),
        ("src/api", "src/apiary.py", False),
        ("src/api", "lib/src/api/users.py", False),
        ("docs/api.md", "docs/api.md", True),
        ("docs/api.md", "docs/apiXmd", False),
        ("README.md", "docs/README.md", False),
        ("*.py", "setup.py", True),
        ("*.py", "src/deep/setup.py", True),
        ("*.py", "setup.pyc", False),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/deep/er/a.py", True),
        ("src/**", "src/deep/a.txt", True),
        ("src/**", "source/a.txt", False),
        ("**/test_*.py", "test_a.py", True),
        ("**/test_*.py", "a/b/test_c.py", True),
        ("src/*/", "src/deep/a.py", True),
        ("v?.txt", "v1.txt", True),
        ("v?.txt", "v10.txt", False),
        ("a?b", "a/b", False),
        (".", "any/thing.txt", True),
        ("./", "any/thing.txt", True),
        ("**", "any/thing.txt", True),
        ("*", "any/thing.txt", True),
        ("a[b].txt", "a[b].txt", True),
        ("a[b].txt", "ab.txt", False),
        ("a+(b)$.txt", "a+(b)$.txt", True),
        ("größe/", "größe/ä.txt", True),
        ("*.txt", "with\nline.txt", True),
        ("folder with space/", "folder with space/-x", True),
        (" src/ ", "src/a", True),
    ],
)
def test_a_pattern_covers_what_lies_under_it_and_nothing_beside_it(
    pattern: str, path: str, *, expected: bool
) -> None:
    assert matches(path, [pattern]) is expected


def test_a_task_that_owns_nothing_may_change_everything_that_is_not_denied() -> None:
    changed = ["src/a.py", "secrets/key.pem", "b.txt"]
    assert violations(changed, owns=[], deny=["secrets/"]) == ["secrets/key.pem"]
    assert violations(changed, owns=[], deny=[]) == []


def test_what_is_not_owned_is_out_of_scope_and_told_in_order() -> None:
    changed = ["z.txt", "src/a.py", "docs/api.md", "a.txt"]
    assert violations(changed, owns=["src/", "docs/api.md"], deny=[]) == ["a.txt", "z.txt"]


def test_what_is_denied_stays_denied_to_its_owner() -> None:
    assert violations(["src/generated/a.py"], owns=["src/"], deny=["**/generated/"]) == [
        "src/generated/a.py"
    ]


def test_everything_can_be_owned_and_everything_denied() -> None:
    assert violations(["a", "b/c"], owns=["."], deny=[]) == []
    assert violations(["a", "b/c"], owns=[], deny=["."]) == ["a", "b/c"]


def test_runrs_own_files_never_count() -> None:
    own = [".runr", ".runr/task-status.json", ".runr/runs/x/timeline.jsonl", ".runr/tasks/a.md"]
    assert violations(own, owns=["src/"], deny=["*", ".runr/"]) == []
    assert all(is_runrs(path) for path in own)


@pytest.mark.parametrize("path", [".runrc", "src/.runr/x", "runr/x", ".runr-old/x"])
def test_a_file_that_is_only_called_like_runrs_counts(path: str) -> None:
    assert violations([path], owns=["src/api/"], deny=[]) == [path]
