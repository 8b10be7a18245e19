"""The usage limits that runs have met: each holds for all runs of its account until its reset."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from runr.clock import format_utc
from runr.config.settings import Config
from runr.errors import DamagedStateError
from runr.project import Project
from runr.runs import journal, stop_reasons
from runr.runs.model import RunState
from runr.status.model import Entry, State
from runr.workers import registry


class AccountLimit(NamedTuple):
    """The run that met the limit, its worker, and until when it holds.

    That is the time of the reset, or a guess where the client named none.
    """

    run_id: str
    worker: str
    until: str
    is_guess: bool = False

    def describe(self) -> str:
        """Say in a clause who met the limit, and when it resets as far as that is known."""
        when = f"which resets at {self.until}"
        if self.is_guess:
            when = f"which named no reset: it counts as reached until {self.until}"
        return f"run {self.run_id} has met the usage limit of its account, {when}"


def reached(project: Project, *, besides: Collection[str] = ()) -> dict[str, AccountLimit]:
    """Map accounts to the limit that a run of theirs met last, where it has not reset yet.

    The runs `besides` do not count, and no limit behind which the account has done work.
    """
    entries = project.entries().values()
    met = [each for each in entries if each.stop_reason == "usage_limit"]
    runs = [run for run in _runs(project, met) if run.id not in besides]
    found: dict[str, AccountLimit] = {}
    config = project.config() if runs else None
    for run in runs:
        limit = _limit(run)
        if config is None or limit.until <= project.now():
            continue
        account = registry.account(run.last_worker, config)
        known = found.get(account)
        if known is not None and known.until >= limit.until:
            continue
        if not _has_worked_since(project, account, config, entries, run.ended_at or ""):
            found[account] = limit
    return found


def of_worker(project: Project, worker: str) -> AccountLimit | None:
    """Return the limit that keeps a worker from its work, as far as runs have met it."""
    limits = reached(project)
    return limits.get(registry.account(worker, project.config())) if limits else None


def _limit(run: RunState) -> AccountLimit:
    ended = datetime.fromisoformat(run.ended_at or run.created_at)
    unknown = format_utc(ended + timedelta(seconds=stop_reasons.UNKNOWN_RESET_S))
    guess = run.resets_at is None
    return AccountLimit(run.id, run.last_worker, run.resets_at or unknown, is_guess=guess)


def _has_worked_since(
    project: Project, account: str, config: Config, entries: Iterable[Entry], since: str
) -> bool:
    """Tell whether a later run has completed its task: the limit is over, or the login another."""
    done = [
        each
        for each in entries
        if each.status is State.COMPLETED and (each.completed_at or "") > since
    ]
    return any(
        run.created_at > since and registry.account(run.last_worker, config) == account
        for run in _runs(project, done)
    )


def _runs(project: Project, entries: Iterable[Entry]) -> Iterator[RunState]:
    for entry in entries:
        with suppress(DamagedStateError):
            run = (
                journal.state(project.layout.run(entry.last_run_id)) if entry.last_run_id else None
            )
            if run is not None:
                yield run
