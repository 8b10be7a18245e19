"""Checks that pass whatever the work is."""

import subprocess

import pytest

from runr.tasks.empty_checks import cannot_fail, does_nothing

NOTHING = [
    *("", "  ", "\n\n", "#", "# nothing", "  # later\n# and later", ":", ": anything", "true"),
    *("exit 0", "exit", "echo ok", 'echo "all fine"', "printf done", "/bin/true", "/usr/bin/true"),
    *("true # for now", "true; true", "true && echo ok", "echo a\necho b", "CI=1 true", "CI=1"),
    *("echo ok; exit 0", "  true  ", "echo a | echo b"),
]
NO_FAILURE = ["make test || true", "npm run lint || echo failed", "pytest -q || :", "a b || exit 0"]
CHECKS = [
    *("make test", "pytest", "false", "! true", "exit 1", "test -e a", "[ -f a ]", "echo x > a"),
    *(
        'echo "$(make test)"',
        "echo `make`",
        "true && make test",
        "make test; echo",
        "echo a | grep b",
    ),
    *("truefalse", "true-check", "./true", "exit 3", "exit 0; make", "echoes", "cmp a b || false"),
    *("make || exit 1", "make || true; pytest", "set -e; make || true", "python -c 'x = 1 # true'"),
    *("'unbalanced", "true \\\n&& make", "if true; then make; fi", "a || b", "(true)", "{ true; }"),
    *("cd src && make", "sleep 1", "git diff --exit-code", "echo a && make || true && b", "x #"),
    *("make || true || pytest", "true & make", "grep '||' true", "echo '# a' | grep -q b"),
]


@pytest.mark.parametrize("command", NOTHING)
def test_a_command_that_does_nothing_is_named(command: str) -> None:
    assert does_nothing(command)
    assert cannot_fail(command)


@pytest.mark.parametrize("command", NO_FAILURE)
def test_a_command_whose_failure_is_ignored_is_named(command: str) -> None:
    assert cannot_fail(command)
    assert not does_nothing(command)


@pytest.mark.parametrize("command", CHECKS)
def test_a_command_that_can_fail_is_a_check(command: str) -> None:
    assert not does_nothing(command)
    assert not cannot_fail(command)


@pytest.mark.parametrize("command", NOTHING)
def test_what_is_named_exits_with_0_in_an_empty_folder(command: str, tmp_path: str) -> None:
    ended = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env={}, check=False)
    assert ended.returncode == 0
