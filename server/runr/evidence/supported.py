"""What of the status file the records of this clone support.

The file is a claim: it can be edited by hand, and come with a commit. A completion counts as it is
recorded where the record of its run says the same, or where runr has inferred it here. Without
that it counts by the trailers of its commit, and an attestation or an inferred completion in a
shared status file as what that file says: as inferred, all of them. Anything else does not count.
"""

import re
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from runr import nofollow
from runr.errors import DamagedStateError
from runr.evidence import acknowledged, own_inferences, resets
from runr.evidence.inference import CONFIDENCE, Basis
from runr.git import log
from runr.git.log import Commit
from runr.git.repo import Repo
from runr.runs import completed_runs, journal
from runr.runs.completed_runs import Completed, ForeignRun, ResetRecord
from runr.runs.model import RunState
from runr.status.model import UNTOUCHED, Entry, Evidence, State, Verification, fold
from runr.storage import state_dir
from runr.storage.layout import Layout

# A folder changed this shortly ago may be changed once more within the resolution of its time.
_RACY_NS = 2_000_000_000

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


#: What else the entry repeats of the record, with the words for a difference.
_ALSO = {
    "verification": "the checks of {run} are {value}",
    "override_reason": "what {run} overrode by force is: {value}",
    "reason": "the reason of {run} is: {value}",
    "sequence": "the number of {run} is {value}",
}


class Supported(NamedTuple):
    """The entries as far as they count, and why completions do not: these are pending."""

    entries: Mapping[str, Entry]
    unproved: Mapping[str, str]


def find_supported(
    layout: Layout,
    repo: Repo,
    entries: Mapping[str, Entry],
    commits: dict[str, Commit],
    digest: str | None = None,
) -> Supported:
    """Return what counts of the entries; those that count as they are stay the same objects.

    `commits` are those that were read before; what is read is added. With a `digest` of the
    entries, they are not compared with the records again where all of them counted before.
    """
    mark = _mark(layout, digest) if digest else None
    if mark and completed_runs.is_supported(layout.root, mark):
        return Supported(entries, {})
    own = own_inferences.read(layout, entries.values())
    claims = {
        task: entry
        for task, entry in entries.items()
        if entry.status is State.COMPLETED and not own_inferences.is_own(own, task, entry)
    }
    known = _records(layout, claims.values())
    taken_back = _taken_back(layout, entries, known)
    unproved, alone = {}, {}
    for task, entry in claims.items():
        if task in taken_back:
            continue
        record = known.get(entry.last_run_id or "")
        if record is None:
            alone[task] = entry
        elif why := _contradiction(task, entry, record):
            unproved[task] = why
    weaker = _weaker(layout, repo, alone, commits)
    unproved |= {
        task: _unsupported(layout, entry) for task, entry in alone.items() if task not in weaker
    }
    # What they are worth otherwise stays as it was found.
    plain = acknowledged.unsupported(layout, {**entries, **weaker}, known)
    unproved |= {
        task: "its text is another one, and no record shows that it was acknowledged"
        for task, entry in plain.items()
        if task not in claims and not own_inferences.is_own(own, task, entry)
    }
    weaker |= plain
    if not (weaker or unproved or taken_back):
        if mark:
            completed_runs.keep_supported(layout.root, mark)
        return Supported(entries, {})
    pending = {task: _pending(entries[task]) for task in unproved}
    pending |= {task: resets.applied(entries[task], made) for task, made in taken_back.items()}
    unproved |= {task: resets.explain(made) for task, made in taken_back.items()}
    return Supported({**entries, **weaker, **pending}, unproved)


def _mark(layout: Layout, digest: str) -> str | None:
    """Return what changes when entries, runs or resets do; None where a change may not show.

    What a run completed never changes.
    """
    try:
        folder = nofollow.stat(layout.runs)
    except OSError:
        return None
    if folder.st_ctime_ns > time.time_ns() - _RACY_NS:
        return None
    resets_size = completed_runs.resets_size(layout.root)
    return f"{digest} {folder.st_ino} {folder.st_ctime_ns} {resets_size}"


def _taken_back(
    layout: Layout, entries: Mapping[str, Entry], known: Mapping[str, Completed]
) -> dict[str, ResetRecord]:
    """Return the resets that the entries contradict."""
    made, found = resets.read(layout), {}
    for task, entry in entries.items() if made else ():
        record = known.get(entry.last_run_id or "")
        # The entry may have any number; the record of its run has the right one.
        sequence = record.sequence if record else entry.sequence
        reset = resets.find(made, task, entry.last_run_id, sequence)
        if reset is not None and entry.status is State.COMPLETED:
            found[task] = reset
    return found


def _records(layout: Layout, claims: Iterable[Entry]) -> dict[str, Completed]:
    """Return what the runs of the claims completed, as far as they are here and of this clone."""
    named = {entry.last_run_id for entry in claims if entry.last_run_id}
    wanted = nofollow.existing(layout.runs, named)
    known = completed_runs.read(layout.root, wanted)
    found, foreign = _read(layout, wanted - known.keys())
    completed_runs.add(layout.root, found)
    completed_runs.add_foreign(layout.root, foreign)
    return {**known, **{record.run_id: record for record in found}}


