"""The report of a run, section by section."""

from typing import Any

import pytest

from runr.runs.events import Event, parse_data
from runr.runs.model import (
    Approval,
    Candidate,
    CheckResult,
    Decision,
    Phase,
    Review,
    RunCreated,
    RunSpec,
    RunState,
    Usage,
    Verification,
)
from runr.runs.report import elapsed, headline, next_steps, render, render_receipt
from unit.markdown_pages import NASTY, foreign, headings

RUN, SHA = "20250108-143022-k7qf", "2" * 40
ADA = Decision(approval=Approval("Ada", "It is\n right"))
BEGUN, ENDED = "2025-01-08T14:30:22.000Z", "2025-01-08T14:35:25.000Z"


def state(start: dict[str, Any] | None = None, **facts: Any) -> RunState:
    known: dict[str, Any] = {
        "task": ".runr/tasks/a.md",
        "worker": "codex",
        "workdir": "/w",
        "base_sha": "0" * 40,
        "base_tree": "1" * 40,
        "branch": "runr/a",
        "target": "main",
    }
    created = RunCreated(**(known | (start or {})))
    made: dict[str, Any] = {"spec": RunSpec(title="A"), "created_at": BEGUN, "updated_at": ENDED}
    return RunState(id=RUN, start=created, **(made | facts))


def done(start: dict[str, Any] | None = None, **facts: Any) -> RunState:
    return state(start, **({"result": "completed", "ended_at": ENDED} | facts))


def stopped(start: dict[str, Any] | None = None, **facts: Any) -> RunState:
    return done(start, **({"result": "stopped", "stop_reason": "stalled"} | facts))


def verified(result: str, candidate: Candidate | None = None) -> Verification:
    return Verification(result, candidate=candidate)  # type: ignore[arg-type] # a result by name


def section(of: RunState, title: str, *rows: tuple[str, dict[str, Any]]) -> str:
    """Return the text below a title of the report, where there is one."""
    events = [
        Event(seq, f"2025-01-08T14:30:{seq:02d}.000Z", parse_data(kind, payload))
        for seq, (kind, payload) in enumerate(rows, start=1)
    ]
    parts = render(of, events, ()).split("\n## ")
    found = [part.partition("\n\n")[2].rstrip() for part in parts if part.startswith(f"{title}\n")]
    return found[0] if found else ""


WORKSPACE = Candidate("4" * 40, "4" * 40, where="workspace")


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (state(), "a.md: still running"),
        (done(), "a.md: completed and verified"),
        (done({"override_reason": "x"}), "a.md: completed and verified, forced"),
        (
            done(verification=verified("passed", WORKSPACE)),
            "a.md: completed and verified in the workspace",
        ),
        (done(decision=ADA), "a.md: completed (attested by Ada)"),
        (done(decision=ADA, verification=verified("passed")), "a.md: completed (attested by Ada)"),
        (
            done({"override_reason": "x"}, decision=ADA, verification=verified("failed")),
            "a.md: completed (attested by Ada, checks failed, forced)",
        ),
        (
            done(decision=ADA, verification=verified("skipped")),
            "a.md: completed (attested by Ada, checks skipped)",
        ),
        (
            done({"kind": "manual_commit", "task": ""}, decision=ADA),
            "(no task): manual commit by Ada",
        ),
        (
            stopped({"kind": "manual_commit"}, decision=ADA),
            "a.md: stopped, the worker produced no output within its stall timeout",
        ),
        (done({"kind": "acknowledgement"}, decision=ADA), "a.md: still valid, acknowledged by Ada"),
        (done({"kind": "reset"}, decision=ADA), "a.md: completion taken back by Ada"),
        (
            stopped({"kind": "reset"}, decision=ADA, stop_reason="stopped"),
            "a.md: stopped, stopped by a user or a job",
        ),
        (
            stopped({"worker": "person"}, stop_reason="verification_failed"),
            "a.md: stopped, a check failed, so the completion is not attested",
        ),
    ],
)
def test_a_headline_says_how_the_run_ended(run: RunState, line: str) -> None:
    assert headline(run) == line


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (CheckResult("task", "make", 0, 4.24), "passed in 4.2s"),
        (
            CheckResult("task", "make", 0, 1, runs=2),
            "passed in 1.0s, flaky: it failed before it passed in run 2",
        ),
        (CheckResult("task", "make", 2, 1), "failed (exit code 2) in 1.0s"),
        (CheckResult("task", "make", 2, 1, runs=2), "failed (exit code 2) in 1.0s, 2 runs"),
        (CheckResult("task", "make", None, 1), "failed (timed out) in 1.0s"),
        (CheckResult("task", "make", None, 0, runs=0), "not run"),
        (CheckResult("task", "make", 2, 1, note="why"), "failed (exit code 2) in 1.0s; why"),
    ],
)
def test_a_check_is_reported_with_its_result_and_how_often_it_ran(
    check: CheckResult, line: str
) -> None:
    run = stopped(verification=Verification("failed", (check,)))
    assert section(run, "What was verified") == f"- `make` (task): {line}"


