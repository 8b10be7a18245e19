"""The four tools, and which use case each one calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from mcp.types import ToolAnnotations

from runr.app import complete, detail, follow, listing, start
from runr.app.answers import CompleteAnswer, RunAnswer, RunView, TaskDetail, TaskList
from runr.app.complete import CompleteRequest
from runr.app.listing import TaskQuery
from runr.app.project import Project
from runr.app.start import RunRequest
from runr.core.runstate import Event
from runr.mcpserver import brevity
from runr.mcpserver.arguments import (
    CompleteArguments,
    ListArguments,
    RunArguments,
    StatusArguments,
)
from runr.mcpserver.registry import Call, Tool

# Opens the repository; what must not go unnoticed is told to the function.
Opener = Callable[[Callable[[str], None]], Project]
T = TypeVar("T")
A = TypeVar("A", TaskList, TaskDetail, CompleteAnswer, RunAnswer)

_LOOK_S = 1.0
_HEARTBEAT_S = 5.0
_SESSION = "CLAUDE_CODE_SESSION_ID"


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes calls and passes them on; the repository is opened anew for each."""

    opener: Opener

    async def list_tasks(self, call: Call[ListArguments]) -> TaskList:
        """Answer a call of list-tasks."""
        wanted = call.arguments.model_dump(exclude={"status"})
        status = call.arguments.status
        query = TaskQuery(
            **wanted,
            status=(status,) if status else (),
            sort="priority" if call.arguments.ready else "path",
        )
        found = await self._ask(lambda project: listing.list_tasks(project, query), polls=True)
        return brevity.shorten_list(found)

    async def task_status(self, call: Call[StatusArguments]) -> TaskDetail:
        """Answer a call of task-status."""
        task, tail = call.arguments.task, call.arguments.tail
        found = await self._ask(
            lambda project: detail.task_status(project, task, tail=tail), polls=True
        )
        return brevity.shorten_detail(found)

    async def complete_task(self, call: Call[CompleteArguments]) -> CompleteAnswer:
        """Answer a call of complete-task."""
        wish = CompleteRequest(**call.arguments.model_dump())
        return await self._ask(lambda project: complete.complete_task(project, wish))

    async def run_task(self, call: Call[RunArguments]) -> RunAnswer:
        """Answer a call of run-task."""
        wanted = call.arguments.model_dump(exclude={"wait_s"})

        def begin(project: Project) -> RunAnswer:
            session = project.environment.get(_SESSION)
            return start.run_task(project, RunRequest(**wanted, session_id=session))

        answer = await self._ask(begin)
        if call.arguments.wait_s == 0 or answer.brief is not None:
            return answer
        run = await self._follow(call, answer.run)
        return await self._ask(lambda project: _outcome(project, run), polls=True)

    async def _follow(self, call: Call[RunArguments], run: RunView) -> RunView:
        """Wait for the run's end, or for as long as the caller wishes."""
        patience = call.arguments.wait_s
        begin = told = anyio.current_time()
        seen = 0
        while run.status == "running" and anyio.current_time() < begin + patience:
            heard: list[Event] = []
            run = await self._look(run.id, heard, seen)
            now = anyio.current_time()
            if heard or now >= told + _HEARTBEAT_S:
                told, seen = now, heard[-1].seq if heard else seen
                message = f"run {run.id}: {run.phase}, attempt {run.attempt}"
                await call.progress(now - begin, patience, message)
        return run

    async def _look(self, run_id: str, heard: list[Event], seen: int) -> RunView:
        # A look is short, so that a cancelled call leaves no thread behind for long.
        return await _aside(
            lambda: follow.wait(self.opener(_ignore), run_id, _LOOK_S, heard.append, after=seen),
            polls=True,
        )

    async def _ask(self, use: Callable[[Project], A], *, polls: bool = False) -> A:
        """Return what the use case answers, led by the warnings that it gave."""
        warnings: list[str] = []
        answer = await _aside(lambda: use(self.opener(warnings.append)), polls=polls)
        if not warnings:
            return answer
        return answer.model_copy(update={"next": ". ".join([*warnings, answer.next])})


async def _aside(work: Callable[[], T], *, polls: bool) -> T:
    """Do the work on a thread; work that only polls need not be finished after a cancellation."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=polls)


def _ignore(_: str) -> None:
    """Leave a warning to the next answer, which gives it again if it still holds."""


def _outcome(project: Project, run: RunView) -> RunAnswer:
    """Return where the run stands, with what failed and what to do about it."""
    found = detail.task_status(project, run.task)
    if found.run is None or found.run.id != run.id:
        return RunAnswer(run=run, next="; ".join(run.next))
    return RunAnswer(run=found.run, next=found.next)


def offer(opener: Opener) -> tuple[Tool[Any], ...]:
    """Return the tools for the repository that `opener` opens."""
    desk = Desk(opener)
    reading = ToolAnnotations(
        read_only_hint=True, idempotent_hint=True, destructive_hint=False, open_world_hint=False
    )
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
                "Check a task and record it as completed. In a session run: runs the checks, "
                "commits and records, or answers with what failed. A manual task needs the "
                "reason of a named person."
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
                "Start a task. With worker session you do the work: the answer has your brief, "
                "and complete-task ends the run. Any other worker runs by itself; the answer "
                "comes at once, or when wait_s is over, and task-status follows it."
            ),
            arguments=RunArguments,
            answer=RunAnswer,
            annotations=ToolAnnotations(destructive_hint=True, open_world_hint=True),
            call=desk.run_task,
        ),
    )
