import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.scope import rules
from runr.scope.patterns import matches
from runr.scope.presets import PRESETS, patterns
from runr.scope.rules import is_runrs, names, violations

DENIED = "denied by scope.deny"


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
        ("caf\u00e9.txt", "cafe\u0301.txt", True),
        ("cafe\u0301/", "caf\u00e9/a.txt", True),
        ("caf?.txt", "cafe\u0301.txt", True),
        ("*.txt", "with\nline.txt", True),
        ("folder with space/", "folder with space/-x", True),
        (" src/ ", "src/a", True),
    ],
)
def test_a_pattern_covers_everything_below_it_and_nothing_beside_it(
    pattern: str, path: str, *, expected: bool
) -> None:
    assert matches(path, [pattern]) is expected


def test_a_task_that_owns_nothing_may_change_everything_that_is_not_denied() -> None:
    changed = ["src/a.py", "secrets/key.pem", "b.txt"]
    assert violations(changed, owns=[], deny=["secrets/"]) == [f"secrets/key.pem ({DENIED})"]
    assert violations(changed, owns=[], deny=[]) == []


def test_paths_that_are_not_owned_are_out_of_scope_and_reported_in_order() -> None:
    changed = ["z.txt", "src/a.py", "docs/api.md", "a.txt"]
    assert violations(changed, owns=["src/", "docs/api.md"], deny=[]) == ["a.txt", "z.txt"]


def test_a_denied_path_is_denied_to_its_owner_too() -> None:
    found = violations(
        ["src/generated/a.py", "lib/generated/b.py"],
        owns=["src/"],
        allow=["lib/"],
        deny=["**/generated/"],
    )
    assert found == [f"lib/generated/b.py ({DENIED})", f"src/generated/a.py ({DENIED})"]


def test_everything_can_be_owned_and_everything_denied() -> None:
    assert violations(["a", "b/c"], owns=["."], deny=[]) == []
    assert violations(["a", "b/c"], owns=[], deny=["."]) == [f"a ({DENIED})", f"b/c ({DENIED})"]


def test_runrs_own_files_never_count() -> None:
    own = [".runr", ".runr/task-status.json", ".runr/runs/x/timeline.jsonl", ".runr/tasks/a.md"]
    assert violations(own, owns=["src/"], deny=["*", ".runr/"]) == []
    assert all(is_runrs(path) for path in own)


@pytest.mark.parametrize("path", [".runrc", "src/.runr/x", "runr/x", ".runr-old/x"])
def test_a_file_that_is_only_called_like_runrs_counts(path: str) -> None:
    assert violations([path], owns=["src/api/"], deny=[]) == [path]


def test_what_is_allowed_extends_what_a_task_owns_and_binds_no_task_that_owns_nothing() -> None:
    changed = ["src/a.py", "docs/a.md", "b.txt"]
    assert violations(changed, owns=["src/"], allow=["docs/"], deny=[]) == ["b.txt"]
    assert violations(changed, owns=[], allow=["docs/"], deny=[]) == []


LOCK = "web/package-lock.json"
FOLLOWS = f"{LOCK} (a lockfile changes only together with its manifest, package.json)"
REFUSED = f"{LOCK} (a lockfile: scope.lockfiles is deny)"


@pytest.mark.parametrize(
    ("changed", "owns", "policy", "expected"),
    [
        ([LOCK], ["src/"], "follow", [FOLLOWS]),
        ([LOCK], ["web/"], "follow", [FOLLOWS]),
        ([LOCK], ["."], "follow", [FOLLOWS]),
        ([LOCK], [], "follow", []),
        ([LOCK], ["web/package-lock.json"], "follow", []),
        ([LOCK], ["**/package-lock.json"], "follow", []),
        ([LOCK, "web/package.json"], ["web/package.json"], "follow", []),
        ([LOCK, "web/app/package.json"], ["web/app/"], "follow", []),
        ([LOCK, "web/package.json"], ["src/"], "follow", [FOLLOWS, "web/package.json"]),
        ([LOCK, "package.json"], ["package.json"], "follow", [FOLLOWS]),
        ([LOCK, "web/Cargo.toml"], ["web/Cargo.toml"], "follow", [FOLLOWS]),
        ([LOCK], ["src/"], "allow", []),
        ([LOCK], ["web/"], "deny", [REFUSED]),
        ([LOCK], [LOCK], "deny", [REFUSED]),
        ([LOCK, "web/package.json"], ["web/"], "deny", [REFUSED]),
        ([LOCK], [], "deny", [REFUSED]),
    ],
)
def test_a_lockfile_goes_with_its_manifest_or_as_the_settings_say(
    changed: list[str], owns: list[str], policy: rules.Lockfiles, expected: list[str]
) -> None:
    assert violations(changed, owns=owns, deny=[], lockfiles=policy) == expected


def test_a_denied_lockfile_is_denied_whatever_else_is_said_of_lockfiles() -> None:
    for policy in ("follow", "allow"):
        found = violations(
            ["uv.lock", "pyproject.toml"], owns=["."], deny=["*.lock"], lockfiles=policy
        )
        assert found == [f"uv.lock ({DENIED})"]


