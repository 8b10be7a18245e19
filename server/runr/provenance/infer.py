"""Statuses inferred from the history: what each commit proves, and what to record of it."""

from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple

from runr.evidence import inference, matcher, own_inferences, rebuild, resets
from runr.evidence.inference import CommitMatch
from runr.evidence.later_changes import HistoryOrder
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.status import store
from runr.status.model import UNTOUCHED, Entry, Evidence, State, next_sequence

Effect = Literal["new", "known", "weak", "reverted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InferredTask:
    """What the history says of one task.

    `effect` is `new` where it becomes its status, `known` where what is recorded is
    as good, `weak` below the wanted confidence, `reverted` where the commit
    `reverting_sha` took it back.
    """

    task_path: str
    status: str
    evidence: str | None
    effect: Effect
    basis: str
    confidence: float
    message: str
    commit_sha: str
    committed_at: str
    run_id: str | None = None
    reverting_sha: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceResult(Result):
    """What the history proves about all tasks; `commit_count` commits were read for it."""

    matches: list[InferredTask]
    commit_count: int
    min_confidence: float
    applied: bool = False
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def infer_statuses(
    project: Project, *, apply: bool = False, min_confidence: float = inference.ENOUGH
) -> InferenceResult:
    """Look for each task's work in the history; with `apply`, record what is sure enough.

    Better evidence is never overwritten.
    """
    if apply:
        project.refuse_inside("a run does not change the records of others")
    before = resets.apply(project.layout, project.entries())
    runs, tasks = rebuild.runs(project.layout), project.tasks()
    with project.doing("reading the history"):
        reading, found = matcher.read_matches(
            project.layout, tasks, runs, before, tree=project.repo
        )
    order = HistoryOrder(repo=project.repo, runs={run.id: run for run in runs})
    own = own_inferences.read(project.layout, before.values())
    rule = _Rule(min_confidence, order, next_sequence(before.values()), own)
    rows = [_row(before.get(task, UNTOUCHED), found[task], rule) for task in sorted(found)]
    changed = _apply(project, found, rule) if apply else []
    open_ = any(row.effect == "new" for row in rows) and not apply
    return InferenceResult(
        matches=rows,
        commit_count=reading.commits,
        min_confidence=min_confidence,
        applied=apply,
        changed=changed,
        notes=_notes(project),
        next_steps=project.surface.lines([commands.apply_inference()]) if open_ else [],
    )


class _Rule(NamedTuple):
    """Which findings are recorded: how sure they must be, in which order, and what is known."""

    enough: float
    order: HistoryOrder
    sequence: int
    own: own_inferences.Known

    def is_claim(self, task: str, entry: Entry) -> bool:
        """Tell whether the entry says that it was inferred, and nothing here says by whom."""
        return own_inferences.is_inferred(entry) and not own_inferences.is_own(
            self.own, task, entry
        )


def _row(entry: Entry, finding: CommitMatch, rule: _Rule) -> InferredTask:
    return InferredTask(
        task_path=finding.task,
        status=entry.status.value,
        evidence=entry.evidence.value if entry.evidence else None,
        effect=_effect(entry, finding, rule),
        basis=finding.basis.value,
        confidence=finding.confidence,
        message=finding.message,
        commit_sha=finding.sha,
        committed_at=finding.time[:10],
        run_id=finding.run_id,
        reverting_sha=finding.reverted_by,
    )


def _effect(entry: Entry, finding: CommitMatch, rule: _Rule) -> Effect:
    if finding.reverted_by:
        return "reverted"
    if finding.confidence < rule.enough:
        return "weak"
    is_later = partial(rule.order.is_later, finding, entry)
    if rule.is_claim(finding.task, entry) or inference.improves(entry, finding, is_later):
        return "new"
    return "known"


def _apply(project: Project, found: dict[str, CommitMatch], rule: _Rule) -> list[str]:
    changed: list[str] = []

    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        changed.clear()
        merged, known = dict(entries), resets.apply(project.layout, entries)
        for task, finding in sorted(found.items()):
            entry = known.get(task, UNTOUCHED)
            after = _after(entry, finding, rule, project.now())
            if after != entry:
                merged[task] = after
                changed.append(task)
        own_inferences.keep(project.layout, {task: merged[task] for task in changed})
        return merged

    store.update(project.layout, change, repair=project.repair)
    return changed


def _after(entry: Entry, finding: CommitMatch, rule: _Rule, now: str) -> Entry:
    match _effect(entry, finding, rule):
        case "new":
            return inference.completed(entry, finding, rule.sequence)
        case "reverted" if _stands_on(entry, finding):
            return inference.withdrawn(entry, now)
        case _:
            return entry


def _stands_on(entry: Entry, finding: CommitMatch) -> bool:
    """Tell whether the entry is completed by nothing but the commit of the finding."""
    inferred = entry.status is State.COMPLETED and entry.evidence is Evidence.INFERRED
    return inferred and entry.checkpoint_sha == finding.sha


def _notes(project: Project) -> list[str]:
    repo = project.repo
    if repo.head() is None:
        return ["this repository has no commits yet"]
    if repo.text("rev-parse", "--is-shallow-repository") == "true":
        return ["this clone is shallow: earlier commits were not looked at"]
    return []
