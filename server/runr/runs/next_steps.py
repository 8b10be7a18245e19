"""What to do next with a run or a task: decided here only, as data, and rendered for a surface.

Pure.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

from runr.runs import stop_reasons
from runr.runs.stop_reasons import Action, quoted

if TYPE_CHECKING:
    # Not loaded for a listing, which words its advice by this module.
    from runr.runs.model import RunState

_TASKS = ".runr/tasks/"

#: Calls of the tools that an MCP client has; it shows the user the command of everything else.
_TOOLS: dict[Action, str] = {
    "run": "run-task {task!r}",
    "run_session": "run-task {task!r} with worker session",
    "take_over": "run-task {task!r} with worker session and force",
    "task_status": "task-status {task!r}",
    "complete": "complete-task {task!r}",
    "attest": "complete-task {task!r} with by and reason",
}


class NextStep(NamedTuple):
    """One thing to do: an action, and what it is about; `command` is one of git's, as it is typed.

    `task` is a path below the repository or a name; facts that the action does not need are empty.
    """

    action: Action | Literal["git"]
    task: str = ""
    run: str = ""
    branch: str = ""
    workdir: str = ""
    base: str = ""
    command: str = ""

    @property
    def shell(self) -> str:
        """The command for a shell."""
        if self.action == "git":
            return self.command
        return stop_reasons.TEMPLATES[self.action].format(
            task=quoted(self.task.removeprefix(_TASKS)),
            run=quoted(self.run),
            branch=quoted(self.branch),
            workdir=quoted(self.workdir),
            base=quoted(self.base),
        )

    @property
    def tool(self) -> str | None:
        """The call of an MCP tool; None where there is no tool for it."""
        call = None if self.action == "git" else _TOOLS.get(self.action)
        return call and call.format(task=self.task.removeprefix(_TASKS))


class TaskSituation(NamedTuple):
    """What decides about the next step of a task; `run_steps` are those of its last run.

    `broken` says that its file cannot be run as it is.
    `cause` is the first task that the others wait for, where the task is blocked.
    """

    path: str
    status: str
    manual: bool = False
    broken: bool = False
    stale: bool = False
    unmerged: bool = False
    cause: str | None = None
    checkpoint_sha: str | None = None
    run: str | None = None
    by_session: bool = False
    run_steps: tuple[str, ...] = ()


def after_run(state: "RunState") -> tuple[NextStep, ...]:
    """Return what to do about a run: three steps after a stop, none where all is done."""
    start = state.start
    if state.result is None:
        return (NextStep("follow", run=state.id), NextStep("stop", run=state.id))
    if state.result == "completed":
        command = state.integration.command
        return (NextStep("git", command=command),) if command else ()
    if start.kind == "intervention":
        return (_git("git status"), _git("git log -1"), NextStep("runs"))
    if start.worker == "person":
        # A refused attestation cannot be resumed: it is repeated, or the task is run.
        return (NextStep("task_status", start.task), NextStep("attest", start.task))
    return tuple(
        NextStep(
            action,
            task=start.task,
            run=state.id,
            branch=start.branch or "HEAD",
            workdir=start.workdir,
            base=start.base_sha,
        )
        for action in stop_reasons.find(state.stop_reason or "error").next
    )


def for_task(task: TaskSituation) -> tuple[NextStep, ...]:
    """Return what to do about a task, the likeliest first; nothing for one that is done."""
    if task.stale:
        steps = (NextStep("why_diff", task.path), NextStep("acknowledge", task.path))
        return steps if task.manual else (*steps, NextStep("run", task.path))
    if task.status == "completed":
        return _merge(task) if task.unmerged else ()
    if task.status == "in_progress" and task.run:
        if task.by_session:
            return (NextStep("complete", task.path),)
        return (NextStep("follow", run=task.run), NextStep("stop", run=task.run))
    if task.cause:
        return (NextStep("why", task.cause),)
    if task.broken:
        return (NextStep("lint", task.path),)
    if task.status in ("stopped", "failed") and task.run_steps:
        return tuple(_git(step) for step in task.run_steps)
    return (NextStep("attest" if task.manual else "run", task.path),)


def _merge(task: TaskSituation) -> tuple[NextStep, ...]:
    command = task.run_steps[0] if task.run_steps else f"git merge {task.checkpoint_sha}"
    return (_git(command),)


def _git(command: str) -> NextStep:
    return NextStep("git", command=command)


class Surface(NamedTuple):
    """Where an answer is read: it renders next steps in its own words."""

    is_shell: bool

    def render(self, step: NextStep) -> str:
        """Return a step as it is written in a sentence."""
        tool = None if self.is_shell else step.tool
        return tool or f"`{step.shell}`"

    def run(self, task: str, *, by_session: bool = False) -> str:
        """Return how the task is run."""
        return self.render(NextStep("run_session" if by_session else "run", task))

    def take_over(self, task: str) -> str:
        """Return how the task's open run is taken over from its session."""
        return self.render(NextStep("take_over", task))

    def status(self, task: str) -> str:
        """Return how the status of the task is shown."""
        return self.render(NextStep("task_status", task))

    def complete(self, task: str) -> str:
        """Return how the task is completed on its checks."""
        return self.render(NextStep("complete", task))

    def attest(self, task: str) -> str:
        """Return how a person attests the task."""
        return self.render(NextStep("attest", task))

    def rank(self) -> str:
        """Return how to find the next task."""
        return "`runr next` shows which to start." if self.is_shell else "ready=true ranks them."


CLI = Surface(is_shell=True)
MCP = Surface(is_shell=False)
