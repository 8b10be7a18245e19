"""Why a task is, or is not, completed: evidence, stale reasons, blockers, the next command."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runr import nofollow
from runr.errors import RunrError
from runr.evidence import inference
from runr.evidence.inference import Basis
from runr.next_steps.step import Line
from runr.next_steps.tasks import for_explanation
from runr.project import Project
from runr.query import detail
from runr.query.detail_models import TaskDetails, TaskFields
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.redaction import Redactor
from runr.status import branch
from runr.status.model import Entry, Evidence, State
from runr.tasks import repository
from runr.tasks.model import short_name

#: Lines of an answer, at most.
MAX_LINES = 10

#: How much of one line is shown.
_WIDE = 160

_EVIDENCE = {
    Evidence.VERIFIED: "verified: its checks passed",
    Evidence.WORKSPACE: "verified in the workspace: its checks passed there, not on the commit",
    Evidence.ATTESTED: "attested",
    Evidence.RELAYED: "relayed: a program passed it on, and no person has confirmed it",
    Evidence.INFERRED: "inferred",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(Result):
    """The explanation in at most ten lines, and the facts that it is made of.

    `branches` have the commit; `diff` is what was changed in the task's text,
    where that was asked for.
    """

    task_path: str
    status: str
    completed: bool
    lines: list[str]
    evidence: str | None = None
    confidence: float | None = None
    completed_by: str | None = None
    completed_at: str | None = None
    commit_sha: str | None = None
    branches: list[str] = field(default_factory=list)
    stale_reasons: list[str] = field(default_factory=list)
    blocked_by: list[str] = field(default_factory=list)
    root_causes: list[str] = field(default_factory=list)
    stop_reason: str | None = None
    diff: str | None = None


def explain(project: Project, wanted: str, *, diff: bool = False) -> Explanation:
    """Explain the task's status; with `diff`, show what changed in its text since."""
    snapshot = Snapshot.of(project)
    task_state = snapshot.state_of(project.find_task(wanted, snapshot.tasks))
    shown, facts = detail.task_with_facts(project, task_state.task, snapshot, tail=0)
    branches = branches_of(project, task_state.entry)
    steps = project.surface.lines(project.with_prerequisites(for_explanation(facts)))
    return Explanation(
        task_path=task_state.path,
        status=task_state.entry.status.value,
        completed=task_state.display_status in (*Evidence, "completed"),
        lines=_fit(_lines(task_state, shown, branches), steps),
        evidence=task_state.entry.evidence.value if task_state.entry.evidence else None,
        confidence=task_state.entry.confidence,
        completed_by=task_state.entry.completed_by,
        completed_at=task_state.entry.completed_at,
        commit_sha=task_state.entry.checkpoint_sha,
        branches=branches,
        stale_reasons=[stale_reason.message for stale_reason in task_state.stale_reasons],
        blocked_by=shown.task.blocked_by,
        root_causes=[f"{short_name(cause.path)}: {cause.why}" for cause in shown.task.root_causes],
        stop_reason=task_state.entry.stop_reason,
        diff=_diff(project, task_state) if diff else None,
        next_steps=steps,
    )


def _lines(task_state: TaskState, shown: TaskDetails, branches: list[str]) -> list[str]:
    entry, task = task_state.entry, shown.task
    head = f"{task_state.task.name} is {entry.status.value.replace('_', ' ')}"
    if task_state.absent:
        head += f", and {branch.describe(task_state.absent)}"
    if task_state.stale_reasons:
        head += ", and stale"
    if entry.status is not State.COMPLETED:
        return [f"{head}: {task.why}", *_waits(task), *_last_stop(task_state, shown)]
    return [
        head,
        *_evidence(entry),
        *_place(task_state, branches),
        *_acknowledged(entry),
        *(f"stale: {stale_reason.message}" for stale_reason in task_state.stale_reasons),
        *(f"problem: {problem}" for problem in task.problems),
    ]


