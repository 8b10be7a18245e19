"""The four tools, and which use case each one calls."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mcp.types import ToolAnnotations

from runr.errors import UsageError
from runr.history import run_list
from runr.jobs import journal, views
from runr.lifecycle.decisions import AcknowledgeResult
from runr.mcp_server import job_calls, truncation
from runr.mcp_server.arguments import (
    CompleteArguments,
    ListArguments,
    RunArguments,
    StatusArguments,
)
from runr.mcp_server.decision_calls import DecisionCalls
from runr.mcp_server.project_calls import ProjectCalls
from runr.mcp_server.registry import Call, Tool
from runr.mcp_server.run_calls import RunAnswer, RunCalls
from runr.mcp_server.run_tasks import RunTasks
from runr.next_steps import commands
from runr.next_steps.step import without_calls
from runr.project import Project
from runr.query import detail, listing
from runr.query.detail_models import CompletionResult, RunDetails, RunList, TaskFields
from runr.query.filters import parse_filter
from runr.query.listing import TaskQuery
from runr.query.models import CommandResult, Result, TaskList
from runr.setup.new_task import template_for_client

#: As many runs are in a list of them; the counts and the sums are of all.
_RUNS = 20

R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAnswer(TaskList):
    """The tasks that were asked for, and with `since` the runs."""

    run_list: RunList | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer(Result):
    """A task with its current or last run, or a job with its last job run."""

    task: TaskFields | None = None
    run: RunDetails | None = None
    commits: tuple[str, ...] = ()
    text: str | None = None
    run_list: RunList | None = None
    job_run: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReadingCalls:
    """Answers calls of the tools that only read."""

    project_calls: ProjectCalls

    async def list_tasks(self, call: Call[ListArguments]) -> ListAnswer:
        """Answer a call of list-tasks."""
        chosen = "limit" in call.arguments.model_fields_set
        room = truncation.MAX_LIMIT if chosen else truncation.DEFAULT_LIMIT
        found = await self.project_calls.ask(
            lambda project: _listed(project, call.arguments), polls=True
        )
        return truncation.truncate_list(_advancing(found, [_list_call(call.arguments)]), room)

    async def task_status(self, call: Call[StatusArguments]) -> StatusAnswer:
        """Answer a call of task-status."""
        given = call.arguments
        if (given.task is None) is (given.job is None):
            raise UsageError("name a task or a job: pass one of `task` and `job`")
        found = await self.project_calls.ask(lambda project: _shown(project, given), polls=True)
        return _advancing(found, _status_calls(found))


def _advancing(answer: R, made: Collection[str]) -> R:
    """Return the answer with no next step that is the call just made: it would say the same."""
    return replace(answer, next_steps=without_calls(answer.next_steps, made))


def _list_call(given: ListArguments) -> str:
    """Return the call as next steps write it; which page of the list it is makes no other."""
    given_words = given.model_dump(exclude={"limit", "cursor"}, exclude_defaults=True)
    trait = given.query.strip().removeprefix("is:")
    if trait in ListArguments.model_fields:
        given_words = {**given_words, "query": None, trait: True}
    words = [
        f"{name}={'true' if value is True else value}"
        for name, value in given_words.items()
        if value
    ]
    return " with ".join(["list-tasks", *words])


def _status_calls(found: StatusAnswer) -> list[str]:
    """Return what asks for the same status: by the task, its run or its job run."""
    steps = [commands.status(found.task.path)] if found.task else []
    steps += [commands.status(found.run.id)] if found.run else []
    steps += [commands.job_status(found.job_run["id"])] if found.job_run else []
    return [step.tool for step in steps if step.tool]


def _listed(project: Project, given: ListArguments) -> ListAnswer:
    words = given.model_dump(exclude={"limit", "cursor"})
    query = TaskQuery(
        wanted=parse_filter(**words),
        sort="priority" if given.ready else "path",
        limit=given.limit,
        cursor=given.cursor,
        template=template_for_client(project),
    )
    found = listing.list_tasks(project, query)
    facts = {name: getattr(found, name) for name in TaskList.__dataclass_fields__}
    runs = run_list.list_runs(project, limit=_RUNS, since=given.since) if given.since else None
    return ListAnswer(**facts, run_list=runs and truncation.truncate_runs(runs))


def _shown(project: Project, given: StatusArguments) -> StatusAnswer:
    if given.job is not None:
        job = views.details(project, journal.find(project.layout, given.job))
        return StatusAnswer(job_run=job_calls.progress(job), next_steps=job.next_steps)
    found = detail.task_status(project, given.task or "", tail=given.tail)
    path, whole = found.task.path, "tail" in given.model_fields_set
    text = detail.read_text(project, path) if given.text else None
    runs = run_list.list_runs(project, limit=_RUNS, task=path) if given.runs else None
    return StatusAnswer(
        task=found.task,
        run=found.run and truncation.truncate_run(found.run, tails=not whole),
        commits=tuple(found.commits[: truncation.COMMITS]),
        text=text and truncation.cut(text, truncation.TEXT),
        run_list=runs and truncation.truncate_runs(runs),
        next_steps=found.next_steps,
    )


def build_registry(project_calls: ProjectCalls) -> tuple[Tool[Any], ...]:
    """Return the tools for a repository."""
    reading = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    return (
        Tool(
            name="list-tasks",
            description="List tasks, with counts: what is next, blocked, done; what ran and cost.",
            arguments=ListArguments,
            answers=(ListAnswer,),
            annotations=reading,
            call=ReadingCalls(project_calls).list_tasks,
        ),
        Tool(
            name="task-status",
            description="Why a task is not done, what failed, who did it, commits, cost; or a job.",
            arguments=StatusArguments,
            answers=(StatusAnswer,),
            annotations=reading,
            call=ReadingCalls(project_calls).task_status,
        ),
        Tool(
            name="complete-task",
            description=(
                "Run a task's checks, commit and record it as completed, or answer with what "
                "failed. Manual tasks and decisions need a reason."
            ),
            arguments=CompleteArguments,
            answers=(CompletionResult, AcknowledgeResult, CommandResult),
            annotations=ToolAnnotations(destructive_hint=False, open_world_hint=False),
            call=DecisionCalls(project_calls).complete_task,
        ),
        Tool(
            name="run-task",
            description=(
                "Start, resume, stop or land tasks or a job. With worker session you do the work: "
                "the answer is your brief, and complete-task ends the run."
            ),
            arguments=RunArguments,
            answers=(RunAnswer,),
            annotations=ToolAnnotations(destructive_hint=True, open_world_hint=True),
            call=RunCalls(project_calls).run_task,
            tasks=RunTasks(project_calls),
        ),
    )
