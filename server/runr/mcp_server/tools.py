"""The four tools, and which use case each one calls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from mcp.types import ToolAnnotations
from pydantic import Field

from runr.errors import UsageError
from runr.lifecycle import complete, confirmation, follow, start
from runr.lifecycle.complete import CompleteRequest
from runr.lifecycle.start import RunRequest
from runr.mcp_server import interruptible, job_calls, truncation
from runr.mcp_server.job_calls import RunAnswer, StatusAnswer
from runr.mcp_server.registry import Arguments, Call, Tool
from runr.project import Project
from runr.query import detail, listing
from runr.query.detail_models import CompletionResult, RunDetails, RunResult, TaskDetails
from runr.query.filters import parse_filter
from runr.query.listing import TaskQuery
from runr.query.models import DEFAULT_TAIL, Kind, Status, TaskList
from runr.query.presenters import SESSION
from runr.runs.channel import Channel
from runr.runs.events import Event
from runr.storage import state_dir


class ListArguments(Arguments):
    """Which tasks to list; all given filters must hold."""

    status: Status | None = None
    type: Kind | None = None
    tag: str | None = Field(None, max_length=200)
    ready: bool = Field(False, description="Ready to start, by priority.")
    blocked: bool = Field(False, description="Blocked by other tasks.")
    stale: bool = Field(False, description="Changed after completion.")
    search: str | None = Field(None, max_length=200, description="In path or title.")
    query: str = Field("", max_length=500, description="tag:a,b -type:manual is:waiting since:2d")
    limit: int = Field(20, ge=1, le=200)
    cursor: str | None = Field(None, max_length=1000, description="next_cursor of the last page.")


class TaskArguments(Arguments):
    """A task, by path or name."""

    task: str = Field(min_length=1, max_length=1000, description="Path or name, as listed.")


class WorkArguments(Arguments):
    """A task, or a job."""

    task: str | None = Field(
        None, min_length=1, max_length=1000, description="Path or name, as listed."
    )
    job: str | None = Field(
        None, min_length=1, max_length=200, description="A job instead of a task."
    )


class StatusArguments(WorkArguments):
    """The task or job, and how much of its checks' output."""

    tail: int = Field(
        DEFAULT_TAIL, ge=0, le=20_000, description="Characters of a failed check's output."
    )


class CompleteArguments(TaskArguments):
    """The task to complete; by its checks, or attested by a person."""

    reason: str | None = Field(
        None,
        max_length=2000,
        description="A note, or why it is done; the user confirms it.",
    )
    by: str | None = Field(None, max_length=200, description="The user's name, if given.")
    force: bool = Field(
        False,
        description="Despite dependencies or checks; needs a reason.",
    )


class RunArguments(WorkArguments):
    """The task or job to run, its worker, and how long to wait."""

    worker: str | None = Field(
        None,
        max_length=200,
        description="session: you. Left out: the task's or the configured one.",
    )
    wait_s: int = Field(0, ge=0, le=3600, description="Seconds to wait for its end.")
    in_place: bool = Field(False, description="In the user's tree, not a worktree.")
    force: bool = Field(False, description="Despite dependencies, again, or from another session.")


# Takes messages that must not go unnoticed.
Warn = Callable[[str], None]
Opener = Callable[[Warn], Project]
# Does work on a thread.
Run = Callable[[Callable[[], Any]], Awaitable[Any]]
T = TypeVar("T")
A = TypeVar("A", TaskList, TaskDetails, CompletionResult, RunResult, StatusAnswer, RunAnswer)

_LOOK_S = 1.0
_HEARTBEAT_S = 5.0