def _evidence(entry: Entry) -> Iterable[str]:
    said = _EVIDENCE.get(entry.evidence) if entry.evidence else "no evidence is recorded"
    if entry.evidence is Evidence.INFERRED and entry.basis:
        run = f"run {entry.last_run_id}" if entry.last_run_id else "no run"
        meaning = inference.MEANING[Basis(entry.basis)].format(like=run)
        said = f"inferred ({entry.confidence:.2f}): {meaning}"
    when = f" on {entry.completed_at[:16].replace('T', ' ')}" if entry.completed_at else ""
    yield f"evidence: {said}; by {entry.completed_by or 'unknown'}{when}"
    if entry.reason:
        yield f"reason: {entry.reason}"
    if entry.override_reason:
        yield f"forced: {entry.override_reason}"
    if entry.verification.value == "failed":
        yield "its checks failed: it is completed against them"


def _place(task_state: TaskState, branches: list[str]) -> Iterable[str]:
    sha = task_state.entry.checkpoint_sha
    if sha is None:
        return
    where = f"on {', '.join(branches)}" if branches else "on no branch that is here"
    if task_state.absent == "missing":
        where = branch.describe("missing")
    elif task_state.absent:
        where += f", {branch.describe(task_state.absent)}"
    elif task_state.rewritten:
        where += f"; on this branch as {task_state.rewritten.describe()}"
    yield f"commit: {sha[:12]} {where}"


def _acknowledged(entry: Entry) -> Iterable[str]:
    if entry.acknowledged_at:
        by = (entry.acknowledged_by or "").removeprefix("person:")
        yield f"acknowledged: by {by} on {entry.acknowledged_at[:16].replace('T', ' ')}"


def _waits(task: TaskFields) -> Iterable[str]:
    direct = set(task.blocked_by)
    for cause in task.root_causes:
        if cause.path not in direct or len(task.root_causes) > 1:
            yield f"root cause: {short_name(cause.path)}: {cause.why}"
    yield from (f"problem: {problem}" for problem in task.problems)


def _last_stop(task_state: TaskState, shown: TaskDetails) -> Iterable[str]:
    run, entry = shown.run, task_state.entry
    if run is not None and entry.stop_reason:
        ended = f" on {run.ended_at[:16].replace('T', ' ')}" if run.ended_at else ""
        yield f"last run: {run.id} by {run.worker}, stopped ({entry.stop_reason}){ended}"
    if entry.run_count > 1:
        yield f"runs so far: {entry.run_count}"


def _fit(lines: Iterable[str], steps: Sequence[Line]) -> list[str]:
    """Keep the explanation at ten lines; what does not fit is counted."""
    message = [_short(line) for line in lines]
    room = MAX_LINES - len(steps)
    if len(message) > room:
        message = [
            *message[: room - 1],
            f"… and {len(message) - room + 1} more; --json has them all",
        ]
    return [*message, *(f"next: {step}" for step in steps)]


def _short(line: str) -> str:
    flat = " ".join(line.split())
    return flat if len(flat) <= _WIDE else f"{flat[: _WIDE - 1]}…"


def branches_of(project: Project, entry: Entry) -> list[str]:
    """Return up to three branches that have the commit, the current one first."""
    if not entry.checkpoint_sha or entry.status is not State.COMPLETED:
        return []
    sha = entry.checkpoint_sha
    args = ("for-each-ref", "--format=%(refname:short)", f"--contains={sha}")
    found = project.repo.unless_gone(*args, "refs/heads", "refs/remotes", needs=(sha,))
    names = (found or b"").decode(errors="replace").split()
    current = project.repo.branch()
    return sorted(names, key=lambda name: (name != current, name))[:3]


def _diff(project: Project, task_state: TaskState) -> str:
    """Return what changed in the task's text since it was completed, or last kept."""
    before = _text_then(project, task_state)
    if before is None:
        return "The text with which it was completed is not here: neither in a run nor in git.\n"
    now = repository.read_content(project.layout, task_state.path).decode("utf-8", "replace")
    clean = Redactor(project.environment)(now)
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        clean.splitlines(keepends=True),
        "when it was completed",
        "now",
    )
    return "".join(lines) or "Its text is as it was.\n"


def _text_then(project: Project, task_state: TaskState) -> str | None:
    entry = task_state.entry
    for run_id in (entry.acknowledged_run, entry.last_run_id):
        if run_id:
            try:
                return nofollow.read(project.layout.run(run_id).task).decode("utf-8", "replace")
            except OSError:
                continue
    try:
        found = project.repo.run("cat-file", "blob", f"{entry.checkpoint_sha}:{task_state.path}")
    except RunrError:
        return None
    return found.decode("utf-8", "replace")
