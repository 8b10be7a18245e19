"""What checked completions are worth whose commit a rebase or an amendment has replaced.

The checks passed on a tree. Where the commit that took the place of the checkpoint has another
one, nothing was checked of it, and its trailers are text that anyone can write.
"""

from collections.abc import Mapping
from contextlib import suppress

from runr.errors import DamagedStateError
from runr.evidence.inference import Basis
from runr.evidence.supported import as_inferred
from runr.git import log
from runr.git.repo import Repo
from runr.runs import journal
from runr.status.branch import Rewritten
from runr.status.model import Entry, Evidence, evidence_of_rewritten
from runr.storage.database import cached
from runr.storage.layout import Layout


def weaken(
    layout: Layout, repo: Repo, entries: Mapping[str, Entry], rewritten: Mapping[str, Rewritten]
) -> Mapping[str, Entry]:
    """Return the entries; those whose commit was rewritten to another tree count as inferred."""
    asked = {
        task: (entries[task].last_run_id or "", made.sha)
        for task, made in rewritten.items()
        if _is_checked(entries[task].evidence)
    }
    if not asked:
        return entries
    weaker = cached(
        layout, "rewritten", sorted(asked.items()), lambda: _find_weaker(layout, repo, asked)
    )
    return {
        **entries,
        **{task: as_inferred(entries[task], Basis(rewritten[task].basis)) for task in weaker},
    }


def _find_weaker(layout: Layout, repo: Repo, asked: Mapping[str, tuple[str, str]]) -> list[str]:
    commits = log.read_commits(repo, {sha for _, sha in asked.values()})
    return [
        task
        for task, (run_id, sha) in asked.items()
        if not _holds(layout, run_id, commits[sha].tree if sha in commits else None)
    ]


def _is_checked(evidence: Evidence | None) -> bool:
    return evidence not in (None, Evidence.INFERRED) and not evidence.is_statement


def _holds(layout: Layout, run_id: str, tree: str | None) -> bool:
    """Tell whether the checks of the run passed on the tree."""
    with suppress(DamagedStateError):
        run = journal.folded(layout.run(run_id))
        return run is not None and _is_checked(evidence_of_rewritten(run, tree))
    return False
