"""`runr status` on one screen: done, running, waiting, stopped, stale, and the cost."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from cli.terminal import Place, Prepare
from fakes.project_kit import until
from runr import Project, RunrError
from runr.query.encoding import to_plain
from runr.runs.events import RunStopped
from runr.storage.layout import Layout
from unit.journals_of_runs import Journals, completed, worked


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


def test_the_jobs_of_the_night_take_the_room_of_tasks_that_are_done(place: Place) -> None:
    names = [f"t{number}" for number in range(7)]
    for name in names:
        place.script(f"{name}.md", f"echo {name} > {name}.txt")
    place.commit("Tasks")
    ended = place.runr("job", "run", "--all-ready", "--json", code=0).json["id"]
    place.runr("job", "land", code=0)
    go = place.root / ".runr" / "go"
    place.script("slow.md", f"until [ -e {go} ]; do sleep 0.1; done; echo slow > slow.txt")
    place.script("behind.md", "test -d .", "depends_on: [slow]")
    place.script("alone.md", "test -d .")
    place.script("later.md", "test -d .")
    place.write(".runr/jobs/day.yaml", "tracks: {t: [slow, behind], u: [later]}\nmax_parallel: 1\n")
    place.commit("More")
    lines = len(place.runr("status", code=0).out.splitlines())
    begun = place.runr("job", "run", "day", "--detach", "--json", code=0).json["id"]
    until(
        lambda: "running" in place.runr("job", "status", "--json").json["counts"], "a task to run"
    )
    shown = place.runr("status", code=0).out
    assert f"● job day running, 1 running, 2 waiting: runr job status {begun}\n" in shown
    assert re.search(rf"✓ job ready completed .* 7 completed: runr job receipt {ended}\n", shown)
    beside = ["Running:", next(row for row in shown.splitlines() if "slow.md" in row)]
    assert len(shown.splitlines()) - len(beside) <= lines
    answer = place.runr("status", "--json", code=0).json
    assert [job["id"] for job in answer["running_jobs"]] == [begun]
    assert answer["last_job"]["id"] == ended
    upcoming = place.runr("upcoming", "--json", code=0).json
    assert [path[12:] for path in upcoming["ready_paths"]] == ["alone.md"]
    assert "● job day running, 1 running, 2 waiting" in place.runr("upcoming", code=0).out
    place.runr("job", "stop", "--kill", code=0)
    stopped = place.runr("status", code=0).out
    assert "■ job day stopped" in stopped
    assert "running" not in stopped


def test_what_is_not_on_this_branch_is_not_shown_as_verified(place: Place) -> None:
    place.script("a.md", "echo a > a.txt", "owns: [a.txt]")
    place.commit("Tasks")
    place.git("branch", "before")
    place.runr("run", "--task", "a", code=0)
    assert re.search(r"✓ a.md .* verified ", place.runr("status", code=0).out)
    place.git("checkout", "-q", "before")
    shown = place.runr("status", code=0).out
    assert shown.startswith("1 task: 1 unmerged\n")
    assert re.search(r"◌ a.md .* verified  by run:\S+  not on this branch", shown)
    assert place.runr("status", "--show", "counts", "--json", code=0).json["evidence"] == {}
    history = place.runr("history", "a", code=0).out
    assert history.startswith("a.md: completed, verified, not on this branch; 1 run\n")


def test_the_parts_agree_with_the_counts_and_with_the_report(place: Place) -> None:
    for name in ("gone", "kept", "again", "side"):
        place.script(f"{name}.md", f"echo {name} > {name}.txt", f"owns: [{name}.txt]")
    place.commit("Tasks")
    for name in ("gone", "kept", "again"):
        place.runr("run", "--task", name, code=0)
    place.git("checkout", "-q", "-b", "side")
    place.runr("run", "--task", "side", code=0)
    place.git("checkout", "-q", "main")
    place.runr("reset", "again", "--reason", "it is wrong", "--by", "Ada", code=0)
    place.git("rm", "-q", ".runr/tasks/gone.md")
    place.git("commit", "-qm", "Drop a task")
    answer = place.runr("status", "--json", code=0).json
    report = place.runr("report", "--since", "yesterday", "--json", code=0).json
    assert answer["evidence"] == report["completed_by_evidence"] == {"verified": 2}
    assert answer["counts"]["verified"] == 2
    (today,) = answer["activity"]["days"]
    (part,) = report["activity"]["parts"]
    assert today["completed_count"] == part["completed_count"] == 2
    assert (part["completed_task_count"], part["task_count"]) == (1, 3)
    pages = place.runr("status", "--show", "activity", "--json", code=0).json["days"]
    assert pages == answer["activity"]["days"]
    shown = place.runr("status", code=0).out
    assert re.search(r"✓ gone.md .* verified  by run:\S+  task file missing\n", shown)
    assert "In the last 7 days: 2 completed" in shown


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
    assert place.runr("status", "--json", code=0).json["done"]["count"] == 0


def pages(place: Place, part: str, rows: str) -> list[list[dict[str, object]]]:
    """Return all pages of a part, two rows on each."""
    found: list[list[dict[str, object]]] = []
    cursor: str | None = None
    while not found or cursor:
        words = ("--cursor", cursor) if cursor else ()
        page = place.runr("status", "--show", part, "--limit", "2", "--json", *words, code=0).json
        found.append(page[rows])
        cursor = page["next_cursor"]
    return found


def test_each_part_is_read_page_by_page(prepared: Prepare) -> None:
    place = prepared(morning)
    journals = Journals(Layout(place.root), datetime.now(UTC) - timedelta(days=3))
    for name in ("one", "two", "three"):
        used = {"cost_usd": 1.0, "input_tokens": 10, "output_tokens": 5}
        journals.run(name, completed(**used), worker=name)
    done = pages(place, "done", "tasks")
    assert [[row["path"] for row in page] for page in done] == [
        [".runr/tasks/changed.md", ".runr/tasks/old.md"],
        [".runr/tasks/done.md"],
    ]
    landed = pages(place, "landings", "landings")
    assert [[row["task_path"] for row in page] for page in landed] == [
        [".runr/tasks/three.md", ".runr/tasks/two.md"],
        [".runr/tasks/one.md"],
    ]
    days = [row for page in pages(place, "activity", "days") for row in page]
    today = datetime.now().astimezone().date()
    assert [row["day"] for row in days] == [f"{today - timedelta(days=n)}" for n in range(4)]
    assert sum(int(str(row["completed_count"])) for row in days) == 6
    assert (days[1], days[3]["stopped_count"]) == (
        {"day": days[1]["day"], "completed_count": 0, "stopped_count": 0, "failed_count": 0},
        1,
    )
    counted = place.runr("status", "--show", "counts", "--json", code=0).json
    assert counted["evidence"] == {"attested": 3}
    shown = place.runr("status", "--show", "waiting", "--limit", "1", code=0).out
    assert "Waiting for a person, 2:\n  ○ by-hand.md" in shown
    assert "--cursor .runr/tasks/by-hand.md shows more" in shown


def test_the_parts_are_the_same_for_python_and_in_the_overview(prepared: Prepare) -> None:
    place = prepared(morning)
    project = Project.open(place.root, environment={})
    whole = place.runr("status", "--summary", "--json", code=0).json
    assert to_plain(project.part("stopped")) == whole["stopped"]
    assert to_plain(project.usage("yesterday"))["usage"] == whole["usage"]["usage"]
    assert to_plain(project.activity(limit=7)) == whole["activity"]
    assert to_plain(project.landings()) == whole["landed"]
    assert project.counts().evidence == whole["evidence"] == {"attested": 3}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--show", "done", "--limit", "0"], "a page has 1 to 500 rows"),
        (["--show", "done", "--cursor", "nothing"], "unknown cursor 'nothing'"),
        (["--show", "activity", "--cursor", "monday"], "unknown cursor 'monday'"),
        (["--show", "activity", "--cursor", "0001-01-01"], "unknown cursor '0001-01-01'"),
        (["--show", "activity", "--cursor", "9999-12-31"], "unknown cursor '9999-12-31'"),
        (["--show", "landings", "--cursor", "monday"], "unknown cursor 'monday'"),
        (["--limit", "5"], "name it with --show"),
        (["--show", "done", "--tasks"], "choose one"),
    ],
)
def test_a_page_that_there_is_not_is_refused(
    prepared: Prepare, words: list[str], message: str
) -> None:
    refused = prepared(morning).runr("status", *words, code=2)
    assert message in refused.err
    assert "Traceback" not in refused.err


def test_python_gets_an_error_for_a_page_that_there_is_not(prepared: Prepare) -> None:
    project = Project.open(prepared(morning).root, environment={})
    with pytest.raises(RunrError, match="1 to 500"):
        project.activity(limit=501)
    with pytest.raises(RunrError, match="no part 'finished': write one of done, running"):
        project.part("finished")  # type: ignore[arg-type]
