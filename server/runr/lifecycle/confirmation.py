"""The question to a person whose client asks for them, and what their answer is worth."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal, NamedTuple, TypeVar

from runr.errors import UsageError
from runr.lifecycle import complete, decisions
from runr.lifecycle.complete import CompleteRequest
from runr.lifecycle.decisions import Decision
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.runs import stop_reasons
from runr.status.model import Entry, State
from runr.tasks.model import Task
from runr.text import one_line
from runr.workers.agents import agent_behind_client

_WIDTH = 500

#: The first of the answers: some clients select it before the person has chosen one.
_NO = "No, I do not confirm this"

#: What a person decides about a run or a completion.
Verb = Literal["approve", "reject", "acknowledge"]

R = TypeVar("R", CompleteRequest, Decision)


class Question(NamedTuple):
    """What the person is asked about the task at `path`, and in which names they may answer.

    `about` is the task or run that is decided about, `seen` what it was when they were asked,
    `step` how they say it in a terminal.
    """

    path: str
    about: str
    seen: str
    message: str
    names: tuple[str, ...]
    step: NextStep

    @property
    def schema(self) -> dict[str, Any]:
        """The form that the client shows: one choice, for which Enter alone is no confirmation."""
        answers = [_NO, *map(_yes, self.names)]
        # Codex cannot send a form with a text that is left empty, and shows no default of one.
        choice = {"type": "string", "title": "Your answer", "enum": answers}
        return {"type": "object", "properties": {"answer": choice}, "required": ["answer"]}


def question(project: Project, request: CompleteRequest) -> Question | None:
    """Return what a person has to confirm; None where the request needs none, or is refused.

    Raises UsageError for the name of an agent.
    """
    if request.reason is None or not request.reason.strip():
        return None
    snapshot = Snapshot.of(project)
    task = project.find_task(request.task, snapshot.tasks)
    entry = snapshot.entry(task)
    current = entry.status is State.COMPLETED and not snapshot.state_of(task).stale
    if (current and not request.force) or complete.is_own_work(
        project, complete.current_run(project, entry)
    ):
        return None
    if snapshot.blockers(task) and not request.force:
        return None
    against = ", whatever its dependencies and checks say" if request.force else ""
    asked = f"Is {task.name} done{against}? It is recorded as attested by you. {task.title}"
    seen = _seen(task, entry)
    return _asked(project, request, (task.path, task.path, seen), asked, commands.attest(task.path))


def question_about(verb: Verb, project: Project, decision: Decision) -> Question | None:
    """Return what a person decides; None without a reason, which is refused.

    Raises UsageError where there is nothing to decide, and for the name of an agent.
    """
    if not decision.reason.strip():
        return None
    if verb == "acknowledge":
        stale, reasons = decisions.stale_itself(project, decision.about)
        path, why = stale.path, "; ".join(reasons)
        about = path, path, _seen(stale.task, stale.entry)
        asked = f"Is {stale.task.name} still right, though {why}? It is acknowledged by you."
        return _asked(project, decision, about, asked, commands.acknowledge(path))
    also = decisions.REJECTABLE if verb == "reject" else frozenset[str]()
    state = decisions.awaiting(project, decision.about, also=also)
    path, why = state.start.task, stop_reasons.find(state.stop_reason or "error").meaning
    about = path, state.id, f"{state.id} {state.stop_reason} {state.checkpoint_sha}"
    if verb == "approve":
        asked = f"Is the work for {state.task_name} right? It is merged, and attested by you."
        return _asked(project, decision, about, f"{asked} Now: {why}", commands.approve(path))
    asked = f"Do you reject the work for {state.task_name}? It is kept, and does not land."
    return _asked(project, decision, about, f"{asked} Now: {why}", commands.reject(path))


def _asked(
    project: Project,
    request: CompleteRequest | Decision,
    about: tuple[str, str, str],
    asked: str,
    step: NextStep,
) -> Question | None:
    # A client that an agent has started would answer as the agent likes.
    if agent_behind_client((project.tree, project.layout.root)):
        return None
    named = project.person(request.by)
    said = one_line(request.reason or "")[:_WIDTH]
    return Question(*about, f"{asked}\nThe agent says: {said}", _names(project, named), step)


def _seen(task: Task, entry: Entry) -> str:
    """Return what changes where the text of the task, or what is recorded of it, does."""
    return f"{task.sha256} {entry.revision} {entry.last_run_id}"


def _names(project: Project, named: str) -> tuple[str, ...]:
    """Return git's user, and who was named if that is another."""
    with suppress(UsageError):
        return tuple(dict.fromkeys([project.person(None), named]))
    return (named,)


def confirmed(
    question: Question, now: Question | None, request: R, answer: Mapping[str, Any] | None
) -> R:
    """Return the request in the name that the person chose; UsageError unless they confirmed it.

    `now` is what they would be asked now: what has changed since is not what they have seen.
    """
    chosen = (answer or {}).get("answer")
    name = next((name for name in question.names if chosen == _yes(name)), None)
    steps = [question.step._replace(tool=None)]
    if name is None:
        raise UsageError(
            f"the user did not confirm this about {question.path}, so nothing is recorded",
            next_steps=steps,
        )
    if now != question:
        raise UsageError(
            f"{question.path} has changed since the user was asked, so nothing is recorded",
            next_steps=steps,
        )
    what = "task" if "task" in type(request).model_fields else "about"
    return request.model_copy(update={"by": name, what: question.about})


def _yes(name: str) -> str:
    return f"Yes, I confirm this myself, as {name}"