def _read(layout: Layout, run_ids: Collection[str]) -> tuple[list[Completed], list[ForeignRun]]:
    """Return what these runs completed, and which are of another clone and were not known to be."""
    found, foreign = [], []
    known = completed_runs.read_foreign(layout.root, run_ids) if run_ids else {}
    before_ns = time.time_ns() - _RACY_NS
    for run_id, stat in nofollow.stat_in_each(layout.runs, "timeline.jsonl", run_ids):
        mark = ForeignRun(run_id, stat.st_size, stat.st_ctime_ns)
        if known.get(run_id) == mark:
            continue
        try:
            state = journal.folded(layout.run(run_id))
        except DamagedStateError:
            continue
        if state is None and mark.size and mark.changed_ns < before_ns:
            foreign.append(mark)
        elif state is not None and (record := _completed(state)):
            found.append(record)
    return found, foreign


def _completed(state: RunState) -> Completed | None:
    made = fold(UNTOUCHED, state, "")
    if made.status is not State.COMPLETED or made.evidence is None:
        return None
    return Completed(
        run_id=state.id,
        task=state.start.task,
        evidence=made.evidence.value,
        completed_by=made.completed_by or "",
        checkpoint_sha=made.checkpoint_sha,
        task_sha256=made.task_sha256,
        verification=made.verification.value,
        sequence=state.sequence,
        reason=made.reason,
        override_reason=made.override_reason,
    )


def _contradiction(task: str, entry: Entry, record: Completed) -> str | None:
    """Return how the entry differs from the record of its run."""
    if _repeats(task, entry, record):
        return None
    run = f"run {record.run_id}"
    made = Evidence(record.evidence)
    if record.task != task:
        return f"{run} is a run of {record.task}"
    if entry.evidence is None or not made.is_at_least(entry.evidence):
        return f"{run} is {made.label}, and not {entry.evidence or 'without evidence'}"
    if entry.completed_by != record.completed_by:
        return f"{run} was completed by {record.completed_by}"
    if entry.checkpoint_sha != record.checkpoint_sha:
        return f"{run} has another commit"
    if not entry.acknowledged_run and entry.task_sha256 != record.task_sha256:
        return f"{run} had another text of the task"
    differing = (name for name in _ALSO if getattr(entry, name) != getattr(record, name))
    return next(
        (_ALSO[name].format(run=run, value=getattr(record, name)) for name in differing), None
    )


def _repeats(task: str, entry: Entry, record: Completed) -> bool:
    """Tell whether the entry says what the record does: most do, and there are many."""
    return (
        record.task == task
        and entry.evidence == record.evidence
        and entry.completed_by == record.completed_by
        and entry.checkpoint_sha == record.checkpoint_sha
        and entry.task_sha256 == record.task_sha256
        and entry.verification == record.verification
        and entry.override_reason == record.override_reason
        and entry.reason == record.reason
        and entry.sequence == record.sequence
    )


def _weaker(
    layout: Layout, repo: Repo, alone: Mapping[str, Entry], commits: dict[str, Commit]
) -> dict[str, Entry]:
    """Return the entries without a record that count as inferred."""
    if not alone:
        return {}
    shas = {entry.checkpoint_sha or "" for entry in alone.values()} - commits.keys()
    commits |= log.read_commits(repo, filter(_SHA.fullmatch, shas))
    shared = state_dir.is_shared(layout)
    is_whole = shared or not (repo.common_dir() / "shallow").exists()
    found = {}
    for task, entry in alone.items():
        commit = commits.get(entry.checkpoint_sha or "")
        if commit is not None and commit.is_checkpoint_of(entry.last_run_id or "", task):
            found[task] = as_inferred(entry, Basis.TRAILERS)
        elif (shared and _is_word(entry, commit)) or (
            commit is None and is_whole and _names(entry)
        ):
            # A commit that is not here is said to be missing, where all others are.
            found[task] = as_inferred(entry, Basis.STATUS)
    return found


def _is_word(entry: Entry, commit: Commit | None) -> bool:
    """Tell whether the word of the status file is all that there can be of the completion."""
    if entry.evidence is Evidence.INFERRED:
        return True
    return commit is None and entry.evidence is not None and entry.evidence.is_statement


def _names(entry: Entry) -> bool:
    return _SHA.fullmatch(entry.checkpoint_sha or "") is not None


def as_inferred(entry: Entry, basis: Basis) -> Entry:
    """Return the completion as one that only a commit or the status file shows."""
    return entry._replace(
        evidence=Evidence.INFERRED,
        verification=Verification.NONE,
        basis=basis.value,
        confidence=CONFIDENCE[basis],
    )


def _unsupported(layout: Layout, entry: Entry) -> str:
    if entry.last_run_id is None:
        return "it names no run, and no commit shows it"
    if nofollow.existing(layout.runs, {entry.last_run_id}) and _is_here(layout, entry.last_run_id):
        return f"run {entry.last_run_id} did not complete it, and no commit shows it"
    return f"run {entry.last_run_id} is not of this clone, and no commit shows it"


def _is_here(layout: Layout, run_id: str) -> bool:
    with suppress(DamagedStateError):
        return journal.folded(layout.run(run_id)) is not None
    return True


def _pending(entry: Entry) -> Entry:
    """Return the entry of a task that is not completed, as far as is known here."""
    return Entry(
        last_run_id=entry.last_run_id,
        updated_at=entry.updated_at,
        run_count=entry.run_count,
        revision=entry.revision,
        sequence=entry.sequence,
        extra=entry.extra,
    )
