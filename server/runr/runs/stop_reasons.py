"""Every reason for which a run can stop: one table with its meaning and what to do next.

Pure.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

from runr.errors import ExitCode

if TYPE_CHECKING:
    # Of the actions, only their names are needed here.
    from runr.next_steps.runs import Action

Family = Literal["checks", "scope", "limits", "worker", "operator", "person", "internal", "landing"]

Actions = tuple["Action", "Action", "Action"]

_INSPECT: Actions = ("report", "inspect", "resume")
_DIAGNOSE: Actions = ("report", "doctor", "resume")
_LOGIN: Actions = ("report", "login", "resume")
_REVIEW: Actions = ("report", "resume", "approve")


class Stop(NamedTuple):
    """One reason for a stop, with exactly three actions to choose from next."""

    code: str
    family: Family
    exit_code: ExitCode
    meaning: str
    next: Actions = _INSPECT
    resumable: bool = True


_UNVERIFIED, _LIMIT, _WORKER = ExitCode.UNVERIFIED, ExitCode.LIMIT, ExitCode.WORKER
_FAILED, _HUMAN, _INTERRUPTED = ExitCode.FAILED, ExitCode.HUMAN, ExitCode.INTERRUPTED
_UNMERGED = ExitCode.UNMERGED
# fmt: off
_ALL = (
    Stop("verification_failed", "checks", _UNVERIFIED,
         "checks still fail after the last attempt"),
    Stop("fails_on_target", "checks", _UNVERIFIED,
         "the branch has moved since, and together with it the work fails the checks",
         ("report", "log", "land")),
    Stop("merge_conflict", "landing", _UNMERGED,
         "the work is verified, and the branch has changed the same lines since",
         ("report", "merge", "land")),
    Stop("land_blocked", "landing", _UNMERGED,
         "the work is verified, and the branch cannot be moved to it",
         ("report", "status", "land")),
    Stop("task_changed", "landing", _UNMERGED,
         "the work is verified, and its task file was changed while the run worked",
         ("log", "accept", "run")),
    Stop("superseded", "landing", _UNMERGED,
         "the work is verified, and its task was completed, reset or begun by another run",
         ("report", "log", "inspect")),
    Stop("no_clean_checkout", "checks", _UNVERIFIED,
         "the checks cannot run in a clean checkout of the commit on this machine", _DIAGNOSE),
    Stop("hook_refused", "checks", _UNVERIFIED,
         "a lifecycle hook of the settings refused it, so nothing has landed"),
    Stop("abandoned", "checks", _UNVERIFIED,
         "the session ended without completing the task, so nothing is verified"),
    Stop("unstable_tree", "checks", _UNVERIFIED,
         "files kept changing during the checks, so nothing verified could be committed"),
    Stop("review_failed", "person", _UNVERIFIED,
         "the reviewer still asks for changes after the last attempt", _REVIEW),
    Stop("review_loop", "person", _UNVERIFIED,
         "the reviewer asks again for what it asked for before", _REVIEW),
    Stop("review_unclear", "person", _UNVERIFIED,
         "the reviewer gave no verdict", _REVIEW),
    Stop("scope_violation", "scope", ExitCode.SCOPE,
         "files were changed that this task may not change"),
    Stop("mixed_changes", "scope", ExitCode.SCOPE,
         "changes from before the run, in no commit, cannot be separated from those of the run",
         ("report", "status", "resume")),
    Stop("ref_moved", "scope", ExitCode.SCOPE,
         "a branch, a tag or a HEAD was moved while the worker worked, and not by the run"),
    Stop("inputs_changed", "scope", ExitCode.SCOPE,
         "the settings or the task were changed while the worker worked"),
    Stop("journal_changed", "scope", ExitCode.SCOPE,
         "something other than the run itself wrote into its journal"),
    Stop("time_limit", "limits", _LIMIT,
         "the worker did not finish within its time limit"),
    Stop("cost_limit", "limits", _LIMIT,
         "the worker reached its cost limit"),
    Stop("token_limit", "limits", _LIMIT,
         "the worker reached its token limit"),
    Stop("turn_limit", "limits", _LIMIT,
         "the worker reached its limit of turns"),
    Stop("context_overflow", "limits", _LIMIT,
         "the work does not fit into the model's context"),
    Stop("stalled", "limits", _LIMIT,
         "the worker produced no output within its stall timeout"),
    Stop("worker_failed", "worker", _FAILED,
         "the worker ended with an error"),
    Stop("worker_auth", "worker", _WORKER,
         "the worker is not logged in, or its key was refused", _LOGIN),
    Stop("worker_billing", "worker", _WORKER,
         "the account of the worker has no credit left"),
    Stop("usage_limit", "worker", _WORKER,
         "the usage limit of the worker's account is reached"),
    Stop("worker_outage", "worker", _WORKER,
         "the model's service did not answer", _DIAGNOSE),
    Stop("model_refusal", "worker", _FAILED,
         "the model refuses to do the task"),
    Stop("worker_unavailable", "worker", _WORKER,
         "the worker could not be started", _DIAGNOSE),
    Stop("interrupted", "operator", _INTERRUPTED,
         "the run's process ended before the run did"),
    Stop("stopped", "operator", _INTERRUPTED,
         "stopped by a user or a job"),
    Stop("rejected", "operator", _HUMAN,
         "a person rejected the result"),
    Stop("needs_human", "person", _HUMAN,
         "the worker's part is verified and committed; it waits for the approval of a person",
         ("log", "approve", "reject")),
    Stop("no_checks", "person", _HUMAN,
         "no checks are configured, so a person has to decide",
         ("inspect", "approve", "reject")),
    Stop("no_changes", "person", _HUMAN,
         "the checks pass, but the run has changed nothing, so a person has to decide",
         ("approve", "reject", "report")),
    Stop("git_failed", "internal", _FAILED,
         "a git command failed"),
    Stop("error", "internal", _FAILED,
         "runr failed with an internal error",
         ("report", "doctor", "run"), resumable=False),
)
# fmt: on

STOPS = {stop.code: stop for stop in _ALL}

#: The stops with verified work that is not on its branch.
LANDING = frozenset(stop.code for stop in _ALL if stop.family == "landing")

#: The stops that `runr land` takes further.
LANDABLE = frozenset({"merge_conflict", "land_blocked", "fails_on_target"})

#: The stops after which the decision of a person takes the run further.
FOR_A_PERSON = frozenset(stop.code for stop in _ALL if stop.family == "person")


#: The stops because of the worker's account: the next run of that worker would end like this one.
OF_THE_ACCOUNT = frozenset({"usage_limit", "worker_auth", "worker_billing"})

#: How many seconds a usage limit lasts of which no reset is known.
UNKNOWN_RESET_S = 900


def find(code: str) -> Stop:
    """Return the stop for `code`; one that another version wrote reads as `error`."""
    return STOPS.get(code, STOPS["error"])


def explain(code: str | None, worker: str) -> str:
    """Say why a run of `worker` has stopped; that of a person is an attestation."""
    if worker == "person" and code == "verification_failed":
        return "a check failed, so the completion is not attested"
    return find(code or "error").meaning
