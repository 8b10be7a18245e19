"""What proves a completion, and what speaks against it."""

from typing import Any

import pytest

from runr.evidence.inference import Basis, CommitMatch
from runr.proof.rules import CommitFacts, Facts, prove
from runr.runs.model import (
    Approval,
    Candidate,
    CheckResult,
    Decision,
    Integration,
    RunCreated,
    RunSpec,
    RunState,
    Verification,
)
from runr.status.branch import Rewritten
from runr.status.model import Entry, Evidence
from runr.status.model import Verification as Recorded
from unit.status_entries import NOW, RUN, SHA, A, B, completed

TREE, OTHER = "4" * 40, "5" * 40
TEXT = "3" * 64
PASSED = CheckResult("task", "test -d .", 0, 0.1)
ADA = Decision(approval=Approval("Ada", "did it"))
COMMIT = CommitFacts(SHA, TREE, is_own=True)
MATCH = CommitMatch(task=A, sha=SHA, time=NOW, basis=Basis.CHECKPOINT, run_id=RUN, like=RUN)


def run(**changes: Any) -> RunState:
    start = RunCreated(A, "script", "/w", OTHER, OTHER, spec=RunSpec(task_sha256=TEXT))
    known = RunState(
        id=RUN,
        start=start,
        spec=start.spec,
        created_at=NOW,
        updated_at=NOW,
        result="completed",
        verification=Verification("passed", (PASSED,), candidate=Candidate(TREE, TREE)),
        checkpoint_sha=SHA,
    )
    return known._replace(**changes)


FAILED = run(decision=ADA, verification=Verification("failed"))
FORCED = run(start=run().start._replace(override_reason="open"))


def facts(entry: Entry | None = None, **changes: Any) -> Facts:
    known: dict[str, Any] = {"run": run(), "commit": COMMIT, "on_branch": True, "branch": "main"}
    return Facts(task=A, entry=entry or completed(), **(known | changes))


def attested(**changes: Any) -> Entry:
    known = {"evidence": Evidence.ATTESTED, "completed_by": "person:Ada", "reason": "did it"}
    return completed(**(known | changes))


def codes(known: Facts) -> list[str]:
    return [problem.code for problem in prove(known).problems]


def test_a_run_and_its_commit_prove_what_they_say() -> None:
    assert prove(facts()) == (Evidence.VERIFIED, (), ())
    place = Candidate(TREE, TREE, where="workspace")
    known = run(verification=Verification("passed", (PASSED,), candidate=place))
    weaker = completed(evidence=Evidence.WORKSPACE)
    assert prove(facts(weaker, run=known)).proved is Evidence.WORKSPACE
    # The status file may say less than what is proved, and never more.
    assert codes(facts(run=known)) == ["evidence"]
    by_hand = facts(
        attested(checkpoint_sha=None),
        run=run(decision=ADA, checkpoint_sha=None),
        commit=None,
        on_branch=False,
    )
    assert prove(by_hand) == (Evidence.ATTESTED, (), ())


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (facts(completed(evidence=None)), "evidence"),
        (facts(run=run(result="stopped", stop_reason="scope_violation")), "record"),
        (facts(run=run(start=run().start._replace(kind="acknowledgement"))), "record"),
        (facts(run=run(start=run().start._replace(task=B))), "task"),
        (facts(run=run(verification=Verification("failed"))), "checks"),
        (facts(run=run(verification=Verification("none"))), "checks"),
        (facts(completed(task_sha256="9" * 64)), "text"),
        (facts(completed(task_sha256=None)), "text"),
        (facts(completed(completed_by="person:Ada")), "evidence"),
        (facts(completed(checkpoint_sha=OTHER)), "commit"),
        (facts(completed(checkpoint_sha=None)), "commit"),
        (facts(attested(), run=run(decision=ADA, checkpoint_sha=None)), "commit"),
        (facts(commit=None), "commit"),
        (facts(commit=COMMIT._replace(is_own=False)), "commit"),
        (facts(commit=COMMIT._replace(tree=OTHER)), "tree"),
        (facts(on_branch=False), "branch"),
        (facts(run=None, damage="line 2"), "record"),
        (facts(run=None), "record"),
        (facts(run=None, commit=None), "commit"),
        (facts(attested(), run=None, commit=None), "commit"),
        (facts(attested(checkpoint_sha=None), run=None), "record"),
        (facts(completed(evidence=Evidence.INFERRED)), "commit"),
        (facts(completed(verification=Recorded.FAILED)), "checks"),
        (
            facts(completed(override_reason="open"), run=FORCED, open_dependencies=(B,)),
            "dependencies",
        ),
        (facts(completed(override_reason="open")), "record"),
        (facts(run=FORCED), "record"),
        (facts(completed(sequence=9)), "record"),
        (facts(completed(reason="because")), "record"),
        (facts(attested(verification=Recorded.FAILED), run=FAILED), "checks"),
    ],
)
def test_each_contradiction_is_a_problem(known: Facts, code: str) -> None:
    assert codes(known) == [code]
    assert prove(known).proved is None


ACKNOWLEDGED = run(start=run().start._replace(kind="acknowledgement"))


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (facts(run=run(result="stopped", stop_reason="stalled")), "not complete it (stalled)"),
        (facts(run=run(result="stopped")), "did not complete it (stopped)"),
        (facts(run=run(result=None)), "did not complete it (running)"),
        (facts(run=ACKNOWLEDGED), "did not complete it (acknowledgement)"),
        (facts(run=run(start=run().start._replace(task=B))), "is a run of b.md"),
        (facts(run=run(start=run().start._replace(task=""))), "is a run of no task"),
        (
            facts(completed(checkpoint_sha=None)),
            "commit none is recorded, and its run made 222222222222",
        ),
        (
            facts(completed(checkpoint_sha=OTHER), run=run(checkpoint_sha=None)),
            "commit 555555555555 is recorded, and its run made none",
        ),
    ],
)
def test_a_problem_says_what_the_run_and_its_commit_are_instead(known: Facts, message: str) -> None:
    (problem,) = prove(known).problems
    assert problem.message.endswith(message)


