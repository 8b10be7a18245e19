"""The options that say which tasks are meant: declared once, the same on every command."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, get_args

import click

from runr.query.filters import parse_filter
from runr.query.models import Kind, Status

_OPTIONS: Mapping[str, dict[str, Any]] = {
    "status": {"multiple": True, "type": click.Choice(get_args(Status)), "help": "In this state."},
    "type": {"multiple": True, "type": click.Choice(get_args(Kind)), "help": "Of this type."},
    "tag": {"multiple": True, "metavar": "TAG", "help": "With this tag."},
    "ready": {"is_flag": True, "help": "That can be started now."},
    "blocked": {"is_flag": True, "help": "That wait for other tasks."},
    "waiting": {"is_flag": True, "help": "That wait for a person."},
    "stale": {"is_flag": True, "help": "That have changed since their completion."},
    "since": {"metavar": "TIME", "help": "Whose status changed since: 2d, 2025-01-08."},
    "worker": {"multiple": True, "metavar": "NAME", "help": "That this worker is to do."},
    "path": {"multiple": True, "metavar": "PATTERN", "help": "In this folder, or named like this."},
    "search": {"metavar": "TEXT", "help": "With this text in name or title."},
    "where": {
        "default": "",
        "metavar": "QUERY",
        "help": "All of it in one text: 'tag:api status:failed -type:manual login'.",
    },
}

Command = Callable[..., Any]


def filtered(*, without: str = "") -> Callable[[Command], Command]:
    """Add the options to a command, which gets them as one filter, `wanted`.

    `without` is an option that means something else there; its word still
    works in `--where`.
    """
    names = [name for name in _OPTIONS if name != without]

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def call(*words: Any, **own: Any) -> Any:
            given = {name: own.pop(name) for name in names}
            return function(*words, wanted=parse_filter(given.pop("where"), **given), **own)

        for name in reversed(names):
            call = click.option(f"--{name}", name, **_OPTIONS[name])(call)
        return call

    return decorate
