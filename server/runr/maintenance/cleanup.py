"""Remove the leftovers of ended runs, and keep everything that exists nowhere else."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from runr import nofollow
from runr.errors import DamagedStateError, GitError
from runr.execution import reconcile
from runr.maintenance import leftovers
from runr.maintenance.leftovers import Leftover, OnlyHere
from runr.next_steps.setup import after_clean_preview
from runr.project import Project
from runr.query.models import Result
from runr.runs import journal, journal_ends, report
from runr.runs.events import SubmitFinished
from runr.runs.model import RunState
from runr.status import store
from runr.status.model import Entry
from runr.storage import files
from runr.storage.layout import RunFiles
from runr.text import format_duration

_DAY = 86400

#: How old a run's record has to be, unless the caller says otherwise.
RECORDS = 14 * _DAY


class CleanRequest(BaseModel):
    """Arguments of `runr clean`.

    `older_than` is in seconds; `records` puts old run records away, too; of runs that were
    `superseded`, what is only in their worktree or branch is kept in a commit; the runs that
    `force` names lose that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    older_than: int | None = None
    records: bool = False
    superseded: bool = False
    force: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that was not removed, and why."""

    what: str
    why: str


class Cleaner:
    """One pass over all runs, and what came of it."""

    def __init__(
        self, project: Project, request: CleanRequest, entries: Mapping[str, Entry]
    ) -> None:
        self._project = project
        self._repo = project.repo
        self._request = request
        self._forced = {journal.find(project.layout, name).id for name in request.force}
        self._named = _named(entries.values())
        self._entries = entries
        self._branches: set[str] = set()
        self._folders: set[str] = set()
        self._young = 0
        self._needed = 0
        self._kept: list[Kept] = []
        self.removed: list[str] = []

    def process(self, run: RunFiles) -> None:
        """Look at one run."""
        self._folders.add(run.id)
        try:
            state = self._state(run)
        except DamagedStateError:
            self._keep(f"run {run.id}", "its record is damaged: see runr doctor")
            return
        if journal.is_foreign(run):
            self._keep(f"run {run.id}", "it is a record of another clone")
            return
        left = self._leftover(state) if state else None
        if state is None or (left is None and not self._request.records):
            return
        with self._held(run) as mine:
            if state.result is None or not mine:
                if left is not None:
                    self._keep(
                        _describe(left, run.id), "the run is active, or waits for its session"
                    )
            elif left is None or self._clean_up(state, left):
                self._record(state, run)

    def report_orphans(self) -> None:
        """Name the worktrees and branches of which no run is known."""
        for name in leftovers.orphans(self._repo, self._branches):
            self._keep(f"branch {name}", self._job_of(name) or "no run on record names it")
        folder = self._project.layout.worktrees
        for name in sorted(nofollow.names(folder)) if nofollow.is_folder(folder) else ():
            if name not in self._folders:
                self._keep(f"worktree {folder / name}", "no run on record names it")

    def _job_of(self, branch: str) -> str | None:
        """Say which job run a branch belongs to, as its name tells."""
        layout = self._project.layout
        known = nofollow.names(layout.job_runs) if nofollow.is_folder(layout.job_runs) else ()
        found = next((name for name in known if branch.endswith(f"-{name}")), None)
        if found is None:
            return None
        running = ", which is running" if files.is_held(layout.job_run(found).lock) else ""
        return f"it belongs to the job run {found}{running}"

    def remove_kept_commits(self) -> None:
        """Remove commits from before a further attempt, of runs that cannot go on any more."""
        for run_id, known in leftovers.kept_commits(self._repo).items():
            refs = self._without_superseded(run_id, known)
            if not refs:
                continue
            if (why := self._needs(run_id)) is not None:
                self._keep(f"earlier commit of run {run_id}", why)
                continue
            if not self._request.dry_run:
                leftovers.remove_refs(self._repo, refs)
            self.removed.append(f"earlier commit of run {run_id}")

    def _without_superseded(self, run_id: str, refs: list[str]) -> list[str]:
        """Leave out the only copy of work, unless its run is named to lose that."""
        if run_id in self._forced:
            return refs
        left = [ref for ref in refs if not ref.endswith(f"/{leftovers.SUPERSEDED}")]
        if len(left) < len(refs):
            self._keep(f"work of run {run_id}", f"it is only there: --force {run_id} removes it")
        return left

    def _needs(self, run_id: str) -> str | None:
        """Return why the earlier commits of a run stay."""
        try:
            state = journal.state(self._project.layout.run(run_id))
        except DamagedStateError:
            return "its record is damaged: see runr doctor"
        if state is None:
            return "no run on record names it"
        if run_id in self._forced:
            return None
        if state.result is None or (state.result == "stopped" and run_id in self._named):
            return "the run is active, or can be resumed"
        young = self._seconds(state) < self._limit()
        return f"the run ended less than {_age(self._limit())} ago" if young else None

    def describe(self) -> list[Kept]:
        """Return what is kept, records together."""
        rows = list(self._kept)
        if self._young:
            limit = _age(self._limit())
            rows.append(Kept(what=_records(self._young), why=f"younger than {limit}"))
        if self._needed:
            rows.append(Kept(what=_records(self._needed), why="the status file refers to them"))
        return rows

    def _state(self, run: RunFiles) -> RunState | None:
        if self._request.dry_run:
            return journal.state(run)
        return reconcile.end_if_dead(self._project.context(run))

    def _leftover(self, state: RunState) -> Leftover | None:
        branch = state.start.branch
        if branch is None:
            return None
        self._branches.add(branch)
        return leftovers.find_leftovers(self._repo, self._project.layout.worktree(state.id), branch)

    @contextmanager
    def _held(self, run: RunFiles) -> Iterator[bool]:
        """Keep others from taking the run up meanwhile; yield whether that is so."""
        if self._request.dry_run:
            yield not files.is_held(run.lock)
            return
        lock = files.hold(run.lock)
        try:
            yield lock is not None
        finally:
            if lock is not None:
                os.close(lock)

    def _clean_up(self, state: RunState, left: Leftover) -> bool:
        lost = None if state.id in self._forced else self._lost(state, left)
        why, keeps = lost.why if lost else None, False
        if lost and lost.whole and self._request.superseded and self._is_superseded(state):
            why, keeps = None, True
        if why is None and not self._request.dry_run:
            if keeps:
                leftovers.keep_work(self._repo, left, state.id)
            why = self._remove(left)
            with suppress(FileNotFoundError):
                nofollow.remove_tree(self._project.layout.run(state.id).git_data)
        if why is None:
            kept = f", its work kept as refs/runr/{state.id}/{leftovers.SUPERSEDED}"
            self.removed.append(f"{_describe(left, state.id)}{kept if keeps else ''}")
        else:
            self._keep(_describe(left, state.id), why)
        return why is None

    def _remove(self, left: Leftover) -> str | None:
        try:
            return leftovers.remove_leftover(self._repo, left, self._project.layout.worktrees)
        except (GitError, DamagedStateError) as error:
            return error.message

    def _is_superseded(self, state: RunState) -> bool:
        """Tell whether another run has gone on with the task since the run stopped."""
        entry = self._entries.get(state.start.task)
        after = entry.last_run_id if entry else None
        return state.result == "stopped" and after is not None and state.id not in self._named

    def _lost(self, state: RunState, left: Leftover) -> OnlyHere | None:
        wanted = self._request.older_than
        if wanted is not None and self._seconds(state) < wanted:
            return OnlyHere(why=f"the run ended less than {_age(wanted)} ago")
        targets = {self._repo.branch(), state.start.target, *self._submitted_to(state)}
        known = [name for name in targets if name]
        return leftovers.unmerged_work(
            self._repo, left, state.start.base_sha, known, carried=state.spec.carry
        )

    def _submitted_to(self, state: RunState) -> list[str]:
        events = journal.events(self._project.layout.run(state.id))
        return [event.data.to for event in events if isinstance(event.data, SubmitFinished)]

    def _record(self, state: RunState, run: RunFiles) -> None:
        if not self._request.records:
            return
        if state.id in self._named:
            self._needed += 1
        elif self._seconds(state) < self._limit():
            self._young += 1
        else:
            if not self._request.dry_run:
                # Without its timeline it is no run: the remains of a kill are shown nowhere.
                nofollow.unlink(run.timeline)
                nofollow.remove_tree(run.folder)
                journal_ends.forget(run)
            self.removed.append(f"record of run {state.id} ({report.headline(state)})")

    def _limit(self) -> int:
        return RECORDS if self._request.older_than is None else self._request.older_than

    def _seconds(self, state: RunState) -> float:
        ended = datetime.fromisoformat(state.ended_at or state.updated_at)
        return (self._project.clock() - ended).total_seconds()

    def _keep(self, what: str, why: str) -> None:
        self._kept.append(Kept(what=what, why=why))


def _describe(left: Leftover, run_id: str) -> str:
    parts = [f"worktree of run {run_id}"] if left.path else []
    parts += [f"branch {left.branch} (at {left.tip[:12]})"] if left.tip else []
    return ", ".join(parts)


def _records(number: int) -> str:
    return "1 run record" if number == 1 else f"{number} run records"


def _age(seconds: int) -> str:
    return f"{seconds // _DAY}d" if seconds and seconds % _DAY == 0 else format_duration(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanResult(Result):
    """What was removed, or would be, and what was kept."""

    removed: list[str] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    dry_run: bool = False


def clean(project: Project, request: CleanRequest) -> CleanResult:
    """Remove what ended runs left and is not needed; report why everything else stays."""
    if not request.dry_run:
        project.refuse_inside("a run does not clean up after others")
    cleaner = Cleaner(project, request, _entries(project, dry_run=request.dry_run))
    for run_id in journal.ids(project.layout):
        cleaner.process(project.layout.run(run_id))
    cleaner.remove_kept_commits()
    cleaner.report_orphans()
    preview = request.dry_run and cleaner.removed
    steps = after_clean_preview(**request.model_dump(exclude={"dry_run"})) if preview else ()
    return CleanResult(
        removed=cleaner.removed,
        kept=cleaner.describe(),
        dry_run=request.dry_run,
        next_steps=project.surface.lines(steps),
    )


def find_removable(project: Project) -> list[str]:
    """Return what `clean` with `superseded` would remove; only runs that left something are read.

    A repository has many more runs than leftovers.
    """
    request = CleanRequest(dry_run=True, superseded=True)
    cleaner = Cleaner(project, request, _entries(project, dry_run=True))
    named = leftovers.run_ids(project.repo, project.layout.worktrees)
    for run_id in journal.ids(project.layout):
        if run_id in named:
            cleaner.process(project.layout.run(run_id))
    cleaner.remove_kept_commits()
    return cleaner.removed


def _entries(project: Project, *, dry_run: bool) -> Mapping[str, Entry]:
    return store.read(project.layout).tasks if dry_run else project.entries()


def _named(entries: Collection[Entry]) -> set[str]:
    by = {(entry.completed_by or "").removeprefix("run:") for entry in entries}
    kept = {entry.acknowledged_run or "" for entry in entries}
    return by | kept | {entry.last_run_id or "" for entry in entries}
