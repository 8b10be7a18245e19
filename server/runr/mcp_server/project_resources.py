"""What of a repository a client can read and pick: its status, task files and runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mcp.types import PromptMessage, TextContent

from runr.mcp_server import repository_texts
from runr.mcp_server.project_calls import ProjectCalls
from runr.mcp_server.prompts import Argument, Prompt, PromptCall
from runr.mcp_server.resources import Resource

STATUS = "runr://status"

_WORK = """\
Work on the task {task} of this repository. Call run-task with task={task!r} and worker=session: the
answer is your brief. Do what it says, and nothing outside of the task's scope. Then call
complete-task with task={task!r}. If it answers with what failed, fix that and call it again. Say
that the task is done only if an answer gives its status as completed.

Its file is {uri}:

{text}"""
_REVIEW = """\
Review what waits for a person in this repository. Call list-tasks with waiting=true. For each task
call task-status, read the diff of its run, and say in a few lines what was done, what was verified
and what speaks against it. Do not approve or reject anything yourself: ask me about each, and pass
my decision and my reason to complete-task with action=approve or action=reject.

The status now:

{text}"""


@dataclass(frozen=True, slots=True)
class ProjectResources:
    """Reads the repository for resources, prompts and completions."""

    project_calls: ProjectCalls

    def resources(self) -> tuple[Resource, ...]:
        """Return what can be read."""
        return (
            Resource(
                uri=STATUS,
                name="status",
                title="Status",
                description="What was done, is running, waits and stopped since yesterday.",
                mime_type="application/json",
                read=self._status,
            ),
            Resource(
                uri="runr://tasks/{+task}",
                name="task",
                title="Task",
                description="The file of a task.",
                mime_type="text/markdown",
                read=self._task,
                complete={"task": self._tasks},
            ),
            Resource(
                uri="runr://runs/{run}/report",
                name="report",
                title="Report of a run",
                description="What a run did, its checks and its commits.",
                mime_type="text/markdown",
                read=self._report,
                complete={"run": self._runs},
            ),
            Resource(
                uri="runr://runs/{run}/log",
                name="log",
                title="Log of a run",
                description="The end of what the worker of a run wrote, without secrets.",
                mime_type="text/plain",
                read=self._log,
                complete={"run": self._runs},
            ),
        )

    def prompts(self) -> tuple[Prompt, ...]:
        """Return the prompts that a user can choose."""
        return (
            Prompt(
                name="work-on-task",
                title="Work on a task",
                description="Do a task in this session and let runr check it.",
                messages=self._work,
                arguments=(Argument(name="task", description="A task", complete=self._tasks),),
            ),
            Prompt(
                name="review-waiting",
                title="Review what waits",
                description="Look at the work that waits for a decision of yours.",
                messages=self._review,
            ),
        )

    async def _status(self, _values: Mapping[str, str]) -> str:
        return await self.project_calls.use(repository_texts.status, polls=True)

    async def _task(self, values: Mapping[str, str]) -> str:
        return await self.project_calls.use(
            lambda project: repository_texts.task(project, values["task"])[1], polls=True
        )

    async def _report(self, values: Mapping[str, str]) -> str:
        return await self.project_calls.use(
            lambda project: repository_texts.report(project, values["run"]), polls=True
        )

    async def _log(self, values: Mapping[str, str]) -> str:
        return await self.project_calls.use(
            lambda project: repository_texts.log(project, values["run"]), polls=True
        )

    async def _tasks(self, begin: str) -> Sequence[str]:
        return await self.project_calls.use(
            lambda project: repository_texts.task_names(project, begin), polls=True
        )

    async def _runs(self, begin: str) -> Sequence[str]:
        return await self.project_calls.use(
            lambda project: repository_texts.run_ids(project, begin), polls=True
        )

    async def _work(self, call: PromptCall) -> list[PromptMessage]:
        name, text = await self.project_calls.use(
            lambda project: repository_texts.task(project, call.arguments["task"]), polls=True
        )
        return [_message(_WORK.format(task=name, uri=f"runr://tasks/{quote(name)}", text=text))]

    async def _review(self, _call: PromptCall) -> list[PromptMessage]:
        return [_message(_REVIEW.format(text=await self._status({})))]


def _message(text: str) -> PromptMessage:
    return PromptMessage(role="user", content=TextContent(type="text", text=text))
