"""Which commits after another were not made since: they came from a remote, or are older."""

import re

from runr.git.repo import Repo

#: What git notes in its logs of the refs where it makes a commit; a `(start)` or a fast-forward
#: only moves to one.
_MADE = re.compile(
    rb"(commit|cherry-pick|revert|am)\b|.*rebase.*\((pick|reword|edit|squash|fixup|merge|continue)\)"
)

_NOTED = re.compile(r".*@\{(?P<time>\d+)\} (?P<sha>[0-9a-f]+)")


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


def older(repo: Repo, base: str, head: str, since: float) -> frozenset[str]:
    """Return the commits after `base` that existed before a moment.

    Their own times say so, or the logs of the refs, of which one led to them by then.
    """
    dated = (line.split(" ") for line in _lines(repo, "log", "--format=%H %ct", f"{base}..{head}"))
    times = {sha: int(time) for sha, time in dated}
    before = {sha for sha, time in times.items() if time < int(since)}
    if repo.answer("reflog", "exists", "HEAD") is None:
        return frozenset(before)
    noted = _lines(repo, "log", "--walk-reflogs", "--all", "--date=unix", "--format=%gd %H")
    at = (_NOTED.fullmatch(line) for line in noted)
    known = {match["sha"] for match in at if match and int(match["time"]) < int(since)}
    reached = "".join(f"^{sha}\n" for sha in sorted(known)).encode()
    made = repo.text("rev-list", f"{base}..{head}", "--stdin", stdin=reached).split()
    return frozenset(before | (times.keys() - set(made)))


def _lines(repo: Repo, *words: str) -> list[str]:
    return repo.run(*words).decode(errors="surrogateescape").splitlines()


def _made(repo: Repo) -> frozenset[str]:
    lines = repo.run("log", "--walk-reflogs", "--all", "-z", "--format=%H %gs").split(b"\0")
    noted = (line.partition(b" ") for line in lines)
    return frozenset(sha.decode() for sha, _, action in noted if _MADE.match(action))
