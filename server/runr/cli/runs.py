"""Commands that start, follow, stop and resume runs."""

import click

from runr.cli import console, render_runs
from runr.cli.app import Invocation, command, task_names
from runr.cli.console import Choice
from runr.cli.filters import filtered
from runr.errors import ExitCode, UsageError
from runr.jobs import batch
from runr.jobs.batch import BatchResult
from runr.jobs.model import NOT_STOPPED
from runr.lifecycle import resume as lifecycle_resume
from runr.lifecycle import runs as lifecycle_runs
from runr.lifecycle import start
from runr.lifecycle.follow import Listener, wait_for_run
from runr.lifecycle.start import RunRequest
from runr.next_steps import commands
from runr.next_steps.runs import while_running
from runr.query import notes
from runr.query.detail_models import RunDetails, RunResult
from runr.query.filters import Filter
from runr.query.models import Kind
from runr.runs.events import Event
from runr.runs.model import Phase
from runr.runs.resume import RESUMABLE_PHASES

_RUN = click.argument("run", metavar="RUN")
_RUN_OR_LATEST = click.argument("run", metavar="[RUN]", default="latest")
_WAIT = click.option(
    "--wait/--detach", default=True, help="Wait for the run to finish, or return immediately."
)


@command("run")
@click.argument("names", nargs=-1, metavar="[TASK]...", shell_complete=task_names)
@click.option(
    "--task", "tasks", metavar="TASK", multiple=True, shell_complete=task_names, help="Task to run."
)
@click.option("--all-ready", is_flag=True, help="Run every task that is ready for a worker.")
@click.option("--auto-only", is_flag=True, help="Same as --all-ready, but automated tasks only.")
@filtered(without="worker")
@click.option(
    "--worker", metavar="NAME", help="Worker to use; default: the task's, then the configured one."
)
@click.option(
    "--in-place", is_flag=True, help="Run in the current working tree instead of a new worktree."
)
@click.option(
    "--force", is_flag=True, help="Ignore incomplete dependencies, or re-run a completed task."
)
@click.option(
    "--wait-for-limit",
    is_flag=True,
    help="When the usage limit of the worker's account is reached, wait until it resets.",
)
@click.option("--dry-run", is_flag=True, help="With --all-ready: show the plan, start nothing.")
@_WAIT
def run(
    invocation: Invocation,
    names: tuple[str, ...],
    tasks: tuple[str, ...],
    *,
    wanted: Filter,
    all_ready: bool,
    auto_only: bool,
    dry_run: bool,
    wait: bool,
    **options: object,
) -> int:
    """Run tasks: work, verify, commit, record.

    Without --in-place each run has its own worktree. A run is a process of its
    own and continues when the terminal is closed.
    """
    named = (*tasks, *names)
    if all_ready or auto_only:
        kinds: tuple[Kind, ...] = ("automated",) if auto_only else ("automated", "hybrid")
        _refuse_names(named, options)
        if dry_run or not wait:
            _refuse_for_job(wanted, options)
            return _as_job(invocation, auto_only=auto_only, dry_run=dry_run, options=options)
        return _run_ready(invocation, kinds=kinds, wanted=wanted, options=options)
    if dry_run:
        raise UsageError(
            "--dry-run is for --all-ready", next_steps=[commands.next_task("--explain")]
        )
    if not named and wanted:
        raise UsageError(
            "filters require --all-ready", next_steps=[commands.help_of("run", "--all-ready")]
        )
    if not named:
        raise UsageError(
            "which task? Pass TASK, or --all-ready for every task that is ready for a worker",
            next_steps=invocation.project().with_prerequisites(
                (commands.next_task(), commands.run_all_ready())
            ),
        )
    if wanted:
        raise UsageError(
            "filters require --all-ready",
            next_steps=[commands.run(named[0]), commands.help_of("run", "--all-ready")],
        )
    if len(named) > 1:
        return _run_several(invocation, named, options, wait=wait)
    return _run_one(invocation, named[0], options, wait=wait)


@command("runs")
@click.option("--task", metavar="TASK", shell_complete=task_names, help="Only runs of this task.")
@click.option(
    "--since", metavar="TIME", help="Only runs that worked since: yesterday, 7d, 2025-01-08."
)
@click.option(
    "--limit", type=click.IntRange(0), default=20, help="Maximum number of runs; 0 for all."
)
def runs(invocation: Invocation, task: str | None, since: str | None, limit: int) -> None:
    """List the latest runs, newest first."""
    # Loads SQLite's library.
    from runr.history import run_list  # noqa: PLC0415 - see above

    answer = run_list.list_runs(invocation.project(), limit=limit or None, task=task, since=since)
    invocation.show(answer, render_runs.render_runs)


@command("follow")
@_RUN_OR_LATEST
def follow(invocation: Invocation, run: str) -> int:
    """Show the progress of a run until it ends.

    Exits with the exit code of the run. Without RUN, follows the latest one.
    """
    return _follow(invocation, run)


