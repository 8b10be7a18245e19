"""The rules by which a recorded completion is proved, and what speaks against it. Pure."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from runr.evidence.inference import Basis, CommitMatch
from runr.runs.model import RunState
from runr.runs.spec import are_empty
from runr.status.branch import Rewritten
from runr.status.model import (
    Entry,
    Evidence,
    Verification,
    evidence_of,
    evidence_of_rewritten,
    is_verified_tree,
)
from runr.tasks.empty_checks import explain
from runr.tasks.model import short_name

Code = Literal[
    "record", "task", "evidence", "checks", "commit", "tree", "branch", "text", "dependencies"
]


class Problem(NamedTuple):
    """What speaks against a completion."""

    code: Code
    message: str


class CommitFacts(NamedTuple):
    """A commit with its tree; `is_own` where its trailers name the recorded run and the task."""

    sha: str
    tree: str
    is_own: bool = False


class Facts(NamedTuple):
    """One recorded completion, and all there is about it.

    `run` is the record of its run, `damage` why that cannot be read; one that
    `is_foreign`, of another clone, is no record. `commit` is
    the recorded checkpoint where this repository has it, `landed` the commit with
    which the run says it was integrated; `on_branch` tells of the checkpoint
    whether it leads to HEAD, `rewritten` names the commit that took its place there.
    `match` is the commit of HEAD's history that is surest to be the task's work.
    `is_acknowledged` tells that a record shows that a person confirmed it after a change.
    `undone` says which later commit reverted the work, or left it out.
    `open_dependencies` are not completed. `unlanded` is a branch with verified work of a task that
    was completed by force. `taken_back` says who reset the completion.
    """

    task: str
    entry: Entry
    taken_back: str | None = None
    run: RunState | None = None
    damage: str | None = None
    is_foreign: bool = False
    commit: CommitFacts | None = None
    landed: CommitFacts | None = None
    on_branch: bool = False
    rewritten: Rewritten | None = None
    rewritten_tree: str | None = None
    undone: str | None = None
    match: CommitMatch | None = None
    open_dependencies: tuple[str, ...] = ()
    unlanded: str | None = None
    stale_reasons: tuple[str, ...] = ()
    is_acknowledged: bool = False
    is_manual: bool = False
    is_hybrid: bool = False
    is_shared: bool = False
    branch: str = "HEAD"


class Proof(NamedTuple):
    """How well a completion is proved; not at all where there are problems.

    `remarks` are what else a reader has to know.
    """

    proved: Evidence | None = None
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()


def prove(facts: Facts) -> Proof:
    """Return how well the records and commits that are here prove the completion."""
    if facts.taken_back:
        return Proof(problems=(Problem("record", facts.taken_back),))
    level, problems, remarks = _shown(facts)
    if facts.undone:
        problems = (*problems, Problem("branch", facts.undone))
    problems = (*problems, *_forced(facts))
    remarks = (*remarks, *_circumstances(facts))
    return Proof(None if problems else level, problems, remarks)


def _shown(facts: Facts) -> Proof:
    if facts.entry.evidence is None:
        return Proof(problems=(Problem("evidence", "it is recorded without evidence"),))
    if facts.entry.evidence is Evidence.INFERRED:
        return _by_history(facts)
    if facts.run is None:
        return _without_run(facts)
    return _by_run(facts, facts.run)


def _by_history(facts: Facts) -> Proof:
    match = facts.match
    if match is None:
        why = f"no commit that leads to {facts.branch} shows that it was done"
        return Proof(problems=(Problem("commit", why),))
    if match.basis is Basis.MIRROR:
        why = "only the header of its file says so: no record and no commit shows it"
        return Proof(problems=(Problem("record", why),))
    return Proof(Evidence.INFERRED, remarks=(_meaning(match),))


def _without_run(facts: Facts) -> Proof:
    """Return what is proved where the record of the run is not of this clone."""
    entry, match = facts.entry, facts.match
    if facts.damage:
        return Proof(problems=(Problem("record", f"its run cannot be read: {facts.damage}"),))
    run = f"run {entry.last_run_id}" if entry.last_run_id else "its run"
    gone = f"{run} is a record of another clone" if facts.is_foreign else f"{run} is not here"
    if match is not None and match.run_id == entry.last_run_id and match.run_id is not None:
        return Proof(Evidence.INFERRED, remarks=(gone, _meaning(match)))
    if entry.evidence and entry.evidence.is_statement and facts.is_shared:
        return Proof(Evidence.INFERRED, remarks=(f"{gone}; only the shared status file says so",))
    if entry.checkpoint_sha and facts.commit is None:
        why = f"{gone}, and its commit {_short(entry.checkpoint_sha)} is not in this repository"
        return Proof(problems=(Problem("commit", why),))
    why = f"{gone}, and no commit that leads to {facts.branch} was made by it for this task"
    return Proof(problems=(Problem("record", why),))


def _by_run(facts: Facts, run: RunState) -> Proof:
    """Return what the run's own record proves, held against the commit."""
    problems = tuple(_of_run(facts, run))
    if run.checkpoint_sha is None and facts.entry.checkpoint_sha is None:
        return Proof(evidence_of(run), problems)
    problems = (*problems, *_of_commit(facts, run))
    if facts.rewritten is None or is_verified_tree(run, facts.rewritten_tree):
        return Proof(evidence_of(run), problems)
    remark = f"its commit was rewritten: {facts.rewritten.describe()}"
    return Proof(evidence_of_rewritten(run, facts.rewritten_tree), problems, (remark,))


