"""Commands about runs."""

import click

from runr.app import batch, start
from runr.app import follow as following
from runr.app import preview as previewing
from runr.app import runs as recorded
from runr.app.answers import Kind, RunView
from runr.app.batch import Batch
from runr.app.start import RunRequest
from runr.cli import preview as preview_render
from runr.cli import progress, render, run_render
from runr.cli.filters import filtered
from runr.cli.surface import Surface, command, task_names
from runr.core import resume as resuming
from runr.core.filter import Filter
from runr.core.runstate import Event, Phase
from runr.core.stops import quoted
from runr.errors import ExitCode, UsageError

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
    surface: Surface,
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
        return _run_ready(surface, worker, kinds=kinds, wanted=wanted, in_place=in_place)
    if wanted:
        raise UsageError(
            "filters go with --all-ready, not with --task",
            next_steps=[f"runr run --task {quoted(task)}"],
        )
    project = surface.project()
    request = RunRequest(
        task=task,
        worker=worker,
        in_place=in_place,
        force=force,
        session_id=project.environment.get("CLAUDE_CODE_SESSION_ID"),
    )
    answer = start.run_task(project, request)
    if answer.brief is not None or not wait:
        surface.show(answer, run_render.started)
        return ExitCode.DONE
    surface.say(f"run {answer.run.id} on {answer.run.branch or 'this tree'}")
    return _follow(surface, answer.run.id)


@command("follow")
@_RUN
def follow(surface: Surface, run: str) -> int:
    """Show a run's progress until it ends, and end with its exit code."""
    return _follow(surface, run)


@command("runs")
@click.option("--task", shell_complete=task_names, help="Only runs of this task.")
@click.option("--limit", type=click.IntRange(0), default=20, help="At most so many; 0 for all.")
def runs(surface: Surface, task: str | None, limit: int) -> None:
    """List the latest runs, newest first."""
    answer = recorded.list_runs(surface.project(), limit=limit or None, task=task)
    surface.show(answer, run_render.listing)


@command("report")
@_RUN
def report(surface: Surface, run: str) -> None:
    """Show what a run did, how it was verified and how it ended."""
    answer = recorded.read_report(surface.project(), run)
    surface.show(answer, lambda found: found.markdown.rstrip())


@command("stop")
@_RUN
@click.option("--reason", help="Why; recorded with who stopped it.")
def stop(surface: Surface, run: str, reason: str | None) -> None:
    """Stop a run, or give up a session's; its work is kept."""
    surface.show(recorded.stop_run(surface.project(), run, reason), render.done)


@command("resume")
@_RUN
@click.option("--preview", is_flag=True, help="Only say from where it would go on, with what.")
@click.option(
    "--from",
    "since",
    type=click.Choice([phase.value for phase in resuming.STARTS]),
    help="Go on from this phase instead.",
)
@click.option("--wait/--detach", default=True, help="Follow the run to its end, or return at once.")
def resume(surface: Surface, run: str, since: str | None, *, preview: bool, wait: bool) -> int:
    """Take a stopped run up again where it stopped, with the work that it left."""
    phase = Phase(since) if since else None
    if preview:
        surface.show(previewing.preview(surface.project(), run, phase), preview_render.preview)
        return ExitCode.DONE
    answer = recorded.resume_run(surface.project(), run, phase)
    if answer.run.worker == "session" or not wait:
        surface.show(answer, run_render.started)
        return ExitCode.DONE
    surface.say(f"run {answer.run.id} goes on")
    return _follow(surface, answer.run.id, after=answer.run.seq)


def _follow(surface: Surface, run: str, *, after: int = 0) -> int:
    ended = watch(surface, run, after=after)
    if ended is None:
        return ExitCode.INTERRUPTED
    surface.show(ended, run_render.end)
    return ended.exit_code or ExitCode.DONE


def watch(surface: Surface, run: str, *, after: int = 0) -> RunView | None:
    """Show a run's progress and return it at its end; None where the user stops looking."""
    try:
        return following.wait(surface.project(), run, on_event=_teller(surface), after=after)
    except KeyboardInterrupt:
        _left(run)
        return None


def _left(run: str | None) -> int:
    """Say how to find the run again that the user stopped looking at."""
    if run is not None:
        steps = f"  runr follow {run}\n  runr stop {run}"
        click.echo(f"\nThe run goes on. Next:\n{steps}", err=True)
    return ExitCode.INTERRUPTED


def _batch(answer: Batch) -> str:
    refused = [f"{click.style('✗', fg='red')} {line}" for line in answer.refused]
    return "\n".join([*refused, answer.message])


def _teller(surface: Surface) -> following.Listener:
    def tell(event: Event) -> None:
        line = progress.line(event)
        if line:
            surface.say(line)

    return tell


def _run_ready(
    surface: Surface,
    worker: str | None,
    *,
    kinds: tuple[Kind, ...],
    wanted: Filter,
    in_place: bool,
) -> int:
    begun: list[RunView] = []

    def begin(view: RunView) -> None:
        begun.append(view)
        surface.say(f"run {view.id}: {view.task.removeprefix('.runr/tasks/')}")

    def end(view: RunView) -> None:
        surface.say(run_render.end(view))

    try:
        answer = batch.run_ready(
            surface.project(),
            kinds=kinds,
            wanted=wanted,
            worker=worker,
            in_place=in_place,
            on_begin=begin,
            on_event=_teller(surface),
            on_end=end,
        )
    except KeyboardInterrupt:
        return _left(begun[-1].id if begun else None)
    surface.show(answer, _batch)
    return next((run.exit_code for run in answer.runs if run.exit_code), ExitCode.DONE)
