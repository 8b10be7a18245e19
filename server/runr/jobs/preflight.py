"""What can be known before a job starts: everything that would stop it in the night."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from runr.config.settings import Config
from runr.errors import RunrError
from runr.execution import readiness
from runr.jobs import base_checks, control
from runr.jobs.model import Job
from runr.jobs.work import Item, Work
from runr.lifecycle import account_limits
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.runs import spec
from runr.tasks.model import short_name
from runr.text import format_duration, join_limited, pluralize
from runr.workers import registry
from runr.workers.protocol import HasLogin, ReportsUse

_NAMED = 5
#: A worktree and a checkout for each task that runs, and some room for what they build.
_COPIES, _ROOM = 2, 512 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that would stop the job, or some of its tasks."""

    rule: str
    severity: Literal["error", "warning"]
    message: str
    next_step: str | None = None


def look(project: Project, job: Job, work: Work, base: str, *, checks: bool) -> list[Finding]:
    """Return what is wrong; with `checks` those of the settings are run on the base commit."""
    config = project.config()
    snapshot = Snapshot.of(project)
    items = [item for item in work.items if not item.manual and item.task in snapshot.task_states()]
    found = [
        *_workers(project, job, config, items),
        *_unlimited(job, config, items),
        *_tools(project, config, snapshot, items),
        *_unchecked(job, config, snapshot, items),
        *_trees(project, job),
        *_space(project, job, base),
    ]
    return [*found, *_base(project, items, base)] if checks else found


def _finding(
    project: Project,
    rule: str,
    severity: Literal["error", "warning"],
    message: str,
    step: NextStep | None = None,
) -> Finding:
    line = project.surface.line(step) if step else None
    return Finding(rule=rule, severity=severity, message=message, next_step=line)


def _workers(
    project: Project, job: Job, config: Config, items: Sequence[Item]
) -> Iterator[Finding]:
    for name in dict.fromkeys(name for item in items for name in item.workers):
        try:
            worker, settings = registry.find(name, config)
            worker.preflight(settings, project.environment)
        except RunrError as error:
            yield _finding(project, "worker", "error", error.message, commands.workers())
            continue
        if isinstance(worker, HasLogin) and not worker.login_state(project.environment):
            message = f"{name}: no login was found"
            yield _finding(project, "login", "error", message, commands.login(name))
        if limit := account_limits.of_worker(project, name):
            lost = _why_not_waited_for(job, limit.until, project.clock())
            then = lost or "tasks with no other worker start then"
            message = f"{name}: {limit.describe()}; {then}"
            alone = any(item.workers == (name,) for item in items)
            yield _finding(project, "limit", "error" if lost and alone else "warning", message)


def _unlimited(job: Job, config: Config, items: Sequence[Item]) -> Iterator[Finding]:
    """Yield the limits of the job that do not hold a worker, as it does not say what it uses."""
    silent: dict[str, list[str]] = {"budget_usd": [], "max_tokens": []}
    for name in dict.fromkeys(name for item in items for name in item.workers):
        with suppress(RunrError):
            worker, _ = registry.find(name, config)
            reports = isinstance(worker, ReportsUse)
            if not (isinstance(worker, ReportsUse) and worker.reports_cost):
                silent["budget_usd"].append(name)
            if not reports:
                silent["max_tokens"].append(name)
    for key, what in (("budget_usd", "cost"), ("max_tokens", "tokens")):
        if getattr(job.limits, key) is not None and silent[key]:
            names = join_limited(silent[key], _NAMED)
            message = f"`{key}` of the job does not limit what reports no {what}: {names}"
            yield Finding(rule="limits", severity="warning", message=message)


