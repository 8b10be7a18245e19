"""Files that a task owns, changed by others since the task was completed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runr.core import scope
from runr.git import history
from runr.git.repo import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a task owns, since which commit, and the commits that are its own."""

    task: str
    owns: tuple[str, ...]
    since: str
    own: tuple[str, ...] = ()


def changes(repo: Repo, tip: str, claims: Sequence[Claim]) -> dict[str, tuple[str, ...]]:
    """Return for each task the commits that changed what it owns, the latest first."""
    there = _leading_to(repo, tip, {claim.since for claim in claims})
    kept = [claim for claim in claims if claim.since in there]
    if not kept:
        return {}
    parents, touched = history.walked(repo, tip, _beginning(repo, tip, there))
    before: dict[str, frozenset[str]] = {}
    found = {}
    for claim in kept:
        near = [
            sha
            for sha, paths in touched.items()
            if sha not in claim.own and any(scope.matches(path, claim.owns) for path in paths)
        ]
        if near and claim.since not in before:
            before[claim.since] = _ancestry(claim.since, parents)
        later = tuple(sha for sha in near if sha not in before[claim.since])
        if later:
            found[claim.task] = later
    return found


def _leading_to(repo: Repo, tip: str, commits: Iterable[str]) -> set[str]:
    """Return those of the commits from which a way leads to `tip`."""
    lines = "".join(f"{sha}\n" for sha in sorted(commits)).encode()
    looked = repo.run("cat-file", "--batch-check", stdin=lines).decode().splitlines()
    there = {words[0] for line in looked if (words := line.split())[1:2] == ["commit"]}
    lines = "".join(f"{sha}\n" for sha in (*sorted(there), f"^{tip}")).encode()
    apart = repo.run("rev-list", "--stdin", stdin=lines).decode().split() if there else ()
    return there.difference(apart)


def _beginning(repo: Repo, tip: str, commits: Iterable[str]) -> str | None:
    base = repo.attempt("merge-base", "--octopus", tip, *sorted(commits))
    return base.out.decode().strip() if base.ok else None


def _ancestry(sha: str, parents: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """Return the commit and all that leads to it, as far as it was walked."""
    found, pending = {sha}, [sha]
    while pending:
        fresh = [parent for parent in parents.get(pending.pop(), ()) if parent not in found]
        found.update(fresh)
        pending += fresh
    return frozenset(found)
