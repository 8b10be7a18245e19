"""What the settings say of completions alone, read without the models of all the others.

Every listing asks for them, and the models take longer to import than the
listing takes.
"""

from typing import Any, Literal, NamedTuple, get_args

from runr import nofollow
from runr.storage.layout import Layout
from runr.tasks.model import Watched

Policy = Literal["warn", "rerun", "ignore"]

#: From the strongest to the weakest.
EVIDENCE = ("verified", "verified_in_workspace", "attested", "relayed", "inferred")
WEAKEST = EVIDENCE[-1]

DEFAULT_TRIGGERS: tuple[Watched, ...] = ("text", "dependency", "reverted")


class StalenessPolicy(NamedTuple):
    """What makes a completed task stale, and what happens to a stale one.

    `dependencies` is the weakest evidence of a completed dependency with which a task can start.
    """

    stale: Policy = "warn"
    stale_on: tuple[Watched, ...] = DEFAULT_TRIGGERS
    dependencies: str = WEAKEST


def load_policy(layout: Layout) -> StalenessPolicy:
    """Return the policy in the settings; the default where they cannot be read.

    Reading tasks is not refused for a mistake in the settings: `runr doctor`,
    and whatever needs them, reports it.
    """
    try:
        content = nofollow.read(layout.config)
        said = b"stale" in content or b"dependencies" in content
        table = _table(content) if said else {}
    except (OSError, ValueError):
        return StalenessPolicy()
    stale, stale_on = table.get("stale", "warn"), table.get("stale_on", DEFAULT_TRIGGERS)
    dependencies = table.get("dependencies", WEAKEST)
    if dependencies not in EVIDENCE:
        return StalenessPolicy()
    if stale not in get_args(Policy) or not isinstance(stale_on, list | tuple):
        return StalenessPolicy()
    if any(trigger not in get_args(Watched) for trigger in stale_on):
        return StalenessPolicy()
    return StalenessPolicy(stale=stale, stale_on=tuple(stale_on), dependencies=dependencies)


def _table(content: bytes) -> dict[str, Any]:
    # Most settings say nothing about either.
    import tomllib  # noqa: PLC0415 - see above

    found = tomllib.loads(content.decode()).get("status")
    return found if isinstance(found, dict) else {}
