"""How one phase of a run ended."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """A word of `core.run.FOLLOWS` or the code of a stop, and the facts that were learned."""

    word: str
    facts: dict[str, Any] = field(default_factory=dict)
