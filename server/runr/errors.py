"""Errors that a user can act on, and the exit codes."""

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar

from runr.next_steps.step import NextStep, as_steps


class ExitCode(IntEnum):
    """Exit codes of the command line; scripts may rely on these numbers."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    BLOCKED = 3
    UNVERIFIED = 4
    SCOPE = 5
    LIMIT = 6
    WORKER = 7
    INTERRUPTED = 8
    HUMAN = 9
    DAMAGED = 10
    UNMERGED = 11
    #: As a shell reports a program that SIGPIPE ended.
    BROKEN_PIPE = 141


class RunrError(Exception):
    """A refusal or failure that the user can act on.

    `message` is one line: what, and where. `next_steps` are in the order in which
    to try them; those that are text are sentences, not commands. `warnings` are what else the
    user has to know. `code` is stable across releases; `exit_code` is what the command line
    ends with.
    """

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, *, next_steps: Sequence[NextStep | str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.next_steps = as_steps(next_steps)
        self.warnings: tuple[str, ...] = ()


class UsageError(RunrError):
    """The request is invalid; nothing was changed."""

    code = "usage"
    exit_code = ExitCode.USAGE


class UnknownNameError(UsageError):
    """A task, run, worker or template that does not exist."""

    code = "unknown"


class UnknownTaskError(UnknownNameError):
    """A task that does not exist, and could be created."""


class ConfigError(UsageError):
    """The configuration file cannot be used."""

    code = "config"


class RepositoryError(UsageError):
    """The folder is no git repository, or not one that can be worked in yet."""

    code = "repository"


class AlreadyRunningError(RunrError):
    """Another run holds the task."""

    code = "already_running"


class BlockedError(RunrError):
    """The task's dependencies are not completed."""

    code = "blocked"
    exit_code = ExitCode.BLOCKED


class VerificationError(RunrError):
    """A check failed, so nothing was completed."""

    code = "verification_failed"
    exit_code = ExitCode.UNVERIFIED


class ConflictError(RunrError):
    """Both sides changed the same lines; nothing was merged."""

    code = "conflict"


class ChangedInputsError(RunrError):
    """What a run is held to is not what it began with."""

    code = "inputs_changed"
    exit_code = ExitCode.SCOPE


class MixedChangesError(RunrError):
    """Changes of the user's, in no commit, cannot be separated from those of a run."""

    code = "mixed_changes"
    exit_code = ExitCode.SCOPE


class WorkerUnavailableError(RunrError):
    """The worker cannot be started on this machine."""

    code = "worker_unavailable"
    exit_code = ExitCode.WORKER


class NeedsHumanError(RunrError):
    """Only a person can take the next step."""

    code = "needs_human"
    exit_code = ExitCode.HUMAN


class DamagedStateError(RunrError):
    """Something on disk is not what runr wrote there."""

    code = "damaged"
    exit_code = ExitCode.DAMAGED


class ForeignRunError(DamagedStateError):
    """The journal of a run is not sealed with the key of this clone: it proves nothing here."""


class GitError(RunrError):
    """A git command failed unexpectedly."""

    code = "git"
