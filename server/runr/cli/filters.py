"""The options that select tasks, the same on every command that takes them."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, get_args

import click

from runr.cli.console import Choice
from runr.query.filters import parse_filter
from runr.query.models import Kind, Status
from runr.status.model import Evidence

_OPTIONS: Mapping[str, dict[str, Any]] = {
    "status": {
        "multiple": True,
        "type": Choice(get_args(Status)),
        "help": "Only tasks with this status.",
    },
    "evidence": {
        "multiple": True,
        "type": Choice([evidence.value for evidence in Evidence]),
        "help": "Only completions with this evidence.",
    },
    "type": {
        "multiple": True,
        "type": Choice(get_args(Kind)),
        "help": "Only tasks of this type.",
    },
    "tag": {"multiple": True, "metavar": "TAG", "help": "Only tasks with this tag."},
    "ready": {"is_flag": True, "help": "Only tasks that a worker can start."},
    "blocked": {"is_flag": True, "help": "Only tasks blocked by other tasks."},
    "waiting": {"is_flag": True, "help": "Only tasks waiting for a person."},
    "stale": {"is_flag": True, "help": "Only stale completions."},
    "since": {
        "metavar": "TIME",
        "help": "Only tasks whose status changed since TIME: 2d, 2025-01-08.",
    },
    "worker": {"multiple": True, "metavar": "NAME", "help": "Only tasks assigned to this worker."},
    "path": {
        "multiple": True,
        "metavar": "PATTERN",
        "help": "Only tasks whose path matches PATTERN.",
    },
    "search": {"metavar": "TEXT", "help": "Only tasks with TEXT in their name or title."},
    "where": {
        "default": "",
        "metavar": "QUERY",
        "help": "Filter expression: 'tag:api status:failed -type:manual login'.",
    },
}

Command = Callable[..., Any]


def filtered(*, without: str = "") -> Callable[[Command], Command]:
    """Add the options to a command, which receives them as one filter, `wanted`.

    `without` names an option that the command uses for something else; the
    same condition is still available in `--where`.
    """
    names = [name for name in _OPTIONS if name != without]

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def call(*arguments: Any, **own: Any) -> Any:
            given = {name: own.pop(name) for name in names}
            return function(*arguments, wanted=parse_filter(given.pop("where"), **given), **own)

        for name in reversed(names):
            call = click.option(f"--{name}", name, **_OPTIONS[name])(call)
        return call

    return decorate
