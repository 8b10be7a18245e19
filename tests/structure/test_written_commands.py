"""Next steps are made in one package, and every command that is mentioned anywhere exists."""

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest

from runr.cli.commands import ALIASES, COMMANDS, GROUPS
from runr.cli.main import cli
from runr.mcp_server.arguments import ListArguments
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.query.filters import parse_filter
from structure.source import ROOT, Module, modules

#: What starts a text that is a command; other programs call the last group.
_VERBS = {*COMMANDS, *ALIASES} - {*GROUPS["Called by other programs"]}
_GIT = (
    "add|branch|check-ignore|commit|commit-tree|config|init|log|merge|stash|status|submodule|switch"
)
_COMMAND = re.compile(rf"(runr (--repo|{'|'.join(sorted(_VERBS))})|git (-C|{_GIT}))(?![\w-])")

#: What is a text of its own, not a next step.
_TEXTS = {
    "runr.maintenance.merge_driver": "names the settings of git that were changed",
    "runr.provenance.commit_hook": "is printed by a hook, as a small table",
    "runr.setup.git_hooks": "names the setting of git that would be changed",
    "runr.setup.init": "tells settings of git from files",
}

_MENTION = re.compile(r"`(?:RUNR_DEBUG=1 )?(runr [^`]+)`|^ {2,}(runr [a-z][^\n#]*)", re.MULTILINE)
_OPTION = re.compile(r"--?[a-z][a-z-]*")


def outside() -> Iterator[Module]:
    return (module for module in modules() if not module.name.startswith("runr.next_steps."))


def texts(module: Module) -> Iterator[str]:
    """Yield the literal texts of a module that are no docstrings; of one with facts, its begin."""
    tree = ast.parse(module.text)
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner = {
        part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(tree):
        first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
        if isinstance(first, ast.Constant) and node not in alone and node not in inner:
            yield str(first.value)


def test_no_other_module_writes_a_command() -> None:
    found = {
        module.name: [text for text in texts(module) if _COMMAND.match(text.lstrip())]
        for module in outside()
    }
    assert {name: text for name, text in found.items() if text and name not in _TEXTS} == {}


def test_no_other_module_makes_a_step_but_of_what_git_advises() -> None:
    made = [
        (module.name, [keyword.arg for keyword in node.keywords])
        for module in outside()
        for node in ast.walk(ast.parse(module.text))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("NextStep")
    ]
    assert made == [("runr.git.failures", ["script"])]


def steps() -> Iterator[NextStep]:
    """Yield every command that can be a next step, about sample names, with each of its options."""
    functions = inspect.getmembers(commands, inspect.isfunction)
    for name, make in functions:
        if name.startswith("_") or make.__module__ != commands.__name__:
            continue
        wanted = inspect.signature(make).parameters.values()
        given = [part.name for part in wanted if part.kind is part.POSITIONAL_OR_KEYWORD]
        options = [part for part in wanted if part.kind is part.KEYWORD_ONLY]
        sample = {"what": "claude"}
        positional = [sample.get(word, "sample") for word in given]
        if name == "import_tasks":
            positional = ["file.json"]
        yield make(*positional)
        for part in options:
            yield make(*positional, **{part.name: True if part.default is False else "work"})


def sample_steps() -> list[NextStep]:
    return [step for step in steps() if step.argv[:1] == ("runr",)]


@pytest.mark.parametrize("step", sample_steps(), ids=str)
def test_the_command_line_takes_every_command(step: NextStep) -> None:
    accept(list(step.argv[1:]))


def test_a_tool_that_does_the_same_exists_with_these_arguments() -> None:
    tools = {step.tool.partition(" ")[0] for step in steps() if step.tool}
    assert tools == {"complete-task", "list-tasks", "run-task", "task-status"}
    for flag in ("ready", "blocked", "waiting", "stale"):
        tool = commands.list_tasks(f"--{flag}").tool or ""
        name, _, value = tool.removeprefix("list-tasks with ").partition("=")
        assert name in ListArguments.model_fields
        assert parse_filter(query=value) if name == "query" else value == "true"


def accept(words: list[str]) -> None:
    """Parse a command as the command line does, without doing what it says."""
    verb, *rest = words
    if verb == "--help":
        return
    context = click.Context(cli)
    command = cli.get_command(context, verb)
    assert command is not None
    with suppress(click.exceptions.Exit):  # `--help` ends here
        command.make_context(verb, rest, parent=context)


def pages() -> list[Path]:
    folders = (ROOT / "server/runr", ROOT / "skill", ROOT / "docs")
    found = (path for folder in folders for path in sorted(folder.rglob("*")))
    kept = [path for path in found if path.suffix in (".py", ".md", ".json")]
    return [*kept, *sorted(ROOT.glob("*.md"))]


def mentions(text: str) -> Iterator[str]:
    for found in _MENTION.finditer(text):
        yield (found[1] or found[2]).strip()


def test_every_mentioned_command_and_option_exists() -> None:
    found = {
        str(page.relative_to(ROOT)): [
            line for line in mentions(page.read_text("utf-8")) if not exists(line)
        ]
        for page in pages()
    }
    assert {page: wrong for page, wrong in found.items() if wrong} == {}
    assert exists("runr run --task a --worker x")
    assert exists("runr workers add a -- b --nothing")
    assert not exists("runr run --tasks a")
    assert not exists("runr verify-all")


def exists(line: str) -> bool:
    """Tell whether the verb exists and has the options; behind `--` are those of a program."""
    own = line.partition(" -- ")[0]
    try:
        words = shlex.split(own, comments=True)[1:]
    except ValueError:
        words = own.split()[1:]
    verb = next((word for word in words if not word.startswith("-")), None)
    context = click.Context(cli)
    if verb is None or not re.fullmatch(r"[a-z][a-z-]*", verb):
        return True
    command = cli.get_command(context, verb)
    if command is None:
        return False
    below = getattr(command, "commands", {})
    command = next((below[word] for word in words if word in below), command)
    known = {
        name
        for part in (*cli.get_params(context), *command.get_params(click.Context(command)))
        for name in (*part.opts, *part.secondary_opts)
    }
    used = {word.partition("=")[0] for word in words if _OPTION.fullmatch(word.partition("=")[0])}
    return used <= known | {"--help", "-h"}
