"""What single commands can end with, as far as their words tell. Pure.

What is not in these tables may succeed and may fail.
"""

import re
from collections.abc import Callable, Sequence

from runr.tasks.shell_ends import EITHER, FAILED, NO_TEST, OK, Ends
from runr.tasks.shell_words import Token

#: Programs that succeed whatever their arguments are.
_IDLE = frozenset({":", "true", "echo", "printf", "tee"})
#: Those that succeed if they get nothing but options and numbers, so that no file is looked at.
_IDLE_ALONE = frozenset(
    (
        *("cat", "cd", "column", "cut", "date", "fold", "head", "hostname", "id", "less", "ls"),
        *("more", "nl", "pwd", "tail", "tr", "umask", "uname", "uniq", "wait", "wc", "whoami"),
    )
)
#: Of these, those that also do with `/dev/null`, where there is nothing.
_READERS = frozenset({"cat", "head", "less", "ls", "more", "nl", "wc"})
_OPTION = re.compile(r"-[\w=-]*|\+\S*")
_HEAD_OPTION = re.compile(r"-[\w=-]*|\d+")
_HERE = frozenset({".", "./", "/"})
_PYTHON = re.compile(r"python[\d.]*\Z")
_DRY_RUN = re.compile(r"--(?:dry-run|just-print|recon)\Z|-[BbikrRSsw]*n[BbikrRSsw]*\Z")
#: Make goes on after a failure, or marks as made what it did not make.
_FORGIVING = re.compile(r"--(?:ignore-errors|touch)\Z|-[BbikqrRSstw]*[it][BbikqrRSstw]*\Z")
_COLLECT = frozenset(
    (
        *("--co", "--collect-only", "--fixtures", "--setup-plan", "--markers"),
        *("--help", "-h", "--version", "-V"),
    )
)
#: What starts a program of the project's tools.
_RUNNER = re.compile(
    r"(?:(?:\S*/)?python[\d.]* -m|(?:uv|poetry|pdm|pipenv) run|npx|\S*/bin/(?=\S)) ?"
)
#: Programs, and the option with which they only say something of themselves.
_TELLS = re.compile(
    r"(?:(?:ruff|mypy|pylint|flake8|black|eslint|prettier|tsc|tox|nox|cargo"
    r"|jest|vitest|mocha|pyright|gradle|mvn|ctest|rspec|rubocop|phpunit"
    r"|unittest|coverage) (?:--version|--help|-h)"
    r"|tsc --showConfig|tox (?:-l|--list)|nox (?:-l|--list)|jest --listTests)"
)
#: Programs of the machine, which are no part of any work, and how they say what they are.
_TOOLS = re.compile(
    r"(?:bash|bun|bundle|clang|cmake|composer|curl|deno|docker|dotnet|gcc|gem|gh|git|go|g\+\+|java|javac"
    r"|jq|make|node|npm|npx|perl|php|pip[\d.]*|pnpm|poetry|python[\d.]*|ruby|rustc|rustup|uv|wget|yarn"
    r"|zsh) (?:--version|--help|-V)"
    r"|(?:git|go) (?:version|help)|java -version|node -v"
)
_LOOK_UP = re.compile(r"(?:type|hash|which|command -[vV]) .+")
#: Programs that are wherever runr is.
_THERE = frozenset(
    {"cat", "cd", "date", "echo", "git", "ls", "printf", "pwd", "sh", "test", "true"}
)
_EXIT_ZERO = re.compile(r"(?:ruff|pylint|flake8)(?= )(?=.* --exit-zero(?: |$))")
_GIT_SHOWS = re.compile(r"git (?:status|diff|log)(?: (?!--(?:e|q|ch|no-i))-\S+)*")
_FIND = re.compile(r"find \.(?: -(?:name|iname|type) \S+)*(?: -print)?")
#: Programs that put their input out again, with a script in which nothing ends them otherwise.
_FILTERS = {
    "sort": re.compile(r"(?:-[bdfghimnruVz]+ ?)*"),
    "sed": re.compile(r"(?:-[nEru]+ )?(?:s(\W)(?:(?!\1).)*\1(?:(?!\1).)*\1[gip\d]*|[\d,$]*[pd])"),
    "awk": re.compile(
        r"(?:-F ?\S+ )?(?:1|[^{}]*\{ ?print\b(?!.*\b(?:exit|getline|system)\b)[^|>]*\})"
    ),
    "perl": re.compile(r"-pe (?:1|s(\W)(?:(?!\1).)*\1(?:(?!\1).)*\1[gi]*)|-ne print"),
}
#: With `-exec … ;`, what was run decides nothing.
_FIND_EXECUTES = re.compile(r"find (?:\./? )?(?:-(?!exec|ok)\S+ (?:[^-\s]\S* )?)*-exec .* ;")
_MADE = re.compile(r"[\w.-]*\w")


