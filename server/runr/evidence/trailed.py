"""Commits whose trailers say that a run made them for a task, and how far that counts.

Trailers are text that anyone can write. They count in full where the record of the run says the
same; without it only if the commit is as runr makes one, and never as passed checks.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from runr.evidence import commit_index, inference
from runr.evidence.inference import Basis, CommitMatch, CommitRecord
from runr.git import log
from runr.git.repo import Repo
from runr.git.trailers import RUN_ID, TASK, VERIFIED, VERIFIED_TREE, WORKER, Block, parse_trailers
from runr.runs.model import RunState


def blocks(commit: CommitRecord) -> tuple[Block, ...]:
    """Return the trailers of a commit."""
    return parse_trailers(commit.message) if "Runr-" in commit.message else ()


# Without slots, for the cached property.
@dataclass(frozen=True, kw_only=True)
class TrailerReader:
    """Reads the trailers of commits; `runs` are the records that are here, by their ids."""

    repo: Repo
    runs: Mapping[str, RunState]

    def matches(self, seen: Iterable[CommitRecord]) -> Iterator[CommitMatch]:
        """Yield what the trailers of the commits say, without what records contradict."""
        commits = [(each, found) for each in seen if (found := blocks(each))]
        verified = {
            each.tree for each, found in commits for b in found if each.tree in b.all(VERIFIED_TREE)
        }
        for each, found in commits:
            for block in found:
                for task in block.all(TASK) if block.checkpoint and not block.partial else ():
                    basis = self._basis(each, block, task, verified)
                    if basis is not None:
                        yield self._match(each, block, task, basis)

    def _basis(
        self, commit: CommitRecord, block: Block, task: str, verified: Collection[str]
    ) -> Basis | None:
        run = self.runs.get(block.get(RUN_ID) or "")
        if run is not None:
            if run.start.task != task or run.checkpoint_sha is None:
                return None
            if commit.sha in (*run.checkpoints, run.integration.commit_sha):
                return Basis.RECORD
        elif commit.sha in self._made_by_workers:
            return None
        return _shape(block, verified)

    def _match(self, commit: CommitRecord, block: Block, task: str, basis: Basis) -> CommitMatch:
        run_id = block.get(RUN_ID)
        run = self.runs.get(run_id or "")
        passed = run is not None and run.verification.result == "passed"
        return CommitMatch(
            task=task,
            sha=commit.sha,
            time=commit.time,
            basis=basis,
            run_id=run_id,
            like=run_id,
            verified=basis is Basis.RECORD and passed,
        )

    @cached_property
    def _made_by_workers(self) -> frozenset[str]:
        """The commits that workers made themselves, each below the checkpoint of its run."""
        tips = {
            run.checkpoint_sha: run
            for run in self.runs.values()
            # In the user's own tree, others commit as well.
            if run.checkpoint_sha and run.start.branch is not None
        }
        found: set[str] = set()
        for sha, commit in log.read_commits(self.repo, tips).items():
            base = tips[sha].start.base_sha
            if commit.parents[:1] != (base,):
                found.update(commit_index.between(self.repo, base, sha))
        own = {sha for run in self.runs.values() for sha in run.checkpoints}
        return frozenset(found - own)


def _shape(block: Block, verified: Collection[str]) -> Basis:
    """Return how much a commit is like one that runr makes."""
    run_id = block.get(RUN_ID) or ""
    is_whole = all(block.get(key) for key in (VERIFIED, WORKER))
    tree = block.get(VERIFIED_TREE)
    if not is_whole or inference.run_ids(run_id) != (run_id,):
        return Basis.CLAIM
    if tree in verified:
        return Basis.CHECKPOINT
    # After a rebase or squash, or where no check ran in a clean checkout.
    return Basis.TRAILERS
