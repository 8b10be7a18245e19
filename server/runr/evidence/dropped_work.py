"""Commits whose changes a later merge left out: they lead to the tip, and nothing of them is there.

That is what `git merge -s ours` does, and a conflict resolved with one side only.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from runr.git import file_changes, log
from runr.git.file_changes import CommitChanges
from runr.git.repo import Repo


class _Merge(NamedTuple):
    """A merge seen from one of its parents, `kept`, whose content it may have taken alone."""

    sha: str
    kept: str
    other: str


#: In what merges differ from one of their parents, by merge and parent: it never is another answer.
Merged = dict[tuple[str, str], frozenset[str]]


def find_dropped(
    repo: Repo,
    tip: str,
    commits: Collection[str],
    known: dict[str, CommitChanges],
    merged: Merged,
) -> dict[str, str]:
    """Return those of the commits of `tip` of which a merge has nothing, with the first such merge.

    A commit counts as kept where the other side made the same change, and where a file has at the
    tip what the commit gave it. `known` and `merged` keep what was read for the next question.
    """
    shallow = (repo.common_dir() / "shallow").exists()
    # A shallow clone may lack what is older than it.
    wanted = sorted(log.existing(repo, commits) if shallow else commits)
    parents = log.parents_since(repo, tip, wanted) if wanted else {}
    merges = [sha for sha, some in parents.items() if len(some) > 1]
    if not merges:
        return {}
    changes = file_changes.of_commits(repo, wanted, known)
    paths = {sha: frozenset(some) for sha, some in changes.items()}
    claims = _Claims([sha for sha in wanted if paths[sha]], paths)
    reached = claims.reached(parents)
    pairs = [(sha, parents[sha][0]) for sha in merges]
    fresh = [pair for pair in pairs if pair not in merged]
    merged |= zip(fresh, log.changed_between(repo, fresh) if fresh else [], strict=True)
    found: dict[str, str] = {}
    for sha, first in pairs:
        changed = merged[sha, first]
        for merge, some in _suspects(claims, sha, parents[sha], reached, changed):
            for commit in claims.named(some):
                if commit not in found and _is_dropped(repo, tip, merge, commit, paths[commit]):
                    found[commit] = sha
    return found


class _Claims:
    """The commits as bits of a number, so that sets of very many of them are compared at once."""

    def __init__(self, commits: list[str], paths: Mapping[str, frozenset[str]]) -> None:
        self._commits = commits
        self._bits = {sha: 1 << number for number, sha in enumerate(commits)}
        self._by_path: dict[str, int] = {}
        for sha, bit in self._bits.items():
            for path in paths[sha]:
                self._by_path[path] = self._by_path.get(path, 0) | bit

    def reached(self, parents: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
        """Map each commit, given parents first, to the claims that lead to it."""
        found: dict[str, int] = {}
        for sha, some in parents.items():
            mask = self._bits.get(sha, 0)
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
        """Yield the commits of a set."""
        while mask:
            bit = mask & -mask
            yield self._commits[bit.bit_length() - 1]
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


def _is_dropped(repo: Repo, tip: str, merge: _Merge, commit: str, paths: frozenset[str]) -> bool:
    """Tell whether all files of the commit are those of the side that lacks it."""
    sides = [(merge.sha, merge.kept), (merge.sha, merge.other), (tip, commit)]
    from_kept, from_other, since = log.changed_between(repo, sides)
    if paths & from_kept or not paths & from_other or paths - since:
        return False
    return not log.same_changes(repo, log.apart(repo, merge.kept, merge.other), [commit])
