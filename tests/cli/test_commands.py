"""The table of commands: help lines, aliases, colours, defaults."""

import re
import shlex
import subprocess
import sys

import click
import pytest

from cli.terminal import Place
from runr.cli.commands import ALIASES, COMMANDS
from runr.cli.main import cli


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_line_is_the_first_line_of_the_commands_own_help(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").splitlines()[0] == COMMANDS[name].help


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_runs_its_command(place: Place, alias: str, name: str) -> None:
    shown = place.runr(alias, "--help", code=0).out
    assert shown.startswith(f"Usage: runr {alias} ")
    assert COMMANDS[name].help in shown
    assert f"\n  {alias} " in place.runr("--help", code=0).out


def test_colours_follow_the_environment(place: Place) -> None:
    place.task("a.md", "type: [")
    forced = {"FORCE_COLOR": "1"}
    assert "\x1b[" in place.runr("list-tasks", env=forced, code=0).out
    assert "\x1b[" in place.runr("task-status", "nope", env=forced, code=2).err
    for quiet in ({"NO_COLOR": "1"}, {"FORCE_COLOR": "0"}, {}):
        assert "\x1b[" not in place.runr("list-tasks", env={**forced, **quiet} if quiet else {}).out


def test_no_text_without_a_colour_ends_one(place: Place) -> None:
    place.task("a.md")
    place.task("b.md", "type: manual")
    place.runr("complete-task", "b", "--reason", "done", code=0)
    for words in (("list-tasks",), ("status",), ("doctor",), ("runs",), ("why", "a")):
        out = place.runr(*words, env={"FORCE_COLOR": "1"}).out
        parts = re.split(r"\x1b\[0m", out)
        assert all("\x1b[" in part for part in parts[:-1]), (words, out)


def test_control_characters_in_a_task_are_escaped_in_json(place: Place) -> None:
    place.task("a.md", "title: 'x\x9b31m\x7f'")
    for words in (("export",), ("export", "--format", "beads"), ("list-tasks", "--json")):
        assert not set("\x7f\x9b") & set(place.runr(*words, code=0).out), words


def test_report_follow_and_resume_take_the_latest_run(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.script("b.md", "exit 1")
    place.commit("Tasks")
    place.run("a")
    run = place.run("b", code=1)
    assert run["id"] in place.runr("report", code=0).out
    assert run["id"] in place.runr("follow", code=1).out
    assert run["id"] in place.runr("resume", "--preview", code=0).out


def test_the_error_for_a_wrong_word_names_the_nearest(place: Place) -> None:
    for words, near in (
        (("list", "--status", "complted"), "Did you mean 'completed'?"),
        (("graph", "--format", "sgv"), "Did you mean 'svg'?"),
        (("install", "claud"), "Did you mean 'claude'?"),
    ):
        assert near in place.runr(*words, code=2).err


def test_without_a_run_report_says_so(place: Place) -> None:
    assert "there is no run yet" in place.runr("report", code=2).err


def test_marks_of_direction_do_not_reach_the_terminal(place: Place) -> None:
    place.task("a.md", "title: \u202eabc\u2066x")
    for words in (("task-status", "a"), ("list-tasks", "--json"), ("why", "a")):
        assert not set("\u202e\u2066") & set(place.runr(*words, code=0).out)


def test_a_stopped_task_is_resumed_wherever_it_is_the_next_one(place: Place) -> None:
    place.script("a.md", "exit 1")
    place.commit("A task")
    run = place.run("a", code=1)["id"]
    for words in (("list-tasks", "--json"), ("next", "--json"), ("task-status", "a", "--json")):
        steps = place.runr(*words, code=0).json["next_steps"]
        assert f"runr resume {run}" in steps, words
        assert "runr run --task a.md" not in steps, words


def test_an_option_names_its_value_alike_in_every_command() -> None:
    named: dict[str, set[str]] = {}
    for command in _commands(cli, click.Context(cli)):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.is_flag:
                shown = parameter.make_metavar(click.Context(command))
                named.setdefault(parameter.opts[0], set()).add(shown)
    for option in ("--task", "--tag", "--worker", "--by", "--reason", "--to", "--cursor"):
        assert len(named[option]) == 1, (option, named[option])
    assert not [
        option for option in ("--task", "--tag", "--worker", "--by") if "TEXT" in named[option]
    ]


def test_more_arguments_are_written_with_three_dots() -> None:
    usages = [
        " ".join(command.collect_usage_pieces(click.Context(command)))
        for command in _commands(cli, click.Context(cli))
    ]
    assert not [usage for usage in usages if "…" in usage]
    assert not [usage for usage in usages if "RUN|TASK" in usage]


@pytest.mark.installed
@pytest.mark.parametrize("words", [("hook", "SessionStart"), ("import", "-"), ("mcp",)])
def test_a_closed_standard_input_is_an_empty_one(place: Place, words: tuple[str, ...]) -> None:
    place.task("a.md")
    command = shlex.join((sys.executable, "-m", "runr", *words))
    ended = subprocess.run(
        ["bash", "-c", f"{command} <&-"],
        cwd=place.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "internal error" not in ended.stderr
    assert "Traceback" not in ended.stderr


def _commands(group: click.Group, context: click.Context) -> list[click.Command]:
    """Return every command below the group."""
    found: list[click.Command] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += _commands(command, click.Context(command, parent=context))
        elif command:
            found.append(command)
    return found
