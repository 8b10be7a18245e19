"""The first task of an account goes alone for a moment: if its login has expired, one finds out."""

from collections.abc import Callable
from datetime import datetime, timedelta

from runr.config.settings import Config
from runr.errors import RunrError
from runr.workers import registry
from runr.workers.protocol import HasLogin

#: As long as a client takes to say that it is not logged in, has no credit or met its limit.
_TRIAL = timedelta(seconds=10)


class Trials:
    """The accounts that the process of a job has used, each since when."""

    def __init__(self, config: Config, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._clock = clock
        self._begun: dict[str, datetime] = {}
        self._answered: set[str] = set()

    def lets_start(self, worker: str) -> bool:
        """Tell whether a task may start, as the account is not being tried by another one."""
        account = self._account(worker)
        begun = self._begun.get(account)
        tried = begun is None or account in self._answered or self._clock() - begun >= _TRIAL
        return tried or not self._needs_login(worker)

    def begin(self, worker: str) -> None:
        """Note that a task of the worker starts."""
        self._begun.setdefault(self._account(worker), self._clock())

    def end(self, worker: str) -> None:
        """Note that a run of the worker has ended: what its account is good for is known."""
        self._answered.add(self._account(worker))

    def _account(self, worker: str) -> str:
        return registry.account(worker, self._config)

    def _needs_login(self, worker: str) -> bool:
        try:
            found, _ = registry.find(worker, self._config)
        except RunrError:
            return False  # it cannot start at all, which its run says
        return isinstance(found, HasLogin) or self._account(worker) != worker
