"""The commits that may say something about a task, picked out of a history in one pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from runr.core.inference import Trace, speaks
from runr.git.repo import Repo

#: Raise it when other commits are picked: what was read before counts no more.
READER = "1"

# One field for a whole commit, the message from the second line on: of a hundred thousand commits
# most are only looked at, and taking each to pieces would cost more than reading it.
_FORMAT = "--format=%H %T %ct %P%n%B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: how many commits, and those that may say something, the latest first."""

    commits: int
    traces: tuple[Trace, ...]


def read(repo: Repo, tip: str, titles: frozenset[str], *, known: str | None = None) -> Reading:
    """Read all that leads to `tip` and not to `known`; no commit comes before its children."""
    span = [tip, *([f"^{known}"] if known else [])]
    found, count = [], 0
    for facts, message in _commits(repo, span):
        count += 1
        if speaks(message, titles):
            found.append(_trace(facts, message))
    return Reading(commits=count, traces=tuple(found))


def elsewhere(repo: Repo, tip: str) -> tuple[Trace, ...]:
    """Return the commits with trailers that are on some branch, and do not lead to `tip`."""
    span = ["--branches", "--remotes", f"^{tip}"]
    grep = ("-E", "--grep=^ *Runr-(Run-Id|Task): ")
    return tuple(_trace(facts, message) for facts, message in _commits(repo, span, *grep))


def stamp(seconds: str) -> str:
    """Return a commit's time, in seconds since 1970, as runr writes times."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"


def gone(repo: Repo, before: str, now: str) -> tuple[str, ...] | None:
    """Return the commits that led to `before` and do not lead to `now`; None where that is lost."""
    found = repo.attempt("rev-list", before, f"^{now}", "--")
    return tuple(found.out.decode().split()) if found.ok else None


def between(repo: Repo, old: str, new: str) -> tuple[str, ...]:
    """Return the commits that lead to `new` and not to `old`; none where one of them is gone."""
    found = repo.attempt("rev-list", new, f"^{old}", "--")
    return tuple(found.out.decode().split()) if found.ok else ()


def _commits(repo: Repo, span: Sequence[str], *flags: str) -> Iterator[tuple[bytes, str]]:
    for record in repo.records("log", "-z", "--date-order", *flags, _FORMAT, *span, "--"):
        facts, _, message = record.partition(b"\n")
        yield facts, message.decode(errors="replace")


def _trace(facts: bytes, message: str) -> Trace:
    sha, tree, time, *parents = facts.decode().split()
    return Trace(sha=sha, parents=tuple(parents), tree=tree, time=stamp(time), message=message)
