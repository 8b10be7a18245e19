"""How a call of a tool gets at its repository: on a thread, with the warnings in the answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import anyio.to_thread

from runr.errors import UnknownTaskError
from runr.mcp_server.registry import Call
from runr.next_steps.tasks import create_task
from runr.project import Project
from runr.query.models import Result
from runr.runs.channel import Channel
from runr.setup.new_task import template_for_client
from runr.storage import state_dir

# Takes messages that must not go unnoticed.
Warn = Callable[[str], None]
Opener = Callable[[Warn], Project]
# Does work on a thread.
Run = Callable[[Callable[[], Any]], Awaitable[Any]]
T = TypeVar("T")
A = TypeVar("A", bound=Result)


@dataclass(frozen=True, slots=True)
class ProjectCalls:
    """Opens the repository for each call, with what the last one read."""

    opener: Opener

    async def ask(
        self, use: Callable[[Project], A], *, polls: bool = False, run: Run | None = None
    ) -> A:
        """Return the use case's answer, with its warnings in front; `run` is what does it."""
        warnings: list[str] = []
        do = run or partial(aside, polls=polls)
        answer: A = await do(lambda: self.within(use, warnings.append))
        return led_by(warnings, answer)

    async def use(self, use: Callable[[Project], T], *, polls: bool = False) -> T:
        """Return what the use case makes of the repository; its warnings are dropped."""
        return await aside(lambda: self.within(use), polls=polls)

    def within(self, use: Callable[[Project], T], warn: Warn = lambda _warning: None) -> T:
        """Use the repository; of a task that does not exist, say how it is created."""
        project = self.opener(warn)
        try:
            return use(project)
        except UnknownTaskError as error:
            new = create_task(template_for_client(project))
            raise UnknownTaskError(error.message, next_steps=[*error.next_steps, new]) from None


def relayed(call: Call[Any]) -> Channel:
    """Return the way of what the model says: no person has confirmed it."""
    return Channel("relayed", f"{call.client} {call.version}".strip(), call.id)


def seen_by(project: Project, call: Call[Any]) -> Project:
    """Return the project as the session that makes the call sees it."""
    found = state_dir.find_caller(project.layout, call.id) if call.id else None
    ours = project.for_caller(found) if found else project
    return replace(ours, client=call.client, channel=relayed(call))


async def aside(work: Callable[[], T], *, polls: bool) -> T:
    """Do the work on a thread; work that only polls need not be finished after a cancellation."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=polls)


def led_by(warnings: list[str], answer: A) -> A:
    """Return the answer with the warnings before its next steps."""
    if not warnings:
        return answer
    return replace(answer, next_steps=[*dict.fromkeys(warnings), *answer.next_steps])
