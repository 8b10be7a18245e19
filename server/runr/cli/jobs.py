"""Commands for jobs: many tasks, in order and side by side.

What starts runs is imported where it is used: it takes long to load, and a look at a job needs
none of it.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from runr.cli import console, render_job_lists, render_jobs
from runr.cli.app import Invocation, command, group
from runr.cli.console import Choice
from runr.errors import ExitCode, UsageError
from runr.jobs import journal as job_journal
from runr.jobs import views
from runr.jobs.model import ALL_READY, Job
from runr.jobs.views import JobRunDetails
from runr.next_steps import commands
from runr.project import Project
from runr.query.filters import parse_filter
from runr.query.models import CommandResult

if TYPE_CHECKING:
    from runr.jobs.plan import JobPlan

_JOB_RUN = click.argument("job_run", metavar="[JOB|ID]", required=False)
_WAIT = click.option(
    "--wait/--detach", default=True, help="Follow the job to its end, or return immediately."
)


@command("list-jobs")
def list_jobs(invocation: Invocation) -> None:
    """List jobs with their tracks, tasks and states."""
    from runr.jobs import listing  # noqa: PLC0415 - see above

    invocation.show(listing.list_jobs(invocation.project()), render_job_lists.render_list)


@command("upcoming")
@click.option("--until", metavar="TIME", help="Show all firings up to TIME: 12h, 2d, 2025-01-08.")
def upcoming(invocation: Invocation, until: str | None) -> None:
    """Show when jobs fire next, and which tasks are ready.

    Without --until, the next firing of each job.
    """
    from runr.jobs import upcoming as jobs_upcoming  # noqa: PLC0415 - see above

    answer = jobs_upcoming.upcoming(invocation.project(), until)
    invocation.show(answer, render_job_lists.render_upcoming)


@command("scheduler")
@click.option("--once", is_flag=True, help="Start what is due now, then exit.")
@click.option("--dry-run", is_flag=True, help="Show what is due now, and start nothing.")
@click.option(
    "--print-unit",
    "manager",
    type=Choice(["systemd", "launchd"]),
    help="Print the file with which systemd or launchd keeps the scheduler running.",
)
def scheduler(invocation: Invocation, *, once: bool, dry_run: bool, manager: Any) -> None:
    """Start jobs when their schedules say so.

    It runs until it is interrupted; the jobs that it has started go on. Each firing starts a job
    at most once, however many schedulers run.
    """
    from runr.jobs import scheduler as jobs_scheduler  # noqa: PLC0415 - see above

    project = invocation.project()
    if manager:
        unit = CommandResult(message=jobs_scheduler.unit(project, manager).rstrip())
        invocation.show(unit, lambda answer: answer.message)
    elif dry_run:
        invocation.show(jobs_scheduler.due(project), render_job_lists.render_firings)
    elif once:
        invocation.show(jobs_scheduler.fire(project), render_job_lists.render_firings)
    else:
        names = ", ".join(job.name for job in jobs_scheduler.scheduled(project))
        invocation.say(f"scheduled: {names or 'no job has a schedule yet'}")
        jobs_scheduler.serve(
            project,
            time.sleep,
            lambda answer: _say_all(invocation, render_job_lists.scheduler_lines(answer)),
        )


def _say_all(invocation: Invocation, lines: Sequence[str]) -> None:
    for line in lines:
        invocation.say(line)


@group("job")
def job() -> None:
    """Run, stop, resume and read jobs."""


@job.command_of("run")
@click.argument("name", metavar="[JOB]", required=False)
@click.option("--file", "path", metavar="FILE", help="Run the job of this file.")
@click.option("--all-ready", is_flag=True, help="Run every task that is ready, or becomes so.")
@click.option("--where", metavar="QUERY", help="Run the tasks of a filter: 'tag:api -type:manual'.")
@click.option("--parallel", type=click.IntRange(1), help="Tasks that run at the same time.")
@click.option(
    "--worker", metavar="NAME", help="Worker of the tasks that name none (--all-ready, --where)."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show the plan, and everything that would stop it; runs the checks on the base commit.",
)
@_WAIT
def run(invocation: Invocation, *, wait: bool, dry_run: bool, **options: Any) -> int:
    """Run a job.

    It runs in a process of its own and continues when the terminal is closed.
    """
    from runr.jobs import control, plan  # noqa: PLC0415 - see above

    project = invocation.project()
    wanted = _wanted(project, **options)
    if dry_run:
        return _shown(invocation, plan.plan_job(project, wanted))
    findings = plan.find_problems(project, wanted)
    begun = control.start_job(project, wanted)
    for finding in findings:  # a job that is refused has none to hear of
        invocation.warn(finding.message)
    return _started(invocation, begun, wait=wait)


def _wanted(
    project: Project,
    *,
    name: str | None,
    path: str | None,
    all_ready: bool,
    where: str | None,
    parallel: int | None,
    worker: str | None,
) -> Job:
    given = [each for each in (name, path, all_ready or None, where) if each is not None]
    if len(given) != 1:
        raise UsageError(
            "which job? Pass one of JOB, --file, --all-ready and --where",
            next_steps=[commands.list_jobs(), commands.help_of("job", "run")],
        )
    from runr.jobs import expansion, problems  # noqa: PLC0415 - see above

    if where:
        parse_filter(where)  # what is wrong with it is not about a step
    if all_ready or where:
        select = where or ALL_READY
        return expansion.ad_hoc(
            "ready" if all_ready else "selected", select, parallel=parallel or 2, worker=worker
        )
    if worker:
        raise UsageError("--worker is for --all-ready and --where: a job file names its workers")
    found = problems.find_job(project, name) if name else problems.load_job(project, path or "")
    return found._replace(max_parallel=parallel) if parallel else found


@job.command_of("status")
@_JOB_RUN
@click.option("--watch", is_flag=True, help="Keep showing it, with a bar for each track.")
def status(invocation: Invocation, job_run: str | None, *, watch: bool) -> None:
    """Show the progress of a job.

    Without JOB or ID, the latest job run.
    """
    project = invocation.project()
    found = job_journal.find(project.layout, job_run)
    if watch:
        _watch(invocation, found.id)
    invocation.show(views.details(project, found), render_jobs.render_status)


def _watch(invocation: Invocation, job_run_id: str) -> None:
    """Show a bar for each track, drawn again at each change, until the job ends."""
    from runr.jobs import control  # noqa: PLC0415 - see above

    # Not by `say`, which takes out what moves the cursor; names are printable already.
    bars = render_jobs.Bars(click.echo, console.line_width)
    show = (lambda _state: None) if invocation.as_json else bars.show
    with suppress(KeyboardInterrupt):
        control.wait_for_job(invocation.project(), job_run_id, on_change=show)


@job.command_of("receipt")
@_JOB_RUN
def show_receipt(invocation: Invocation, job_run: str | None) -> None:
    """Show on one page what a job did.

    It is kept as receipt.json and receipt.md in the folder of the job run.
    """
    from runr.jobs import receipt, receipt_page  # noqa: PLC0415 - see above

    answer = receipt.read(invocation.project(), job_run)
    width = console.line_width()
    invocation.show(answer, lambda found: receipt_page.render(found, width).rstrip())


@job.command_of("stop")
@_JOB_RUN
@click.option("--drain/--kill", default=True, help="Let what is running end, or stop it, too.")
@click.option("--dry-run", is_flag=True, help="Show what is running and what would not start.")
def stop(invocation: Invocation, job_run: str | None, *, drain: bool, dry_run: bool) -> None:
    """Stop a job; its work is kept."""
    if dry_run:
        project = invocation.project()
        found = views.details(project, job_journal.find(project.layout, job_run))
        invocation.show(found, render_jobs.render_stop_plan(kill=not drain))
        return
    from runr.jobs import control  # noqa: PLC0415 - see above

    progress = render_jobs.Progress(invocation.say)
    answer = control.stop_job(
        invocation.project(), job_run, kill=not drain, on_change=progress.show
    )
    invocation.show(answer, render_jobs.render_status)


_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would start, and start nothing.")


@job.command_of("resume")
@_JOB_RUN
@_DRY_RUN
@_WAIT
def resume(invocation: Invocation, job_run: str | None, *, dry_run: bool, wait: bool) -> int:
    """Resume a job that was stopped, paused or interrupted."""
    if dry_run:
        return _plan_again(invocation, job_run, retry=False)
    from runr.jobs import control  # noqa: PLC0415 - see above

    return _started(invocation, control.resume_job(invocation.project(), job_run), wait=wait)


@job.command_of("retry")
@_JOB_RUN
@_DRY_RUN
@_WAIT
def retry(invocation: Invocation, job_run: str | None, *, dry_run: bool, wait: bool) -> int:
    """Run the failed tasks of a job again.

    The tasks that waited for them run, too.
    """
    if dry_run:
        return _plan_again(invocation, job_run, retry=True)
    from runr.jobs import control  # noqa: PLC0415 - see above

    return _started(invocation, control.retry_job(invocation.project(), job_run), wait=wait)


@job.command_of("land")
@_JOB_RUN
@click.option("--to", metavar="BRANCH", help="Land on this branch instead.")
@click.option("--dry-run", is_flag=True, help="Show what would land, without the checks.")
def land(invocation: Invocation, job_run: str | None, *, to: str | None, dry_run: bool) -> None:
    """Land the branch of a job on the one that it started from.

    Where that one has moved since, the merge is verified with the checks of all tasks first.
    """
    from runr.jobs import landing  # noqa: PLC0415 - see above

    answer = landing.land_job(invocation.project(), job_run, to=to, dry_run=dry_run)
    invocation.show(answer, render_jobs.render_landing)


def _plan_again(invocation: Invocation, job_run: str | None, *, retry: bool) -> int:
    from runr.jobs import plan  # noqa: PLC0415 - see above

    return _shown(invocation, plan.plan_again(invocation.project(), job_run, retry=retry))


def _shown(invocation: Invocation, planned: "JobPlan") -> int:
    """Show a plan; the exit code says whether it has errors."""
    invocation.show(planned, render_jobs.render_plan)
    errors = any(finding.severity == "error" for finding in planned.findings)
    return ExitCode.FAILED if errors else ExitCode.DONE


def _started(invocation: Invocation, answer: JobRunDetails, *, wait: bool) -> int:
    """Show a job that has just been started, or follow it to its end."""
    if not wait:
        invocation.show(answer, render_jobs.render_started)
        return ExitCode.DONE
    from runr.jobs import control  # noqa: PLC0415 - see above

    invocation.say(f"job run {answer.id} of {answer.job} on {answer.branch}")
    progress = render_jobs.Progress(invocation.say)
    try:
        ended = control.wait_for_job(invocation.project(), answer.id, on_change=progress.show)
    except KeyboardInterrupt:
        steps = console.render_next_steps(
            console.written([commands.job_status(answer.id), commands.job_stop(answer.id)])
        )
        click.echo("\n".join(["\nThe job continues.", *steps]), err=True)
        return ExitCode.INTERRUPTED
    invocation.show(ended, render_jobs.render_status)
    return ended.exit_code or ExitCode.DONE