@pytest.mark.parametrize(
    ("entry", "is_foreign", "begins"),
    [
        (completed(), False, f"run {RUN} is not here, "),
        (completed(), True, f"run {RUN} is a record of another clone, "),
        (completed(last_run_id=None), False, "its run is not here, "),
    ],
)
def test_without_its_record_it_is_said_where_the_run_is(
    entry: Entry,
    is_foreign: bool,
    begins: str,
) -> None:
    (problem,) = prove(facts(entry, run=None, is_foreign=is_foreign)).problems
    assert problem.message.startswith(begins)


def test_what_a_person_attests_needs_no_tree_that_checks_passed_on() -> None:
    skipped = Verification("skipped", candidate=Candidate(OTHER, OTHER))
    known = facts(
        attested(verification=Recorded.SKIPPED), run=run(decision=ADA, verification=skipped)
    )
    assert (prove(known).proved, codes(known)) == (Evidence.ATTESTED, [])


def test_checks_that_did_not_record_their_tree_are_no_evidence_against_a_commit() -> None:
    known = facts(run=run(verification=Verification("passed", (PASSED,))))
    assert (prove(known).proved, codes(known)) == (Evidence.VERIFIED, [])


def test_a_completion_out_of_the_history_says_by_what_it_was_recognised() -> None:
    inferred = completed(evidence=Evidence.INFERRED)
    mirrored = facts(inferred, match=CommitMatch(task=A, sha="", time=NOW, basis=Basis.MIRROR))
    assert (prove(mirrored).proved, codes(mirrored)) == (None, ["record"])
    (remark,) = prove(facts(inferred, match=MATCH)).remarks
    assert remark.startswith("commit 222222222222: its trailers name the task, ")


def test_a_commit_that_landed_in_a_merge_has_the_tree_of_the_merge() -> None:
    merged = CommitFacts(OTHER, OTHER)
    known = run(
        verification=Verification("passed", (PASSED,), candidate=Candidate(OTHER, TREE)),
        integration=Integration("merge", OTHER),
    )
    assert prove(facts(run=known, landed=merged)).proved is Evidence.VERIFIED
    assert codes(facts(run=known)) == ["tree"]


def test_a_rewritten_commit_is_as_good_only_with_the_verified_tree() -> None:
    there: dict[str, Any] = {"on_branch": False, "rewritten": Rewritten(OTHER, "trailers")}
    assert prove(facts(**there, rewritten_tree=TREE)).proved is Evidence.VERIFIED
    weaker = prove(facts(**there, rewritten_tree=OTHER))
    assert weaker.proved is Evidence.INFERRED
    assert weaker.remarks == ("its commit was rewritten: 555555555555 (its trailers name the run)",)
    gone = prove(facts(**there, rewritten_tree=OTHER, commit=None))
    assert (gone.proved, gone.problems) == (Evidence.INFERRED, ())


def test_without_the_run_only_trailers_that_name_it_prove_anything() -> None:
    proof = prove(facts(run=None, match=MATCH))
    assert (proof.proved, proof.problems) == (Evidence.INFERRED, ())
    assert proof.remarks[0] == f"run {RUN} is not here"
    other = CommitMatch(task=A, sha=SHA, time=NOW, basis=Basis.TREE, run_id="other")
    assert codes(facts(run=None, match=other)) == ["record"]
    nameless = completed(last_run_id=None, checkpoint_sha=None)
    unnamed = CommitMatch(task=A, sha=SHA, time=NOW, basis=Basis.MIRROR)
    assert codes(facts(nameless, run=None, match=unnamed)) == ["record"]
    shared = attested(checkpoint_sha=None)
    read = prove(facts(shared, run=None, is_shared=True))
    assert (read.proved, read.problems) == (Evidence.INFERRED, ())
    assert read.remarks == (f"run {RUN} is not here; only the shared status file says so",)


def test_an_inferred_completion_is_proved_by_a_commit_of_the_history() -> None:
    inferred = completed(evidence=Evidence.INFERRED)
    assert prove(facts(inferred, run=None, match=MATCH)).proved is Evidence.INFERRED


def test_a_check_that_passes_whatever_the_work_is_proves_nothing() -> None:
    made = run()
    empty = made.verification._replace(checks=(PASSED._replace(command="make | cat"),))
    proof = prove(facts(run=made._replace(verification=empty)))
    assert [(each.code, each.message) for each in proof.problems] == [
        ("checks", "`make | cat` passes whatever the work is")
    ]


def test_what_else_has_to_be_known_is_remarked() -> None:
    past = attested(
        checkpoint_sha=None,
        verification=Recorded.SKIPPED,
        override_reason="open dependencies: b.md",
    )
    by_hand = run(
        decision=ADA,
        checkpoint_sha=None,
        verification=Verification("skipped"),
        start=run().start._replace(override_reason="open dependencies: b.md"),
    )
    proof = prove(facts(past, run=by_hand, stale_reasons=("its text has changed since",)))
    assert proof.proved is Evidence.ATTESTED
    assert proof.remarks == (
        "stale: its text has changed since",
        "forced: open dependencies: b.md",
        "its checks were skipped",
    )
    later = prove(facts(open_dependencies=(B,)))
    assert later.proved is Evidence.VERIFIED
    assert later.remarks == ("it depends on b.md, which is open",)
