"""The settings of staleness alone, read without the models of all the others.

Every listing asks for them, and the models take longer to import than the
listing takes.
"""

from typing import Any, Literal, NamedTuple, get_args

from runr import nofollow
from runr.storage.layout import Layout
from runr.tasks.model import Watched

Policy = Literal["warn", "rerun", "ignore"]

DEFAULT_TRIGGERS: tuple[Watched, ...] = ("text", "dependency", "reverted")


class StalenessPolicy(NamedTuple):
    """What makes a completed task stale, and what happens to a stale one."""

    stale: Policy = "warn"
    stale_on: tuple[Watched, ...] = DEFAULT_TRIGGERS


def load_policy(layout: Layout) -> StalenessPolicy:
    """Return the policy in the settings; the default where they cannot be read.

    Reading tasks is not refused for a mistake in the settings: `runr doctor`,
    and whatever needs them, reports it.
    """
    try:
        content = nofollow.read(layout.config)
        table = _table(content) if b"stale" in content else {}
    except (OSError, ValueError):
        return StalenessPolicy()
    stale, stale_on = table.get("stale", "warn"), table.get("stale_on", DEFAULT_TRIGGERS)
    if stale not in get_args(Policy) or not isinstance(stale_on, list | tuple):
        return StalenessPolicy()
    if any(trigger not in get_args(Watched) for trigger in stale_on):
        return StalenessPolicy()
    return StalenessPolicy(stale=stale, stale_on=tuple(stale_on))


def _table(content: bytes) -> dict[str, Any]:
    # Most settings say nothing about staleness.
    import tomllib  # noqa: PLC0415 - see above

    found = tomllib.loads(content.decode()).get("status")
    return found if isinstance(found, dict) else {}