def _of_run(facts: Facts, run: RunState) -> Iterator[Problem]:
    entry = facts.entry
    if run.start.task != facts.task:
        other = short_name(run.start.task) or "no task"
        yield Problem("task", f"run {run.id} is a run of {other}")
        return
    if run.result != "completed" or run.start.kind != "attempt":
        how = run.stop_reason or run.result or "running"
        kind = how if run.start.kind == "attempt" else run.start.kind
        yield Problem("record", f"run {run.id} did not complete it ({kind})")
        return
    shown = evidence_of(run)
    if entry.evidence is not None and not shown.is_at_least(entry.evidence):
        yield Problem("evidence", f"it is recorded as {entry.evidence}, and its run is {shown}")
    approval = run.decision.approval
    by = approval.author if approval else f"run:{run.id}"
    if entry.completed_by != by:
        yield Problem("evidence", f"it is recorded as by {entry.completed_by}, and it is by {by}")
    checked = run.verification.result
    if not shown.is_statement and checked != "passed":
        yield Problem("checks", f"the checks of run {run.id} are {checked}")
    elif entry.verification.value != checked:
        what = f"its checks are recorded as {entry.verification}, and are {checked}"
        yield Problem("checks", what)
    elif (ran := run.verification.checks) and not shown.is_statement and are_empty(ran):
        yield Problem("checks", "; ".join(explain(check.command) for check in ran))
    yield from _as_recorded(facts, run)


def _as_recorded(facts: Facts, run: RunState) -> Iterator[Problem]:
    """Yield where the entry differs from what its run has written into it."""
    entry = facts.entry
    forced = run.start.override_reason
    if entry.override_reason != forced:
        what = f"forced: {forced}" if forced else "not forced"
        yield Problem("record", f"it is recorded otherwise, and run {run.id} was {what}")
    approval = run.decision.approval
    if (entry.sequence, entry.reason) != (run.sequence, approval.reason if approval else None):
        what = f"its reason or its place among the runs is not that of run {run.id}"
        yield Problem("record", what)
    if not facts.is_acknowledged and entry.task_sha256 != (run.spec.task_sha256 or None):
        yield Problem("text", "it is recorded with another text of the task than its run had")


def _of_commit(facts: Facts, run: RunState) -> Iterator[Problem]:
    sha = facts.entry.checkpoint_sha
    if sha != run.checkpoint_sha:
        made = _short(run.checkpoint_sha)
        yield Problem("commit", f"commit {_short(sha)} is recorded, and its run made {made}")
        return
    if facts.commit is None:
        if facts.rewritten is None:
            yield Problem("commit", f"its commit {_short(sha)} is not in this repository")
        return
    if not facts.commit.is_own:
        yield Problem("commit", f"commit {_short(sha)} does not say that its run made it for this")
    elif not _has_verified_tree(facts, run):
        what = "the tree of its commit is not the one that the checks passed on"
        yield Problem("tree", what)
    if not facts.on_branch and facts.rewritten is None:
        yield Problem("branch", f"its commit {_short(sha)} is not on {facts.branch}")


def _has_verified_tree(facts: Facts, run: RunState) -> bool:
    """Tell whether the commit, or the one that it landed with, has the tree of the checks."""
    commits = (facts.commit, facts.landed)
    return any(is_verified_tree(run, commit.tree) for commit in commits if commit)


def override_of(entry: Entry, run: RunState | None) -> str | None:
    """Return what was overridden by force: what the run has recorded, else what the entry says."""
    return run.start.override_reason if run else entry.override_reason


def _forced(facts: Facts) -> tuple[Problem, ...]:
    found = []
    checked = facts.run.verification.result if facts.run else facts.entry.verification.value
    if checked == "failed" and (facts.run is None or evidence_of(facts.run).is_statement):
        found.append(Problem("checks", "it was completed although its checks failed"))
    if facts.open_dependencies and override_of(facts.entry, facts.run):
        names, are = _open(facts)
        what = f"it was completed by force, and {names} {are} open"
        found.append(Problem("dependencies", what))
    if facts.unlanded:
        why = f"it was completed by force, and verified work of it is only on {facts.unlanded}"
        found.append(Problem("branch", why))
    return tuple(found)


def _circumstances(facts: Facts) -> tuple[str, ...]:
    found = [f"stale: {reason}" for reason in facts.stale_reasons if reason != facts.undone]
    if override := override_of(facts.entry, facts.run):
        found.append(f"forced: {override}")
    elif facts.open_dependencies:
        names, are = _open(facts)
        found.append(f"it depends on {names}, which {are} open")
    if facts.entry.verification is Verification.SKIPPED:
        found.append("its checks were skipped")
    return tuple(found)


def _open(facts: Facts) -> tuple[str, str]:
    """Return the names of the dependencies that are open, and the verb that goes with them."""
    names = [short_name(path) for path in facts.open_dependencies]
    return ", ".join(names), "are" if len(names) > 1 else "is"


def _meaning(match: CommitMatch) -> str:
    what = f"commit {_short(match.sha)}" if match.sha else "its file"
    return f"{what}: {match.message} (confidence {match.confidence:.2f})"


def _short(sha: str | None) -> str:
    return (sha or "none")[:12]
