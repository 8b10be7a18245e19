"""What a lifecycle hook is given about a run and about a job."""

import json

from runr.lifecycle_hooks import payload
from runr.runs.model import Phase
from unit.run_timeline import CHECK, RUN, Timeline, start

TIME = "2025-01-08T14:31:00Z"
ENVELOPE = {"schema": 1, "id": "d1", "time": TIME, "repository": "/repo"}


def of_run(timeline: Timeline, point: str) -> dict[str, object]:
    made = payload.of_run(timeline.state, point, id_="d1", time=TIME, repository="/repo")
    assert {key: made[key] for key in ENVELOPE} == ENVELOPE
    assert made["point"] == point
    run: dict[str, object] = made["run"]
    return run


def test_a_stopped_run_has_its_reason_and_what_its_checks_said() -> None:
    timeline = Timeline(start())
    timeline.through(Phase.WORK)
    timeline.finish(Phase.VERIFY, "failed", checks=[CHECK | {"exit_code": 1}])
    timeline.add("run.stopped", code="verification_failed", detail="make test failed")
    run = of_run(timeline, "on_failure")
    assert (run["id"], run["task"], run["worker"]) == (RUN, ".runr/tasks/a.md", "script")
    assert (run["result"], run["stop_reason"]) == ("stopped", "verification_failed")
    assert run["stop_meaning"] == "checks still fail after the last attempt"
    assert run["detail"] == "make test failed"
    assert run["checks"] == [CHECK | {"exit_code": 1, "passed": False}]
    assert (run["verification"], run["commit"], run["by"], run["job"]) == (
        "failed",
        None,
        None,
        None,
    )


def test_a_run_that_goes_on_has_no_reason() -> None:
    timeline = Timeline(start() | {"target": "main"})
    timeline.through(Phase.WORK)
    run = of_run(timeline, "pre_complete")
    assert run["target"] == "main"
    assert (run["result"], run["stop_reason"], run["stop_meaning"]) == (None, None, None)


def test_a_payload_is_one_line_without_secrets_and_its_facts_are_variables() -> None:
    timeline = Timeline(start())
    timeline.through(Phase.WORK)
    timeline.add("run.stopped", code="verification_failed", detail="hunter2\nzu groß")
    made = payload.of_run(timeline.state, "on_failure", id_="d1", time="t", repository="/repo")
    line = payload.encode(made, lambda text: text.replace("hunter2", "***"))
    assert line.count(b"\n") == 1
    assert b"hunter2" not in line
    assert "groß".encode() in line
    assert json.loads(line)["run"]["detail"] == "***\nzu groß"
    assert payload.variables(line) == {
        "RUNR_HOOK": "on_failure",
        "RUNR_HOOK_ID": "d1",
        "RUNR_HOOK_RUN": RUN,
        "RUNR_HOOK_TASK": ".runr/tasks/a.md",
        "RUNR_HOOK_RESULT": "stopped",
        "RUNR_HOOK_STOP_REASON": "verification_failed",
    }


def test_a_job_is_its_receipt() -> None:
    receipt = {"id": "j1", "status": "paused\0"}
    made = payload.of_job(receipt, "post_job", id_="d2", time="t", repository="/repo")
    assert made["job"] == receipt
    assert payload.variables(payload.encode(made, str)) == {
        "RUNR_HOOK": "post_job",
        "RUNR_HOOK_ID": "d2",
        "RUNR_HOOK_RESULT": "paused",
        "RUNR_HOOK_JOB": "j1",
    }