def _why_not_waited_for(job: Job, reset_at: str, now: datetime) -> str | None:
    """Say why a job that begins now does not wait for a reset; None where it does."""
    reset, limits = datetime.fromisoformat(reset_at), job.limits
    if job.on_usage_limit == "stop":
        return "the job does not wait for that (`on_usage_limit: stop`)"
    if (reset - now).total_seconds() > job.wait_at_most_s:
        return f"the job waits {format_duration(job.wait_at_most_s)} at most"
    ends_at = control.window_end(limits, now)
    if limits.time_s is not None and now + timedelta(seconds=limits.time_s) <= reset:
        return f"the time of the job, {format_duration(limits.time_s)}, is over by then"
    if ends_at is not None and ends_at <= reset_at:
        return f"the window of the job ends before, at {limits.until}"
    return None


def _tools(
    project: Project, config: Config, snapshot: Snapshot, items: Sequence[Item]
) -> Iterator[Finding]:
    states = snapshot.task_states()
    needed: dict[str, list[str]] = {}
    for item in items:
        for check in spec.build_spec(states[item.task].task, config).checks:
            needed.setdefault(check.command, []).append(short_name(item.task))
    for command, program in readiness.missing_tools(needed, project.environment):
        where = join_limited(needed[command], _NAMED)
        message = f"`{program}` of the check `{command}` is not on PATH ({where})"
        yield _finding(project, "tool", "error", message, commands.which(program))


def _unchecked(
    job: Job, config: Config, snapshot: Snapshot, items: Sequence[Item]
) -> Iterator[Finding]:
    states = snapshot.task_states()
    without = [
        short_name(item.task)
        for item in items
        if not spec.build_spec(states[item.task].task, config).checks
    ]
    if without:
        message = (
            f"{pluralize(len(without), 'task')} without checks that can fail, so a person has to "
            f"decide about each: {join_limited(without, _NAMED)}"
        )
        yield Finding(rule="checks", severity="warning", message=message)
    free = [short_name(item.task) for item in items if not item.owns]
    if len(free) > 1 and job.max_parallel > 1:
        message = (
            f"{pluralize(len(free), 'task')} without `owns`: conflicts between them show only "
            f"when they land: {join_limited(free, _NAMED)}"
        )
        yield Finding(rule="owns", severity="warning", message=message)


def _trees(project: Project, job: Job) -> Iterator[Finding]:
    if unfinished := project.repo.operation():
        message = f"a {unfinished} is in progress in {project.tree}, so nothing can land there"
        yield _finding(project, "busy", "error", message, commands.git("status"))
    dirty = project.repo.dirty()
    if dirty and job.land == "each":
        message = f"uncommitted changes, over which nothing lands: {_some(dirty)}"
        yield _finding(project, "dirty", "warning", message, commands.git("status"))
    elif dirty:
        message = f"uncommitted changes, which no task sees: {_some(dirty)}"
        yield _finding(project, "dirty", "warning", message, commands.git("status"))


def _some(paths: Sequence[str]) -> str:
    return join_limited(sorted(paths), _NAMED)


def _space(project: Project, job: Job, base: str) -> Iterator[Finding]:
    listed = project.repo.fields("ls-tree", "-r", "-l", "-z", base)
    sizes = (line.partition("\t")[0].split()[-1] for line in listed)
    tree = sum(int(size) for size in sizes if size.isdecimal())
    needed = tree * _COPIES * job.max_parallel + _ROOM
    free = shutil.disk_usage(project.layout.root).free
    if free < needed:
        message = (
            f"{free >> 20} MB are free, and {job.max_parallel} tasks at the same time may need "
            f"{needed >> 20} MB"
        )
        yield _finding(project, "space", "error", message, commands.clean("--dry-run"))


def _base(project: Project, items: Sequence[Item], base: str) -> Iterator[Finding]:
    """Yield the configured checks that fail before any work is done."""
    wanted = base_checks.shared_checks(project, [item.task for item in items])
    if not wanted.checks:
        return
    with project.doing("running the checks on the base commit"):
        folder = base_checks.folder_of(project, next(project.suffixes))
        found = base_checks.failures(project, folder, wanted, base)
    for message in found:
        yield Finding(rule="base", severity="error", message=message)
