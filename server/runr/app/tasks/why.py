"""Why a task is, or is not, done: evidence, doubts, what it waits for, and the next command."""

import difflib
from collections.abc import Iterable

from pydantic import Field

from runr.app.answers import Answer, TaskDetail, TaskView
from runr.app.project import Project
from runr.app.tasks.board import Board
from runr.app.tasks.detail import task_status
from runr.core import inference
from runr.core.inference import Basis
from runr.core.redact import Redactor
from runr.core.standing import Standing
from runr.core.status import Entry, Evidence, State
from runr.core.stops import quoted
from runr.errors import RunrError
from runr.store import taskfiles

#: Lines of an answer, at most.
LINES = 10

#: How much of one line is shown.
_WIDE = 160

_SAID = {
    Evidence.VERIFIED: "verified: its checks passed",
    Evidence.ATTESTED: "attested",
    Evidence.INFERRED: "inferred",
}


class Why(Answer):
    """The explanation in at most ten lines, and the facts that it is made of.

    `branches` have the commit; `diff` is what was changed in the task's text,
    where that was asked for.
    """

    task: str
    status: str
    done: bool
    lines: list[str]
    evidence: str | None = None
    confidence: float | None = None
    by: str | None = None
    at: str | None = None
    commit: str | None = None
    branches: list[str] = Field(default_factory=list)
    doubts: list[str] = Field(default_factory=list)
    blocked_by: list[str] = Field(default_factory=list)
    root_causes: list[str] = Field(default_factory=list)
    stop_reason: str | None = None
    diff: str | None = None
    next: list[str] = Field(default_factory=list)


def why(project: Project, wanted: str, *, diff: bool = False) -> Why:
    """Explain the task's status; with `diff`, show what changed in its text since."""
    board = Board.of(project)
    standing = board.standing(project.find_task(wanted, board.tasks))
    shown = task_status(project, standing.path, tail=0)
    branches = _branches(project, standing.entry)
    steps = _steps(standing, shown)
    return Why(
        task=standing.path,
        status=standing.entry.status.value,
        done=standing.entry.status is State.COMPLETED and not standing.stale,
        lines=_fit(_lines(standing, shown, branches), steps),
        evidence=standing.entry.evidence.value if standing.entry.evidence else None,
        confidence=standing.entry.confidence,
        by=standing.entry.completed_by,
        at=standing.entry.completed_at,
        commit=standing.entry.checkpoint_sha,
        branches=branches,
        doubts=[doubt.told for doubt in standing.doubts],
        blocked_by=shown.task.blocked_by,
        root_causes=[f"{_name(cause.path)}: {cause.why}" for cause in shown.task.root_causes],
        stop_reason=standing.entry.stop_reason,
        diff=_diff(project, standing) if diff else None,
        next=steps,
    )


def _lines(standing: Standing, shown: TaskDetail, branches: list[str]) -> list[str]:
    entry, task = standing.entry, shown.task
    head = f"{standing.task.name} is {entry.status.value.replace('_', ' ')}"
    if standing.doubts:
        head += ", and stale"
    if entry.status is not State.COMPLETED:
        return [f"{head}: {task.why}", *_waits(task), *_last_stop(standing, shown)]
    return [
        head,
        *_evidence(entry),
        *_place(entry, branches, unmerged=standing.unmerged),
        *_accepted(entry),
        *(f"stale: {doubt.told}" for doubt in standing.doubts),
        *(f"problem: {problem}" for problem in task.problems),
    ]


def _evidence(entry: Entry) -> Iterable[str]:
    said = _SAID.get(entry.evidence) if entry.evidence else "no evidence is recorded"
    if entry.evidence is Evidence.INFERRED and entry.basis:
        run = f"run {entry.last_run_id}" if entry.last_run_id else "no run"
        meaning = inference.MEANING[Basis(entry.basis)].format(like=run)
        said = f"inferred ({entry.confidence:.1f}): {meaning}"
    when = f" on {entry.completed_at[:16].replace('T', ' ')}" if entry.completed_at else ""
    yield f"evidence: {said}; by {entry.completed_by or 'nobody that is known'}{when}"
    if entry.reason:
        yield f"reason: {entry.reason}"
    if entry.verification.value == "failed":
        yield "its checks failed: it counts on a person's word alone"


