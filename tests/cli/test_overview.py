"""`runr status` on one screen: done, running, waiting, stopped, stale, and the cost."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

from cli.terminal import Place, Prepare
from runr.runs.events import RunStopped
from runr.storage.layout import Layout
from unit.journals_of_runs import Journals, worked


def morning(place: Place) -> None:
    for name in ("done", "old", "open", "by-hand"):
        place.task(f"{name}.md", "type: manual")
    place.task("changed.md", "type: manual")
    place.task("stopped.md")
    place.commit("Tasks")
    for name in ("done", "old", "changed"):
        place.runr("complete-task", name, "--reason", "did it", "--by", "Ada", code=0)
    place.task("changed.md", "type: manual", "Something else.")
    journals = Journals(Layout(place.root), datetime.now(UTC) - timedelta(minutes=30))
    used = worked(usage={"cost_usd": 1.25, "input_tokens": 1000, "output_tokens": 500})
    journals.run("stopped", [*used, RunStopped("verification_failed", "make test failed")])
    journals.now -= timedelta(days=3)
    journals.run("stopped", [*worked(usage={"cost_usd": 40.0}), RunStopped("usage_limit")])
    place.runr("rebuild", code=0)


def test_the_status_answers_what_is_asked_in_the_morning(prepared: Prepare) -> None:
    place = prepared(morning)
    answer = place.runr("status", "--json", code=0).json
    names = {
        part: [row["path"][12:] for row in answer[part]["tasks"]]
        for part in ("done", "running", "waiting", "stopped", "stale")
    }
    assert names == {
        "done": ["changed.md", "old.md", "done.md"],
        "running": [],
        "waiting": ["by-hand.md", "open.md"],
        "stopped": ["stopped.md"],
        "stale": ["changed.md"],
    }
    assert (answer["cost_usd"], answer["input_tokens"]) == (1.25, 1000)
    shown = place.runr("status", code=0).out
    assert shown.startswith("6 tasks: 2 attested, 2 waiting for a person, 1 stopped, 1 stale\n")
    assert re.search(
        r"Done since yesterday:\n  ✎ changed.md  .*  attested  by person:Ada  stale", shown
    )
    assert re.search(r"■ stopped.md  .*  verification_failed  \(make test failed\)", shown)
    assert "Cost since yesterday: $1.25, 1,500 tokens\n" in shown


def test_a_newer_database_hides_only_the_cost(prepared: Prepare) -> None:
    place = prepared(morning)
    place.runr("status", code=0)
    script = "INSERT INTO schema_version VALUES (99, '2030-01-01T00:00:00Z')"
    with closing(sqlite3.connect(place.root / ".runr/history.db")) as newer, newer:
        newer.execute(script)
    answer = place.runr("status", "--json", code=0).json
    assert (answer["done"]["count"], answer["cost_usd"]) == (3, None)
    assert "was written by a newer runr" in answer["notes"][0]


def test_what_is_done_earlier_is_not_shown_again(prepared: Prepare) -> None:
    place = prepared(morning)
    text = place.read(".runr/task-status.json")
    day = datetime.now(UTC) - timedelta(days=4)
    place.write(
        ".runr/task-status.json",
        re.sub(r'("completed_at": ")[^"]+', rf"\g<1>{day:%Y-%m-%dT%H:%M:%SZ}", text),
    )
    assert place.runr("status", "--json", code=0).json["done"] == {"count": 0, "tasks": []}
