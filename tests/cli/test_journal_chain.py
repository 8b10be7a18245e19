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


def _shorten(place: Place, record: str, lines: int) -> None:
    """Leave only the first lines of a journal, which are a whole chain, and no cache."""
    timeline = place.root / record / "timeline.jsonl"
    timeline.write_bytes(b"".join(timeline.read_bytes().splitlines(keepends=True)[:lines]))
    (timeline.parent / "state.json").unlink()
    (place.root / ".runr/runr.db").unlink(missing_ok=True)


def test_a_journal_that_lacks_its_last_lines_is_damage(place: Place) -> None:
    place.config(CONFIG)
    place.script("t.md", "echo 1 > a", header='verify: ["grep -q 1 a"]')
    place.commit()
    run = place.run("t")
    number = len(place.events(run["id"]))
    _shorten(place, f".runr/runs/{run['id']}", 4)
    why = f"it ends with line 4, and runr wrote {number} lines"
    for words in ("runs", "lint", "verify", "report latest"):
        shown = place.runr(*words.split())
        assert why in shown.out + shown.err, shown
    assert place.runr("verify").code == 1
    # No event was added behind what is left, as if the run had been killed.
    assert len(place.events(run["id"])) == 4
    assert "moved to .runr/damaged-runs" in place.runr("rebuild", code=0).out
    assert place.status("t.md")["status"] == "completed"
    assert place.runr("verify", "--json", code=0).json["counts"]["inferred"] == 1


def test_the_length_of_a_journal_is_kept_as_long_as_its_run(place: Place) -> None:
    place.config(CONFIG)
    place.script("t.md", "echo 1 > a", header='verify: ["grep -q 1 a"]')
    place.commit()
    run = place.run("t")["id"]
    ends = place.root / ".git/runr/key/ends"

    def kept() -> list[str]:
        return [each.relative_to(ends).as_posix() for each in ends.rglob("*") if each.is_file()]

    assert kept() == [f"runs/{run}"]
    place.runr("verify", "--recheck", "--all", code=0)
    assert kept() == [f"runs/{run}"]
    again = place.run("t", "--force")["id"]
    place.runr("clean", "--runs", "--older-than", "0s", code=0)
    assert kept() == [f"runs/{again}"]


def test_a_run_gets_no_further_attempts_from_a_shorter_journal(place: Place) -> None:
    place.config(CONFIG)
    place.script("t.md", "echo 1 > a", header='verify: ["false"]')
    place.commit()
    place.runr("run", "--task", "t")
    run = place.runr("task-status", "t", "--json").json["run"]["id"]
    _shorten(place, f".runr/runs/{run}", 4)
    assert "it ends with line 4" in place.runr("resume", run, code=10).err


def test_the_journal_of_a_job_that_lacks_its_last_lines_is_damage(place: Place) -> None:
    place.config(CONFIG)
    place.script("t.md", "echo 1 > a", header='verify: ["grep -q 1 a"]')
    place.commit()
    job_run = place.runr("job", "run", "--all-ready", "--json", code=0).json["id"]
    _shorten(place, f".runr/job-runs/{job_run}", 2)
    assert "it ends with line 2, and runr wrote" in place.runr("job", "status", job_run).err


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
