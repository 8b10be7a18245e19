"""Commits that a later one took back, whatever its message says.

GitHub's button writes no id of a commit, and `git revert --no-commit` and `git checkout OLD --
FILE` leave the message to the user. So the contents of the files decide. A later change of the
same lines takes nothing back.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from runr.git import file_changes, log
from runr.git.file_changes import CommitChanges, FileChange, Part
from runr.git.repo import Repo

#: The paths of a commit, each with how many bytes its file has more.
_Growth = frozenset[tuple[str, int]]


def find_undone(
    repo: Repo, tip: str, parts: Mapping[str, Part], known: dict[str, CommitChanges]
) -> dict[str, str]:
    """Return those of the parts of commits of `tip` of which nothing is left, and what undid them.

    A part counts as undone where all of its files are at the tip what they were before it, and
    where a later commit makes the opposite change and none makes the change again. `known` keeps
    what commits change from one question to the next.
    """
    if not any(part.changes for part in parts.values()):
        return {}
    now = file_changes.files_of(repo, tip)
    suspects = {
        key: part for key, part in parts.items() if part.changes and not _has_any(now, part.changes)
    }
    if not suspects:
        return {}
    order = reversed(log.parents_since(repo, tip, [part.sha for part in suspects.values()]))
    history = _History(file_changes.of_commits(repo, order, known))
    found: dict[str, str] = {}
    for key, part in suspects.items():
        by = history.later(part.sha, part.changes)
        if by and all(now.get(path) == change.old for path, change in part.changes.items()):
            found[key] = by
    rest = {key: part for key, part in suspects.items() if key not in found}
    return found | _taken_back(repo, rest, history)


def _has_any(now: Mapping[str, str], changes: CommitChanges) -> bool:
    return any(now.get(path) == change.new for path, change in changes.items())


class _History:
    """The later commits, numbered from the latest, and which make a certain change."""

    def __init__(self, changes: Mapping[str, CommitChanges]) -> None:
        self.changes = changes
        self.names = list(changes)
        self.number = {sha: number for number, sha in enumerate(self.names)}
        self._making: dict[tuple[str, FileChange], list[int]] = defaultdict(list)
        self._touching: dict[str, int] = {}
        for number, some in enumerate(changes.values()):
            for path, change in some.items():
                self._making[path, change].append(number)
                self._touching.setdefault(path, number)

    def later(self, sha: str, paths: Collection[str]) -> str | None:
        """Return the latest commit that changes one of the paths, where it is later than `sha`."""
        numbers = [self._touching[path] for path in paths if path in self._touching]
        first = min(numbers, default=self.place(sha))
        return self.names[first] if first < self.place(sha) else None

    def place(self, sha: str) -> int:
        """Return the number of a commit; those that are not among them came before."""
        return self.number.get(sha, len(self.names))

    def making(self, changes: CommitChanges) -> set[int]:
        """Return the commits that make all of the changes, and maybe others."""
        return set.intersection(*(set(self._making.get(each, ())) for each in changes.items()))


def _taken_back(repo: Repo, suspects: Mapping[str, Part], history: _History) -> dict[str, str]:
    # The lines of a commit are compared as a whole.
    by_patch = _by_patch(
        repo, {part.sha: part.changes for part in suspects.values() if part.whole}, history
    )
    found = {}
    for key, part in suspects.items():
        inverse = {path: change.inverse() for path, change in part.changes.items()}
        same, opposite = by_patch.get(part.sha if part.whole else "", _Numbers(set(), set()))
        end = history.place(part.sha)
        undone = min(opposite | history.making(inverse), default=end)
        made = min((same | history.making(part.changes)) - {end}, default=end)
        if undone < min(made, end):
            found[key] = history.names[undone]
    return found


class _Numbers(NamedTuple):
    """The commits that make the same change as another one, and those that make the opposite."""

    same: set[int]
    opposite: set[int]


def _by_patch(
    repo: Repo, suspects: Mapping[str, CommitChanges], history: _History
) -> dict[str, _Numbers]:
    """Find commits with the same lines at other places of files that were changed between.

    Patches are made only where the sizes of the files allow it.
    """
    wanted = {frozenset(some) for some in suspects.values()}
    near = {sha: some for sha, some in history.changes.items() if frozenset(some) in wanted}
    growths = dict(_growths(repo, {**near, **suspects}))
    opposites = {growths[sha] for sha in near}
    asked = [sha for sha in suspects if _shrinking(growths[sha]) in opposites]
    if not asked:
        return {}
    kinds = {kind for sha in asked for kind in (growths[sha], _shrinking(growths[sha]))}
    numbers = _by_id(repo, [sha for sha in near if growths[sha] in kinds], history)
    ids = log.patch_ids(repo, asked)
    opposite_ids = log.patch_ids(repo, asked, opposite=True)
    return {
        sha: _Numbers(
            set(numbers.get(ids.get(sha, ""), ())), set(numbers.get(opposite_ids.get(sha, ""), ()))
        )
        for sha in asked
    }


def _by_id(repo: Repo, commits: Sequence[str], history: _History) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for sha, name in log.patch_ids(repo, commits).items():
        found[name].append(history.number[sha])
    return found


def _growths(repo: Repo, commits: Mapping[str, CommitChanges]) -> Iterator[tuple[str, _Growth]]:
    files = {file for some in commits.values() for change in some.values() for file in change}
    sizes = file_changes.sizes(repo, files)
    for sha, some in commits.items():
        grown = (
            (path, sizes.get(new or "", 0) - sizes.get(old or "", 0))
            for path, (old, new) in some.items()
        )
        yield sha, frozenset(grown)


def _shrinking(growth: _Growth) -> _Growth:
    return frozenset((path, -size) for path, size in growth)
