"""complete-task: the checks decide, or a person whom the client asks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from runr.errors import UsageError
from runr.lifecycle import complete, confirmation, decisions
from runr.lifecycle.complete import CompleteRequest
from runr.lifecycle.confirmation import Question, Verb
from runr.lifecycle.decisions import AcknowledgeResult, Decision
from runr.mcp_server import interruptible, truncation
from runr.mcp_server.arguments import CompleteArguments
from runr.mcp_server.project_calls import ProjectCalls, relayed, seen_by
from runr.mcp_server.registry import Call
from runr.project import Project
from runr.query import notes
from runr.query.detail_models import CompletionResult, RunResult
from runr.query.models import CommandResult
from runr.runs.channel import Channel

R = TypeVar("R", CompleteRequest, Decision)

DecisionAnswer = CompletionResult | RunResult | AcknowledgeResult | CommandResult


@dataclass(frozen=True, slots=True)
class DecisionCalls:
    """Answers calls of complete-task."""

    project_calls: ProjectCalls

    async def complete_task(self, call: Call[CompleteArguments]) -> DecisionAnswer:
        """Answer a call of complete-task."""
        given = call.arguments
        if given.action == "complete":
            return await self._complete(call)
        if given.force:
            raise UsageError(f"`force` is not for action={given.action}")
        if given.action != "note":
            return await self._decide(call, given.action)
        return await self.project_calls.ask(
            lambda project: notes.add_note(seen_by(project, call), given.task, given.reason or "")
        )

    async def _complete(self, call: Call[CompleteArguments]) -> CompletionResult:
        request = CompleteRequest(**call.arguments.model_dump(exclude={"action"}))
        said, channel = await self._confirmed(call, request, confirmation.question)
        answer = await self.project_calls.ask(
            lambda project: complete.complete_task(
                replace(seen_by(project, call), channel=channel), said
            ),
            run=interruptible.run,
        )
        return _short(answer)

    async def _decide(
        self, call: Call[CompleteArguments], verb: Verb
    ) -> CompletionResult | RunResult | AcknowledgeResult:
        given = call.arguments
        wanted = Decision(about=given.task, reason=given.reason or "", by=given.by)
        said, channel = await self._confirmed(
            call, wanted, partial(confirmation.question_about, verb)
        )

        def decided(project: Project) -> CompletionResult | RunResult | AcknowledgeResult:
            ours = replace(seen_by(project, call), channel=channel)
            match verb:
                case "approve":
                    return _short(decisions.approve(ours, said))
                case "reject":
                    rejected = decisions.reject(ours, said)
                    return replace(rejected, run=truncation.truncate_run(rejected.run))
                case "acknowledge":
                    return decisions.acknowledge(ours, said.about, reason=said.reason, by=said.by)

        return await self.project_calls.ask(decided, run=interruptible.run)

    async def _confirmed(
        self,
        call: Call[CompleteArguments],
        request: R,
        question_of: Callable[[Project, R], Question | None],
    ) -> tuple[R, Channel]:
        """Ask the client's user, and return what they confirmed; else what the model relays."""

        async def question_now() -> Question | None:
            return await self.project_calls.use(
                lambda project: question_of(seen_by(project, call), request), polls=True
            )

        channel, question = relayed(call), await question_now()
        if question is None:
            return request, channel
        reply = await call.ask(question.message, question.schema, question.seen)
        if reply is None:
            return request, channel
        # While they read, the task or its run may become another one.
        said = confirmation.confirmed(question, await question_now(), request, reply.content)
        return said, channel._replace(kind="elicitation", id=reply.id)


def _short(answer: CompletionResult) -> CompletionResult:
    return replace(answer, run=answer.run and truncation.truncate_run(answer.run))
