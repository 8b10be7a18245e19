"""What the messages of commits prove about tasks."""

from typing import Any

import pytest

from runr.evidence import inference
from runr.evidence.inference import Basis, CommitMatch, CommitRecord
from runr.status.model import Entry, Evidence, State, Verification
from unit.status_entries import LATER, NOW, RUN, SHA, A, completed

BEFORE, AFTER = "2025-01-08T10:00:00Z", "2025-01-09T10:00:00Z"
FIRST, SECOND, THIRD = ("1" * 40, "2" * 40, "3" * 40)


def match(**fields: Any) -> CommitMatch:
    return CommitMatch(
        **({"task": A, "sha": FIRST, "time": AFTER, "basis": Basis.TRAILERS} | fields)
    )


def improves(entry: Entry, found: CommitMatch, *, later: bool = True) -> bool:
    return inference.improves(entry, found, lambda: later)


def commit(sha: str, message: str) -> CommitRecord:
    return CommitRecord(sha=sha, parents=(), tree=THIRD, time=NOW, message=message)


def inferred(**fields: Any) -> Entry:
    known = {"evidence": Evidence.INFERRED, "confidence": 0.6, "basis": "scope"}
    return completed(**(known | fields))


@pytest.mark.parametrize("evidence", [each for each in Evidence if each is not Evidence.INFERRED])
def test_no_commit_replaces_a_completion_that_was_not_inferred(evidence: Evidence) -> None:
    assert not improves(completed(evidence=evidence), match())
    assert not improves(completed(evidence=evidence, confidence=0.1), match())


@pytest.mark.parametrize(
    ("basis", "later", "better"),
    [
        (Basis.PATCH, False, True),
        (Basis.SCOPE, True, True),
        (Basis.SCOPE, False, False),
        (Basis.MIRROR, True, False),
    ],
)
def test_an_inferred_completion_is_replaced_by_a_more_certain_or_later_commit(
    basis: Basis, later: bool, better: bool
) -> None:
    # What a clock said does not matter.
    for time in (BEFORE, AFTER):
        assert improves(inferred(), match(basis=basis, time=time), later=later) is better


def test_an_inferred_completion_without_confidence_is_replaced() -> None:
    title = match(basis=Basis.TITLE, time=BEFORE)
    assert improves(inferred(confidence=None), title, later=False)
    # None counts as no confidence at all, and not as any.
    assert not improves(inferred(confidence=0.4), title)


def test_nothing_is_inferred_for_a_task_with_an_active_run() -> None:
    entry = Entry(status=State.IN_PROGRESS, updated_at=BEFORE, last_run_id=LATER)
    assert not improves(entry, match(run_id=RUN))
    assert not improves(entry, match())


@pytest.mark.parametrize("status", [State.STOPPED, State.FAILED, State.PENDING])
def test_a_commit_does_not_contradict_the_record_of_its_own_run(status: State) -> None:
    entry = Entry(status=status, updated_at=BEFORE, last_run_id=RUN)
    assert not improves(entry, match(run_id=RUN))
    assert improves(entry, match(run_id=LATER))
    assert improves(entry, match(run_id=None))
    assert improves(Entry(status=status, updated_at=BEFORE), match(run_id=None))


def test_an_open_task_is_completed_by_a_commit_that_came_after_its_last_run_began() -> None:
    assert improves(Entry(), match(time=BEFORE), later=False)
    stopped = Entry(status=State.STOPPED, updated_at=NOW)
    assert improves(stopped, match(time=BEFORE))
    assert not improves(stopped, match(time=AFTER), later=False)


def test_each_basis_is_less_certain_than_the_one_before() -> None:
    known = [inference.CONFIDENCE[basis] for basis in Basis]
    assert known == [1.0, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.3]
    assert [value >= inference.ENOUGH for value in known] == [True] * 7 + [False] * 3
    assert match(basis=Basis.TREE).confidence == 0.9


@pytest.mark.parametrize(
    ("basis", "like", "message"),
    [
        (Basis.TRAILERS, RUN, f"its trailers name the task and run {RUN}"),
        (Basis.TRAILERS, None, "its trailers name the task and no run"),
        (Basis.TREE, SHA, "it leads to the tree of checkpoint 222222222222"),
        (Basis.PATCH, SHA, "it makes the change of checkpoint 222222222222"),
        (Basis.SCOPE, RUN, f"it names run {RUN} and changes only what the task owns"),
        (Basis.MIRROR, None, "the task's header says so"),
    ],
)
def test_a_match_states_its_basis(basis: Basis, like: str | None, message: str) -> None:
    assert match(basis=basis, like=like).message == message