def _place(entry: Entry, branches: list[str], *, unmerged: bool) -> Iterable[str]:
    if entry.checkpoint_sha:
        where = f"on {', '.join(branches)}" if branches else "on no branch that is here"
        waits = ", and not on this branch yet" if unmerged else ""
        yield f"commit: {entry.checkpoint_sha[:12]} {where}{waits}"


def _accepted(entry: Entry) -> Iterable[str]:
    if entry.accepted_at:
        by = (entry.accepted_by or "").removeprefix("person:")
        yield f"kept: by {by} on {entry.accepted_at[:16].replace('T', ' ')}"


def _waits(task: TaskView) -> Iterable[str]:
    direct = set(task.blocked_by)
    for cause in task.root_causes:
        if cause.path not in direct or len(task.root_causes) > 1:
            yield f"root cause: {_name(cause.path)}: {cause.why}"
    yield from (f"problem: {problem}" for problem in task.problems)


def _last_stop(standing: Standing, shown: TaskDetail) -> Iterable[str]:
    run, entry = shown.run, standing.entry
    if run is not None and entry.stop_reason:
        ended = f" on {run.ended_at[:16].replace('T', ' ')}" if run.ended_at else ""
        yield f"last run: {run.id} by {run.worker}, stopped ({entry.stop_reason}){ended}"
    if entry.attempts > 1:
        yield f"runs so far: {entry.attempts}"


def _steps(standing: Standing, shown: TaskDetail) -> list[str]:
    """Return at most two commands, the likelier first."""
    name, entry = quoted(standing.task.name), standing.entry
    if standing.doubts:
        return [f"runr why {name} --diff", f"runr accept {name}"]
    if standing.unmerged and shown.run is not None:
        return list(shown.run.next[:1])
    if entry.status is State.COMPLETED:
        return []
    if entry.status is State.IN_PROGRESS:
        return [f"runr follow {entry.last_run_id}"]
    if standing.blocked_by:
        causes = [cause.path for cause in shown.task.root_causes] or shown.task.blocked_by
        return [f"runr why {quoted(_name(path))}" for path in causes[:1]]
    if shown.run is not None and shown.run.status == "stopped" and shown.run.next:
        return list(shown.run.next[-1:])
    manual = standing.task.type.value == "manual"
    vouch = f"runr complete-task {name} --reason 'what was done'"
    return [vouch if manual else f"runr run --task {name}"]


def _fit(lines: Iterable[str], steps: list[str]) -> list[str]:
    """Keep the explanation at ten lines; what does not fit is counted."""
    told = [_short(line) for line in lines]
    room = LINES - len(steps)
    if len(told) > room:
        told = [*told[: room - 1], f"… and {len(told) - room + 1} more; --json has them all"]
    return [*told, *(f"next: {step}" for step in steps)]


def _short(line: str) -> str:
    flat = " ".join(line.split())
    return flat if len(flat) <= _WIDE else f"{flat[: _WIDE - 1]}…"


def _branches(project: Project, entry: Entry) -> list[str]:
    """Return up to three branches that have the commit, the current one first."""
    if not entry.checkpoint_sha or entry.status is not State.COMPLETED:
        return []
    flags = ("--format=%(refname:short)", f"--contains={entry.checkpoint_sha}")
    found = project.repo.attempt("for-each-ref", *flags, "refs/heads", "refs/remotes")
    names = found.out.decode(errors="replace").split() if found.ok else []
    current = project.repo.branch()
    return sorted(names, key=lambda name: (name != current, name))[:3]


def _diff(project: Project, standing: Standing) -> str:
    """Return what changed in the task's text since it was completed, or last kept."""
    before = _text_then(project, standing)
    if before is None:
        return "The text with which it was completed is not here: neither in a run nor in git.\n"
    now = taskfiles.read_content(project.layout, standing.path).decode("utf-8", "replace")
    clean = Redactor(project.environment)(now)
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        clean.splitlines(keepends=True),
        "when it was completed",
        "now",
    )
    return "".join(lines) or "Its text is as it was.\n"


def _text_then(project: Project, standing: Standing) -> str | None:
    entry = standing.entry
    for run_id in (entry.accepted_run, entry.last_run_id):
        if run_id:
            try:
                return project.layout.run(run_id).task.read_text("utf-8", "replace")
            except OSError:
                continue
    try:
        found = project.repo.run("cat-file", "blob", f"{entry.checkpoint_sha}:{standing.path}")
    except RunrError:
        return None
    return found.decode("utf-8", "replace")


def _name(path: str) -> str:
    return path.removeprefix(".runr/tasks/")
