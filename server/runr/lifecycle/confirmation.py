"""The question to a person whose client asks for them, and what their answer is worth."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runr.errors import UsageError
from runr.lifecycle import complete
from runr.lifecycle.complete import CompleteRequest
from runr.next_steps import commands
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.status.model import State
from runr.text import one_line

_WIDTH = 500


class Question(NamedTuple):
    """What the person is asked about the task at `path`: whether it is done, in whose name, why."""

    path: str
    message: str
    by: str
    reason: str

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
    name = project.person(request.by)
    against = ", whatever its dependencies and checks say" if request.force else ""
    asked = f"Is {task.name} done{against}? It is recorded as attested by you. {task.title}"
    said = one_line(request.reason)[:_WIDTH]
    return Question(task.path, f"{asked}\nThe agent says: {said}", name, said)


def confirmed(
    question: Question, request: CompleteRequest, answer: Mapping[str, Any] | None
) -> CompleteRequest:
    """Return the request in the person's words; UsageError unless they have confirmed it."""
    if answer is None or answer.get("confirmed") is not True:
        raise UsageError(
            f"the user did not confirm that {question.path} is done, so nothing is recorded",
            next_steps=[commands.attest(question.path)._replace(tool=None)],
        )
    said = {
        name: str(answer.get(name) or "").strip() or getattr(question, name)
        for name in ("by", "reason")
    }
    return request.model_copy(update=said)


def _field(title: str, default: str) -> dict[str, Any]:
    return {"type": "string", "title": title, "default": default}