def test_what_a_failed_check_printed_is_reported_from_its_end() -> None:
    tail = "x" * 10 + "\n" + "y" * 1999
    checks = (
        CheckResult("task", "a", 1, 1, tail=tail),
        CheckResult("task", "b", 0, 1, tail="well"),
    )
    text = section(stopped(verification=Verification("skipped", checks)), "What was verified")
    assert text == (
        "The checks were skipped.\n\n- `a` (task): failed (exit code 1) in 1.0s\n\n      \n"
        f"      {'y' * 1999}\n- `b` (task): passed in 1.0s"
    )


def test_only_the_last_verification_tells_which_checks_were_added() -> None:
    check = CheckResult("task", "a", 0, 1)
    added = {"pattern": "db/", "tier": "tier2"}
    run = done(verification=Verification("passed", (check,)))
    text = section(
        run,
        "What was verified",
        ("phase.started", {"phase": "verify"}),
        ("checks.escalated", added | {"path": "db/old"}),
        ("phase.started", {"phase": "verify"}),
        ("checks.escalated", added | {"path": "db/new"}),
        ("phase.started", {"phase": "checkpoint"}),
    )
    assert text.splitlines()[1:] == ["- tier2 was added, because `db/new` matches `db/`"]


def test_milestones_are_listed_with_their_commits() -> None:
    run = state(milestones=("one", "two"), checkpoints=(SHA,))
    assert section(run, "Milestones") == f"1. one: `{'2' * 12}`\n2. two: not committed"
    assert section(state(), "Milestones") == ""


def test_a_review_is_reported_until_it_approves() -> None:
    asked = state(review=Review(feedback=("first", "second", "a\nb\n")))
    assert section(asked, "Requested by the reviewer") == "    a\n    b"
    assert section(state(review=Review(approved_by="codex")), "Review") == "Approved by codex."
    assert section(state(), "Review") == ""


def test_what_changed_meanwhile_is_reported_with_whoever_did_it() -> None:
    moved = [
        {"ref": "main", "old": "1" * 40, "new": SHA, "by_worker": True},
        {"ref": "tag", "old": "1" * 40},
    ]
    assert section(state(), "Refs that were moved", ("refs.moved", {"refs": moved})) == (
        f"- main: {'1' * 12} to {'2' * 12}, by the worker\n"
        f"- tag was deleted at {'1' * 12}, by whom is not known"
    )
    inputs = section(
        state(),
        "Changed while the worker worked",
        ("inputs.changed", {"paths": ["a.md"], "detail": "a.md", "put_back": True}),
        ("inputs.changed", {"paths": [], "detail": "b.md"}),
        ("run.resumed", {"accepted_by": "Ada"}),
        ("run.resumed", {}),
    )
    assert inputs == "- a.md, put back\n- b.md\n- accepted by Ada"
    trees = ("tree.changed", {"changes": ["x", "y"]})
    assert section(state(), "Changed in your working tree meanwhile", trees) == (
        "By you, the worker or another program:\n\n- x\n- y"
    )
    for title in ("Refs that were moved", "Changed while the worker worked", "Notes", "Submitted"):
        assert section(state(), title, ("run.resumed", {})) == ""


