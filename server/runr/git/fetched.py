"""Which commits after another came from a remote."""

import re

from runr.git.repo import Repo

#: What git notes in its logs of the refs where it makes a commit; a `(start)` or a fast-forward
#: only moves to one.
_MADE = re.compile(
    rb"(commit|cherry-pick|revert|am)\b|.*rebase.*\((pick|reword|edit|squash|fixup|merge|continue)\)"
)


def fetched(repo: Repo, base: str, head: str) -> frozenset[str]:
    """Return the commits after `base` that a branch of a remote has, and that were not made here.

    Commits that were made here and pushed are known from the logs of the refs; without them, none.
    """
    after = f"{base}..{head}"
    commits = frozenset(repo.text("rev-list", after).split())
    remote = commits - frozenset(repo.text("rev-list", after, "--not", "--remotes").split())
    if not remote or repo.answer("reflog", "exists", "HEAD") is None:
        return frozenset()
    return remote - _made(repo)


def _made(repo: Repo) -> frozenset[str]:
    lines = repo.run("log", "--walk-reflogs", "--all", "-z", "--format=%H %gs").split(b"\0")
    noted = (line.partition(b" ") for line in lines)
    return frozenset(sha.decode() for sha, _, action in noted if _MADE.match(action))
