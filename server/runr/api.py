"""The Python API: the tasks of a repository, with the answers of the command line and of MCP.

from runr import Project

project = Project.open("path/to/repository")
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from runr.errors import RunrError
from runr.graphics import dependency_graph
from runr.graphics.dependency_graph import GraphResult
from runr.history import overview, period_report, recent, run_list, task_history, task_parts
from runr.history.overview import Overview
from runr.history.paging import Page
from runr.history.period_report import PeriodReport
from runr.history.recent import ActivityDays, LandingPage, UsagePage
from runr.history.task_history import TaskHistory
from runr.history.task_parts import OverviewPart, Part, TaskCounts
from runr.lifecycle import complete, decisions, follow, reset, runs, start
from runr.lifecycle.complete import CompleteRequest
from runr.lifecycle.decisions import AcknowledgeResult, Decision
from runr.lifecycle.reset import ResetRequest, ResetResult
from runr.lifecycle.start import RunRequest
from runr.project import Project as Repository
from runr.proof import report as proof_report
from runr.proof.recheck import Rechecker
from runr.proof.report import ProofResult
from runr.query import detail, listing, next_task
from runr.query.detail_models import (
    CompletionResult,
    RunDetails,
    RunList,
    RunReport,
    RunResult,
    TaskDetails,
)
from runr.query.filters import parse_filter
from runr.query.listing import Sort, TaskQuery
from runr.query.models import Kind, TaskList
from runr.query.next_task import NextTask
from runr.runs.channel import of_process
from runr.setup import new_task
from runr.setup.new_task import NewRequest
from runr.status.model import Evidence

__all__ = ["Project", "RunrError"]

Level = Literal["verified", "verified_in_workspace", "attested", "relayed", "inferred"]


class Project:
    """A repository with tasks.

    Names of tasks are as on the command line; `where` is a filter expression, as of
    `runr list-tasks`. Whatever is refused raises a RunrError with `next_steps`.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] = ".",
        *,
        environment: Mapping[str, str] | None = None,
        warn: Callable[[str], None] = lambda _message: None,
    ) -> "Project":
        """Open the repository that contains `path`; RepositoryError if there is none.

        Decisions count as those of a script, or as relayed where an agent has started the
        program, as its `environment` says. `warn` gets what must not go unnoticed.
        """
        given = os.environ if environment is None else environment
        opened = Repository.open(Path(path), given, warn=warn)
        return cls(replace(opened, channel=of_process(given, is_terminal=False)))

    def register(
        self,
        name: str | None = None,
        *,
        title: str | None = None,
        type: Kind | None = None,  # noqa: A002 - the word of the header
        depends_on: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
        template: str = "feature",
    ) -> TaskDetails:
        """Write a new task file from a template; UsageError if it exists."""
        request = NewRequest(
            name=name,
            title=title,
            type=type,
            depends_on=depends_on,
            tags=tags,
            template=template,
        )
        path = new_task.write_task(self._repository, request)
        return self.task(path.relative_to(self._repository.layout.root).as_posix())

    def task(self, name: str) -> TaskDetails:
        """Return one task with its last run; UnknownTaskError names the nearest match."""
        return detail.task_status(self._repository, name)

    def tasks(
        self,
        where: str = "",
        *,
        sort: Sort = "path",
        limit: int | None = None,
        cursor: str | None = None,
    ) -> TaskList:
        """Return the tasks that match; `cursor` is the `next_cursor` of the page before."""
        query = TaskQuery(wanted=parse_filter(where), sort=sort, limit=limit, cursor=cursor)
        return listing.list_tasks(self._repository, query)

    def next(self, where: str = "", *, explain: bool = False) -> NextTask:
        """Return the task to do next, and with `explain` why the others come later."""
        return next_task.choose_next(self._repository, parse_filter(where), explain=explain)

    def dependencies(self, about: str | None = None, *, where: str = "") -> GraphResult:
        """Return what each task needs, what blocks it, cycles and the critical path."""
        view = dependency_graph.gather(self._repository, parse_filter(where), about)
        return dependency_graph.graph_result(view)

    def complete(
        self,
        name: str,
        *,
        reason: str | None = None,
        by: str | None = None,
        force: bool = False,
        skip_checks: bool = False,
    ) -> CompletionResult:
        """Complete a task: by its open session run, or attested by a person for a `reason`."""
        request = CompleteRequest(
            task=name, reason=reason, by=by, force=force, skip_checks=skip_checks
        )
        return complete.complete_task(self._repository, request)

    def approve(self, about: str, reason: str, *, by: str | None = None) -> CompletionResult:
        """Approve the run that waits for a person; its work is merged."""
        return decisions.approve(self._repository, Decision(about=about, reason=reason, by=by))

    def reject(self, about: str, reason: str, *, by: str | None = None) -> RunResult:
        """Reject the run that waits for a person; the next attempt gets the reason."""
        return decisions.reject(self._repository, Decision(about=about, reason=reason, by=by))

    def acknowledge(
        self, name: str, *, reason: str | None = None, by: str | None = None
    ) -> AcknowledgeResult:
        """Record that a stale completion is still valid."""
        return decisions.acknowledge(self._repository, name, reason=reason, by=by)

    def reset(
        self, name: str, reason: str, *, by: str | None = None, revert: bool = False
    ) -> ResetResult:
        """Take a completion back; with `revert`, its commits too."""
        request = ResetRequest(task=name, reason=reason, by=by, revert=revert)
        return reset.reset(self._repository, request)

    def verify(
        self,
        *names: str,
        where: str = "",
        at_least: Level = "inferred",
        strict: bool = False,
        recheck: bool = False,
    ) -> ProofResult:
        """Prove the completions of the named tasks, or of all.

        `recheck` runs their checks again, in a clean checkout of the commit.
        """
        wanted = parse_filter(where)
        return proof_report.verify(
            self._repository,
            listing.matches_path(self._repository, names, wanted),
            required=bool(names) and not wanted,
            at_least=Evidence(at_least),
            strict=strict,
            recheck=Rechecker(project=self._repository, on="recorded") if recheck else None,
        )

    def run(self, name: str, *, worker: str | None = None, force: bool = False) -> RunResult:
        """Start a run of the task in a process of its own, and return at once."""
        request = RunRequest(task=name, worker=worker, force=force)
        return start.run_task(self._repository, request)

    def wait(self, run: str, seconds: float | None = None) -> RunDetails:
        """Return the run when it has ended, or its state after `seconds`."""
        return follow.wait_for_run(self._repository, run, seconds)

    def runs(
        self, task: str | None = None, *, since: str | None = None, limit: int | None = 20
    ) -> RunList:
        """Return the latest runs, newest first, with what they used."""
        return run_list.list_runs(self._repository, task=task, since=since, limit=limit)

    def run_report(self, run: str) -> RunReport:
        """Return what happened in a run: its id, `latest`, or the name of a task."""
        return runs.read_report(self._repository, run)

    def history(self, name: str) -> TaskHistory:
        """Return every change of a task: when, by whom, on what evidence."""
        return task_history.read_history(self._repository, name)

    def overview(self) -> Overview:
        """Return what is done since yesterday, running, waiting, stopped and stale."""
        return overview.overview(self._repository)

    def counts(self) -> TaskCounts:
        """Return how many tasks there are, by status and by evidence."""
        return task_parts.count_tasks(self._repository)

    def part(
        self, part: Part, *, limit: int | None = None, cursor: str | None = None
    ) -> OverviewPart:
        """Return a page of the tasks that are done since yesterday, running or waiting, for one."""
        return task_parts.find_part(self._repository, part, Page.of(limit, cursor))

    def activity(self, *, limit: int | None = None, cursor: str | None = None) -> ActivityDays:
        """Return what happened day by day, the latest first."""
        return recent.activity(self._repository, Page.of(limit, cursor))

    def landings(self, *, limit: int | None = None, cursor: str | None = None) -> LandingPage:
        """Return what landed, the latest first."""
        return recent.landings(self._repository, Page.of(limit, cursor))

    def usage(
        self, since: str = "yesterday", *, limit: int | None = None, cursor: str | None = None
    ) -> UsagePage:
        """Return what each worker used with each model, the most expensive first."""
        return recent.usage(self._repository, Page.of(limit, cursor), since)

    def report(
        self,
        since: str,
        until: str | None = None,
        *,
        tags: tuple[str, ...] = (),
        workers: tuple[str, ...] = (),
    ) -> PeriodReport:
        """Return the figures of a period, such as since `yesterday` or `2026-11-01`."""
        return period_report.report(self._repository, since, until, tags=tags, workers=workers)
