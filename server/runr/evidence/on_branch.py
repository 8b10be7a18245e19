"""Whether the commits of completions are on the branch that is checked out.

Which commits lead to a tip never changes, so the answer is kept until the tip or a completion
is another one. Two processes of git answer for all completions together.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from runr.evidence import commit_index, equivalence, later_changes
from runr.evidence.inference import Basis
from runr.git import log
from runr.git.repo import Repo
from runr.status.branch import Absence, OnBranch, Rewritten
from runr.status.model import Entry, State
from runr.storage.database import cached
from runr.storage.layout import Layout

#: What says itself which work it is, or takes work back.
_SPEAKS = re.compile(f"Runr-|{later_changes.REVERT_PATTERN}")

#: As many commits are compared with those of the branch by what they change.
_MOST_COMPARED = 200


class _Claim(NamedTuple):
    key: str
    task: str
    sha: str
    run_id: str | None


class Reached:
    """The commits that lead to a tip, and so to all that comes after it."""

    def __init__(self) -> None:
        self._tip = ""
        self._commits: frozenset[str] = frozenset()

    def known(self, repo: Repo, tip: str) -> frozenset[str]:
        """Return those that are known to lead to this tip."""
        there = self._tip != "" and (self._tip == tip or repo.is_ancestor(self._tip, tip))
        return self._commits if there else frozenset()

    def keep(self, tip: str, commits: frozenset[str]) -> None:
        """Keep what leads to a tip for the next question."""
        self._tip, self._commits = tip, commits


def find_absent(
    layout: Layout,
    repo: Repo,
    tip: str | None,
    entries: Mapping[str, Entry],
    *,
    reached: Reached | None = None,
    digest: str | None = None,
) -> OnBranch:
    """Return the completions whose commits are not on the branch with this tip.

    `tip` is None for a branch without commits. In a shallow clone, a commit that is not
    in the repository counts as present: it may be older than what was fetched. With `reached`,
    git is not asked again about what was on the branch before. A `digest` stands for the entries.
    """
    if tip is None:
        return _nowhere(_claims(entries))

    def find() -> Any:
        return _find(layout, repo, tip, _claims(entries), reached or Reached())

    answer = cached(layout, "entries on branch", [tip, digest], find) if digest else find()
    return _now(repo, answer)


def _claims(entries: Mapping[str, Entry]) -> list[_Claim]:
    return sorted(
        _Claim(task, task, entry.checkpoint_sha or "", entry.last_run_id)
        for task, entry in entries.items()
        if claims_commit(entry)
    )


def find_absent_runs(
    layout: Layout, repo: Repo, tip: str | None, runs: Iterable[tuple[str, str, str]]
) -> OnBranch:
    """Return by their ids the completed runs whose commits are not on the branch.

    Each is given as its id, its task and its checkpoint.
    """
    claims = sorted(_Claim(run_id, task, sha, run_id) for run_id, task, sha in runs)
    if tip is None:
        return _nowhere(claims)
    return _now(repo, _find(layout, repo, tip, claims, Reached()))


def _nowhere(claims: Iterable[_Claim]) -> OnBranch:
    return OnBranch(absent={claim.key: "missing" for claim in claims}, rewritten={})


def _find(layout: Layout, repo: Repo, tip: str, claims: Sequence[_Claim], reached: Reached) -> Any:
    if not claims:
        return {"absent": {}, "rewritten": {}}
    # In one piece, as there may be ten thousand of them.
    text = json.dumps([part for claim in claims for part in claim])
    digest = hashlib.sha256(text.encode()).hexdigest()
    return cached(
        layout, "on branch", [tip, digest], lambda: _look(layout, repo, tip, claims, reached)
    )


def _now(repo: Repo, answer: Any) -> OnBranch:
    # A commit that does not lead to the tip can be pruned, or fetched, at any time.
    here = log.existing(repo, answer["absent"].values()) if answer["absent"] else set()
    absent: dict[str, Absence] = {
        key: "elsewhere" if sha in here else "missing" for key, sha in answer["absent"].items()
    }
    rewritten = {key: Rewritten(sha, basis) for key, (sha, basis) in answer["rewritten"].items()}
    return OnBranch(absent=absent, rewritten=rewritten)


def claims_commit(entry: Entry) -> bool:
    """Tell whether the entry is a completion that names a commit."""
    return entry.status is State.COMPLETED and bool(entry.checkpoint_sha)


def _look(layout: Layout, repo: Repo, tip: str, claims: Sequence[_Claim], reached: Reached) -> Any:
    claimed = frozenset(claim.sha for claim in claims)
    asked = claimed - reached.known(repo, tip)
    elsewhere, missing = log.absent_from(repo, [tip], asked)
    reached.keep(tip, claimed - elsewhere - missing)
    if (repo.common_dir() / "shallow").exists():
        missing = frozenset()
    lost = [claim for claim in claims if claim.sha in elsewhere | missing]
    rewritten = _rewritten(layout, repo, tip, lost, elsewhere) if lost else {}
    return {
        "absent": {each.key: each.sha for each in lost if each.key not in rewritten},
        "rewritten": rewritten,
    }


def _rewritten(
    layout: Layout,
    repo: Repo,
    tip: str,
    lost: Sequence[_Claim],
    elsewhere: Collection[str],
) -> dict[str, tuple[str, str]]:
    """Return the commits of the branch that are lost work: by trailers, tree or patch."""
    traces = commit_index.load_commits(layout, tip=tip).traces
    said = {
        (each.task, each.run_id): each.sha
        for each in reversed(later_changes.trailed_commits(traces))
        if each.run_id and each.last
    }
    found = {
        each.key: (sha, Basis.TRAILERS.value)
        for each in lost
        if each.run_id and (sha := said.get((each.task, each.run_id)))
    }
    speaking = {trace.sha for trace in traces if _SPEAKS.search(trace.message)}
    unsaid = [each for each in lost if each.key not in found]
    # The latest of very many: a branch that lacks more was not rewritten.
    compared = [each.sha for each in unsaid if each.sha in elsewhere][-_MOST_COMPARED:]
    alike = equivalence.find_equivalents(repo, tip, compared, speaking) if compared else {}
    for each in unsaid:
        if like := alike.get(each.sha):
            found[each.key] = (like.commit.sha, like.basis.value)
    return found
