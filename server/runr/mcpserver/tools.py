"""The four tools, and which use case each one calls."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from mcp.types import ToolAnnotations

from runr.app import complete, follow, start
from runr.app.answers import CompleteAnswer, RunAnswer, RunView, TaskDetail, TaskList
from runr.app.complete import CompleteRequest
from runr.app.holding.holder import SESSION
from runr.app.project import Project
from runr.app.start import RunRequest
from runr.app.tasks import detail, listing
from runr.app.tasks.listing import TaskQuery
from runr.core import filter as filters
from runr.core.runstate import Event
from runr.errors import UsageError
from runr.mcpserver import brevity
from runr.mcpserver.arguments import (
    CompleteArguments,
    ListArguments,
    RunArguments,
    StatusArguments,
)
from runr.mcpserver.registry import Call, Tool
from runr.store import callers

# Is told what must not go unnoticed.
Warn = Callable[[str], None]
Opener = Callable[[Warn], Project]
T = TypeVar("T")
A = TypeVar("A", TaskList, TaskDetail, CompleteAnswer, RunAnswer)

_LOOK_S = 1.0
_HEARTBEAT_S = 5.0


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes calls and passes them on; the repository is opened anew for each."""

    opener: Opener

    async def list_tasks(self, call: Call[ListArguments]) -> TaskList:
        """Answer a call of list-tasks."""
        words = call.arguments.model_dump(exclude={"limit", "cursor"})
        query = TaskQuery(
            wanted=filters.of(**words),
            sort="priority" if call.arguments.ready else "path",
            limit=call.arguments.limit,
            cursor=call.arguments.cursor,
        )
        found = await self._ask(lambda project: listing.list_tasks(project, query), polls=True)
        chosen = "limit" in call.arguments.model_fields_set
        return brevity.shorten_list(found, brevity.MOST_ROOM if chosen else brevity.ROOM)

    async def task_status(self, call: Call[StatusArguments]) -> TaskDetail:
        """Answer a call of task-status."""
        task, tail = call.arguments.task, call.arguments.tail
        found = await self._ask(
            lambda project: detail.task_status(project, task, tail=tail), polls=True
        )
        chosen = "tail" in call.arguments.model_fields_set
        return brevity.shorten_detail(found, tails=not chosen)

    async def complete_task(self, call: Call[CompleteArguments]) -> CompleteAnswer:
        """Answer a call of complete-task."""
        if call.arguments.reason is not None and call.arguments.by is None:
            # Whoever types in a terminal is git's user; an agent must not speak in that name.
            raise UsageError("name the person who says so (by): an agent's word is no evidence")
        wish = CompleteRequest(**call.arguments.model_dump())
        answer = await self._ask(lambda project: complete.complete_task(_of(project, call), wish))
        return answer.model_copy(update={"run": answer.run and brevity.shorten_run(answer.run)})

    async def run_task(self, call: Call[RunArguments]) -> RunAnswer:
        """Answer a call of run-task."""
        wanted = call.arguments.model_dump(exclude={"wait_s"})

        def begin(project: Project) -> RunAnswer:
            ours = _of(project, call)
            session = ours.environment.get(SESSION)
            return start.run_task(ours, RunRequest(**wanted, session_id=session))

        answer = await self._ask(begin)
        if call.arguments.wait_s == 0 or answer.brief is not None:
            return answer
        warnings: list[str] = []
        run = await self._follow(call, answer.run, warnings.append)
        ended = await self._ask(lambda project: _outcome(project, run), polls=True)
        return _led_by(warnings, ended)

    async def _follow(self, call: Call[RunArguments], run: RunView, warn: Warn) -> RunView:
        """Wait for the run's end, or for as long as the caller wishes."""
        patience = call.arguments.wait_s
        begin = told = anyio.current_time()
        seen = 0
        while run.status == "running" and anyio.current_time() < begin + patience:
            heard: list[Event] = []
            # A look is short, so that a cancelled call leaves no thread behind for long.
            look = partial(follow.wait, run_id=run.id, seconds=_LOOK_S, after=seen)
            run = await _aside(partial(look, self.opener(warn), on_event=heard.append), polls=True)
            now = anyio.current_time()
            if heard or now >= told + _HEARTBEAT_S:
                told, seen = now, heard[-1].seq if heard else seen
                message = f"run {run.id}: {run.phase}, attempt {run.attempt}"
                await call.progress(now - begin, patience, message)
        return run

    async def _ask(self, use: Callable[[Project], A], *, polls: bool = False) -> A:
        """Return what the use case answers, led by the warnings that it gave."""
        warnings: list[str] = []
        answer = await _aside(lambda: use(self.opener(warnings.append)), polls=polls)
        return _led_by(warnings, answer)


def _of(project: Project, call: Call[Any]) -> Project:
    """Return the project as the session that makes the call sees it."""
    found = callers.find(project.layout, call.id) if call.id else None
    return project.for_caller(found) if found else project


async def _aside(work: Callable[[], T], *, polls: bool) -> T:
    """Do the work on a thread; work that only polls need not be finished after a cancellation."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=polls)


def _led_by(warnings: list[str], answer: A) -> A:
    if not warnings:
        return answer
    return answer.model_copy(update={"next": ". ".join([*warnings, answer.next])})


def _outcome(project: Project, run: RunView) -> RunAnswer:
    """Return where the run stands, with what failed and what to do about it."""
    found = detail.task_status(project, run.task)
    if found.run is None or found.run.id != run.id:
        return RunAnswer(run=run, next="; ".join(run.next))
    return RunAnswer(run=brevity.shorten_run(found.run), next=found.next)


def offer(opener: Opener) -> tuple[Tool[Any], ...]:
    """Return the tools for the repository that `opener` opens."""
    desk = Desk(opener)
    reading = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    return (
        Tool(
            name="list-tasks",
            title="List tasks",
            description="List the repository's tasks: what is open, ready, blocked or done.",
            arguments=ListArguments,
            answer=TaskList,
            annotations=reading,
            call=desk.list_tasks,
        ),
        Tool(
            name="task-status",
            title="Task status",
            description="Show a task: why it is not done, its current or last run, what failed.",
            arguments=StatusArguments,
            answer=TaskDetail,
            annotations=reading,
            call=desk.task_status,
        ),
        Tool(
            name="complete-task",
            title="Complete a task",
            description=(
                "Run a task's checks, commit and record it as completed, or answer with what "
                "failed. A manual task needs the reason of a named person."
            ),
            arguments=CompleteArguments,
            answer=CompleteAnswer,
            annotations=ToolAnnotations(destructive_hint=False, open_world_hint=False),
            call=desk.complete_task,
        ),
        Tool(
            name="run-task",
            title="Run a task",
            description=(
                "Start a task. With worker session you do the work: the answer is your brief, "
                "and complete-task ends the run. Others run by themselves; see task-status."
            ),
            arguments=RunArguments,
            answer=RunAnswer,
            annotations=ToolAnnotations(destructive_hint=True, open_world_hint=True),
            call=desk.run_task,
        ),
    )
