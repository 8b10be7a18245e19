"""Commands about runs."""

from dataclasses import replace

import click

from runr.cli import console, render_runs
from runr.cli.app import Invocation, command, task_names
from runr.cli.filters import filtered
from runr.cli.render_runs import render_preview
from runr.errors import ExitCode, UsageError
from runr.jobs import batch
from runr.jobs.batch import BatchResult
from runr.lifecycle import start
from runr.lifecycle.follow import Listener, wait_for_run
from runr.lifecycle.resume import ContinueResult, continue_run, preview_resume
from runr.lifecycle.runs import list_runs, read_report, resume_run, stop_run
from runr.lifecycle.start import RunRequest
from runr.query import notes
from runr.query.detail_models import RunDetails
from runr.query.filters import Filter
from runr.query.models import Kind
from runr.runs.events import Event
from runr.runs.model import Phase
from runr.runs.resume import RESUMABLE_PHASES
from runr.runs.stop_reasons import quoted


@command("note")
@click.argument("run", metavar="RUN|TASK")
@click.argument("text")
def note(invocation: Invocation, run: str, text: str) -> None:
    """Note progress in an open run: told again in its brief, its report and `runr follow`."""
    answer = notes.add_note(invocation.project(), run, text)
    invocation.show(answer, console.render_result)


_RUN = click.argument("run", metavar="RUN")


@command("run")
@click.argument("name", required=False, metavar="")
@click.option("--task", shell_complete=task_names, help="The task to run.")
@click.option("--all-ready", is_flag=True, help="Run every task that a worker can begin now.")
@click.option("--auto-only", is_flag=True, help="Do so with automated tasks only.")
@filtered(without="worker")
@click.option("--worker", help="Who does the work; default: the task's, then the configured one.")
@click.option("--in-place", is_flag=True, help="Work in your own tree instead of a worktree.")
@click.option("--force", is_flag=True, help="Go past open dependencies, or run a completed task.")
@click.option("--wait/--detach", default=True, help="Follow the run to its end, or return at once.")
def run(
    invocation: Invocation,
    name: str | None,
    task: str | None,
    worker: str | None,
    *,
    wanted: Filter,
    all_ready: bool,
    auto_only: bool,
    in_place: bool,
    force: bool,
    wait: bool,
) -> int:
    """Run a task: work, verify, commit, record. The run lives on if this terminal does not."""
    if name is not None:
        raise UsageError(
            "the task is named with --task", next_steps=[f"runr run --task {quoted(name)}"]
        )
    several = all_ready or auto_only
    if (task is None) is not several:
        raise UsageError(
            "say which: --task NAME, or --all-ready for every task that a worker can begin",
            next_steps=["runr next", "runr run --all-ready"],
        )
    if task is None and (force or not wait):
        raise UsageError(f"{'--force' if force else '--detach'} goes with --task alone")
    if task is None:
        kinds: tuple[Kind, ...] = ("automated",) if auto_only else ("automated", "hybrid")
        return _run_ready(invocation, worker, kinds=kinds, wanted=wanted, in_place=in_place)
    if wanted:
        raise UsageError(
            "filters go with --all-ready, not with --task",
            next_steps=[f"runr run --task {quoted(task)}"],
        )
    project = invocation.project()
    request = RunRequest(
        task=task,
        worker=worker,
        in_place=in_place,
        force=force,
        session_id=project.environment.get("CLAUDE_CODE_SESSION_ID"),
    )
    answer = start.run_task(project, request)
    if answer.brief is not None or not wait:
        invocation.show(answer, render_runs.render_started)
        return ExitCode.DONE
    invocation.say(f"run {answer.run.id} on {answer.run.branch or 'this tree'}")
    return _follow(invocation, answer.run.id)


@command("follow")
@_RUN
def follow(invocation: Invocation, run: str) -> int:
    """Show a run's progress until it ends, and end with its exit code."""
    return _follow(invocation, run)


@command("runs")
@click.option("--task", shell_complete=task_names, help="Only runs of this task.")
@click.option("--limit", type=click.IntRange(0), default=20, help="At most so many; 0 for all.")
def runs(invocation: Invocation, task: str | None, limit: int) -> None:
    """List the latest runs, newest first."""
    answer = list_runs(invocation.project(), limit=limit or None, task=task)
    invocation.show(answer, render_runs.render_runs)


@command("report")
@_RUN
def report(invocation: Invocation, run: str) -> None:
    """Show what a run did, how it was verified and how it ended."""
    answer = read_report(invocation.project(), run)
    invocation.show(answer, lambda found: found.markdown.rstrip())


