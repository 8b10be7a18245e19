"""The table of stop reasons, compared with the code that stops runs."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import runr
from runr.errors import ExitCode
from runr.next_steps.runs import STOP_ACTIONS, RunFacts
from runr.runs.events import FINISHED
from runr.runs.machine import FOLLOWS
from runr.runs.stop_reasons import FOR_A_PERSON, LANDABLE, STOPS, explain, find
from unit.run_timeline import RUN

WORDS = sorted({word for _, word in FOLLOWS})
CODES = sorted(STOPS)


@pytest.mark.parametrize("code", CODES)
def test_every_stop_has_three_commands_that_a_shell_reads_as_they_are_meant(code: str) -> None:
    stop = STOPS[code]
    assert len(stop.next) == 3
    assert stop.exit_code in ExitCode
    assert stop.exit_code not in (ExitCode.DONE, ExitCode.USAGE)
    assert stop.meaning
    task = "it's $(here).md"
    facts = RunFacts(RUN, task, branch="b", workdir="/a b", base="0")
    filled = [str(STOP_ACTIONS[action](facts)) for action in stop.next]
    assert len(filled) == 3
    assert not any("{" in command or "$(here)" in command.split("'")[::2] for command in filled)


def test_a_stop_that_another_version_wrote_reads_as_an_error() -> None:
    assert find("lost its way").code == "error"


def test_only_a_run_that_runr_broke_cannot_be_resumed() -> None:
    assert [code for code in CODES if not find(code).resumable] == ["error"]


def test_a_person_takes_further_what_is_reviewed_or_not_decided() -> None:
    assert {"needs_human", "no_checks", "review_loop"} <= FOR_A_PERSON
    assert FOR_A_PERSON.isdisjoint({"verification_failed", "interrupted", "error"})


def test_landing_is_offered_exactly_after_the_stops_that_it_takes_further() -> None:
    assert {code for code in CODES if "land" in find(code).next} == LANDABLE


def test_the_failed_check_of_an_attestation_is_explained_as_one() -> None:
    assert "not attested" in explain("verification_failed", "person")
    assert explain("verification_failed", "script") == find("verification_failed").meaning
    assert explain("stopped", "person") == "stopped by a user or a job"
    assert explain(None, "person") == find("error").meaning


def test_every_code_that_the_engine_and_the_workers_stop_with_is_registered() -> None:
    used = set(_codes())
    assert {"worker_outage", "time_limit", "worker_unavailable", "interrupted"} <= used
    assert used <= set(STOPS)


def test_every_outcome_of_a_phase_is_known() -> None:
    folders = [each for each in _FOLDERS if each != "jobs"]  # whose events are not those of runs
    used = {word for tree in _modules(folders) for word in _outcomes(tree)}
    assert {"ok", "scope_violation", "changes", "altered"} <= used
    assert used <= {*WORDS, *STOPS}


def test_no_stop_is_registered_that_nothing_stops_with() -> None:
    assert set(STOPS) == set(_codes())


#: The events that end a phase; the first fact is the outcome.
_FINISHED = tuple(kind.__name__ for kind in FINISHED.values())

#: Functions that return the code of a stop, alone or first in a pair.
_NAMES = ("_stop_code", "_stop", "work_report", "limit_outcome", "limit_reached")


_FOLDERS = ("runs", "execution", "workers", "query", "lifecycle", "jobs", "claude")


def _modules(folders: Sequence[str] = _FOLDERS) -> Iterator[ast.Module]:
    package = Path(runr.__file__).parent
    for folder in folders:
        for path in sorted((package / folder).rglob("*.py")):
            if path.name != "stop_reasons.py":
                yield ast.parse(path.read_text(encoding="utf-8"))


def _codes() -> Iterator[str]:
    """Yield the codes in `stop=`, `code=`, `stop(context, …)`, tables and functions of codes."""
    for tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _in_call(node)
            elif isinstance(node, ast.Assign) and _named(node.targets, "stop"):
                yield from _answers(node.value)
            elif isinstance(node, ast.Assign) and _named(node.targets, "_STOPS", "_WORDS"):
                yield from (code for code in _texts(node.value) if code in STOPS or "_" in code)
            elif isinstance(node, ast.FunctionDef) and node.name in _NAMES:
                returned = (part.value for part in ast.walk(node) if isinstance(part, ast.Return))
                yield from (code for value in returned for code in _answers(value))


def _in_call(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    function = call.func.id if isinstance(call.func, ast.Name) else ""
    for keyword in call.keywords:
        if keyword.arg in ("stop", "code") and function in ("Action", "WorkReport"):
            yield from _answers(keyword.value)
    if function in ("_stop", "RunStopped", *_FINISHED) and call.args:
        yield from (code for code in _answers(call.args[0]) if code in STOPS)
    for keyword in call.keywords:
        if keyword.arg == "outcome":
            yield from (code for code in _answers(keyword.value) if code in STOPS)
    if "stop" in (name, function) and len(call.args) > 1:
        yield from _answers(call.args[1])


def _answers(value: ast.expr | None) -> Iterator[str]:
    """Yield the constants that an expression may come out as: its first part, if it is a pair."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from (*_answers(body), *_answers(other))
        case ast.Tuple(elts=[first, *_]):
            yield from _answers(first)
        case ast.BoolOp(values=values):
            yield from (text for part in values for text in _answers(part))
        case ast.Call(func=ast.Name(id="next"), args=[_, other]):
            yield from _answers(other)
        case _:
            return


def _outcomes(tree: ast.AST) -> Iterator[str]:
    """Yield the outcomes that events of finished phases are made with, or given later."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called), args=[first, *_]) if called in _FINISHED:
                yield from _answers(first)
            case ast.keyword(arg="outcome", value=value):
                yield from _answers(value)
            case _:
                pass


def _named(targets: list[ast.expr], *names: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id in names for target in targets)


def _texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts in the places of values: of a table, or last in a row."""
    match node:
        case ast.Dict(values=values):
            yield from (text for value in values for text in _answers(value))
        case ast.Tuple(elts=rows):
            for row in rows:
                if isinstance(row, ast.Tuple):
                    yield from _answers(row.elts[-1])
        case _:
            return