def test_notes_sessions_and_submissions_are_reported_in_order() -> None:
    rows: tuple[tuple[str, dict[str, Any]], ...] = (
        ("note.added", {"text": "first", "by": "Ada"}),
        ("note.added", {"text": "second"}),
        ("session.attached", {"session_id": "s", "why": "gone"}),
        ("phase.finished", {"phase": "work", "outcome": "ok", "by": "Eve"}),
        ("phase.finished", {"phase": "work", "outcome": "ok"}),
    )
    when = "2025-01-08T14:30Z"
    assert section(state(), "Notes", *rows).splitlines() == [
        f"- {when} Ada: first",
        f"- {when} runr: second",
        f"- {when} resumed by session `s`: gone",
        f"- {when} submitted by Eve",
    ]
    landed = {"to": "main", "strategy": "merge", "before": "1", "commit_sha": "2"}
    forced = landed | {"override_reason": "in a hurry", "by": "Ada"}
    submitted = (("submit.finished", landed), ("submit.finished", forced))
    assert section(state(), "Submitted", *submitted).splitlines() == [
        "- 2025-01-08: merge, `main` is at `2`",
        "- 2025-01-08: merge, `main` is at `2`, forced by Ada: in a hurry",
    ]


def test_a_phase_is_reported_with_its_time_and_its_cost() -> None:
    work = {"phase": "work", "outcome": "ok"}
    rows: tuple[tuple[str, dict[str, Any]], ...] = (
        ("phase.finished", work),
        ("phase.started", {"phase": "work"}),
        ("phase.finished", work | {"usage": {"cost_usd": 0.5}}),
        ("phase.started", {"phase": "work"}),
        ("note.added", {"text": "x"}),
        ("phase.finished", work | {"usage": {"cost_usd": 0.0}}),
        ("phase.started", {"phase": "record"}),
        ("phase.finished", {"phase": "record", "outcome": "ok"}),
    )
    assert section(state(), "Phases", *rows).splitlines() == [
        "- work: ok in 1.0s, $0.5000",
        "- work: ok in 2.0s",
        "- record: ok in 1.0s",
    ]


def test_the_facts_are_those_that_are_known() -> None:
    candidate = Candidate(
        "4" * 40,
        "4" * 40,
        carried=(".venv",),
        ignored=("a.log", "b.log"),
        carried_changes=(".venv/x",),
        covered=("/other",),
        confirms=True,
    )
    run = state(
        usage=Usage(cost_usd=0.0, output_tokens=5),
        verification=verified("passed", candidate),
        decision=Decision(rejection=Approval("Eve", "wrong")),
    )
    facts = render(run, (), ()).split("\n\n")[1].splitlines()
    assert "- Cost: $0.0000" in facts
    assert "- Tokens: 0 in, 5 out" in facts
    assert f"- Checked tree: `{'4' * 40}`, in a clean checkout" in facts
    assert "- Carried: .venv" in facts
    assert "- Changed in carried folders: .venv/x" in facts
    assert "- Also mounted over: /other" in facts
    assert "- Confirms: the completion before: nothing was changed" in facts
    assert "- Ignored by git: a.log, b.log" in facts
    assert "- Rejected: by Eve: wrong" in facts
    assert not any(line.startswith("- Attempts") for line in facts)
    among = render(state(verification=verified("passed", WORKSPACE)), (), ())
    assert "- Checked in: the workspace, with files that are in no commit\n" in among
    assert "Checked tree" not in among
    assert "Confirms" not in among


def test_a_record_of_another_clone_proves_nothing_and_has_no_next_steps() -> None:
    assert "## Next" in render(stopped(), (), ())
    foreign = render(stopped(), (), (), foreign=True)
    assert "proves nothing here." in foreign
    assert "## Next" not in foreign


def test_a_run_took_from_its_beginning_to_its_end_and_never_less_than_nothing() -> None:
    assert elapsed(done()) == 303.0
    assert elapsed(state()) == 303.0
    assert elapsed(state(), "2025-01-08T14:30:24Z") == 2.0
    assert elapsed(state(), "2025-01-08T14:30:21Z") == 0.0


