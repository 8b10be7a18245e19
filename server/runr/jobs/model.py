"""A job: tracks of steps, and what holds for all of them. Pure.

Named tuples, because the record of a job run holds them: see `runr.runs.codec`.
"""

from typing import Literal, NamedTuple, get_args

OnManual = Literal["pause", "skip"]
OnFailure = Literal["stop_track", "stop_job", "continue"]
Collision = Literal["serialize", "fail", "ignore"]
Landing = Literal["job", "each"]
OnBaseFailure = Literal["continue", "stop"]
OnUsageLimit = Literal["wait", "fallback", "stop"]
When = Literal["succeeded", "failed", "ended"]
Growth = Literal["none", "linear", "exponential"]

ON_MANUAL: tuple[OnManual, ...] = get_args(OnManual)
ON_FAILURE: tuple[OnFailure, ...] = get_args(OnFailure)
COLLISION: tuple[Collision, ...] = get_args(Collision)
LANDING: tuple[Landing, ...] = get_args(Landing)
ON_BASE_FAILURE: tuple[OnBaseFailure, ...] = get_args(OnBaseFailure)
ON_USAGE_LIMIT: tuple[OnUsageLimit, ...] = get_args(OnUsageLimit)
WHEN: tuple[When, ...] = get_args(When)
GROWTH: tuple[Growth, ...] = get_args(Growth)

#: What keeps a manual task from its end, once nothing comes before it.
BY_A_PERSON = "it is manual: a person does it"

#: What `tasks` of a step says for every task that is ready, or becomes so.
ALL_READY = "all-ready"

#: The same without the tasks whose run has stopped, for `runr run --all-ready`; in no job file.
NOT_STOPPED = "all-ready, none stopped"


class Retries(NamedTuple):
    """How often a failed task is run again, and after which wait.

    The wait is `wait_s`, times the number of failures (`linear`) or doubled with each of
    them (`exponential`), never above `max_wait_s`; a part of it, `jitter`, is left to chance.
    """

    times: int = 0
    backoff: Growth = "none"
    wait_s: int = 0
    max_wait_s: int = 3600
    jitter: float = 0.0


class Step(NamedTuple):
    """Tasks that may run side by side; the next step of the track comes after all of them.

    `tasks` are names as written; `select` is `all-ready` or a filter. `depends_on` are
    other steps. `owns` is added to what the tasks own, to find collisions.
    """

    name: str
    tasks: tuple[str, ...] = ()
    select: str | None = None
    depends_on: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    timeout_s: int | None = None
    retries: Retries = Retries()
    when: When = "succeeded"
    owns: tuple[str, ...] = ()


class Track(NamedTuple):
    """Steps in order."""

    name: str
    steps: tuple[Step, ...]


class Limits(NamedTuple):
    """When a job starts no further task; `until` is a time of day, `07:30`, of this machine."""

    time_s: int | None = None
    budget_usd: float | None = None
    max_tokens: int | None = None
    until: str | None = None


class Job(NamedTuple):
    """What a job file asks for."""

    name: str
    tracks: tuple[Track, ...] = ()
    description: str = ""
    max_parallel: int = 2
    on_manual: OnManual = "pause"
    on_failure: OnFailure = "stop_track"
    collision: Collision = "serialize"
    land: Landing = "job"
    target: str | None = None
    limits: Limits = Limits()
    on_usage_limit: OnUsageLimit = "wait"
    wait_at_most_s: int = 12 * 3600
    schedule: str | None = None
    time_zone: str | None = None
    missed: Literal["once", "skip"] = "once"
    on_base_failure: OnBaseFailure = "continue"

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, track by track."""
        return tuple(step for track in self.tracks for step in track.steps)
