"""The pages about settings and runs."""

import json
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.markdown import alternatives, page, paragraphs, table
from runr import errors, text
from runr.config.settings import Config, HookSettings
from runr.errors import ExitCode, RunrError
from runr.next_steps.runs import STOP_ACTIONS, RunFacts
from runr.runs.machine import FOLLOWS
from runr.runs.model import Phase
from runr.runs.stop_reasons import STOPS

_SETTINGS = """\
The keys of `.runr/config.toml`. Every key has a default, so the file is optional. An unknown
key is an error that names the nearest known one.
[Configuration](../configuration.md) has an example."""

_STOPPED = """\
A stopped run keeps its work. The commands in the last column are printed with the values of the
run, ready to paste. After a stop that can be resumed the task is `stopped`, after any other it
is `failed`."""

_ENDED = """\
A command that follows a run exits with the code of the run's stop reason, and with 0 when the
run is completed. The last column is the `code` in the error that a command prints with
`--json`."""

_FOLLOWING = """\
A phase ends with an outcome, which decides what follows. An outcome that is not
in the table stops the run with that outcome as the [stop reason](stops.md).
[Runs](../runs.md) says what each phase does."""

_CHOICES = """\
`plan` and `review` are skipped unless the settings name a worker for them. `retry` is another
attempt while there are any left; a session run waits for its session. `approve` asks a person,
because nothing was checked. `reverify` verifies work again that changed during its checks.
`next` is the next milestone, or the integration; a hybrid task waits there for a person.
`complete` ends the run."""

_SECONDS = {"h": 3600, "m": 60, "s": 1}

_KINDS: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
}

_EXIT_CODES = {
    ExitCode.DONE: "Done.",
    ExitCode.FAILED: "Failed, for a reason without a code of its own.",
    ExitCode.USAGE: "Invalid request; nothing was changed.",
    ExitCode.BLOCKED: "The task's dependencies are not completed.",
    ExitCode.UNVERIFIED: "A check failed, so nothing was completed.",
    ExitCode.SCOPE: "Scope violation: files were changed that the task may not change.",
    ExitCode.LIMIT: "A limit was reached: time, silence, cost, tokens or turns.",
    ExitCode.WORKER: "The worker cannot start, is not logged in, or its service is unavailable.",
    ExitCode.INTERRUPTED: "The run, or the command, was stopped before its end.",
    ExitCode.HUMAN: "Only a person can take the next step.",
    ExitCode.DAMAGED: "A file is damaged: it is not what runr wrote.",
    ExitCode.UNMERGED: "The work is verified, and could not land on its branch.",
    ExitCode.BROKEN_PIPE: "The reader of the output closed the pipe.",
}


def settings() -> str:
    """Return the page of `.runr/config.toml`."""
    parts = [
        "# Settings",
        _SETTINGS,
    ]
    for name, field in Config.model_fields.items():
        section, title = _section(name, field)
        parts += [f"## `[{title}]`", paragraphs(section.__doc__)]
        parts.append(_keys(section))
    parts += ["### A hook", paragraphs(HookSettings.__doc__), _keys(HookSettings)]
    return page(parts)


