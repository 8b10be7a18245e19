"""The commits that may say something about a task, remembered so that no history is read twice."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runr.clock import seconds_to_utc
from runr.evidence.inference import CommitRecord, mentions_task
from runr.git.repo import Repo
from runr.storage import database as storage_database
from runr.storage import sqlite_file
from runr.storage.layout import Layout

#: Raise it when other commits are picked: what was read before counts no more.
READER = "1"

# One field for a whole commit, the message from the second line on: of a hundred thousand commits
# most are only looked at, and taking each to pieces would cost more than reading it.
_FORMAT = "--format=%H %T %ct %P%n%B"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitScan:
    """What was read: how many commits, and those that may say something, the latest first."""

    commits: int
    traces: tuple[CommitRecord, ...]


def scan(repo: Repo, tip: str, titles: frozenset[str], *, known: str | None = None) -> CommitScan:
    """Read all that leads to `tip` and not to `known`; no commit comes before its children."""
    span = [tip, *([f"^{known}"] if known else [])]
    found, count = [], 0
    for facts, message in _commits(repo, span):
        count += 1
        if mentions_task(message, titles):
            found.append(_trace(facts, message))
    return CommitScan(commits=count, traces=tuple(found))


def scan_other_refs(repo: Repo, tip: str) -> tuple[CommitRecord, ...]:
    """Return the commits with trailers that are on some branch, and do not lead to `tip`."""
    span = ["--branches", "--remotes", f"^{tip}"]
    grep = ("-E", "--grep=^ *Runr-(Run-Id|Task): ")
    return tuple(_trace(facts, message) for facts, message in _commits(repo, span, *grep))


def dropped_commits(repo: Repo, before: str, now: str) -> tuple[str, ...] | None:
    """Return the commits that led to `before` and do not lead to `now`; None where that is lost."""
    found = repo.unless_gone("rev-list", before, f"^{now}", "--", needs=(before, now))
    return None if found is None else tuple(found.decode().split())


def between(repo: Repo, old: str, new: str) -> tuple[str, ...]:
    """Return the commits that lead to `new` and not to `old`; none where one of them is gone."""
    found = repo.unless_gone("rev-list", new, f"^{old}", "--", needs=(old, new))
    return tuple((found or b"").decode().split())


def _commits(repo: Repo, span: Sequence[str], *flags: str) -> Iterator[tuple[bytes, str]]:
    for record in repo.records("log", "-z", "--date-order", *flags, _FORMAT, *span, "--"):
        facts, _, message = record.partition(b"\n")
        yield facts, message.decode(errors="replace")


def _trace(facts: bytes, message: str) -> CommitRecord:
    sha, tree, time, *parents = facts.decode().split()
    return CommitRecord(
        sha=sha, parents=tuple(parents), tree=tree, time=seconds_to_utc(time), message=message
    )


if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitIndex:
    """What is remembered of the history that leads to `tip`; the latest trace comes first."""

    tip: str | None = None
    titles: frozenset[str] = frozenset()
    traces: tuple[CommitRecord, ...] = ()


def load_index(layout: Layout, reader: str, about: str = "") -> CommitIndex:
    """Return what `reader` has left here, with `about` in it; nothing if it was another one."""
    return storage_database.connect(
        layout, lambda database: _recall(database, reader, about), now_ns=time.time_ns()
    )


def save_index(
    layout: Layout,
    reader: str,
    seen: CommitIndex,
    now: CommitIndex,
    *,
    gone: Sequence[str] | None,
) -> None:
    """Add the commits of `now`, unless another process has changed what was `seen`.

    `gone` are the commits to forget; None forgets all that was seen.
    """

    def work(database: "sqlite3.Connection") -> None:
        queries = storage_database.queries()
        with sqlite_file.writing(database):
            if _tip(database, reader) != seen.tip:
                return
            if gone is None:
                database.execute(queries["clear_traces"])
            database.executemany(queries["delete_trace"], [(sha,) for sha in gone or ()])
            place = int(database.execute(queries["last_trace_place"]).fetchone()[0])
            rows = [
                (number, each.sha, " ".join(each.parents), each.tree, each.time, each.message)
                for number, each in enumerate(reversed(now.traces), place + 1)
            ]
            database.executemany(queries["put_trace"], rows)
            titles = json.dumps(sorted(now.titles))
            database.execute(queries["put_traces_read"], (now.tip, reader, titles))

    storage_database.connect(layout, work, now_ns=time.time_ns())


def _recall(database: "sqlite3.Connection", reader: str, about: str) -> CommitIndex:
    # One statement sees one state; two need a transaction around them.
    database.execute("BEGIN")
    row = database.execute(storage_database.queries()["traces_read"]).fetchone()
    listed = database.execute(storage_database.queries()["list_traces"], (about,)).fetchall()
    database.execute("COMMIT")
    if row is None or row[1] != reader:
        return CommitIndex()
    traces = tuple(
        CommitRecord(sha=sha, parents=tuple(parents.split()), tree=tree, time=time, message=message)
        for sha, parents, tree, time, message in listed
    )
    return CommitIndex(tip=row[0], titles=frozenset(json.loads(row[2])), traces=traces)


def _tip(database: "sqlite3.Connection", reader: str) -> str | None:
    row = database.execute(storage_database.queries()["traces_read"]).fetchone()
    return row[0] if row and row[1] == reader else None


def load_commits(
    layout: Layout, titles: frozenset[str] = frozenset(), *, tip: str | None = None, about: str = ""
) -> CommitScan:
    """Return the traces that lead to HEAD, and how many commits had to be read for them.

    `titles` are the subjects by which a task would be known; a new one among
    them makes the whole history be read once more. `tip` spares asking for
    HEAD; `about` leaves out the traces without this text.
    """
    repo = Repo(layout.root)
    head = tip or repo.head()
    if head is None:
        return CommitScan(commits=0, traces=())
    seen = load_index(layout, READER, about)
    known = seen.tip if titles <= seen.titles else None
    if known == head:
        return CommitScan(commits=0, traces=seen.traces)
    gone = dropped_commits(repo, known, head) if known else None
    known = None if gone is None else known
    wanted = seen.titles if known else titles
    fresh = scan(repo, head, wanted, known=known)
    now = CommitIndex(tip=head, titles=wanted, traces=fresh.traces)
    save_index(layout, READER, seen, now, gone=gone)
    lost = set(gone or ())
    kept = tuple(t for t in seen.traces if t.sha not in lost) if known else ()
    found = tuple(trace for trace in fresh.traces if about in trace.message)
    return CommitScan(commits=fresh.commits, traces=(*found, *kept))
