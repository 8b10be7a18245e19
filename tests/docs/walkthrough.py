"""Run the examples of a page, and compare their output with the page.

A `console` block below `<!-- run -->` is typed line by line (`$ `); a block
below `<!-- file: NAME -->` is written into the current folder. A line `…` in
the output stands for any number of lines. `<!-- before: COMMAND -->` is typed,
too, and its output is not compared; a block below `<!-- output: COMMAND -->` is
what the command prints. `<!-- start: NAME -->` begins again in a folder in that
state: `empty`, `repository` or `demo`.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^<!-- before: (?P<before>[^\n]+) -->$|"
    r"^<!-- (?P<mark>run|file: (?P<name>\S+)|output: (?P<shown>[^\n]+)) -->\n"
    r"(?P<fence>`{3,})\w+\n(?P<body>.*?)^(?P=fence)$",
    re.DOTALL | re.MULTILINE,
)
_START = re.compile(r"^<!-- start: (\w+) -->$", re.MULTILINE)
_END = "\x1eend of a command\x1e"
_TIME_LIMIT_S = 120

# Different in every run, in the order in which they are looked for.
_VOLATILE = (
    (re.compile(r"\b\d{8}-\d{6}-[a-z0-9]{4}\b"), "<run>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?Z| \d\d:\d\d)?\b"), "<date>"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "<time>"),
    (re.compile(r"\b(?:\d+\.\d|\d+m \d\d)s\b"), "<seconds>"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,40}\b"), "<sha>"),
)
_HOME = "/home/ada"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is typed, and the output that the page promises."""

    typed: str
    promised: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that the reader is asked to write."""

    name: str
    text: str


Step = Command | File


def sections(page: str) -> list[tuple[str, list[Step]]]:
    """Return the parts of the page that have steps, each with the state in which it starts."""
    first, *others = _START.split(page)
    parts = [("empty", first), *zip(others[::2], others[1::2], strict=True)]
    found = [(state, _steps(text)) for state, text in parts]
    return [(state, steps) for state, steps in found if steps]


def _steps(text: str) -> list[Step]:
    found: list[Step] = []
    for block in _BLOCK.finditer(text):
        if block["before"]:
            found.append(Command(typed=block["before"], promised="…\n"))
        elif block["mark"] == "run":
            found += _commands(block["body"])
        elif block["shown"]:
            found.append(Command(typed=block["shown"], promised=block["body"]))
        else:
            found.append(File(name=block["name"], text=block["body"]))
    return found


def _commands(body: str) -> list[Command]:
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    if parts[0]:
        msg = f"a block to be run begins with its output: {parts[0]!r}"
        raise ValueError(msg)
    pairs = (part.partition("\n") for part in parts[1:])
    return [Command(typed=typed, promised=promised) for typed, _, promised in pairs]


def perform(wanted: list[Step], folder: Path) -> list[tuple[Command, str]]:
    """Do the steps in one shell that begins in `folder`; return what each command printed."""
    typed = "".join(map(_shell, wanted))
    done = subprocess.run(
        ["sh"],
        input=typed.encode(),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_TIME_LIMIT_S,
        check=False,
    )
    outputs = done.stdout.decode().split(f"{_END}\n")[:-1]
    commands = [step for step in wanted if isinstance(step, Command)]
    return list(zip(commands, outputs, strict=True))


def _shell(step: Step) -> str:
    if isinstance(step, File):
        write = f"mkdir -p \"$(dirname '{step.name}')\"\ncat > '{step.name}' <<'{_END}'\n"
        return f"{write}{step.text}{_END}\n"
    # The exit code is handed on, so that `echo $?` shows it.
    return f"{step.typed} </dev/null\nkept=$?; echo '{_END}'; (exit $kept)\n"


def differs(promised: str, printed: str, home: Path) -> bool:
    """Tell whether a command printed something else than the page promises."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else re.escape(line) + r"[ ]*\n"
        for line in settled(promised).splitlines()
    )
    return re.fullmatch(pattern, settled(printed.replace(str(home), _HOME))) is None


def settled(text: str) -> str:
    """Return `text` without what is different in every run."""
    for volatile, name in _VOLATILE:
        text = volatile.sub(name, text)
    return text
