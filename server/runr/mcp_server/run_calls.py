"""run-task: start, resume, retry, stop and land tasks and jobs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio

from runr.errors import UsageError
from runr.jobs import control, expansion, journal, landing, problems, views
from runr.jobs.views import JobRunDetails
from runr.lifecycle import follow, land, start
from runr.lifecycle import resume as lifecycle_resume
from runr.lifecycle import runs as lifecycle_runs
from runr.lifecycle.start import RunRequest
from runr.mcp_server import interruptible, job_calls, truncation
from runr.mcp_server.arguments import RunArguments
from runr.mcp_server.project_calls import ProjectCalls, Warn, aside, led_by, seen_by
from runr.mcp_server.registry import Begun, Call
from runr.project import Project
from runr.query import detail
from runr.query.detail_models import RunDetails
from runr.query.models import Result
from runr.query.presenters import SESSION
from runr.runs.events import Event

_LOOK_S = 1.0
_HEARTBEAT_S = 5.0

#: What can be run, and what each action is about.
_TARGETS = ("task", "tasks", "all_ready", "job")
_ABOUT = {
    "start": _TARGETS,
    "resume": ("task", "job"),
    "retry": ("job",),
    "stop": ("task", "job"),
    "land": ("task", "job"),
}
#: What else each target takes when it is started; a job file says the rest itself.
_OPTIONS = {
    "task": {"worker", "wait_s", "in_place", "force"},
    "tasks": {"worker", "wait_s"},
    "all_ready": {"worker", "wait_s"},
    "job": {"wait_s"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer(Result):
    """The run of a task, with the brief of a session that does the work itself, or a job run.

    Without a name, `action` and `message` say what was resumed, or what else there is to do.
    """

    run: RunDetails | None = None
    brief: str | None = None
    job_run: dict[str, Any] | None = None
    action: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class RunCalls:
    """Answers calls of run-task."""

    project_calls: ProjectCalls

    async def run_task(self, call: Call[RunArguments]) -> RunAnswer | Begun:
        """Answer a call of run-task; what goes on by itself is a task for a client that follows."""
        given = call.arguments
        target = _target(given)
        if target in ("task", ""):
            return await self._of_task(call)
        if given.action == "land":
            return await self.project_calls.ask(
                lambda project: _landed(seen_by(project, call), given.job), run=interruptible.run
            )

        def act(project: Project) -> RunAnswer:
            found = _on_job(seen_by(project, call), given)
            if given.wait_s and given.action != "stop" and not call.follows_tasks:
                found = control.wait_for_job(project, found.id, given.wait_s)
            return job_answer(found)

        answer = await self.project_calls.ask(act)
        job = answer.job_run or {}
        begun = call.follows_tasks and given.action != "stop" and job.get("status") == "running"
        return Begun(job["id"]) if begun else answer

    async def _of_task(self, call: Call[RunArguments]) -> RunAnswer | Begun:
        wait_s = call.arguments.wait_s
        begun = await self.project_calls.ask(
            lambda project: _on_task(seen_by(project, call), call.arguments)
        )
        if begun.run is None or begun.brief is not None:
            return _short(begun)
        if call.follows_tasks and begun.run.status == "running":
            return Begun(begun.run.id)
        if wait_s == 0:
            return _short(begun)
        warnings: list[str] = []
        run = await self._follow(call, begun.run, warnings.append)
        ended = await self.project_calls.ask(lambda project: run_answer(project, run), polls=True)
        return led_by(warnings, ended)

    async def _follow(self, call: Call[RunArguments], run: RunDetails, warn: Warn) -> RunDetails:
        """Wait for the run's end, or until the caller's timeout."""
        timeout = call.arguments.wait_s
        begin = text = anyio.current_time()
        seen = 0
        while run.status == "running" and anyio.current_time() < begin + timeout:
            heard: list[Event] = []
            # A look is short, so that a cancelled call leaves no thread behind for long.
            look = partial(follow.wait_for_run, run_id=run.id, seconds=_LOOK_S, after=seen)
            run = await aside(
                partial(look, self.project_calls.opener(warn), on_event=heard.append), polls=True
            )
            now = anyio.current_time()
            if heard or now >= text + _HEARTBEAT_S:
                text, seen = now, heard[-1].seq if heard else seen
                message = f"run {run.id}: {run.phase}, attempt {run.attempt}"
                await call.progress(now - begin, timeout, message)
        return run


def _target(given: RunArguments) -> str:
    """Return what the call is about, empty for what stopped last; UsageError for a mixture."""
    able = _ABOUT[given.action]
    named = [name for name in _TARGETS if getattr(given, name)]
    if not named and given.action == "resume":
        return ""
    if len(named) != 1 or named[0] not in able:
        listed = " or ".join(f"`{name}`" for name in able)
        raise UsageError(f"action={given.action} needs one of {listed}")
    allowed = _OPTIONS[named[0]] if given.action == "start" else {"wait_s"}
    if (given.action, named[0]) == ("stop", "job"):
        allowed = {"wait_s", "force"}
    needless = {"worker", "in_place", "force", "wait_s"} & given.model_fields_set - allowed
    if needless:
        names = ", ".join(f"`{name}`" for name in sorted(needless))
        raise UsageError(f"{names}: not for action={given.action} with `{named[0]}`")
    if named[0] != "task" and given.worker == "session":
        raise UsageError("the worker session runs one task: pass `task`")
    return named[0]


def _on_task(project: Project, given: RunArguments) -> RunAnswer:
    """Start, resume, stop or land one run."""
    wanted = given.task or ""
    if given.action == "stop":
        stopped = lifecycle_runs.stop_run(project, wanted)
        return RunAnswer(run=stopped, next_steps=stopped.next_steps)
    if given.action == "resume" and not wanted:
        latest = lifecycle_resume.resume_latest(project)
        return RunAnswer(
            run=latest.run,
            action=latest.action,
            message=latest.message,
            next_steps=latest.next_steps,
        )
    if given.action == "land":
        answer = land.begin(project, wanted)
    elif given.action == "resume":
        answer = lifecycle_runs.resume_run(project, wanted)
    else:
        request = RunRequest(
            task=wanted,
            worker=given.worker,
            in_place=given.in_place,
            force=given.force,
            session_id=project.environment.get(SESSION),
        )
        answer = start.run_task(project, request)
    return RunAnswer(run=answer.run, brief=answer.brief, next_steps=answer.next_steps)


def _on_job(project: Project, given: RunArguments) -> JobRunDetails:
    """Start, resume, retry or stop a job."""
    again: dict[str, Callable[[Project, str | None], JobRunDetails]] = {
        "resume": control.resume_job,
        "retry": control.retry_job,
        "stop": partial(control.stop_job, kill=given.force),
    }
    if given.action != "start":
        return again[given.action](project, given.job)
    if given.job:
        return control.start_job(project, problems.find_job(project, given.job))
    # A name that is wrong is the caller's, not that of a step.
    known = project.tasks()
    tasks = list(dict.fromkeys(project.find_task(name, known).path for name in given.tasks))
    return control.start_job(project, expansion.one_by_one(tasks, worker=given.worker))


def _landed(project: Project, wanted: str | None) -> RunAnswer:
    """Land the branch of a job, and return the job run with what landed."""
    done = landing.land_job(project, wanted)
    job = views.details(project, journal.find(project.layout, done.id))
    return replace(job_answer(job), message=done.describe())


def run_answer(project: Project, run: RunDetails) -> RunAnswer:
    """Return the run with what failed and what to do about it."""
    found = detail.task_status(project, run.task_path)
    if found.run is None or found.run.id != run.id:
        return _short(RunAnswer(run=run, next_steps=run.next_steps))
    return _short(RunAnswer(run=found.run, next_steps=found.next_steps))


def job_answer(job: JobRunDetails) -> RunAnswer:
    """Return a job run with what to do about it."""
    return RunAnswer(job_run=job_calls.progress(job), next_steps=job.next_steps)


def _short(answer: RunAnswer) -> RunAnswer:
    return replace(answer, run=answer.run and truncation.truncate_run(answer.run))