@command("note")
@click.argument("run", metavar="TASK|RUN")
@click.argument("text")
def note(invocation: Invocation, run: str, text: str) -> None:
    """Add a progress note to an open run.

    The note is part of the brief for the next session, of the report and of `runr follow`.
    """
    answer = notes.add_note(invocation.project(), run, text)
    invocation.show(answer, console.render_result)


@command("stop")
@_RUN
@click.option("--reason", help="Why; recorded with the name of the person.")
def stop(invocation: Invocation, run: str, reason: str | None) -> None:
    """Stop a run and keep its work."""
    answer = lifecycle_runs.stop_run(invocation.project(), run, reason)
    invocation.show(answer, render_runs.render_stopped)


@command("resume")
@click.argument("run", metavar="[RUN]", required=False)
@click.option(
    "--preview",
    "--dry-run",
    "preview",
    is_flag=True,
    help="Show what would be resumed, without resuming it.",
)
@click.option(
    "--from",
    "since",
    type=Choice([phase.value for phase in RESUMABLE_PHASES]),
    help="Go on from this phase instead.",
)
@click.option(
    "--accept-changes",
    is_flag=True,
    help="Accept what was changed of settings and task while the worker worked, or in place since.",
)
@click.option("--all", "every", is_flag=True, help="Resume every run that needs no decision.")
@_WAIT
def resume(
    invocation: Invocation,
    run: str | None,
    since: str | None,
    *,
    every: bool,
    preview: bool,
    accept_changes: bool,
    wait: bool,
) -> int:
    """Resume a stopped run.

    Its work so far is kept. Without RUN, resumes the run that stopped last, or
    shows which task is ready or waiting for a person.
    """
    if every:
        if run or since or preview or accept_changes or not wait:
            raise UsageError("--all resumes every run as it stopped, and takes no other option")
        return _resume_all(invocation)
    phase = Phase(since) if since else None
    if run is None and phase is None and not accept_changes:
        return _resume_latest(invocation, preview=preview, wait=wait)
    wanted = run or "latest"
    if preview:
        shown = lifecycle_resume.preview_resume(invocation.project(), wanted, phase)
        invocation.show(shown, render_runs.render_preview)
        return ExitCode.DONE
    answer = lifecycle_runs.resume_run(
        invocation.project(), wanted, phase, accept_changes=accept_changes
    )
    if answer.run.worker == "session" or not wait:
        _show_started(invocation, answer)
        return ExitCode.DONE
    invocation.say(f"run {answer.run.id} is resumed")
    return _follow(invocation, answer.run.id, after=answer.run.seq)


def _resume_all(invocation: Invocation) -> int:
    begun: list[RunDetails] = []

    def on_begin(view: RunDetails) -> None:
        begun.append(view)
        invocation.say(f"run {view.id} of {view.task_path.removeprefix('.runr/tasks/')} is resumed")

    try:
        answer = batch.resume_all(
            invocation.project(),
            on_begin=on_begin,
            on_event=_progress(invocation),
            on_end=lambda view: invocation.say(render_runs.render_end(view)),
        )
    except KeyboardInterrupt:
        return _interrupted(begun[-1].id if begun else None)
    invocation.show(answer, _render_batch)
    nothing = ExitCode.FAILED if answer.stopped_paths and not answer.runs else ExitCode.DONE
    return next((run.exit_code for run in answer.runs if run.exit_code), nothing)


def _resume_latest(invocation: Invocation, *, preview: bool, wait: bool) -> int:
    answer = lifecycle_resume.resume_latest(invocation.project(), dry_run=preview)
    resumed = answer.run if answer.action == "resume" and not preview else None
    if resumed is None or resumed.worker == "session" or not wait:
        invocation.show(answer, render_runs.render_resumed)
        return ExitCode.HUMAN if answer.action == "person" else ExitCode.DONE
    invocation.say(answer.message)
    return _follow(invocation, resumed.id, after=resumed.seq)


def _run_one(invocation: Invocation, task: str, options: dict[str, object], *, wait: bool) -> int:
    answer = start.run_task(invocation.project(), _request(invocation, task, options))
    if answer.brief is not None or not wait:
        _show_started(invocation, answer)
        return ExitCode.DONE
    invocation.say(f"run {answer.run.id} on {answer.run.branch or 'the current working tree'}")
    return _follow(invocation, answer.run.id)


def _show_started(invocation: Invocation, answer: RunResult) -> None:
    """Print the run that was started or resumed, or the brief of the session that works on it."""
    if answer.brief is None:
        invocation.show(answer.run, lambda _: render_runs.render_started(answer))
    else:
        invocation.show(answer, render_runs.render_started)


def _request(invocation: Invocation, task: str, options: dict[str, object]) -> RunRequest:
    session_id = invocation.project().environment.get("CLAUDE_CODE_SESSION_ID")
    return RunRequest.model_validate({**options, "task": task, "session_id": session_id})


def _refuse_names(named: tuple[str, ...], options: dict[str, object]) -> None:
    """Raise UsageError for what cannot be combined with --all-ready."""
    if named:
        raise UsageError(
            "pass task names or --all-ready, not both",
            next_steps=[commands.run(named[0]), commands.run_all_ready()],
        )
    if options["force"]:
        raise UsageError("--force requires a single task")


