"""`runr health`: stuck work, completions that do not hold, records that disagree, leftovers."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from runr.errors import DamagedStateError
from runr.history import database, index, period
from runr.lint import records
from runr.maintenance import cleanup, disk_use
from runr.maintenance.disk_use import DiskUse
from runr.maintenance.leftovers import SUPERSEDED
from runr.next_steps import commands
from runr.next_steps.step import Line, NextStep
from runr.project import Project
from runr.proof import report
from runr.proof.report import Recheck
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.runs import journal, stop_reasons
from runr.status.model import State
from runr.text import flat, format_bytes, format_duration, pluralize

if TYPE_CHECKING:
    import sqlite3

Kind = Literal["stuck", "flapping", "failing_check", "unproved", "unlanded", "drift", "leftovers"]

#: What is looked for, in the order in which it is shown.
KINDS: dict[Kind, str] = {
    "unproved": "Completions that do not hold",
    "unlanded": "Work that waits on the branch of a job",
    "drift": "Records that disagree",
    "stuck": "Tasks that do not get on",
    "flapping": "Tasks whose completion was taken back again and again",
    "failing_check": "Checks that never pass",
    "leftovers": "Leftovers of ended runs",
}

#: As many findings of each kind are listed; the counts are of all.
MOST = 20
#: A run without an event for so long is stuck, unless the caller says otherwise.
STUCK_S = 24 * 3600
#: What happened before these days counts no more.
_DAYS = 30
#: So often makes a pattern: stops in a row, completions taken back, failures of a check.
_STOPS, _TAKEN_BACK, _FAILURES = 3, 2, 3
#: This number of leftovers piles up, and so do any where all worktrees take so much of the disk.
_LEFTOVERS, _LARGE = 10, 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFinding:
    """Something that needs attention, and what to do about it."""

    kind: Kind
    severity: Literal["error", "warning"]
    message: str
    task_path: str | None = None
    run_id: str | None = None
    next_steps: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport(Result):
    """All findings; `passed` is whether the exit code is 0, `counts` are by kind."""

    passed: bool
    findings: list[HealthFinding]
    counts: dict[str, int]
    error_count: int
    warning_count: int
    completion_count: int
    rechecked: bool = False
    disk_use: DiskUse = field(default_factory=DiskUse)


class _Examination:
    """One look at a repository."""

    def __init__(self, project: Project, stuck_s: int) -> None:
        self._project = project
        self._snapshot = Snapshot.of(project)
        self._stuck_s = stuck_s
        self.completion_count = 0
        self.disk_use = DiskUse()

    def findings(self, recheck: Recheck | None) -> Iterator[HealthFinding]:
        """Yield everything that is found, the worst first."""
        yield from self._proofs(recheck)
        yield from self._entries()
        yield from self._active()
        yield from self._history()
        yield from self._leftovers()

    def _finding(
        self,
        kind: Kind,
        message: str,
        steps: Iterable[NextStep],
        *,
        task: str | None = None,
        run_id: str | None = None,
    ) -> HealthFinding:
        return HealthFinding(
            kind=kind,
            severity="error" if kind in ("unproved", "drift") else "warning",
            message=message,
            task_path=task,
            run_id=run_id,
            next_steps=self._project.surface.lines(tuple(steps)),
        )

    def _proofs(self, recheck: Recheck | None) -> Iterator[HealthFinding]:
        doubtful = index.find_doubtful(self._project)
        with self._project.doing("proving the completions"):
            proofs = report.verify(self._project, recheck=recheck, doubtful=doubtful)
        self.completion_count = len(proofs.completions)
        for problem in proofs.problems:
            yield HealthFinding(
                kind="drift",
                severity="error",
                message=problem.message,
                next_steps=proofs.next_steps or self._project.surface.lines([commands.doctor()]),
            )
        unlanded: Counter[str] = Counter()
        for row in proofs.completions:
            if row.passed:
                continue
            if row.unlanded_job_id:
                unlanded[row.unlanded_job_id] += 1
            else:
                yield HealthFinding(
                    kind="unproved",
                    severity="error",
                    message="; ".join(each.message for each in row.problems),
                    task_path=row.task_path,
                    run_id=row.run_id,
                    next_steps=row.next_steps,
                )

        for job, count in unlanded.items():
            what = f"{pluralize(count, 'completion')} on the branch of the job run {job}"
            yield self._finding("unlanded", what, [commands.job_land(job)])

    def _entries(self) -> Iterator[HealthFinding]:
        diagnostics = [
            *records.committed_diagnostics(self._project),
            *records.entry_diagnostics(self._project, self._snapshot.tasks, self._snapshot.entries),
        ]
        for each in diagnostics:
            # What is proved, and what is not, was found before.
            if each.rule in ("orphan", "committed-run"):
                yield HealthFinding(
                    kind="drift",
                    severity="warning",
                    message=f"{flat(each.path)}: {each.message}",
                    next_steps=self._project.surface.lines([commands.lint()]),
                )

    def _active(self) -> Iterator[HealthFinding]:
        now = self._project.clock()
        for path, entry in self._snapshot.entries.items():
            if entry.status is not State.IN_PROGRESS or not entry.last_run_id:
                continue
            run = self._last_event(entry.last_run_id)
            quiet = (now - run).total_seconds() if run else 0.0
            if quiet >= self._stuck_s:
                yield self._finding(
                    "stuck",
                    f"nothing has happened in its run for {format_duration(quiet)}",
                    [commands.report(entry.last_run_id), commands.stop(entry.last_run_id)],
                    task=path,
                    run_id=entry.last_run_id,
                )

    def _last_event(self, run_id: str) -> datetime | None:
        try:
            state = journal.state(self._project.layout.run(run_id))
        except DamagedStateError:
            return None
        return datetime.fromisoformat(state.updated_at) if state else None

    def _history(self) -> Iterator[HealthFinding]:
        since = period.written(self._project.clock() - timedelta(days=_DAYS))

        least = {
            "repeated_stops": _STOPS,
            "flapping_tasks": _TAKEN_BACK,
            "failing_checks": _FAILURES,
        }

        def read(connection: "sqlite3.Connection") -> dict[str, list[Any]]:
            statements = database.queries()
            return {
                name: connection.execute(
                    statements[name], {"since": since, "least": number}
                ).fetchall()
                for name, number in least.items()
            }

        rows = index.ask(self._project, read)
        states = self._snapshot.task_states()
        for task, count, _, reason, run_id in rows["repeated_stops"]:
            if task in states and states[task].open:
                why = stop_reasons.explain(reason or "error", "")
                message = f"stopped {count} times without a completion, last: {why}"
                steps = [commands.report(run_id), commands.why(task)]
                yield self._finding("stuck", message, steps, task=task, run_id=run_id)
        for task, done, back, _ in rows["flapping_tasks"]:
            if task in states:
                times = f"{pluralize(done, 'time')}, and taken back {pluralize(back, 'time')}"
                message = f"completed {times}, in {_DAYS} days"
                yield self._finding("flapping", message, [commands.history(task)], task=task)
        for command, count, tasks, _, run_id in rows["failing_checks"]:
            of_tasks = pluralize(tasks, "task")
            message = f"`{flat(command)}` failed each of {count} times, for {of_tasks}"
            yield self._finding("failing_check", message, [commands.report(run_id)], run_id=run_id)

    def _leftovers(self) -> Iterator[HealthFinding]:
        with self._project.doing("looking for leftovers"):
            removable = cleanup.find_removable(self._project)
            self.disk_use = disk_use.measure(self._project.layout)
        number, used = len(removable), self.disk_use.worktree_bytes
        if number >= _LEFTOVERS or (number and used >= _LARGE):
            what = "worktree or branch" if number == 1 else "worktrees and branches"
            size = f"; all worktrees take {format_bytes(used)}" if used else ""
            message = f"{number} {what} of ended runs can be removed{size}"
            words = ["--superseded"] if any(SUPERSEDED in each for each in removable) else []
            yield self._finding("leftovers", message, [commands.clean(*words)])


def examine(
    project: Project,
    *,
    stuck_s: int = STUCK_S,
    strict: bool = False,
    recheck: Recheck | None = None,
) -> HealthReport:
    """Return what needs attention; nothing is changed.

    A run without an event for `stuck_s` seconds is stuck. `recheck` runs the checks of each
    completion again. With `strict`, warnings do not pass either.
    """
    examination = _Examination(project, stuck_s)
    found = list(examination.findings(recheck))
    counts = Counter(each.kind for each in found)
    errors = sum(each.severity == "error" for each in found)
    shown: Counter[str] = Counter()
    listed = []
    for each in sorted(found, key=lambda each: list(KINDS).index(each.kind)):
        shown[each.kind] += 1
        if shown[each.kind] <= MOST:
            listed.append(each)
    return HealthReport(
        passed=not found if strict else not errors,
        findings=listed,
        counts={kind: counts[kind] for kind in KINDS},
        error_count=errors,
        warning_count=len(found) - errors,
        completion_count=examination.completion_count,
        rechecked=recheck is not None,
        disk_use=examination.disk_use,
    )
