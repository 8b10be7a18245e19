"""The workers by name: runr's own, those of the settings, and those of installed packages."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import PurePath

from runr.config.settings import Config, WorkerSettings
from runr.errors import UnknownNameError, UsageError, WorkerUnavailableError
from runr.text import closest_match
from runr.workers.protocol import Worker

#: Packages offer further workers in this entry-point group, each a callable without arguments.
GROUP = "runr.workers"

#: name → module and class. They are imported on use: a cold start must not pay for anyio.
_BUILT_IN = {
    "claude-code": "claude_code:ClaudeCode",
    "codex": "codex:Codex",
    "command": "command:Command",
    "script": "script:Script",
}


def find(name: str, config: Config) -> tuple[Worker, WorkerSettings]:
    """Return the worker and its settings; UnknownNameError lists what there is."""
    settings = config.worker(name)
    if name == "session":
        raise UsageError(
            "the worker session is a Claude Code session itself: runr cannot start it",
            next_steps=("inside Claude Code, type /runr run --task and the task's name",),
        )
    if name in _BUILT_IN:
        return _class(name)(), settings
    if settings.command:
        return _class("command")(name), settings
    plugins = _plugins()
    if name in plugins:
        return plugins[name](), settings
    if name in config.workers:
        raise UsageError(
            f"the worker {name} has no command",
            next_steps=(f"set `command` under [workers.{name}] in .runr/config.toml",),
        )
    known = sorted({*names(config), *plugins})
    near = closest_match(name, known)
    hint = f"; did you mean {near}?" if near else ""
    raise UnknownNameError(
        f"there is no worker {name}{hint}",
        next_steps=(
            f"use one of: {', '.join(known)}",
            f"or set `command` under [workers.{name}] in .runr/config.toml",
        ),
    )


def available(wanted: Sequence[str], config: Config, environment: Mapping[str, str]) -> str:
    """Return the first of `wanted` that can be started; if none can, raise the first one's error.

    All of them have to exist: UnknownNameError, UsageError.
    """
    refusals: list[WorkerUnavailableError] = []
    for name, (worker, settings) in [(name, find(name, config)) for name in wanted]:
        try:
            worker.preflight(settings, environment)
        except WorkerUnavailableError as refusal:
            refusals.append(refusal)
        else:
            return name
    raise refusals[0]


def names(config: Config) -> tuple[str, ...]:
    """Return the workers that need no further package: runr's own and those of the settings."""
    own = (name for name, settings in config.workers.items() if settings.command)
    return tuple(sorted({*_BUILT_IN, *own}))


def packaged() -> tuple[str, ...]:
    """Return the workers that installed packages offer."""
    return tuple(_plugins())


def is_built_in(name: str) -> bool:
    """Tell whether the worker is one of runr's own."""
    return name in _BUILT_IN


def default_program(name: str) -> str | None:
    """Return the program that one of runr's own workers starts unless the settings name another."""
    program: str | None = getattr(_class(name), "program", None) if is_built_in(name) else None
    return program


def account(name: str, config: Config) -> str:
    """Return what stands for the login of a worker; those that start the same client share it.

    Variables before the program, as in `env CLAUDE_CONFIG_DIR=there claude`, are another login.
    """
    command = config.worker(name).command or (default_program(name) or name,)
    words = command[1:] if command[0] == "env" else command
    variables = tuple(takewhile(lambda word: "=" in word, words))
    client = PurePath(next(iter(words[len(variables) :]), name)).name
    clients = {default_program(each) for each in _BUILT_IN if hasattr(_class(each), "login_state")}
    return " ".join((*variables, client)) if client in clients else name


def _class(name: str) -> Callable[..., Worker]:
    module, kind = _BUILT_IN[name].split(":")
    found: Callable[..., Worker] = getattr(importlib.import_module(f"runr.workers.{module}"), kind)
    return found


def _plugins() -> dict[str, Callable[[], Worker]]:
    # Only a name that runr itself does not know pays for this import.
    from importlib.metadata import EntryPoint, entry_points  # noqa: PLC0415 - see above

    def loader(entry: EntryPoint) -> Callable[[], Worker]:
        def load() -> Worker:
            try:
                worker: Worker = entry.load()()
            except Exception as error:  # a plugin may raise anything
                raise WorkerUnavailableError(
                    f"the worker {entry.name} ({entry.value}) cannot be loaded: {error}"
                ) from error
            return worker

        return load

    return {entry.name: loader(entry) for entry in entry_points(group=GROUP)}
