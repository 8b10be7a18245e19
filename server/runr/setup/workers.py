"""Workers: which are installed and logged in, and how another one is registered."""

import json
import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from runr import nofollow
from runr.errors import ConfigError, UsageError, WorkerUnavailableError
from runr.next_steps import commands
from runr.next_steps.step import Line
from runr.project import Project
from runr.query.models import CommandResult, Result
from runr.storage import files, state_dir
from runr.workers import registry
from runr.workers.protocol import HasLogin

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSummary:
    """One worker; `login` says where a login was found, and is empty where none was.

    `version` and `login` are None where they are unknown.
    """

    name: str
    kind: Literal["built-in", "registered", "package", "session"]
    default: bool = False
    fallback: bool = False
    command: list[str] = field(default_factory=list)
    path: str | None = None
    installed: bool = False
    version: str | None = None
    login: str | None = None
    message: str = ""
    next_steps: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerList(Result):
    """Every worker that a task can name."""

    workers: list[WorkerSummary]


def list_workers(project: Project) -> WorkerList:
    """Describe every worker on this machine; no model is called."""
    config = project.config()
    names = dict.fromkeys([*registry.names(config), *config.workers, *registry.packaged()])
    rows = [_row(project, name) for name in names]
    return WorkerList(workers=sorted(rows, key=lambda row: (not row.default, row.name)))


def add_worker(project: Project, name: str, command: Sequence[str]) -> CommandResult:
    """Register a program as a worker, with every other byte of the settings as it is."""
    project.refuse_inside("a run does not change the settings")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a valid worker name: use letters, digits, - and _")
    if name == "session" or registry.default_program(name):
        raise UsageError(
            f"{name} is one of runr's own workers",
            next_steps=[f"write its table [workers.{name}] in .runr/config.toml"],
        )
    if not command or not command[0].strip():
        raise UsageError("a worker needs a program", next_steps=[commands.add_worker(name)])
    config = project.config()
    if name in config.workers:
        raise UsageError(f"[workers.{name}] is already in .runr/config.toml")
    if nofollow.exists(project.layout.old_config) and not nofollow.exists(project.layout.config):
        raise UsageError(
            "the settings are those of the earlier tool", next_steps=["write .runr/config.toml"]
        )
    file = project.layout.config
    before = nofollow.read(file).decode() if nofollow.exists(file) else ""
    after = _with_table(before, name, command)
    _check(before, after, name, command)
    state_dir.ensure_state_dir(project.layout)
    files.replace(file, after.encode())
    return CommandResult(
        message=f"registered {name} in .runr/config.toml",
        changed=[".runr/config.toml"],
        notes=_unseen(project, name),
        next_steps=project.surface.lines([commands.workers()]),
    )


def _with_table(before: str, name: str, command: Sequence[str]) -> str:
    newline = "\r\n" if "\r\n" in before else "\n"
    gap = "" if not before else newline if before.endswith("\n") else 2 * newline
    # JSON writes a list of texts as TOML does, but for one character that TOML wants escaped.
    written = json.dumps(list(command), ensure_ascii=False).replace("\x7f", "\\u007F")
    return f"{before}{gap}[workers.{name}]{newline}command = {written}{newline}"


def _check(before: str, after: str, name: str, command: Sequence[str]) -> None:
    """Raise ConfigError unless the table, and nothing else, is new."""
    try:
        wanted, made = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"the table cannot be added at the end of .runr/config.toml: {error}",
            next_steps=[f"add [workers.{name}] to it by hand"],
        ) from None
    wanted.setdefault("workers", {})[name] = {"command": list(command)}
    if made != wanted:
        raise ConfigError("the table would have changed other settings in .runr/config.toml")


def _unseen(project: Project, name: str) -> list[str]:
    row = _row(project, name)
    return [] if row.installed else [row.message]


def _row(project: Project, name: str) -> WorkerSummary:
    config = project.config()
    settings = config.worker(name)
    program = registry.default_program(name)
    command = list(settings.command) or ([program] if program else [])
    row = WorkerSummary(
        name=name,
        kind="built-in" if registry.is_built_in(name) else "registered" if command else "package",
        default=name == config.run.worker,
        fallback=name in config.run.fallback,
        command=command,
        path=shutil.which(command[0], path=project.environment.get("PATH")) if command else None,
    )
    try:
        worker, found = registry.find(name, config)
        worker.preflight(found, project.environment)
    except (UsageError, WorkerUnavailableError) as refusal:
        # Beside a list of all workers there is no need for a general look at the installation.
        own = [step for step in refusal.next_steps if step != commands.doctor()]
        return replace(row, message=refusal.message, next_steps=project.surface.lines(own))
    row = replace(row, installed=True)
    if not isinstance(worker, HasLogin):
        return row
    login = worker.login_state(project.environment)
    # Of a worker that runr does not know, the step would be this list.
    wanted = [] if login else [commands.login(name, settings.command)]
    steps = project.surface.lines([step for step in wanted if step != commands.workers()])
    return replace(row, version=_version(project, command), login=login, next_steps=steps)


def _version(project: Project, command: Sequence[str]) -> str | None:
    # Only this command pays for starting programs.
    from runr.workers.program import program_version  # noqa: PLC0415 - see above

    return program_version(command, project.environment, project.layout.root)
