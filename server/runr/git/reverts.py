"""Work that was taken back: by a revert of its commit, or of the merge that brought it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runr.core import inference
from runr.core.inference import Trace
from runr.git import traces
from runr.git.repo import Repo
from runr.git.trailers import RUN_ID, TASK, parse

#: What stands in the message of every revert.
WORDS = "This reverts commit "


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A checkpoint commit with the run and the task that it names; `last` of its milestones."""

    sha: str
    run_id: str | None
    task: str
    last: bool = True


def undone(repo: Repo, seen: Sequence[Trace]) -> dict[str, str]:
    """Return the commits that were taken back, each with the commit that did it."""
    found = inference.reverts(seen)
    by_sha = {trace.sha: trace for trace in seen}
    for sha, by in list(found.items()):
        if inference.is_of_merge(by_sha[by], sha):
            found |= dict.fromkeys(traces.between(repo, f"{sha}^1", sha), by)
    return found


def named(seen: Iterable[Trace]) -> tuple[Named, ...]:
    """Return what the checkpoints among the traces name, the latest first."""
    return tuple(
        Named(sha=trace.sha, run_id=block.get(RUN_ID), task=task, last=not block.partial)
        for trace in seen
        if "Runr-" in trace.message
        for block in parse(trace.message)
        if block.checkpoint
        for task in block.all(TASK)
    )


def of_run(
    run_id: str | None, checkpoint: str | None, commits: Iterable[Named], gone: Mapping[str, str]
) -> str | None:
    """Return the commit that took a run's work back; None while one commit with it stands."""
    known = [each.sha for each in commits if run_id and each.run_id == run_id and each.last]
    shas = known or ([checkpoint] if checkpoint else [])
    if not shas or any(sha not in gone for sha in shas):
        return None
    return gone[shas[0]]
