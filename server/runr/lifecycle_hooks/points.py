"""At which point a run is, which hooks may refuse it, and what a hook is called. Pure."""

import shlex
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from runr.runs import stop_reasons
from runr.runs.model import RunState

if TYPE_CHECKING:
    # Whether a run has hooks at all is known without the models of the settings.
    from runr.config.settings import HookSettings

Point = Literal[
    "pre_run", "pre_complete", "post_complete", "on_failure", "on_needs_human", "post_job"
]

#: The stops that a person has just caused and knows of.
_KNOWN = frozenset({"stopped", "rejected"})

#: The stops by which the work itself has failed: a resume does not need it.
_FAILED_WORK = frozenset(
    {
        *("verification_failed", "fails_on_target", "unstable_tree", "scope_violation"),
        *("ref_moved", "inputs_changed", "worker_failed", "model_refusal", "stalled"),
        *("time_limit", "cost_limit", "token_limit", "turn_limit", "context_overflow"),
    }
)

#: The longest name of a hook in a message.
_LONGEST = 60

#: Too few to find out a secret by, and enough for the webhooks of one repository.
_DIGEST_BYTES = 2

#: The words with which the settings hand a text to the shell.
_SHELL = ("sh", "-c")


def at_end(state: RunState) -> Point | None:
    """Return the point that a run has reached with its end; None where no hook is called.

    That a person confirmed, reset or committed something is not the end of an attempt.
    """
    if state.start.kind != "attempt" or state.result is None:
        return None
    if state.result == "completed":
        return "post_complete"
    if state.stop_reason in _KNOWN or state.start.worker == "person":
        return None
    stop = stop_reasons.find(state.stop_reason or "error")
    # Verified work that could not land waits for a person as well.
    return "on_needs_human" if stop.family in ("person", "landing") else "on_failure"


def may_refuse(point: str) -> bool:
    """Tell whether what comes after the point depends on its hooks."""
    return point.startswith("pre_")


def may_roll_back(state: RunState) -> bool:
    """Tell whether a stopped run may be rolled back: its work failed, and is no session's."""
    return state.stop_reason in _FAILED_WORK and not state.by_session


def is_waited_for(hook: "HookSettings") -> bool:
    """Tell whether whoever follows a run waits for the hook; a web server is not waited for."""
    return not (hook.webhook or hook.webhook_env)


def name_of(hook: "HookSettings") -> str:
    """Return what a hook is called in messages.

    All of a URL but its host and port may be a secret: the rest is a short digest, which tells
    two of one host apart.
    """
    if hook.webhook:
        return _name_of_url(hook.webhook)
    return _cut(_name(hook), _LONGEST)


def _name_of_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or "webhook"
    place = f"{host}:{parts.port}" if parts.port else host
    if not (parts.username or parts.password or parts.path.strip("/") or parts.query):
        return _cut(place, _LONGEST)
    digest = f" #{blake2b(url.encode(), digest_size=_DIGEST_BYTES).hexdigest()}"
    return _cut(place, _LONGEST - len(digest)) + digest


def _cut(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def shell_text(command: Sequence[str]) -> str | None:
    """Return the text that a command hands to the shell; None where it starts a program itself."""
    is_text = tuple(command[: len(_SHELL)]) == _SHELL and len(command) == len(_SHELL) + 1
    return command[-1] if is_text else None


def _name(hook: "HookSettings") -> str:
    if hook.command:
        text = shell_text(hook.command)
        return " ".join((shlex.join(hook.command) if text is None else text).split())
    return hook.webhook_env or hook.package or hook.rollback or "desktop"
