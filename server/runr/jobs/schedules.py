"""When a job fires: five fields of cron with a time zone, a name such as `@daily`, or an interval.

Pure. In a night without 02:30, what is due then fires when the clocks go forward; in a night that
has it twice, it fires the first time.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from runr.errors import UsageError
from runr.text import closest_match, parse_duration

if TYPE_CHECKING:
    from cronsim import CronSim

Missed = Literal["once", "skip"]
MISSED: tuple[Missed, ...] = get_args(Missed)

NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = 5
_EVERY = "every "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A firing that starts later than this was missed: the machine slept, or no scheduler ran.
_GRACE = timedelta(minutes=5)


class Schedule(NamedTuple):
    """The times at which a job fires: `cron` in five fields, or each `every_s` seconds in UTC."""

    text: str
    cron: str = ""
    every_s: int = 0


class Firing(NamedTuple):
    """A time in UTC at which a job was due; a missed one `starts` only if it is made up for."""

    at: datetime
    starts: bool


def parse(text: str) -> Schedule:
    """Return the schedule that `text` names; UsageError for one that never fires."""
    words = " ".join(text.split())
    if words.startswith("@") and words not in NAMES:
        near = closest_match(words, NAMES)
        raise UsageError(
            f"{text!r} is no schedule"
            + (f"; did you mean {near}?" if near else f": there are {', '.join(NAMES)}")
        )
    if words.startswith(_EVERY):
        return Schedule(words, every_s=_interval(words))
    cron = NAMES.get(words, words)
    if len(cron.split()) != _FIELDS:
        raise UsageError(
            f"{text!r} is no schedule: five fields of cron such as `0 18 * * 1-5`, "
            "a name such as `@daily`, or an interval such as `every 6h`"
        )
    _check(text, cron)
    return Schedule(words, cron=cron)


def _interval(words: str) -> int:
    try:
        seconds = parse_duration(words.removeprefix(_EVERY))
    except ValueError as error:
        raise UsageError(f"{words!r} is no schedule: {error}") from None
    if seconds < 60:  # noqa: PLR2004 - a minute, the unit of cron
        raise UsageError(f"{words!r} is no schedule: an interval is at least a minute")
    return seconds


def _check(text: str, cron: str) -> None:
    from cronsim import CronSimError  # noqa: PLC0415 - only jobs with a schedule need it

    try:
        _simulation(cron, _EPOCH)
    except CronSimError as error:
        raise UsageError(f"{text!r} is no schedule: {str(error).lower()}") from None


def _simulation(cron: str, moment: datetime, *, backwards: bool = False) -> "CronSim":
    from cronsim import CronSim  # noqa: PLC0415 - as in `_check`

    return CronSim(cron, moment, reverse=backwards)


def next_after(schedule: Schedule, moment: datetime, zone: tzinfo) -> datetime | None:
    """Return the first firing after `moment`, in UTC; None where there is none in fifty years."""
    if schedule.every_s:
        passed = int((moment - _EPOCH).total_seconds()) // schedule.every_s
        return _EPOCH + timedelta(seconds=(passed + 1) * schedule.every_s)
    return _first(_simulation(schedule.cron, moment.astimezone(zone)))


def latest(schedule: Schedule, moment: datetime, zone: tzinfo) -> datetime | None:
    """Return the last firing up to `moment`, in UTC."""
    if schedule.every_s:
        following = next_after(schedule, moment, zone)
        return following - timedelta(seconds=schedule.every_s) if following else None
    # A whole second, as all firings are at one: those before it are those up to `moment`.
    after = moment.replace(microsecond=0) + timedelta(seconds=1)
    return _first(_simulation(schedule.cron, after.astimezone(zone), backwards=True))


def _first(firings: "CronSim") -> datetime | None:
    found = next(firings, None)
    return found.astimezone(UTC) if found else None


def due(
    schedule: Schedule, last: datetime, now: datetime, zone: tzinfo, missed: Missed = "once"
) -> Firing | None:
    """Return the firing that comes now, None where there is none since `last`.

    Of several that were missed only the last one counts. A clock that goes back repeats none.
    """
    found = latest(schedule, now, zone)
    if found is None or found <= last:
        return None
    return Firing(found, starts=missed == "once" or now - found <= _GRACE)
