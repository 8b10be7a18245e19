"""Checks that pass whatever the work is."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.tasks.empty_checks import explain, is_empty, why_empty

IDLE = [
    *("", "  ", "\n\n", "#", "# nothing", "  # later\n# and later", ":", ": anything", "true"),
    *("exit 0", "exit", "echo ok", 'echo "all fine"', "printf done", "/bin/true", "/usr/bin/true"),
    *("pytest > log 2>&1; cat log", "pytest >log 2>&1; tail -5 log", "pytest > log; rm -f log"),
    *("pytest 2>&1 | sort", "pytest | awk 1", "pytest | sed 's/x/y/'", "pytest | perl -pe 1"),
    *("for t in a; do pytest $t || true; done", "for t in a; do pytest $t; true; done"),
    *("while ! pytest; do break; done", "until pytest; do break; done", "setsid -f pytest"),
    *("for f in *; do make $f; done; true", "find . -name x -exec false \\;"),
    *("true # for now", "true; true", "true && echo ok", "echo a\necho b", "CI=1 true", "CI=1"),
    *("echo ok; exit 0", "  true  ", "echo a | echo b", "true;", "A=b; exit", "true && true"),
    *("(true)", "{ true; }", "! false", "if true; then :; fi", "cd .", "pwd", "ls"),
    *("date", "date +%s", "test 1", "[ 1 = 1 ]", "test a != b", "test -n x", "python3 -c pass"),
    *("python3 -c 'print(1)'", "sh -c true", "sh -c 'true; true'", "env true", "env A=b true"),
    *("command true", "exec true", "eval true", "eval 'true; true'", "timeout 5 true", "nice true"),
    *("if false; then false; else true; fi", "set -e; false || true", "echo '# a'", "false | cat"),
    *("sh -ec 'false || true'", "false & wait", "echo ok >/dev/null 2>&1", "true \\\n&& true"),
    *(
        "nice -n 5 true",
        "bash -o pipefail -c true",
        'test "x" 2>&1',
        "test -z ''",
        "tr\\\nue && true",
        "eval " * 20 + "true",
    ),
    *("export A=$(false)", "readonly A=`false`", "echo $(false)", 'echo "$(false)"'),
    *(
        "echo `false`",
        "$(true)",
        "`true`",
        "$(:); `:`",
        "$(true) true",
        "$()",
        "if $(true); then :; fi",
    ),
    *(
        "sh /dev/null",
        "sh -e /dev/null",
        "cat /dev/null",
        ". /dev/null",
        "wc -l /dev/null",
        "</dev/null",
    ),
    *(">x", "> x", ": > x", ">>x", "true >x", "unset x", "export x=1"),
    *("trap '' EXIT", 'trap "" EXIT', "trap - INT TERM", "trap '' EXIT; true"),
    *("A=$(false) true", "export A; export B=1", "set -x", "true $(echo '(' \"a)\" \\))"),
    *("A=$(false); :",),
    *("sh -c 'sh -c true'", "exit 0; make", "echo 'a;b'", "ls -la .", "set -x; true"),
]
FAILURE_IGNORED = [
    *("make test || true", "npm run lint || echo failed", "pytest -q || :", "a b || exit 0"),
    *("pytest; true", "make test; echo", "sh -c 'pytest || true'", 'bash -lc "pytest || true"'),
    *("pytest &", "pytest | cat", "pytest 2>&1 | tee log", "pytest > log 2>&1; true"),
    *("$CHECK || true", "(pytest; echo done)", "if pytest; then echo ok; else echo bad; fi"),
    *("pytest || { echo failed; true; }", "env sh -c 'pytest || :'", "set -e; make || true"),
    *("set +e; pytest; exit 0", "trap 'exit 0' EXIT; pytest"),
    *("bash -xc 'make; true'", "sh -c 'make; true'"),
    *("sleep 0", "sleep 1", "touch ok", "mkdir -p x", "git status", "git diff", "git log -1"),
    *("ruff check . --exit-zero", "uv run ruff check --exit-zero", "flake8 --exit-zero"),
    *("find . -name none", "node -e ''", "perl -e 1", "busybox true", "xargs true </dev/null"),
    *("ruff --exit-zero check .", '"true"', "'true'", "\\true", "make -i test", "make -ki"),
    *("make --ignore-errors test", "make --touch", "make -t test"),
    *("make |& tee log", "bash -c 'make |& tee log'", "make; return 0", "set +e\nmake\necho done"),
    *("set -e; set +e; make; true", "set -eo pipefail; set +e +o pipefail; make | cat; true"),
    *("set -x; make; true", "set -o errexit; set +o errexit; make; echo", "set -- a; make; true"),
    *("set -u; make | cat", "sh -ec 'set +e; make; true'"),
    *("make test\ntrue", "pytest | head -n 5", "pytest || true && true", "a & b & wait"),
]
NO_TEST = [
    *("make -n", "make -sn test", "gmake --dry-run", "pytest --collect-only", "pytest --co -q"),
    *("pytest --version", "pytest --help", "pytest --fixtures", "pytest --setup-plan", "tox -l"),
    *("mypy --version", "npx eslint --version", "tsc --showConfig", "python -m pytest --version"),
    *("if make; then exit 0; else pytest --co || true; fi", "npx jest --listTests"),
    *("git --version", "/usr/bin/git --version", "git version", "node --version", "python3 -V"),
    *("bash --version", "npm --help && go version", "make --version; true", "java -version"),
    *("type sh", "command -v git", "which sh true"),
    *("python -m pytest --co", "uv run pytest --collect-only", "pytest --co && echo ok"),
]
CHECKS = [
    *(
        "make test",
        "pytest",
        "false",
        "! true",
        "! ! true",
        "exit 1",
        "test -e a",
        "[ -f a ]",
        "echo x > a",
    ),
    *("true && make test", "echo a | grep b", "A=$(make)", "A=`make`; B=$(pytest)", 'A="$(make)"'),
    *("set -e; A=$(make); true", "$(make)", "test $(make) = a", 'test -z "$(make)"'),
    *("exit $(make)",),
    *("set -e; set +e | cat; make; true", "set -e; (set +e); make; true"),
    *("bash -ec '(set +e); a; :'",),
    *("set -e; false || set +e; make; true", "set -e; if a; then set +e; fi; make; true"),
    *("set -o pipefail; make |& tee log", "echo $(case a in a) make;; esac)", "export $(make)"),
    *("cat $(make)", "echo $((1/0))", "echo $(make", "echo `make", 'echo "$(cat "a")" && make'),
    *("return 1", "(return 0); make", "return 0; make", "eval 'return 0'; make", "set -n; true"),
    *("eval 'set -e'; make; true", "! { set -e && false\n}"),
    *(
        "truefalse",
        "true-check",
        "./true",
        "exit 3",
        "echoes",
        "cmp a b || false",
        "pytest && true",
    ),
    *("make || exit 1", "make || true; pytest", "python -c 'x = 1 # true'", "make | grep -q ok"),
    *("'unbalanced", "true \\\n&& make", "if true; then make; fi", "a || b", "make || exit; true"),
    *("cd src && make", "git diff --exit-code", "echo a && make || true && b", "x #"),
    *("make || true || pytest && x", "true & make", "grep '||' true", "echo '# a' | grep -q b"),
    *("set -e; make; true", "set -o pipefail; grep -q x y | cat", "bash -o pipefail -c 'a | cat'"),
    *("bash -ec 'make; true'", "make || exit 1; true", "exec make; true", "cd src && true"),
    *("(exit 1)", "{ exit 1; }; true", "eval 'exit 1'; true", "exec false", "test 1 = 2", "wait 5"),
    *('test -n "$X"', "set -u; echo $X", "${X:?}; true", "trap 'exit 1' EXIT; true", "sort -c a"),
    *("for t in a b; do pytest $t; done", "while read t; do pytest $t; done", "pytest | grep ok"),
    *("for f in *; do test -f $f || exit 1; done", "set -e; for t in a; do pytest $t; true; done"),
    *(
        *("make gen && ./gen > out; cat out", "if test -f a; then b > log; fi; cat log"),
        *(
            "test -f x && echo hi > out; cat out",
            "make > made/out; cat made/out",
            "make > a & cat a",
        ),
        *("perl -ne 'use Test::More; ok(/x/)'", "perl -pe 1 file", "pytest 2>&1; tail -n 1 log"),
        "sort -c file",
        "sort names.txt",
        "sed -n '/x/q5' f",
        "awk '/x/{exit 1}' f",
        "rm -f x && pytest",
    ),
    *("pytest > log; grep -q ok log", "tail -n 1 log.txt", "find . -name x -exec grep -q y {} +"),
    *(
        "sed -i s/a/b/ f && git diff --exit-code",
        "setsid pytest",
        "pytest | perl -ne 'exit 1 if /x/'",
    ),
    *("f() { false; }; f; true", ". ./env; true", "ls src"),
    *("command -v node", "python -c 'import app'", "python -c 'assert 1'", 'sh -c "$CHECK"'),
    *("npm test --if-present", "cargo test --no-run", "go test -run XXX_none"),
    *("python --version && pytest", "git --version; make", "git --version | grep -q 2.4"),
    *("npm --version && npm test", "pytest && git --version", "make git --version"),
    *(
        "$(make)",
        "`make`",
        "$(true; make)",
        "$(true) make",
        '"$(true)"',
        "$(true)make",
        "$(echo make)",
    ),
    *(
        "sh build.sh /dev/null",
        "sh -n /dev/null.sh",
        "cat a /dev/null",
        "diff a /dev/null",
        "tail -f /dev/null",
    ),
    *("grep -q x </dev/null", "cat <a", "echo a > b/c", 'echo a > "$X"', ">x; make", "make > log"),
    *("set -C; > x", ". /dev/null; make", "trap '' EXIT; make", "trap 'make' EXIT", "trap '' FOO"),
    *("type app", "type sh app", "command -v app", "which app", ".venv/bin/python --version"),
    *(
        "PATH=bin:$PATH git --version",
        "export PATH=bin; git --version",
        "app --version",
        "unset -f a",
    ),
    *('"./run tests"', "'pytest' -q", "make -C ci", "make -k test", "make -f init.mk", "make a-i"),
    *("pytest --color=no", "make -C next test", "pytest -k 'a; true'", "sh build.sh", "cat a"),
    *("go vet ./...", "git diff --quiet", "git diff --check", "git status --porcelain | grep -q x"),
    *("trap 'rm -f a' EXIT; pytest", "trap 'exit 0' INT; pytest", "trap 'exit 0' EXIT & pytest"),
    *("trap 'exit 0' EXIT; exec pytest", "trap 'exit 0' EXIT; trap - EXIT; pytest"),
    *("ls | xargs test -f", "cat l | xargs cat", "find . -name x | grep -q .", "find src -name x"),
    *("touch a/b", "mkdir a", "sleep $N", "./tool --help", "mytool --exit-zero", "set +e; pytest"),
    *("git diff --no-index a b", "pytest -k version", "python a.py --version", "perl -e 'exit 1'"),
    *("true && '!' false", 'true && "!" false', "true && \\! false", "true; 'unbalanced"),
    *('test "$X"a != ba', "true && retry 5", "[ x != y z", "mkdir -p a/b", "python3 -c 'x ='"),
    *("if false; then true; else exit; fi", "make || { exit; }", "false; true | exit"),
    *("if false; then true; else eval exit; fi", "true | ! { true & exit\n}"),
    *("bash -x true", "bash -x", "timeout ./a true", "nice", "true; done"),
    *("test -z x", "sleep 1 x", "{ true; } > a/b", ": > a/b; true", "eval " * 21 + "true"),
    *("if make; then echo ok; else exit 1; fi", "if false; then true; else make; fi", "cd -"),
]


@pytest.mark.parametrize("command", [*IDLE, *FAILURE_IGNORED])
def test_a_command_that_cannot_fail_is_named(command: str) -> None:
    assert why_empty(command) == "passes whatever the work is"


@pytest.mark.parametrize("command", NO_TEST)
def test_a_command_that_runs_nothing_of_the_project_is_named(command: str) -> None:
    assert why_empty(command) == "runs no test"


@pytest.mark.parametrize("command", CHECKS)
def test_a_command_that_can_fail_is_a_check(command: str) -> None:
    assert not is_empty(command)


def test_the_explanation_names_the_command() -> None:
    assert explain("make -n") == "`make -n` runs no test"


SIMPLE = st.sampled_from(
    (
        *("true", "false", ":", "exit", "exit 1", "exit 0", "test 1", "test 1 = 2", "wait"),
        *("set -e", "set +e", "A=$(false)", "export A=$(false)", "$(true)", "trap '' EXIT"),
        *(". /dev/null", "sh /dev/null", "type sh"),
    )
)
COMMANDS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(
            "{} {} {}".format, inner, st.sampled_from(["&&", "||", "|", ";", "&", "\n"]), inner
        ),
        st.builds("( {} )".format, inner),
        st.builds("{{ {}\n}}".format, inner),
        st.builds("! {{ {}\n}}".format, inner),
        st.builds("if {}\nthen {}\nelse {}\nfi".format, inner, inner, inner),
        st.builds("eval '{}'".format, SIMPLE),
        st.builds("sh -c '{}; {}'".format, SIMPLE, SIMPLE),
    ),
    max_leaves=6,
)


@given(COMMANDS)
def test_a_shell_agrees_that_what_is_named_exits_with_0(command: str) -> None:
    if is_empty(command):
        ended = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
        assert ended.returncode == 0, ended


def test_every_command_that_is_named_as_idle_exits_with_0(tmp_path: Path) -> None:
    for command in IDLE:
        words = ["sh", "-c", command]
        ended = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
        assert ended.returncode == 0, command
