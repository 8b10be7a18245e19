"""The commits that may say something about a task, picked out of a history in one pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from runr.core.inference import Trace, speaks
from runr.git.repo import Repo

#: Raise it when other commits are picked: what was read before counts no more.
READER = "1"

_FIELDS = ("%H", "%P", "%T", "%ct", "%B")
_FORMAT = f"--format={'%x00'.join(_FIELDS)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: how many commits, and those that may say something, the latest first."""

    commits: int
    traces: tuple[Trace, ...]


def read(repo: Repo, tip: str, titles: frozenset[str], *, known: str | None = None) -> Reading:
    """Read all that leads to `tip` and not to `known`; no commit comes before its children."""
    span = [tip, *([f"^{known}"] if known else [])]
    found, count = [], 0
    for fields in _commits(repo, span):
        count += 1
        message = fields[-1].decode(errors="replace")
        if speaks(message, titles):
            found.append(_trace(fields, message))
    return Reading(commits=count, traces=tuple(found))


def elsewhere(repo: Repo, tip: str) -> tuple[Trace, ...]:
    """Return the commits with trailers that are on some branch, and do not lead to `tip`."""
    span = ["--branches", "--remotes", f"^{tip}"]
    grep = ("-E", "--grep=^ *Runr-(Run-Id|Task): ")
    return tuple(
        _trace(fields, fields[-1].decode(errors="replace"))
        for fields in _commits(repo, span, *grep)
    )


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


def _commits(repo: Repo, span: Sequence[str], *flags: str) -> Iterator[tuple[bytes, ...]]:
    fields = repo.records("log", "-z", "--date-order", *flags, _FORMAT, *span, "--")
    return zip(*[fields] * len(_FIELDS), strict=True)


def _trace(fields: Sequence[bytes], message: str) -> Trace:
    sha, parents, tree, time = (field.decode() for field in fields[:-1])
    return Trace(
        sha=sha, parents=tuple(parents.split()), tree=tree, time=stamp(time), message=message
    )
