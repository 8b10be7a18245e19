"""What the history says, read up to HEAD: only what came since the last look is read."""

from runr.git import traces
from runr.git.repo import Repo
from runr.git.traces import Reading
from runr.store import traces as memory
from runr.store.layout import Layout
from runr.store.traces import Memory


def look(
    layout: Layout, titles: frozenset[str] = frozenset(), *, tip: str | None = None, about: str = ""
) -> Reading:
    """Return the traces that lead to HEAD, and how many commits had to be read for them.

    `titles` are the subjects by which a task would be known; a new one among
    them makes the whole history be read once more. `tip` spares asking for
    HEAD; `about` leaves out the traces without this text.
    """
    repo = Repo(layout.root)
    head = tip or repo.head()
    if head is None:
        return Reading(commits=0, traces=())
    seen = memory.recall(layout, traces.READER, about)
    known = seen.tip if titles <= seen.titles else None
    if known == head:
        return Reading(commits=0, traces=seen.traces)
    gone = traces.gone(repo, known, head) if known else None
    known = None if gone is None else known
    wanted = seen.titles if known else titles
    fresh = traces.read(repo, head, wanted, known=known)
    now = Memory(tip=head, titles=wanted, traces=fresh.traces)
    memory.keep(layout, traces.READER, seen, now, gone=gone)
    lost = set(gone or ())
    kept = tuple(t for t in seen.traces if t.sha not in lost) if known else ()
    found = tuple(trace for trace in fresh.traces if about in trace.message)
    return Reading(commits=fresh.commits, traces=(*found, *kept))