@pytest.mark.parametrize(
    ("message", "mentions"),
    [
        ("Anything\n\nRunr-Task: a", True),
        (f"Undo it\n\nThis reverts commit {SHA}.", True),
        ("\n\nAdd  a LOGIN (#12)\n\nbody", True),
        ("Add a login page", False),
        ("Other\n\nadd a login", False),
        (f"Other, see {RUN}", True),
        (f"Other, see x{RUN}", False),
    ],
)
def test_only_commits_that_can_match_are_examined(message: str, mentions: bool) -> None:
    assert inference.mentions_task(message, frozenset({"add a login"})) is mentions


def test_ids_of_runs_are_found_once_each_in_order() -> None:
    assert inference.run_ids(f"{LATER} ({RUN}), {LATER}") == (LATER, RUN)
    assert inference.run_ids(f"{RUN}x and 1{RUN}") == ()


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        ("Add  It (#3)", "add it"),
        ("Add it (3)", "add it (3)"),
        ("(#3) Add", "(#3) add"),
        ("STRASSE Straße", "strasse strasse"),
    ],
)
def test_a_title_is_compared_without_its_number_case_and_spaces(subject: str, title: str) -> None:
    assert inference.normalized_title(subject) == title


def test_a_revert_counts_until_it_is_reverted_itself() -> None:
    first = commit(FIRST, "Work")
    revert = commit(SECOND, f"Undo\n\nThis reverts commit {FIRST}.")
    again = commit(THIRD, f"Redo\n\nThis reverts commit {SECOND}.")
    assert inference.reverts([revert, first]) == {FIRST: SECOND}
    assert inference.reverts([again, revert, first]) == {SECOND: THIRD}


def test_the_latest_revert_of_a_commit_is_named() -> None:
    reverts = [commit(sha, f"This reverts commit {FIRST}") for sha in (THIRD, SECOND)]
    assert inference.reverts(reverts) == {FIRST: THIRD}


def test_a_revert_of_a_merge_says_so() -> None:
    merge = commit(THIRD, f"This reverts commit {FIRST}, reversing\nchanges made to {SECOND}.")
    assert inference.is_of_merge(merge, FIRST)
    assert not inference.is_of_merge(merge, SECOND)
    assert not inference.is_of_merge(commit(THIRD, f"This reverts commit {FIRST}."), FIRST)


def test_a_subject_is_the_first_line_that_is_not_blank() -> None:
    assert commit(FIRST, "\n\nAdd it\nmore").subject == "Add it"


def test_an_inferred_completion_records_the_commit_and_nothing_of_an_earlier_stop() -> None:
    stopped = Entry(
        status=State.STOPPED, stop_reason="error", reason="no", last_run_id=RUN, revision=4
    )
    entry = inference.completed(stopped, match(basis=Basis.SCOPE, task_sha256="4" * 64), 7)
    assert (entry.status, entry.evidence, entry.verification) == (
        State.COMPLETED,
        Evidence.INFERRED,
        Verification.NONE,
    )
    assert (entry.confidence, entry.basis) == (0.6, "scope")
    assert (entry.last_run_id, entry.completed_by) == (RUN, f"commit:{FIRST}")
    assert (entry.completed_at, entry.updated_at) == (AFTER, AFTER)
    assert (entry.checkpoint_sha, entry.task_sha256) == (FIRST, "4" * 64)
    assert (entry.stop_reason, entry.reason, entry.revision) == (None, None, 5)
    assert entry.run_count == 1


def test_a_verified_commit_of_a_run_is_completed_by_that_run() -> None:
    entry = inference.completed(Entry(), match(verified=True, run_id=LATER, sha=""), 7)
    assert entry.verification is Verification.PASSED
    assert (entry.last_run_id, entry.completed_by) == (LATER, f"run:{LATER}")
    assert entry.checkpoint_sha is None
    assert inference.completed(Entry(), match(by="person:ada"), 7).completed_by == "person:ada"


def test_a_withdrawn_completion_leaves_a_pending_task() -> None:
    entry = inference.withdrawn(inferred(revision=2), AFTER)
    assert (entry.status, entry.verification) == (State.PENDING, Verification.NONE)
    assert (entry.updated_at, entry.revision, entry.last_run_id) == (AFTER, 3, RUN)
    gone = (entry.completed_at, entry.completed_by, entry.checkpoint_sha, entry.task_sha256)
    assert {*gone, entry.evidence, entry.confidence, entry.basis} == {None}