@command("stop")
@_RUN
@click.option("--reason", help="Why; recorded with who stopped it.")
def stop(invocation: Invocation, run: str, reason: str | None) -> None:
    """Stop a run, or give up a session's; its work is kept."""
    invocation.show(stop_run(invocation.project(), run, reason), console.render_result)


@command("resume")
@_RUN
@click.option("--preview", is_flag=True, help="Only say from where it would go on, with what.")
@click.option(
    "--from",
    "since",
    type=click.Choice([phase.value for phase in RESUMABLE_PHASES]),
    help="Go on from this phase instead.",
)
@click.option("--wait/--detach", default=True, help="Follow the run to its end, or return at once.")
def resume(
    invocation: Invocation, run: str, since: str | None, *, preview: bool, wait: bool
) -> int:
    """Take a stopped run up again where it stopped, with the work that it left."""
    phase = Phase(since) if since else None
    if preview:
        invocation.show(
            preview_resume(invocation.project(), run, phase),
            render_preview,
        )
        return ExitCode.DONE
    answer = resume_run(invocation.project(), run, phase)
    if answer.run.worker == "session" or not wait:
        invocation.show(answer, render_runs.render_started)
        return ExitCode.DONE
    invocation.say(f"run {answer.run.id} goes on")
    return _follow(invocation, answer.run.id, after=answer.run.seq)


def _follow(invocation: Invocation, run: str, *, after: int = 0) -> int:
    ended = watch(invocation, run, after=after)
    if ended is None:
        return ExitCode.INTERRUPTED
    invocation.show(ended, render_runs.render_end)
    return ended.exit_code or ExitCode.DONE


def watch(invocation: Invocation, run: str, *, after: int = 0) -> RunDetails | None:
    """Show a run's progress and return it at its end; None where the user stops looking."""
    try:
        return wait_for_run(invocation.project(), run, on_event=_teller(invocation), after=after)
    except KeyboardInterrupt:
        _left(run)
        return None


def _left(run: str | None) -> int:
    """Say how to find the run again that the user stopped looking at."""
    if run is not None:
        steps = f"  runr follow {run}\n  runr stop {run}"
        click.echo(f"\nThe run goes on. Next:\n{steps}", err=True)
    return ExitCode.INTERRUPTED


def _batch(answer: BatchResult) -> str:
    refused = [f"{click.style('✗', fg='red')} {line}" for line in answer.refused]
    return "\n".join([*refused, answer.message])


def _teller(invocation: Invocation) -> Listener:
    def tell(event: Event) -> None:
        line = render_runs.event_line(event)
        if line:
            invocation.say(line)

    return tell


def _run_ready(
    invocation: Invocation,
    worker: str | None,
    *,
    kinds: tuple[Kind, ...],
    wanted: Filter,
    in_place: bool,
) -> int:
    begun: list[RunDetails] = []

    def begin(view: RunDetails) -> None:
        begun.append(view)
        invocation.say(f"run {view.id}: {view.task_path.removeprefix('.runr/tasks/')}")

    def end(view: RunDetails) -> None:
        invocation.say(render_runs.render_end(view))

    try:
        answer = batch.run_ready(
            invocation.project(),
            kinds=kinds,
            wanted=wanted,
            worker=worker,
            in_place=in_place,
            on_begin=begin,
            on_event=_teller(invocation),
            on_end=end,
        )
    except KeyboardInterrupt:
        return _left(begun[-1].id if begun else None)
    invocation.show(answer, _batch)
    return next((run.exit_code for run in answer.runs if run.exit_code), ExitCode.DONE)


@command("continue")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--wait/--detach", default=True, help="Follow the run to its end, or return at once.")
def continue_(invocation: Invocation, *, dry_run: bool, wait: bool) -> int:
    """Take up the run that stopped last, or say what a person has to do, or what is ready."""
    answer = continue_run(invocation.project(), dry_run=dry_run)
    resumed = answer.run if answer.action == "resume" and not dry_run else None
    if resumed is None or resumed.worker == "session" or not wait:
        invocation.show(answer, _told)
        return ExitCode.HUMAN if answer.action == "person" else ExitCode.DONE
    invocation.say(answer.message)
    ended = watch(invocation, resumed.id, after=resumed.seq)
    if ended is None:
        return ExitCode.INTERRUPTED
    invocation.show(
        replace(answer, run=ended, next_steps=ended.next_steps),
        lambda _: render_runs.render_end(ended),
    )
    return ended.exit_code or ExitCode.DONE


def _told(answer: ContinueResult) -> str:
    work = render_runs.render_summary(answer.run) if answer.run else []
    lines = [answer.message, *work]
    return "\n".join([*lines, "Next:", *(f"  {step}" for step in answer.next_steps)])
