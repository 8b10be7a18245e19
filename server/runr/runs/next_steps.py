"""How a next step is said: as a command for a shell, or as the call of a tool. Pure."""

from dataclasses import dataclass

from runr.runs.stop_reasons import quoted

_TASKS = ".runr/tasks/"


@dataclass(frozen=True, slots=True)
class Surface:
    """Says what to do next in the words of the surface that the answer is for."""

    typed: bool

    def run(self, task: str, *, by_session: bool = False) -> str:
        """Say that the task is to be run."""
        if self.typed:
            worker = " --worker session" if by_session else ""
            return f"`runr run{worker} --task {_word(task)}`"
        return f"run-task {_name(task)!r}" + (" with worker session" if by_session else "")

    def take_over(self, task: str) -> str:
        """Say that the task's open run is to be taken from its session."""
        if self.typed:
            return f"`runr run --worker session --force --task {_word(task)}`"
        return f"run-task {_name(task)!r} with worker session and force"

    def rank(self) -> str:
        """Say how to see the most urgent task."""
        return "`runr next` shows the most urgent." if self.typed else "ready=true ranks them."

    def status(self, task: str) -> str:
        """Say that the task is to be looked at."""
        return f"`runr task-status {_word(task)}`" if self.typed else f"task-status {_name(task)!r}"

    def complete(self, task: str) -> str:
        """Say that the task is to be completed on its checks."""
        if self.typed:
            return f"`runr complete-task {_word(task)}`"
        return f"complete-task {_name(task)!r}"

    def attest(self, task: str) -> str:
        """Say that a person is to give their word for the task."""
        if self.typed:
            return f"`runr complete-task {_word(task)} --reason 'what was done'`"
        return f"complete-task {_name(task)!r} with by and reason"


CLI = Surface(typed=True)
MCP = Surface(typed=False)


def _name(task: str) -> str:
    return task.removeprefix(_TASKS)


def _word(task: str) -> str:
    return quoted(_name(task))
