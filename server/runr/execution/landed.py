"""Whether runs that land, and what the user does at the same time, explain where a branch is.

A run records its commit before that lands, so its journal tells whether it made it.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress

from runr.errors import DamagedStateError
from runr.execution.context import RunContext
from runr.git import checkpoint, refs
from runr.git.repo import Repo
from runr.runs import journal

Steps = Collection[tuple[str, str]]


def explains(context: RunContext, old: str, new: str, steps: set[tuple[str, str]]) -> bool:
    """Tell whether landed work and the user's `steps` lead from one commit to the other.

    A step is a pair of commits, as the log of a HEAD has them.
    """
    starts = refs.reached(steps, old)
    if new in starts:
        return True
    repo = context.root
    return any(
        _is_landed_on(context, start, new, steps)
        for start in starts
        if repo.is_ancestor(start, new)
    )


def _is_landed_on(context: RunContext, old: str, new: str, steps: Steps) -> bool:
    """Follow the commits from `old`, parents first, along those that landed or that a step made."""
    made = set(_checkpoints(context, f"{old}..{new}"))
    above, found = {old}, {old}
    for commit, *parents in _history(context.root, old, new):
        if above.intersection(parents):
            above.add(commit)
        forward = commit in made and commit in above
        merged = parents[:1] and parents[0] in found and made.intersection(parents[1:])
        if forward or merged or any(step == commit and at in found for at, step in steps):
            found.add(commit)
    return new in found


def _history(repo: Repo, old: str, new: str) -> list[list[str]]:
    listed = repo.text("rev-list", "--topo-order", "--reverse", "--parents", f"{old}..{new}")
    return [line.split() for line in listed.split("\n") if line]


def _checkpoints(context: RunContext, span: str) -> Iterator[str]:
    """Yield the commits of other runs that their journals hold: anyone can write a trailer."""
    others = set(journal.ids(context.layout)) - {context.files.id}
    for ref in checkpoint.find(context.root, span):
        for run_id in others.intersection(ref.run_ids):
            with suppress(DamagedStateError, OSError):
                state = journal.folded(context.layout.run(run_id))
                if state is not None and ref.sha in state.checkpoints:
                    yield ref.sha