def test_what_comes_next_depends_on_the_tree_and_on_who_worked() -> None:
    assert [str(step) for step in next_steps(stopped())][1] == "git -C /w status"
    gone = next_steps(stopped(checkpoint_sha=SHA), has_tree=False)
    assert str(gone[1]) == f"git log -p {'0' * 40}..{SHA}"
    spec = RunSpec(plan="claude-code", review="claude-code")
    for phase, login in ((Phase.REVIEW, "claude auth login"), (Phase.WORK, "codex login")):
        run = stopped({"spec": spec}, stop_reason="worker_auth", phase=phase)
        assert str(next_steps(run)[1]) == login


def test_the_receipt_of_manual_work_says_who_did_what_and_why() -> None:
    manual = {"kind": "manual_commit", "task": ""}
    text = render_receipt(done(manual, decision=ADA, checkpoint_sha=SHA), [("a.txt", 1, 0)])
    assert text == (
        f"# (no task): manual commit by Ada\n\n- Run: `{RUN}`\n- Who: Ada\n- Why: It is right\n"
        f"- When: 2025-01-08T14:35:25Z\n- Branch: `main`\n- Commit: `{SHA}`\n\n"
        "This is a manual commit: it was not verified, and it completes no task.\n\n"
        "## What changed\n\n- `a.txt` +1 -0\n"
    )
    detached = render_receipt(state(manual | {"target": None}, detail="x"), ())
    assert detached.split("\n\n")[1] == f"- Run: `{RUN}`"


def test_of_many_changes_a_hundred_are_listed() -> None:
    stat = [(f"{number}.txt", 1, 0) for number in range(101)]
    assert render(state(), (), stat[:100]).count(".txt") == 100
    assert "more" not in render(state(), (), stat[:100])
    assert "- and 1 more\n" in render(state(), (), stat)
    assert "- `a` binary\n- `b` binary\n" in render(state(), (), [("a", None, 0), ("b", 0, None)])


def test_no_name_command_or_message_forms_a_heading_a_table_a_link_or_html() -> None:
    rows: tuple[tuple[str, dict[str, Any]], ...] = (
        ("note.added", {"text": NASTY, "by": NASTY}),
        ("session.attached", {"session_id": "s", "why": NASTY}),
        ("inputs.changed", {"paths": [], "detail": NASTY}),
        ("run.resumed", {"accepted_by": NASTY}),
        ("tree.changed", {"changes": [NASTY]}),
        ("refs.moved", {"refs": [{"ref": NASTY, "old": "1" * 40, "new": SHA}]}),
    )
    events = [
        Event(seq, BEGUN, parse_data(kind, payload))
        for seq, (kind, payload) in enumerate(rows, start=1)
    ]
    check = CheckResult("task", NASTY, 1, 1, tail=NASTY, note=NASTY)
    for run in (
        stopped(
            {"task": NASTY, "target": NASTY, "override_reason": NASTY},
            detail=NASTY,
            verification=Verification("failed", (check,)),
            milestones=(NASTY,),
            review=Review(feedback=(NASTY,)),
            decision=Decision(rejection=Approval(NASTY, NASTY)),
            last_message=NASTY,
            denied=(NASTY,),
        ),
        done(decision=Decision(approval=Approval(NASTY, NASTY)), review=Review(approved_by=NASTY)),
    ):
        page = render(run, events, [(NASTY, 1, 0)])
        assert set(headings(page)[1:]) <= _HEADINGS
        assert foreign(page) == set()
        manual = render_receipt(run, [(NASTY, 1, 0)])
        assert headings(manual)[1:] == ["What changed"]
        assert foreign(manual) == set()


_HEADINGS = {
    *("Milestones", "What changed", "What was verified", "Requested by the reviewer", "Review"),
    *("Refs that were moved", "Changed while the worker worked", "Notes", "Next"),
    *("Changed in your working tree meanwhile", "The worker's last message"),
}
