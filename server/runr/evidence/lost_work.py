"""Whether the work of completions is still there at a commit: one answer for all that ask."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from runr.evidence import commit_index, dropped_work, later_changes, on_branch, undone_work
from runr.evidence.dropped_work import Walked
from runr.evidence.later_changes import RunCommit
from runr.evidence.on_branch import Reached
from runr.git import file_changes, log
from runr.git.file_changes import CommitChanges, Part
from runr.git.repo import Repo
from runr.status.branch import OnBranch
from runr.status.model import Entry
from runr.storage.database import cached
from runr.storage.layout import Layout

#: A revert says so, a merge may have dropped it, or a commit undid it without a word.
Way = Literal["reverted", "dropped", "undone"]


class Lost(NamedTuple):
    """How completed work went, and the commit that took it."""

    way: Way
    by: str


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of commits, for the next question in this process.

    `where` says which completions are on the branch, where that was asked before; `digest` stands
    for all entries.
    """

    changes: dict[str, CommitChanges]
    walked: Walked
    reached: Reached
    where: OnBranch | None = None
    digest: str | None = None


def find_lost(
    layout: Layout, repo: Repo, tip: str, entries: Mapping[str, Entry], known: Known
) -> dict[str, list[Lost]]:
    """Return the completions whose work led to the tip and is not there, with all that took it.

    Of a completion whose commit was rewritten, the commit of the branch that is its work counts.
    """
    claims = {path: entry for path, entry in entries.items() if on_branch.claims_commit(entry)}
    if not claims:
        return {}
    where = known.where or on_branch.find_absent(layout, repo, tip, entries, reached=known.reached)
    found: dict[str, list[Lost]] = defaultdict(list)
    for path, by in _reverted(layout, repo, tip, claims).items():
        found[path].append(Lost("reverted", by))

    def find() -> dict[str, dict[str, str]]:
        there = {path: entry for path, entry in claims.items() if path not in where.absent}
        return _gone(layout, repo, tip, {p: _origin(where, p, e) for p, e in there.items()}, known)

    gone = cached(layout, "entries lost", [tip, known.digest], find) if known.digest else find()
    for way in ("dropped", "undone"):
        for path, by in gone.get(way, {}).items():
            found[path].append(Lost(way, by))
    return dict(found)


class _Origin(NamedTuple):
    """The commit of the branch that is the work, and the one that it was made from, or empty."""

    sha: str
    rewritten_from: str

    @property
    def key(self) -> str:
        return f"{self.sha} {self.rewritten_from}"


def _origin(where: OnBranch, path: str, entry: Entry) -> _Origin:
    sha = entry.checkpoint_sha or ""
    there = where.rewritten.get(path)
    return _Origin(there.sha, sha) if there else _Origin(sha, "")


def _gone(
    layout: Layout, repo: Repo, tip: str, there: Mapping[str, _Origin], known: Known
) -> dict[str, dict[str, str]]:
    """Return by the way, and by the path of the task, which commit took the work."""
    if not there:
        return {}
    wanted = sorted(set(there.values()))
    gone = cached(
        layout,
        "lost",
        [tip, wanted],
        lambda: _look(repo, tip, [_Origin(*each) for each in wanted], known),
    )
    return {
        way: {path: by for path, origin in there.items() if (by := gone[way].get(origin.key))}
        for way in gone
    }


def _look(
    repo: Repo, tip: str, wanted: Sequence[_Origin], known: Known
) -> dict[str, dict[str, str]]:
    parts = _parts(repo, wanted, known.changes)
    return {
        "dropped": dropped_work.find_dropped(repo, tip, parts, known.walked),
        "undone": undone_work.find_undone(repo, tip, parts, known.changes),
    }


def _parts(
    repo: Repo, wanted: Sequence[_Origin], known: dict[str, CommitChanges]
) -> dict[str, Part]:
    """Return what each changes; of a squashed commit, what its own commit did."""
    named = {sha for origin in wanted for sha in origin if sha}
    # A shallow clone may lack what is older than it, and a rewritten commit may be pruned.
    here = log.existing(repo, named - known.keys()) | (named & known.keys())
    changes = file_changes.of_commits(repo, sorted(here), known)
    parts = {}
    for origin in wanted:
        if origin.sha not in here:
            continue
        every, own = changes[origin.sha], changes.get(origin.rewritten_from, {})
        some = {path: change for path, change in every.items() if path in own} or every
        parts[origin.key] = Part(origin.sha, some, whole=len(some) == len(every))
    return parts


def _reverted(layout: Layout, repo: Repo, tip: str, entries: Mapping[str, Entry]) -> dict[str, str]:
    seen = commit_index.load_commits(layout, tip=tip, about=later_changes.REVERT_PATTERN).traces
    gone = later_changes.reverted_commits(repo, seen)
    if not gone:
        return {}
    by_run: dict[str | None, list[RunCommit]] = defaultdict(list)
    for each in later_changes.trailed_commits(commit_index.load_commits(layout, tip=tip).traces):
        by_run[each.run_id].append(each)
    found = {}
    for path, entry in entries.items():
        own = by_run.get(entry.last_run_id, ())
        if by := later_changes.of_run(entry.last_run_id, entry.checkpoint_sha, own, gone):
            found[path] = by
    return found
