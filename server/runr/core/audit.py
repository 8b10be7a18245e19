"""Where each commit came from: a run, a person who said so, or nobody who can be named."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """What stands behind a commit, the strongest first; a merge is not counted."""

    CHECKPOINT = "checkpoint"
    INTERVENTION = "intervention"
    ATTRIBUTED = "attributed"
    INFERRED = "inferred"
    GAP = "gap"
    MERGE = "merge"


#: The origins for which somebody answers.
COVERED = (Origin.CHECKPOINT, Origin.INTERVENTION, Origin.ATTRIBUTED, Origin.INFERRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one commit.

    The first three are what its trailers say. `plain_merge` is a merge that
    changes nothing which git would not have changed by itself; `same_as` is
    a checkpoint that makes the same change.
    """

    checkpoint: bool = False
    intervention: bool = False
    attributed: bool = False
    plain_merge: bool = False
    same_as: str | None = None


def origin(facts: Facts) -> Origin:
    """Return where the commit came from."""
    if facts.checkpoint:
        return Origin.CHECKPOINT
    if facts.intervention:
        return Origin.INTERVENTION
    if facts.attributed:
        return Origin.ATTRIBUTED
    if facts.plain_merge:
        # Each side of it is judged by its own commits.
        return Origin.MERGE
    return Origin.INFERRED if facts.same_as else Origin.GAP


@dataclass(frozen=True, slots=True)
class Tally:
    """How many commits there are of each origin."""

    counts: dict[Origin, int]

    @classmethod
    def of(cls, origins: Iterable[Origin]) -> "Tally":
        """Count the origins, each of them named even where there is none."""
        counts = dict.fromkeys(Origin, 0)
        for found in origins:
            counts[found] += 1
        return cls(counts)

    @property
    def counted(self) -> int:
        """The commits that need somebody who answers for them."""
        return sum(self.counts.values()) - self.counts[Origin.MERGE]

    @property
    def covered(self) -> int:
        """The commits for which somebody answers."""
        return sum(self.counts[found] for found in COVERED)

    @property
    def coverage(self) -> float:
        """The covered share in percent, never rounded up; where nothing is counted, all of it."""
        if self.counted == 0:
            return 100.0
        return self.covered * 1000 // self.counted / 10

    def reaches(self, percent: float) -> bool:
        """Tell whether at least `percent` of what is counted is covered."""
        return self.counted == 0 or self.covered * 100 >= percent * self.counted