def test_a_denied_manifest_takes_no_lockfile_with_it() -> None:
    found = violations(["go.mod", "go.sum"], owns=["."], deny=["go.mod"])
    assert found == [
        f"go.mod ({DENIED})",
        "go.sum (a lockfile changes only together with its manifest, go.mod)",
    ]


@pytest.mark.parametrize(
    ("path", "line", "shown"),
    [
        ("node_modules/left/index.js", "node_modules", "node_modules"),
        ("node_modules", "node_modules", "node_modules"),
        ("web/node_modules/a", "node_modules", "web/node_modules"),
        ("src/__pycache__/a.pyc", "__pycache__", "src/__pycache__"),
        (".pytest_cache/v/x", ".pytest_cache", ".pytest_cache"),
        (".vite/deps/x.js", ".vite", ".vite"),
        (".eslintcache", ".eslintcache", ".eslintcache"),
        ("coverage/index.html", "coverage", "coverage"),
        ("docs/.DS_Store", ".DS_Store", "docs/.DS_Store"),
    ],
)
def test_cache_files_of_a_tool_are_reported_once_with_the_line_to_ignore(
    path: str, line: str, shown: str
) -> None:
    message = f"{shown} (a tool's own files: list {line} in .gitignore)"
    beside = [path, f"{path}2"] if path.count("/") > shown.count("/") else [path]
    assert violations(beside, owns=["src/a.py"], deny=[], added=beside) == [message]
    assert violations([path], owns=["src/a.py"], deny=[]) == [path]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("vendor/lib", True),
        ("vendor/lib/", True),
        ("./vendor/lib", True),
        ("vendor/l*", True),
        ("**/lib", True),
        ("vendor/", False),
        ("vendor/*", False),
        ("vendor/**", False),
        ("lib", False),
        (".", False),
        ("./", False),
        ("*", False),
        ("", False),
    ],
)
def test_a_pattern_names_a_path_only_by_the_path_itself(pattern: str, *, expected: bool) -> None:
    assert names("vendor/lib", [pattern]) is expected


@pytest.mark.parametrize(
    ("preset", "path"),
    [
        ("python", "pyproject.toml"),
        ("python", "tools/requirements-dev.txt"),
        ("node", "web/package.json"),
        ("node", "web/eslint.config.mjs"),
        ("typescript", "web/tsconfig.build.json"),
        ("typescript", "src/types/api.d.ts"),
        ("rust", "crates/a/Cargo.toml"),
        ("go", "cmd/go.mod"),
        ("docs", "docs/deep/a.md"),
        ("docs", "packages/a/README.md"),
        ("tests", "src/__tests__/a.js"),
        ("tests", "src/a.test.ts"),
        ("tests", "tests/data/a.json"),
        ("ci", ".github/workflows/ci.yml"),
    ],
)
def test_a_preset_covers_what_its_name_says(preset: str, path: str) -> None:
    assert matches(path, PRESETS[preset])
    assert not matches("src/app.py", PRESETS[preset])


def test_presets_join_without_repetition_and_hold_no_lockfile() -> None:
    joined = patterns(("python", "tests", "python"))
    assert joined == PRESETS["python"] + PRESETS["tests"]
    everything = patterns(tuple(PRESETS))
    assert [name for name in rules.MANIFESTS if matches(name, everything)] == []
    assert [name for name in rules.CACHE_FOLDERS if matches(name, everything)] == []


PART = st.text(st.sampled_from("ab.*?-é "), min_size=1, max_size=4)
PATH = st.lists(PART, min_size=1, max_size=4).map("/".join)
SEVERAL = st.lists(PATH, max_size=4)
PLAIN = st.lists(st.text("ab-é", min_size=1, max_size=4), min_size=1, max_size=4).map("/".join)


@given(paths=SEVERAL, owns=SEVERAL, deny=SEVERAL, more=PATH)
def test_owning_or_allowing_more_never_refuses_more(
    paths: list[str], owns: list[str], deny: list[str], more: str
) -> None:
    bound = ["src", *owns]
    before = set(violations(paths, owns=bound, deny=deny))
    assert set(violations(paths, owns=[*bound, more], deny=deny)) <= before
    assert set(violations(paths, owns=bound, allow=[more], deny=deny)) <= before


@given(paths=SEVERAL, owns=SEVERAL, deny=SEVERAL, more=PATH)
def test_denying_more_never_refuses_less(
    paths: list[str], owns: list[str], deny: list[str], more: str
) -> None:
    def refused(denied: list[str]) -> set[str]:
        return {text.partition(" (")[0] for text in violations(paths, owns=owns, deny=denied)}

    assert refused(deny) <= refused([*deny, more])


@given(plain=PLAIN, below=PATH)
def test_a_plain_path_covers_itself_and_everything_below_it(plain: str, below: str) -> None:
    assert matches(plain, [plain])
    assert matches(plain, [f"./{plain}/"])
    assert matches(f"{plain}/{below}", [plain])
    assert not matches(f"{plain}x", [plain])
    assert not matches(f"over/{plain}", [plain])


@given(path=PATH, patterns=SEVERAL)
def test_no_pattern_is_an_error_and_what_names_a_path_covers_it(
    path: str, patterns: list[str]
) -> None:
    assert not names(path, patterns) or matches(path, patterns)
