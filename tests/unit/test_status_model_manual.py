from runr.runs.model import Approval, Decision, RunCreated, RunState
from runr.status.model import Entry, fold


def test_a_record_of_manual_work_says_nothing_about_its_task() -> None:
    start = RunCreated(
        task=".runr/tasks/a.md",
        kind="manual_commit",
        worker="person",
        workdir="/r",
        base_sha="0",
        base_tree="0",
    )
    state = RunState(
        id="20260101-120000-abcd",
        start=start,
        spec=start.spec,
        created_at="2026-01-01T12:00:00.000Z",
        updated_at="2026-01-01T12:00:00.000Z",
        result="completed",
        ended_at="2026-01-01T12:00:00.000Z",
        decision=Decision(approval=Approval(by="Ada", reason="why")),
        checkpoint_sha="1" * 40,
    )
    before = Entry(revision=3)
    assert fold(before, state, "2026-01-02T12:00:00Z") is before
