"""Every way a run can stop: one table with what it means and what to do next. Pure."""

import shlex
from dataclasses import dataclass
from typing import Literal

from runr.errors import ExitCode

Family = Literal["checks", "scope", "limits", "worker", "operator", "person", "internal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One reason for a stop.

    `next` holds exactly three commands; `{run}`, `{task}`, `{branch}`,
    `{workdir}` and `{base}` are filled in, quoted for a shell.
    """

    code: str
    family: Family
    exit_code: ExitCode
    meaning: str
    next: tuple[str, str, str]
    resumable: bool = True


_REPORT = "runr report {run}"
_RESUME = "runr resume {run}"
_LOOK = "git -C {workdir} status"
_DOCTOR = "runr doctor"
_APPROVE = "runr approve {task} --reason 'I looked at it and it is right'"
_REJECT = "runr reject {task} --reason 'what is wrong'"


def _stop(
    code: str,
    family: Family,
    exit_code: ExitCode,
    meaning: str,
    *steps: str,
    resumable: bool = True,
) -> Stop:
    first, second, third = steps
    return Stop(
        code=code,
        family=family,
        exit_code=exit_code,
        meaning=meaning,
        next=(first, second, third),
        resumable=resumable,
    )


_ALL = (
    _stop(
        "verification_failed",
        "checks",
        ExitCode.UNVERIFIED,
        "a check still fails after the last attempt",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "unverified",
        "checks",
        ExitCode.UNVERIFIED,
        "its session left off without completing the task, so nothing is verified",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "review_failed",
        "person",
        ExitCode.UNVERIFIED,
        "the reviewer still asks for changes after the last attempt",
        _REPORT,
        _RESUME,
        _APPROVE,
    ),
    _stop(
        "review_repeats",
        "person",
        ExitCode.UNVERIFIED,
        "the reviewer asks again for what it asked for before",
        _REPORT,
        _RESUME,
        _APPROVE,
    ),
    _stop(
        "review_unclear",
        "person",
        ExitCode.UNVERIFIED,
        "the reviewer came to no verdict",
        _REPORT,
        _RESUME,
        _APPROVE,
    ),
    _stop(
        "unsettled",
        "checks",
        ExitCode.UNVERIFIED,
        "files went on changing behind the checks, so nothing verified could be committed",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "guard",
        "scope",
        ExitCode.GUARD,
        "files were changed that this task may not change",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "time_limit",
        "limits",
        ExitCode.LIMIT,
        "the worker did not finish within its time limit",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "budget",
        "limits",
        ExitCode.LIMIT,
        "the worker reached its cost limit",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "tokens",
        "limits",
        ExitCode.LIMIT,
        "the worker reached its limit of tokens",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "stalled",
        "limits",
        ExitCode.LIMIT,
        "the worker was silent for too long",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "turns",
        "limits",
        ExitCode.LIMIT,
        "the worker reached its limit of turns",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "worker_failed",
        "worker",
        ExitCode.FAILED,
        "the worker ended with an error",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "worker_auth",
        "worker",
        ExitCode.WORKER,
        "the worker is not logged in, or its key was refused",
        _REPORT,
        _DOCTOR,
        _RESUME,
    ),
    _stop(
        "worker_outage",
        "worker",
        ExitCode.WORKER,
        "the model's service did not answer",
        _REPORT,
        _DOCTOR,
        _RESUME,
    ),
    _stop(
        "worker_unavailable",
        "worker",
        ExitCode.WORKER,
        "the worker could not be started",
        _REPORT,
        _DOCTOR,
        _RESUME,
    ),
    _stop(
        "interrupted",
        "operator",
        ExitCode.INTERRUPTED,
        "the run's process ended before the run did",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "stopped",
        "operator",
        ExitCode.INTERRUPTED,
        "somebody stopped the run",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "needs_human",
        "person",
        ExitCode.HUMAN,
        "the worker's part is verified and committed; a person's part is left",
        "git log -p {base}..{branch}",
        _APPROVE,
        _REJECT,
    ),
    _stop(
        "no_checks",
        "person",
        ExitCode.HUMAN,
        "no verification is configured, so nobody has checked the work",
        _LOOK,
        _APPROVE,
        _REJECT,
    ),
    _stop(
        "rejected",
        "operator",
        ExitCode.HUMAN,
        "a person looked at the result and rejected it",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "git_failed",
        "internal",
        ExitCode.FAILED,
        "a git command failed",
        _REPORT,
        _LOOK,
        _RESUME,
    ),
    _stop(
        "error",
        "internal",
        ExitCode.FAILED,
        "runr itself could not go on",
        _REPORT,
        _DOCTOR,
        "runr run --task {task}",
        resumable=False,
    ),
)

STOPS = {stop.code: stop for stop in _ALL}

#: The stops after which a person's word takes the run further.
FOR_A_PERSON = frozenset(stop.code for stop in _ALL if stop.family == "person")


def find(code: str) -> Stop:
    """Return the stop for `code`; one that another version wrote reads as `error`."""
    return STOPS.get(code, STOPS["error"])


def commands(code: str, **facts: str) -> tuple[str, ...]:
    """Return the three next commands with `facts` filled in, ready to paste into a shell."""
    words = {name: quoted(value) for name, value in facts.items()}
    return tuple(step.format(**words) for step in find(code).next)


def quoted(name: str) -> str:
    """Return `name` as one shell word that no command takes for an option."""
    return shlex.quote(f"./{name}" if name.startswith("-") else name)
