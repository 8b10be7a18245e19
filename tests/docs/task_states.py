"""The page with the life cycle of a task: what each event makes of each status."""

from collections.abc import Iterator
from typing import Any

from docs.markdown import page, table
from runr.runs.model import Approval, Decision, RunCreated, RunSpec, RunState, Verification
from runr.runs.stop_reasons import STOPS
from runr.status.model import UNTOUCHED, Entry, Evidence, State, fold

_NOW, _TASK = "2025-01-08T14:30:00Z", ".runr/tasks/a.md"
_MEANINGS = {
    State.PENDING: "nothing was done, or its completion was taken back",
    State.IN_PROGRESS: "a run has the task: a worker works, or a session does",
    State.STOPPED: "its last run stopped, and can be resumed",
    State.FAILED: "its last run ended, and only a new one can go on",
    State.COMPLETED: "done, on the evidence that is recorded",
}
_INTRODUCTION = """\
What the events of runs make of the status of a task. Whether a pending task is ready, blocked or
waits for a person, and whether a completed one is [stale](../status.md#stale-tasks), follows from
other tasks and from git, and is not recorded."""


def rendered() -> str:
    """Return the page."""
    edges = dict.fromkeys((before, after, event) for before, event, after in _edges())
    lines = ["stateDiagram-v2", f"    [*] --> {State.PENDING}"]
    lines += [f"    {before} --> {after}: {event}" for before, after, event in edges]
    diagram = "\n".join(lines)
    rows = [(f"`{state}`", _MEANINGS[state], _reasons(state)) for state in State]
    return page(
        [
            "# The life cycle of a task",
            _INTRODUCTION,
            f"```mermaid\n{diagram}\n```",
            table(("status", "meaning", "stop reasons"), rows),
        ]
    )


def _edges() -> Iterator[tuple[State, str, State]]:
    """Yield what changes the status: before, by what, and after."""
    for entry in _entries():
        for event, run in _events(entry):
            after = fold(entry, run, _NOW).status
            if after is not entry.status:
                yield entry.status, event, after


def _entries() -> Iterator[Entry]:
    """Yield an entry in each status, as runs lead to it."""
    yield UNTOUCHED
    yield fold(UNTOUCHED, _run("1"), _NOW)
    yield fold(UNTOUCHED, _run("1", result="stopped", stop_reason=_code(resumable=True)), _NOW)
    yield fold(UNTOUCHED, _run("1", result="stopped", stop_reason=_code(resumable=False)), _NOW)
    yield fold(UNTOUCHED, _run("1", **_PASSED), _NOW)


def _events(entry: Entry) -> Iterator[tuple[str, RunState]]:
    own = entry.last_run_id or "1"
    if entry.status is State.IN_PROGRESS:
        yield "its checks pass and its commit lands", _run(own, **_PASSED)
        for resumable, event in ((True, "it stops"), (False, "it ends without a way to go on")):
            yield event, _run(own, result="stopped", stop_reason=_code(resumable=resumable))
        return
    if entry.status is State.STOPPED:
        yield "the run is resumed", _run(own)
    yield "a run starts", _run("2")
    decision = Decision(approval=Approval(by="Ada", reason="done"))
    attested = {"result": "completed", "decision": decision}
    if entry.status is State.COMPLETED:
        yield "a person resets it", _run("2", kind="reset", resets=own, **attested)
    else:
        yield "a person attests it", _run("2", worker="person", **attested)


_PASSED: dict[str, Any] = {"result": "completed", "verification": Verification("passed")}


def _run(run_id: str, **facts: Any) -> RunState:
    own = {key: facts.pop(key) for key in ("worker", "kind", "resets") if key in facts}
    known: dict[str, Any] = {"task": _TASK, "worker": "script", "workdir": "/", "spec": RunSpec()}
    start = RunCreated(**known | own, base_sha="", base_tree="")
    moment: dict[str, Any] = {"created_at": _NOW, "updated_at": _NOW}
    return RunState(id=run_id, start=start, spec=start.spec, **moment, **facts)


def _code(*, resumable: bool) -> str:
    return next(code for code, stop in STOPS.items() if stop.resumable is resumable)


def _reasons(state: State) -> str:
    if state is State.COMPLETED:
        return "evidence: " + ", ".join(f"`{each.value}`" for each in Evidence)
    if state not in (State.STOPPED, State.FAILED):
        return ""
    resumable = state is State.STOPPED
    return ", ".join(f"`{code}`" for code, stop in STOPS.items() if stop.resumable is resumable)
