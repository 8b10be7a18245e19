"""Commits whose changes a later merge left out: they lead to the tip, and nothing of them is there.

That is what `git merge -s ours` does, and a conflict resolved with one side only.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from runr.git import log
from runr.git.file_changes import Part
from runr.git.repo import Repo


class _Merge(NamedTuple):
    """A merge seen from one of its parents, `kept`, whose content it may have taken alone."""

    sha: str
    kept: str
    other: str


class Walked:
    """What is known of the history behind a tip, for the next question about what comes after it.

    `merged` is in what merges differ from one of their parents, by merge and parent.
    """

    def __init__(self) -> None:
        self.merged: dict[tuple[str, str], frozenset[str]] = {}
        self._tip = ""
        self._parents: dict[str, tuple[str, ...]] = {}

    def parents(self, repo: Repo, tip: str, commits: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the parents of all that leads to `tip` since the commits, parents first."""
        goes_on = self._tip != "" and repo.is_ancestor(self._tip, tip)
        if goes_on:
            self._parents |= log.parents_between(repo, self._tip, tip)
        if not goes_on or not self._parents.keys() >= set(commits):
            self._parents = log.parents_since(repo, tip, list(commits))
        self._tip = tip
        return self._parents


def find_dropped(repo: Repo, tip: str, parts: Mapping[str, Part], walked: Walked) -> dict[str, str]:
    """Return those of the parts of commits of `tip` of which a merge has nothing, with the first.

    A part counts as kept where the other side made the same change, and where a file has at the
    tip what the commit gave it. `walked` keeps what was read for the next question.
    """
    wanted = {key: parts[key] for key in sorted(parts) if parts[key].changes}
    shas = sorted({part.sha for part in wanted.values()})
    parents = walked.parents(repo, tip, shas) if shas else {}
    merges = [sha for sha, some in parents.items() if len(some) > 1]
    if not merges:
        return {}
    claims = _Claims(wanted)
    reached = claims.reached(parents)
    pairs = [(sha, parents[sha][0]) for sha in merges]
    merged = walked.merged
    fresh = [pair for pair in pairs if pair not in merged]
    merged |= zip(fresh, log.changed_between(repo, fresh) if fresh else [], strict=True)
    found: dict[str, str] = {}
    for sha, first in pairs:
        changed = merged[sha, first]
        for merge, some in _suspects(claims, sha, parents[sha], reached, changed):
            for key in claims.named(some):
                if key not in found and _is_dropped(repo, tip, merge, wanted[key]):
                    found[key] = sha
    return found


class _Claims:
    """The parts as bits of a number, so that sets of very many of them are compared at once."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._keys = list(parts)
        self._of_commit: dict[str, int] = {}
        self._by_path: dict[str, int] = {}
        for number, part in enumerate(parts.values()):
            bit = 1 << number
            self._of_commit[part.sha] = self._of_commit.get(part.sha, 0) | bit
            for path in part.changes:
                self._by_path[path] = self._by_path.get(path, 0) | bit

    def reached(self, parents: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
        """Map each commit, given parents first, to the claims that lead to it."""
        found: dict[str, int] = {}
        for sha, some in parents.items():
            mask = self._of_commit.get(sha, 0)
            for parent in some:
                mask |= found.get(parent, 0)
            found[sha] = mask
        return found

    def touching(self, paths: Collection[str]) -> int:
        """Return the claims that change one of the paths."""
        mask = 0
        for path in paths:
            mask |= self._by_path.get(path, 0)
        return mask

    def named(self, mask: int) -> Iterator[str]:
        """Yield the keys of a set."""
        while mask:
            bit = mask & -mask
            yield self._keys[bit.bit_length() - 1]
            mask ^= bit


def _suspects(
    claims: _Claims,
    sha: str,
    parents: tuple[str, ...],
    reached: Mapping[str, int],
    changed: Collection[str],
) -> Iterator[tuple[_Merge, int]]:
    """Yield the claims that a merge may have left out; `changed` is what its first parent lacks."""
    first = parents[0]
    touching = claims.touching(changed)
    for other in parents[1:]:
        here, there = reached.get(first, 0), reached.get(other, 0)
        if left_out := there & ~here & ~touching:
            yield _Merge(sha, kept=first, other=other), left_out
        if replaced := here & ~there & touching:
            yield _Merge(sha, kept=other, other=first), replaced


def _is_dropped(repo: Repo, tip: str, merge: _Merge, part: Part) -> bool:
    """Tell whether all files of the part are those of the side that lacks it."""
    paths = frozenset(part.changes)
    sides = [(merge.sha, merge.kept), (merge.sha, merge.other), (tip, part.sha)]
    from_kept, from_other, since = log.changed_between(repo, sides)
    if paths & from_kept or not paths & from_other or paths - since:
        return False
    return not log.same_changes(repo, log.apart(repo, merge.kept, merge.other), [part.sha])