def _refuse_for_job(wanted: Filter, options: dict[str, object]) -> None:
    """Raise UsageError for what a job cannot do as `runr run` does it."""
    if wanted or options["in_place"]:
        what = "filters" if wanted else "--in-place"
        raise UsageError(
            f"{what} cannot be combined with --detach and --dry-run here: a job takes --where",
            next_steps=[commands.help_of("job", "run")],
        )


def _as_job(
    invocation: Invocation, *, auto_only: bool, dry_run: bool, options: dict[str, object]
) -> int:
    """Show what is ready as the plan of a job, or start that job: one task after the other."""
    # Most runs are of one task, and need nothing of this.
    from runr.cli import render_jobs  # noqa: PLC0415 - see above
    from runr.jobs import control, expansion, plan  # noqa: PLC0415 - see above

    select = "is:open type:automated -status:stopped,failed" if auto_only else NOT_STOPPED
    worker = worker if isinstance(worker := options["worker"], str) else None
    job = expansion.one_by_one(
        select=select, worker=worker, wait_for_limit=bool(options["wait_for_limit"])
    )
    project = invocation.project()
    if dry_run:
        invocation.show(plan.plan_job(project, job), render_jobs.render_plan)
        return ExitCode.DONE
    findings = plan.find_problems(project, job)
    begun = control.start_job(project, job)
    for finding in findings:  # as of a job
        invocation.warn(finding.message)
    invocation.show(begun, render_jobs.render_started)
    return ExitCode.DONE


def _run_several(
    invocation: Invocation, names: tuple[str, ...], options: dict[str, object], *, wait: bool
) -> int:
    """Run the named tasks one after another, in the order in which they were named."""
    if not wait:
        raise UsageError("--detach requires a single task")
    # Every name is looked up before the first task runs.
    project = invocation.project()
    known = project.tasks()
    paths = [project.find_task(name, known).path for name in names]
    ended: list[RunDetails] = []
    for path in paths:
        answer = start.run_task(invocation.project(), _request(invocation, path, options))
        if answer.brief is not None:
            raise UsageError("the worker session runs a single task")
        invocation.say(f"run {answer.run.id}: {answer.run.task_path.removeprefix('.runr/tasks/')}")
        finished = watch(invocation, answer.run.id)
        if finished is None:
            return ExitCode.INTERRUPTED
        invocation.say(render_runs.render_end(finished))
        ended.append(finished)
    invocation.show(batch.summarize(ended), _render_batch)
    return next((each.exit_code for each in ended if each.exit_code), ExitCode.DONE)


def _run_ready(
    invocation: Invocation,
    *,
    kinds: tuple[Kind, ...],
    wanted: Filter,
    options: dict[str, object],
) -> int:
    started: list[RunDetails] = []

    def on_start(view: RunDetails) -> None:
        started.append(view)
        invocation.say(f"run {view.id}: {view.task_path.removeprefix('.runr/tasks/')}")

    try:
        answer = batch.run_ready(
            invocation.project(),
            kinds=kinds,
            wanted=wanted,
            worker=worker if isinstance(worker := options["worker"], str) else None,
            in_place=bool(options["in_place"]),
            wait_for_limit=bool(options["wait_for_limit"]),
            on_begin=on_start,
            on_event=_progress(invocation),
            on_end=lambda view: invocation.say(render_runs.render_end(view)),
        )
    except KeyboardInterrupt:
        return _interrupted(started[-1].id if started else None)
    invocation.show(answer, _render_batch)
    # With only stopped tasks left, or an account that cannot be used, nothing was done.
    left = answer.stopped_paths or answer.unstarted_paths
    nothing = ExitCode.FAILED if left and not answer.runs else ExitCode.DONE
    return next((run.exit_code for run in answer.runs if run.exit_code), nothing)


def _follow(invocation: Invocation, run: str, *, after: int = 0) -> int:
    ended = watch(invocation, run, after=after)
    if ended is None:
        return ExitCode.INTERRUPTED
    invocation.show(ended, render_runs.render_end)
    return ended.exit_code or ExitCode.DONE


def watch(invocation: Invocation, run: str, *, after: int = 0) -> RunDetails | None:
    """Show the progress of a run and return it at its end; None after an interrupt."""
    try:
        return wait_for_run(invocation.project(), run, on_event=_progress(invocation), after=after)
    except KeyboardInterrupt:
        _interrupted(run)
        return None


def _interrupted(run: str | None) -> int:
    """Print how to follow or stop the run that is still running."""
    if run is not None:
        steps = console.render_next_steps(console.written(while_running(run)))
        click.echo("\n".join(["\nThe run continues.", *steps]), err=True)
    return ExitCode.INTERRUPTED


def _progress(invocation: Invocation) -> Listener:
    def on_event(event: Event) -> None:
        line = render_runs.event_line(event)
        if line:
            invocation.say(line)

    return on_event


def _render_batch(answer: BatchResult) -> str:
    refused = [f"{click.style('✗', fg='red')} {line}" for line in answer.refused]
    return "\n".join([*refused, answer.message, *console.render_next_steps(answer.next_steps)])
