"""The question to a person whose client asks for them, and what their answer is worth."""

from collections.abc import Mapping
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
from runr.status.model import State
from runr.text import one_line

_WIDTH = 500

#: What a person says beside their confirmation.
_SAID = {"by": "name", "reason": "reason"}

#: What a person decides about a run or a completion.
Verb = Literal["approve", "reject", "acknowledge"]

R = TypeVar("R", CompleteRequest, Decision)


class Question(NamedTuple):
    """What the person is asked about the task at `path`, in whose name, and why.

    `step` is how they say it in a terminal.
    """

    path: str
    message: str
    by: str
    reason: str
    step: NextStep

    @property
    def schema(self) -> dict[str, Any]:
        """The form that the client shows."""
        return {
            "type": "object",
            "properties": {
                "confirmed": {"type": "boolean", "title": "I confirm this myself"},
                "by": _field("Your name", self.by),
                "reason": _field("Reason", self.reason),
            },
            "required": ["confirmed", "by"],
        }


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
    return _asked(project, request, task.path, asked, commands.attest(task.path))


def question_about(project: Project, verb: Verb, decision: Decision) -> Question | None:
    """Return what a person decides; None without a reason, which is refused.

    Raises UsageError where there is nothing to decide, and for the name of an agent.
    """
    if not decision.reason.strip():
        return None
    if verb == "acknowledge":
        stale, reasons = decisions.stale_itself(project, decision.about)
        path, why = stale.path, "; ".join(reasons)
        asked = f"Is {stale.task.name} still right, though {why}? It is acknowledged by you."
        return _asked(project, decision, path, asked, commands.acknowledge(path))
    also = decisions.REJECTABLE if verb == "reject" else frozenset[str]()
    state = decisions.awaiting(project, decision.about, also=also)
    path, why = state.start.task, stop_reasons.find(state.stop_reason or "error").meaning
    if verb == "approve":
        asked = f"Is the work for {state.task_name} right? It is merged, and attested by you."
        return _asked(project, decision, path, f"{asked} Now: {why}", commands.approve(path))
    asked = f"Do you reject the work for {state.task_name}? It is kept, and does not land."
    return _asked(project, decision, path, f"{asked} Now: {why}", commands.reject(path))


def _asked(
    project: Project, request: CompleteRequest | Decision, path: str, asked: str, step: NextStep
) -> Question:
    name = project.person(request.by)
    said = one_line(request.reason or "")[:_WIDTH]
    return Question(path, f"{asked}\nThe agent says: {said}", name, said, step)


def confirmed(question: Question, request: R, answer: Mapping[str, Any] | None) -> R:
    """Return the request in the person's words; UsageError unless they have confirmed it."""
    if answer is None or answer.get("confirmed") is not True:
        raise UsageError(
            f"the user did not confirm this about {question.path}, so nothing is recorded",
            next_steps=[question.step._replace(tool=None)],
        )
    # What the form showed stands where the client leaves it out. What the person took out does not.
    said = {name: str(answer.get(name, getattr(question, name)) or "") for name in _SAID}
    if taken_out := [word for name, word in _SAID.items() if not said[name].strip()]:
        raise UsageError(
            f"the user left the {taken_out[0]} about {question.path} empty, so nothing is recorded",
            next_steps=[question.step._replace(tool=None)],
        )
    return request.model_copy(update={name: text.strip() for name, text in said.items()})


def _field(title: str, default: str) -> dict[str, Any]:
    return {"type": "string", "title": title, "default": default}