@dataclass(frozen=True, slots=True)
class ToolHandlers:
    """Answers calls; the repository is opened for each, with what the last one read."""

    opener: Opener

    async def list_tasks(self, call: Call[ListArguments]) -> TaskList:
        """Answer a call of list-tasks."""
        words = call.arguments.model_dump(exclude={"limit", "cursor"})
        query = TaskQuery(
            wanted=parse_filter(**words),
            sort="priority" if call.arguments.ready else "path",
            limit=call.arguments.limit,
            cursor=call.arguments.cursor,
        )
        found = await self._ask(lambda project: listing.list_tasks(project, query), polls=True)
        chosen = "limit" in call.arguments.model_fields_set
        return truncation.truncate_list(
            found, truncation.MAX_LIMIT if chosen else truncation.DEFAULT_LIMIT
        )

    async def task_status(self, call: Call[StatusArguments]) -> StatusAnswer:
        """Answer a call of task-status."""
        task, tail, job = call.arguments.task or "", call.arguments.tail, call.arguments.job
        job_calls.only_one(call.arguments.task, job)
        if job is not None:
            return await self._ask(lambda project: job_calls.status(project, job), polls=True)
        found = await self._ask(
            lambda project: detail.task_status(project, task, tail=tail), polls=True
        )
        chosen = "tail" in call.arguments.model_fields_set
        return job_calls.of_task(truncation.truncate_details(found, tails=not chosen))

    async def complete_task(self, call: Call[CompleteArguments]) -> CompletionResult:
        """Answer a call of complete-task."""
        request = CompleteRequest(**call.arguments.model_dump())
        channel = _relayed(call)
        question = await _aside(
            lambda: confirmation.question(_of(self.opener(_drop), call), request), polls=True
        )
        if question and (reply := await call.ask(question.message, question.schema)):
            request = confirmation.confirmed(question, request, reply.content)
            channel = channel._replace(kind="elicitation", id=reply.id)
        answer = await self._ask(
            lambda project: complete.complete_task(
                replace(_of(project, call), channel=channel), request
            ),
            run=interruptible.run,
        )
        return replace(answer, run=answer.run and truncation.truncate_run(answer.run))

    async def run_task(self, call: Call[RunArguments]) -> RunAnswer:
        """Answer a call of run-task."""
        job, wait_s = call.arguments.job, call.arguments.wait_s
        job_calls.only_one(call.arguments.task, job)
        if job is not None:
            _refuse_for_jobs(call.arguments)
            return await self._ask(lambda project: job_calls.run(project, job, wait_s))
        wanted = call.arguments.model_dump(exclude={"wait_s", "job"})

        def begin(project: Project) -> RunResult:
            ours = _of(project, call)
            session = ours.environment.get(SESSION)
            return start.run_task(ours, RunRequest(**wanted, session_id=session))

        answer = await self._ask(begin)
        if wait_s == 0 or answer.brief is not None:
            return job_calls.of_run(answer)
        warnings: list[str] = []
        run = await self._follow(call, answer.run, warnings.append)
        ended = await self._ask(lambda project: _outcome(project, run), polls=True)
        return job_calls.of_run(_led_by(warnings, ended))

    async def _follow(self, call: Call[RunArguments], run: RunDetails, warn: Warn) -> RunDetails:
        """Wait for the run's end, or until the caller's timeout."""
        timeout = call.arguments.wait_s
        begin = text = anyio.current_time()
        seen = 0
        while run.status == "running" and anyio.current_time() < begin + timeout:
            heard: list[Event] = []
            # A look is short, so that a cancelled call leaves no thread behind for long.
            look = partial(follow.wait_for_run, run_id=run.id, seconds=_LOOK_S, after=seen)
            run = await _aside(partial(look, self.opener(warn), on_event=heard.append), polls=True)
            now = anyio.current_time()
            if heard or now >= text + _HEARTBEAT_S:
                text, seen = now, heard[-1].seq if heard else seen
                message = f"run {run.id}: {run.phase}, attempt {run.attempt}"
                await call.progress(now - begin, timeout, message)
        return run

    async def _ask(
        self, use: Callable[[Project], A], *, polls: bool = False, run: Run | None = None
    ) -> A:
        """Return the use case's answer, with its warnings in front; `run` is what does it."""
        warnings: list[str] = []
        aside = run or partial(_aside, polls=polls)
        answer: A = await aside(lambda: use(self.opener(warnings.append)))
        return _led_by(warnings, answer)


def _refuse_for_jobs(arguments: RunArguments) -> None:
    """Raise UsageError for what a job file says, not the call."""
    given = {"worker", "in_place", "force"} & arguments.model_fields_set
    if given:
        names = ", ".join(f"`{name}`" for name in sorted(given))
        raise UsageError(f"{names}: a job says itself how its tasks run")


def _drop(_warning: str) -> None:
    """Leave a warning to the call that follows."""


def _relayed(call: Call[Any]) -> Channel:
    """Return the way of what the model says: no person has confirmed it."""
    return Channel("relayed", f"{call.client} {call.version}".strip(), call.id)


def _of(project: Project, call: Call[Any]) -> Project:
    """Return the project as the session that makes the call sees it."""
    found = state_dir.find_caller(project.layout, call.id) if call.id else None
    ours = project.for_caller(found) if found else project
    return replace(ours, client=call.client, channel=_relayed(call))


async def _aside(work: Callable[[], T], *, polls: bool) -> T:
    """Do the work on a thread; work that only polls need not be finished after a cancellation."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=polls)


def _led_by(warnings: list[str], answer: A) -> A:
    if not warnings:
        return answer
    return replace(answer, next_steps=[*dict.fromkeys(warnings), *answer.next_steps])


def _outcome(project: Project, run: RunDetails) -> RunResult:
    """Return the run with what failed and what to do about it."""
    found = detail.task_status(project, run.task_path)
    if found.run is None or found.run.id != run.id:
        return RunResult(run=run, next_steps=run.next_steps)
    return RunResult(run=truncation.truncate_run(found.run), next_steps=found.next_steps)


def build_registry(opener: Opener) -> tuple[Tool[Any], ...]:
    """Return the tools for the repository that `opener` opens."""
    handlers = ToolHandlers(opener)
    reading = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    return (
        Tool(
            name="list-tasks",
            title="List tasks",
            description="List the repository's tasks: what is open, ready, blocked or done.",
            arguments=ListArguments,
            answer=TaskList,
            annotations=reading,
            call=handlers.list_tasks,
        ),
        Tool(
            name="task-status",
            title="Task status",
            description="Show a task: why it is not done, its last run, what failed; or a job.",
            arguments=StatusArguments,
            answer=StatusAnswer,
            annotations=reading,
            call=handlers.task_status,
        ),
        Tool(
            name="complete-task",
            title="Complete a task",
            description=(
                "Run a task's checks, commit and record it as completed, or answer with what "
                "failed. A manual task needs a reason, which the user confirms."
            ),
            arguments=CompleteArguments,
            answer=CompletionResult,
            annotations=ToolAnnotations(destructive_hint=False, open_world_hint=False),
            call=handlers.complete_task,
        ),
        Tool(
            name="run-task",
            title="Run a task",
            description=(
                "Start a task, or a job. With worker session you do the work: the answer is your "
                "brief, and complete-task ends the run. Others run by themselves; see task-status."
            ),
            arguments=RunArguments,
            answer=RunAnswer,
            annotations=ToolAnnotations(destructive_hint=True, open_world_hint=True),
            call=handlers.run_task,
        ),
    )