def _keys(section: type[BaseModel]) -> str:
    rows = [
        (f"`{key}`", _kind(found), _shown_default(found), found.description)
        for key, found in section.model_fields.items()
    ]
    return table(("key", "type", "default", "meaning"), rows)


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the tables of the settings with their models."""
    for name, field in Config.model_fields.items():
        section, title = _section(name, field)
        yield title, section


def _section(name: str, field: FieldInfo) -> tuple[type[BaseModel], str]:
    kinds = (field.annotation, *get_args(field.annotation))
    section = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return section, f"{name}.<name>" if get_origin(field.annotation) is dict else name


def _kind(field: FieldInfo) -> str:
    kind = field.annotation
    inside = [part for part in get_args(kind) if part is not type(None)]
    if get_origin(kind) is dict:
        return f"table of {alternatives(get_args(inside[1]))}"
    if get_origin(kind) is Literal:
        return alternatives(inside)
    if inside[:1] == [HookSettings]:
        return "list of texts and tables"
    if get_origin(kind) is tuple:
        return "list of texts"
    if _is_time(field):
        return "duration"
    plain = inside[0] if inside else kind
    if get_origin(plain) is Literal:
        return alternatives(get_args(plain))
    return _KINDS[getattr(plain, "__origin__", plain)]  # without the rules of an annotation


def _is_time(field: FieldInfo) -> bool:
    return any(getattr(rule, "func", None) is text.parse_duration for rule in field.metadata)


def _shown_default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return "none"
    if _is_time(field):
        unit = next(unit for unit in ("h", "m", "s") if value % _SECONDS[unit] == 0)
        return f'`"{value // _SECONDS[unit]}{unit}"`'
    return f"`{json.dumps(value)}`"


#: What a stop is about, in capitals.
_SAMPLE = RunFacts(
    id="RUN",
    task="TASK",
    worker="claude-code",
    branch="BRANCH",
    workdir="WORKTREE",
    base="BASE",
)


def stop_reasons() -> str:
    """Return the page of stop reasons and exit codes."""
    rows = [
        (
            f"`{stop.code}`",
            stop.meaning,
            str(int(stop.exit_code)),
            "yes" if stop.resumable else "no",
            "<br>".join(f"`{STOP_ACTIONS[action](_SAMPLE)}`" for action in stop.next),
        )
        for stop in STOPS.values()
    ]
    codes = [(str(int(code)), _EXIT_CODES[code], _raised_as(code)) for code in ExitCode]
    return page(
        [
            "# Stops and exit codes",
            "## Why a run stops",
            _STOPPED,
            table(("code", "meaning", "exit code", "can be resumed", "next"), rows),
            "## Exit codes",
            _ENDED,
            table(("exit code", "meaning", "error codes"), codes),
        ]
    )


def _raised_as(code: ExitCode) -> str:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = {kind.code for kind in kinds if issubclass(kind, RunrError) and kind.exit_code is code}
    return ", ".join(f"`{name}`" for name in sorted(ours))


def run_states() -> str:
    """Return the page with the diagram of a run."""
    choices = ("retry", "approve", "reverify", "next")
    lines = ["stateDiagram-v2", *(f"    state {choice} <<choice>>" for choice in choices)]
    lines.append(f"    [*] --> {Phase.PREPARE}")
    for (phase, outcome), follows in FOLLOWS.items():
        lines.append(f"    {phase} --> {'[*]' if follows == 'complete' else follows}: {outcome}")
    lines += [
        f"    retry --> {Phase.WORK}: attempts left",
        f"    retry --> {Phase.CHECKPOINT}: approved by a person",
        "    retry --> stopped: none left, out of scope, or the same changes requested",
        f"    approve --> {Phase.CHECKPOINT}: approved by a person",
        "    approve --> stopped: a person is asked",
        f"    reverify --> {Phase.VERIFY}: twice at most",
        "    reverify --> stopped: it keeps changing",
        f"    next --> {Phase.WORK}: milestones are left",
        f"    next --> {Phase.INTEGRATE}: the last one",
        "    next --> stopped: hybrid, a person is asked",
    ]
    stopping = dict.fromkeys(phase for phase, _ in FOLLOWS)
    lines += [f"    {phase} --> stopped: any other outcome" for phase in stopping]
    diagram = "\n".join(lines)
    rows = [
        (f"`{phase}`", f"`{outcome}`", f"`{follows}`")
        for (phase, outcome), follows in FOLLOWS.items()
    ]
    return page(
        [
            "# The states of a run",
            _FOLLOWING,
            f"```mermaid\n{diagram}\n```",
            table(("phase", "outcome", "what follows"), rows),
            _CHOICES,
        ]
    )
