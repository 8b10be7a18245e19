"""Files that a task owns, changed by others since the task was completed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runr.evidence import commit_index, inference
from runr.evidence.inference import CommitMatch, CommitRecord
from runr.git import log
from runr.git.repo import Repo
from runr.git.trailers import RUN_ID, TASK, parse_trailers
from runr.runs.model import RunState
from runr.scope.patterns import PathIndex
from runr.status.model import Entry, State

#: Part of the message of every revert.
REVERT_PATTERN = "This reverts commit "


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommit:
    """A checkpoint commit with the run and the task that it names; `last` of its milestones."""

    sha: str
    run_id: str | None
    task: str
    last: bool = True


def reverted_commits(repo: Repo, seen: Sequence[CommitRecord]) -> dict[str, str]:
    """Return the commits that were taken back, each with the commit that did it."""
    found = inference.reverts(seen)
    by_sha = {trace.sha: trace for trace in seen}
    for sha, by in list(found.items()):
        if inference.is_of_merge(by_sha[by], sha):
            found |= dict.fromkeys(commit_index.between(repo, f"{sha}^1", sha), by)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOrder:
    """What came after what, by the history; `runs` are the records that are here, by their ids."""

    repo: Repo
    runs: Mapping[str, RunState]

    def is_later(self, finding: CommitMatch, entry: Entry) -> bool:
        """Tell whether the commit came after what is recorded.

        It did not where it was there already: at the recorded commit, or when the
        last run began. Where neither is known, the commit says more.
        """
        if not finding.sha:
            return False
        run = self.runs.get(entry.last_run_id or "")
        began = run.start.base_sha if run else entry.reset_commit
        known = entry.checkpoint_sha if entry.status is State.COMPLETED else began
        if not known or self.repo.resolve(known) is None:
            return True
        return not self.repo.is_ancestor(finding.sha, known)


def trailed_commits(seen: Iterable[CommitRecord]) -> tuple[RunCommit, ...]:
    """Return what the checkpoints among the traces name, the latest first."""
    return tuple(
        RunCommit(sha=trace.sha, run_id=block.get(RUN_ID), task=task, last=not block.partial)
        for trace in seen
        if "Runr-" in trace.message
        for block in parse_trailers(trace.message)
        if block.checkpoint
        for task in block.all(TASK)
    )


def of_run(
    run_id: str | None,
    checkpoint: str | None,
    commits: Iterable[RunCommit],
    gone: Mapping[str, str],
) -> str | None:
    """Return the commit that reverted a run's work; None unless all of its commits are."""
    known = [each.sha for each in commits if run_id and each.run_id == run_id and each.last]
    shas = known or ([checkpoint] if checkpoint else [])
    if not shas or any(sha not in gone for sha in shas):
        return None
    return gone[shas[0]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedPaths:
    """What a task owns, since which commit, and the commits that are its own."""

    task: str
    owns: tuple[str, ...]
    since: str
    own: tuple[str, ...] = ()


def changes_outside(
    repo: Repo, tip: str, claims: Sequence[OwnedPaths]
) -> dict[str, tuple[str, ...]]:
    """Return for each task the commits that changed what it owns, the latest first."""
    there = leading_to(repo, tip, {claim.since for claim in claims})
    kept = [claim for claim in claims if claim.since in there]
    if not kept:
        return {}
    parents, touched = log.walked(repo, tip, _beginning(repo, tip, there))
    changed_by = _by_path(touched)
    index = PathIndex(changed_by)
    place = {sha: number for number, sha in enumerate(touched)}
    before: dict[str, frozenset[str]] = {}
    found = {}
    for claim in kept:
        paths = {path for pattern in claim.owns for path in index.matching(pattern)}
        near = {sha for path in paths for sha in changed_by[path]}.difference(claim.own)
        if near and claim.since not in before:
            before[claim.since] = _ancestry(claim.since, parents)
        later = sorted(near.difference(before.get(claim.since, ())), key=place.__getitem__)
        if later:
            found[claim.task] = tuple(later)
    return found


def _by_path(touched: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for sha, paths in touched.items():
        for path in paths:
            found.setdefault(path, []).append(sha)
    return found


def leading_to(repo: Repo, tip: str, commits: Iterable[str]) -> set[str]:
    """Return those of the commits from which a way leads to `tip`."""
    known = set(commits)
    return known.difference(*log.absent_from(repo, [tip], known))


def _beginning(repo: Repo, tip: str, commits: Iterable[str]) -> str | None:
    base = repo.answer("merge-base", "--octopus", tip, *sorted(commits))
    return None if base is None else base.decode().strip()


def _ancestry(sha: str, parents: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """Return the commit and all that leads to it, as far as it was walked."""
    found, pending = {sha}, [sha]
    while pending:
        fresh = [parent for parent in parents.get(pending.pop(), ()) if parent not in found]
        found.update(fresh)
        pending += fresh
    return frozenset(found)
