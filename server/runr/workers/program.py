"""A program that a worker starts: whether it is there, and what it is told."""

import shutil
from collections.abc import Mapping

from runr.core.duration import spoken
from runr.core.redact import Redactor
from runr.errors import WorkerUnavailableError
from runr.workers.assignment import Assignment
from runr.workers.process import Ended


def require(program: str, environment: Mapping[str, str], *next_steps: str) -> None:
    """Raise WorkerUnavailableError unless the program is on the environment's PATH.

    One with a relative folder is looked for in the working folder when the work begins.
    """
    if "/" in program and not program.startswith("/"):
        return
    if shutil.which(program, path=environment.get("PATH")) is None:
        raise WorkerUnavailableError(
            f"{program} was not found on PATH", next_steps=(*next_steps, "runr doctor")
        )


def limit(assignment: Assignment, ended: Ended) -> tuple[str, str]:
    """Return the stop of a program that was ended, and what limit it had reached."""
    if ended.stalled:
        return "stalled", f"ended after {spoken(assignment.stall_s)} without a word"
    return "time_limit", f"ended after the time limit of {spoken(assignment.timeout_s)}"


def start_over(assignment: Assignment, redact: Redactor) -> None:
    """Write down that the worker is told everything: its session could not go on."""
    assignment.prompt_file.write_text(redact(assignment.prompt), "utf-8", "replace")


def variables(assignment: Assignment) -> dict[str, str]:
    """Return the environment of a worker's program, with what it is about."""
    return {
        **assignment.environment,
        "RUNR_TASK": assignment.task_path,
        "RUNR_TASK_FILE": str(assignment.task_file),
        "RUNR_PROMPT_FILE": str(assignment.prompt_file),
        "RUNR_ATTEMPT": str(assignment.attempt),
        "RUNR_PHASE": assignment.phase,
        "RUNR_WORKDIR": str(assignment.workdir),
    }
