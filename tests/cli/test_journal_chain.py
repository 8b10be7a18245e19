"""What a worker writes into the record of its run does not count as written by runr."""

import json

import pytest

from cli.terminal import Place

CONFIG = '[run]\nworker = "script"\nattempts = 1\n'
JOURNAL = "../../runs/$RUNR_RUN_ID/timeline.jsonl"
CHAINED = """python3 - <<'PY'
import datetime, os, pathlib
from runr.redaction import Redactor
from runr.runs.events import RunResumed
from runr.runs.journal import Journal
from runr.storage.layout import Layout
run = Layout(pathlib.Path("../../..").resolve()).run(os.environ["RUNR_RUN_ID"])
Journal(run, lambda: datetime.datetime.now(datetime.UTC), Redactor({})).append(RunResumed())
PY"""

WRITES = {
    "an event of its own": 'echo \'{"seq":4,"time":"2026-01-01T00:00:00.000Z","type":"run.resumed",'
    f'"source":"runr","payload":{{}}}}\' >> {JOURNAL}',
    "an event with a seal": CHAINED,
    "an event changed": f"sed -i 's/tier1/tier0/; s/false/true/' {JOURNAL}",
    "all events removed": f"rm {JOURNAL}",
}


@pytest.mark.parametrize("script", WRITES.values(), ids=WRITES.keys())
def test_a_worker_that_writes_into_its_journal_stops_its_run(place: Place, script: str) -> None:
    place.config(CONFIG)
    place.script("t.md", f"echo 1 > a\n{script}", header='verify: ["false"]')
    place.commit()
    place.runr("run", "--task", "t")
    run = place.runr("task-status", "t", "--json").json["run"]
    assert run["stop_reason"] == "journal_changed", run
    types = [event["type"] for event in place.events(run["id"])]
    assert types[-2:] == ["phase.started", "run.stopped"]
    assert "run.resumed" not in types
    assert (place.run_folder(run["id"]) / "timeline.changed.jsonl").exists()


def test_the_cached_state_of_a_run_decides_nothing(place: Place) -> None:
    place.config(CONFIG)
    forge = 's/"attempts_from": 1/"attempts_from": 900/; s/"result": null/"result": "completed"/'
    place.script(
        "t.md", f"sed -i '{forge}' ../../runs/$RUNR_RUN_ID/state.json", 'verify: ["false"]'
    )
    place.commit()
    place.runr("run", "--task", "t")
    assert place.status("t.md")["stop_reason"] == "verification_failed"


def test_an_event_that_was_added_to_the_record_of_a_run_is_damage(place: Place) -> None:
    place.config(CONFIG)
    place.script("t.md", "echo 1 > a", header='verify: ["false"]')
    place.commit()
    place.runr("run", "--task", "t")
    run = place.runr("task-status", "t", "--json").json["run"]
    timeline = place.run_folder(run["id"]) / "timeline.jsonl"
    lines = timeline.read_text().splitlines()
    event = json.loads(lines[-1]) | {"seq": len(lines) + 1, "type": "run.resumed", "payload": {}}
    timeline.write_text("\n".join([*lines, json.dumps(event)]) + "\n")
    refused = place.runr("resume", run["id"])
    assert refused.code != 0
    assert f"line {len(lines) + 1} is not as runr wrote it" in refused.err


def test_a_journal_without_seals_is_shown_and_proves_nothing(place: Place) -> None:
    place.config(CONFIG)
    place.script("t.md", "echo 1 > a", header='verify: ["grep -q 1 a"]')
    place.commit()
    run = place.run("t")
    timeline = place.run_folder(run["id"]) / "timeline.jsonl"
    events = place.events(run["id"])
    old = [json.dumps({k: v for k, v in each.items() if k != "seal"}) for each in events]
    timeline.write_text("\n".join(old) + "\n")
    shown = place.runr("report", run["id"], code=0).out
    assert "t.md: completed and verified" in shown
    assert "a record of another clone of the repository: it proves nothing here" in shown
    assert "(of another clone" in place.runr("runs", code=0).out
    assert place.runr("runs", "--json", code=0).json["runs"][0]["another_clone"] is True