def ends_of(words: Sequence[Token]) -> Ends:
    """Return how a simple command without assignments and redirections can end."""
    name, *rest = [word.text for word in words]
    if not words[0].plain:
        return EITHER
    program = re.sub(r"\A(?:/usr)?/bin/", "", name)
    if program in _IDLE:
        return OK
    if program == "false":
        return FAILED
    if program in _IDLE_ALONE:
        return _alone(program, rest)
    if all(word.plain for word in words) and (found := _of_text(program, rest)):
        return found
    look = _LOOKS.get(program) or (_python if _PYTHON.match(program) else _pytest)
    return look(words)


def is_about_machine(words: Sequence[Token]) -> bool:
    """Tell whether the command only says something of a program that is no part of the work."""
    text = " ".join(word.text for word in words)
    if not all(word.plain for word in words):
        return False
    if _LOOK_UP.fullmatch(text):
        return _THERE.issuperset(word.text for word in words[1:] if word.text not in ("-v", "-V"))
    return _TOOLS.fullmatch(re.sub(r"\A(?:/usr)?/bin/", "", text)) is not None


def _of_text(program: str, rest: Sequence[str]) -> Ends | None:
    """Return the ends of a command that only shows, makes or waits; None for any other."""
    text = " ".join([program, *rest])
    tool = _RUNNER.sub("", text, count=1) if _RUNNER.match(text) else text
    if _TELLS.fullmatch(tool):
        return NO_TEST
    is_idle = (
        _EXIT_ZERO.match(tool)
        or _GIT_SHOWS.fullmatch(text)
        or _FIND.fullmatch(text)
        or _FIND_EXECUTES.fullmatch(text)
        or (program == "rm" and rest[:1] and re.fullmatch(r"-[rR]*f[rR]*", rest[0]))
        or (program in _FILTERS and _FILTERS[program].fullmatch(" ".join(rest)))
        or (program == "sleep" and len(rest) == 1 and re.fullmatch(r"[\d.]+[smh]?", rest[0]))
        or (program == "touch" and rest and all(map(_MADE.fullmatch, rest)))
        or (program == "mkdir" and rest[:1] == ["-p"] and all(map(_MADE.fullmatch, rest[1:])))
        or (program in ("node", "perl") and rest in (["-e", ""], ["-e", "0"], ["-e", "1"]))
    )
    return OK if is_idle else None


def _alone(program: str, rest: Sequence[str]) -> Ends:
    if program in _READERS:
        rest = [word for word in rest if word != "/dev/null"]
    if program in ("cd", "ls", "wait"):
        options = set() if program != "ls" else {word for word in rest if word.startswith("-")}
        places = set() if program == "wait" else _HERE
        return OK if set(rest) - options <= places else EITHER
    # The sets of `tr` are no files.
    option = _HEAD_OPTION if program in ("head", "tail") else _OPTION
    idle = program == "tr" or all(option.fullmatch(word) for word in rest)
    return OK if idle else EITHER


def _make(words: Sequence[Token]) -> Ends:
    texts = [word.text for word in words[1:]]
    if any(map(_DRY_RUN.match, texts)):
        return NO_TEST
    return OK if any(map(_FORGIVING.match, texts)) else EITHER


def _pytest(words: Sequence[Token]) -> Ends:
    """Tell of a pytest, also as `python -m pytest` or `uv run pytest`, that it only collects."""
    texts = [word.text for word in words]
    before, _, after = " ".join(texts).partition("pytest ")
    starts = before == "" or before.endswith((" -m ", " run ", "/bin/"))
    return NO_TEST if starts and _COLLECT.intersection(after.split()) else EITHER


def _python(words: Sequence[Token]) -> Ends:
    match words[1:]:
        case [Token("-c"), code] if code.plain:
            return OK if _is_idle_python(code.text) else EITHER
    return _pytest(words)


def _is_idle_python(code: str) -> bool:
    # Few checks need it.
    import ast  # noqa: PLC0415 - see above

    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        return False
    calls = [each.value for each in body if isinstance(each, ast.Expr)]
    return all(isinstance(each, ast.Pass | ast.Expr) for each in body) and all(
        isinstance(call, ast.Constant) or _prints(ast.unparse(call)) for call in calls
    )


def _prints(call: str) -> bool:
    return re.fullmatch(r"print\((?:'[^']*'|\d+)?\)", call) is not None


def _test(words: Sequence[Token]) -> Ends:
    """Decide `test` where it compares constants."""
    operands = list(words[1:])
    end = "]" * words[0].text.count("[")
    if end and operands[-1:] == [Token(end)]:
        operands.pop()
    elif end:
        return EITHER
    if not all(word.plain for word in operands):
        return EITHER
    match [word.text for word in operands]:
        case []:
            return FAILED
        case [one] | ["-n", one]:
            holds = one != ""
        case ["-z", one]:
            holds = one == ""
        case [one, "=" | "==" | "-eq", other]:
            holds = one == other
        case [one, "!=" | "-ne", other]:
            holds = one != other
        case _:
            return EITHER
    return OK if holds else FAILED


_LOOKS: dict[str, Callable[[Sequence[Token]], Ends]] = {
    "make": _make,
    "gmake": _make,
    "test": _test,
    "[": _test,
    "[[": _test,
}
