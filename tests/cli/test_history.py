"""`runr history` and `runr db`: what happened to a task, and the database behind it."""

import re
import sqlite3
from contextlib import closing
from typing import Any

from cli.terminal import Place, Prepare
from runr.jobs.events import JobCreated, JobEnded
from runr.jobs.model import Job
from runr.jobs.work import Item, Work
from runr.runs.model import JobTerms
from runr.storage.layout import Layout
from unit.journals_of_runs import Journals, completed, stopped

DATABASE = ".runr/history.db"


def decided(place: Place) -> None:
    place.task("m.md", "type: manual")
    place.commit("Tasks")
    Journals(Layout(place.root)).run("m", stopped())
    place.runr("complete-task", "m", "--reason", "did it", "--by", "Ada", code=0)
    place.task("m.md", "type: manual", "In other words.")
    place.runr("acknowledge", "m", "--reason", "only the words", "--by", "Bea", code=0)
    place.runr("reset", "m", "--reason", "by mistake", "--by", "Cy", code=0)


def changes(answer: Any) -> list[tuple[str, ...]]:
    return [(row["what"], row["status"], row["by"], row["reason"]) for row in answer["changes"]]


def test_the_history_of_a_task_has_every_change_with_who_and_why(prepared: Prepare) -> None:
    place = prepared(decided)
    answer = place.runr("history", "m", "--json", code=0).json
    run = answer["changes"][0]["run_id"]
    assert changes(answer) == [
        ("started", "in_progress", "worker:script", None),
        ("stopped", "stopped", f"run:{run}", "make test failed"),
        ("completed", "completed", "person:Ada", "did it"),
        ("acknowledged", "completed", "person:Bea", "only the words"),
        ("reset", "pending", "person:Cy", "by mistake"),
    ]
    assert (answer["status"], answer["run_count"]) == ("pending", 4)
    shown = place.runr("history", "m", env={"TZ": "UTC-2"}, code=0)
    assert re.search(r"2025-01-06 10:05  stopped +verification_failed  run \S+  \(make", shown.out)
    assert re.search(r"completed +attested  run \S+  by Ada  \(did it\)", shown.out)
    assert shown.steps == [f"runr report {answer['changes'][-1]['run_id']}", "runr why m.md"]


def test_a_task_whose_file_is_gone_still_has_its_history(prepared: Prepare) -> None:
    place = prepared(decided)
    (place.root / ".runr/tasks/m.md").unlink()
    answer = place.runr("history", "m", "--json", code=0).json
    assert (len(answer["changes"]), answer["notes"]) == (5, ["its task file is gone"])
    refused = place.runr("history", "nothing", code=2)
    assert "there is no task 'nothing'" in refused.err


def test_records_that_were_copied_from_another_clone_are_no_evidence(
    prepared: Prepare,
) -> None:
    place = prepared(decided)
    clone = place.clone()
    (clone.root / ".runr/runs").parent.mkdir(exist_ok=True)
    (place.root / ".runr/runs").rename(clone.root / ".runr/runs")
    answer = clone.runr("history", "m", "--json", code=0).json
    assert {row["record"] for row in answer["changes"]} == {"foreign"}
    assert "no evidence" in clone.runr("history", "m", code=0).out
    with closing(sqlite3.connect(clone.root / DATABASE)) as kept:
        assert kept.execute("SELECT count(*) FROM journals").fetchone() == (4,)


def test_the_database_is_ignored_by_git_and_may_be_deleted(prepared: Prepare) -> None:
    place = prepared(decided)
    before = place.runr("history", "m", "--json", code=0).json
    path = place.runr("db", "path", code=0).out.strip()
    assert path == str(place.root / DATABASE)
    assert "db" not in place.git("status", "--porcelain", "-uall")
    (place.root / DATABASE).unlink()
    assert place.runr("history", "m", "--json", code=0).json == before
    assert place.runr("db", "vacuum", "--json", code=0).json["message"].startswith(DATABASE)
    assert "as in the journals: 4 runs" in place.runr("db", "check", code=0).out


def test_check_says_what_is_damaged_and_how_it_is_made_again(prepared: Prepare) -> None:
    place = prepared(decided)
    (place.root / DATABASE).write_bytes(b"no database" * 1000)
    checked = place.runr("db", "check", code=10)
    assert "no database, or damaged" in checked.out
    assert (place.root / DATABASE).read_bytes().startswith(b"no")
    assert checked.steps == ["runr rebuild"]
    place.paste("runr rebuild")
    place.runr("db", "check", code=0)


def test_nothing_is_said_of_a_database_that_cannot_be_used(prepared: Prepare) -> None:
    place = prepared(decided)
    words = (("db", "check"), ("db", "migrate"), ("db", "vacuum"))
    (place.root / DATABASE).unlink(missing_ok=True)
    (place.root / DATABASE).mkdir()
    for each in words:
        refused = place.runr(*each, code=10)
        assert "is a folder, where runr needs a file" in refused.err
    place.paste(refused.steps[0])
    place.runr("db", "check", code=0)
    with closing(sqlite3.connect(place.root / DATABASE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE mine (x)")
        refused = place.runr("db", "vacuum", code=10)
    assert "cannot be used" in refused.err
    place.paste(refused.steps[0])


def test_rebuild_makes_the_history_again_or_says_what_is_in_the_way(prepared: Prepare) -> None:
    place = prepared(decided)
    database = place.root / DATABASE
    database.write_bytes(b"no database" * 1000)
    place.runr("rebuild", code=0)
    with closing(sqlite3.connect(database)) as rows:
        assert rows.execute("SELECT count(*) FROM runs").fetchone() == (4,)
    for name in (DATABASE, f"{DATABASE}-wal", ".runr/runr.db"):
        (place.root / name).unlink(missing_ok=True)
        (place.root / name).mkdir()
        refused = place.runr("rebuild", code=10)
        assert f"{name} is a folder, where runr needs a file" in refused.err
        (place.root / name).rmdir()


def test_rebuild_fails_where_the_history_cannot_be_written(prepared: Prepare) -> None:
    place = prepared(decided)
    # The cache is smaller than 40 KiB, the history larger.
    refused = place.paste("ulimit -f 80; runr rebuild")
    assert refused.code == 10
    assert f"runr: {DATABASE} cannot be used (" in refused.err
    assert refused.err.splitlines()[1:] == [
        f"  {each} {place.root}/.runr" for each in ("ls -la", "df")
    ]
    place.runr("rebuild", code=0)
    assert "4 runs" in place.runr("db", "check", code=0).out


def test_rebuild_leaves_the_history_of_a_newer_runr(prepared: Prepare) -> None:
    place = prepared(decided)
    with closing(sqlite3.connect(place.root / DATABASE)) as newer, newer:
        newer.execute("CREATE TABLE schema_version (version, applied_at)")
        newer.execute("INSERT INTO schema_version VALUES (99, '2030-01-01T00:00:00Z')")
    content = (place.root / DATABASE).read_bytes()
    said = place.runr("rebuild", code=0).out
    assert f"{DATABASE} was left as it is: a newer runr wrote it (schema 99)" in said
    assert (place.root / DATABASE).read_bytes() == content


def test_before_the_first_run_there_is_no_database(place: Place) -> None:
    for word in ("migrate", "vacuum"):
        assert place.runr("db", word, code=0).out.startswith("No run has begun here")


def test_a_link_in_the_place_of_the_database_is_refused(prepared: Prepare) -> None:
    place = prepared(decided)
    outside = place.write("../outside")
    (place.root / DATABASE).symlink_to(outside)
    refused = place.runr("history", "m", code=10)
    assert "is a symbolic link" in refused.err
    assert not outside.read_bytes()


def test_the_report_of_a_period_is_text_markdown_or_json(prepared: Prepare) -> None:
    place = prepared(decided)
    period = ("report", "--since", "2025-01-01", "--until", "2025-02-01")
    answer = place.runr(*period, "--format", "json", code=0).json
    assert (answer["completed_count"], answer["stop_reasons"]) == (0, {"verification_failed": 1})
    again = place.runr(*period, "--json", code=0).json
    assert {**answer, "waiting": []} == {**again, "waiting": []}
    shown = place.runr(*period, env={"TZ": "UTC-2"}, code=0).out
    assert shown.startswith("From 2025-01-01 00:00 to 2025-02-01 00:00\n\nSummary\n")
    assert "| verification_failed | 1 |" in place.runr(*period, "--format", "markdown").out
    since = place.runr("report", "--since", "yesterday", "--json", code=0).json
    assert (since["completed_by_evidence"], since["reset_count"]) == ({}, 1)
    assert (since["completed_count"], since["reset_since_count"]) == (0, 1)
    (taken_back,) = since["completions"]
    assert (taken_back["evidence"], taken_back["reset"]) == ("attested", True)
    shown = place.runr("report", "--since", "yesterday", code=0).out
    assert "attested, reset since" in shown


def test_the_days_of_a_period_begin_at_midnight_in_summer_and_in_winter(prepared: Prepare) -> None:
    place = prepared(decided)
    zone = {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}
    for month in ("01", "07"):
        period = ("report", "--since", f"2025-{month}-01", "--until", f"2025-{month}-02")
        shown = place.runr(*period, env=zone, code=0).out
        assert shown.startswith(f"From 2025-{month}-01 00:00 to 2025-{month}-02 00:00\n")
    summer = ("report", "--since", "2025-07-01", "--until", "2025-07-02", "--json")
    assert place.runr(*summer, env=zone, code=0).json["since"] == "2025-06-30T22:00:00.000Z"


def test_a_report_is_of_a_run_or_of_a_period(prepared: Prepare) -> None:
    place = prepared(decided)
    assert place.runr("report", "latest", "--since", "7d", code=2).steps == ["runr report latest"]
    refused = place.runr("report", "--tag", "api", code=2)
    assert "require --since" in refused.err
    assert place.paste(refused.steps[0]).code == 0
    assert "is no time: write yesterday" in place.runr("report", "--since", "soon", code=2).err


JOB_RUN = "20250106-080000-aaaa"


def of_a_job(place: Place) -> None:
    place.task("inside.md")
    place.task("by-hand.md", "type: manual")
    journals = Journals(Layout(place.root))
    job = journals.job_journal(JOB_RUN)
    work = Work((Item(".runr/tasks/by-hand.md", "chores/all", manual=True),), ())
    job.append(JobCreated(Job(name="nightly"), work, "runr/nightly", "main", "0" * 40))
    journals.run("outside", completed(cost_usd=9.0))
    journals.run("inside", completed(cost_usd=0.5), job=JobTerms(JOB_RUN))
    job.append(JobEnded("completed"))
    journals.run("outside", stopped())


def test_the_report_of_a_job_is_about_its_runs_in_all_formats(prepared: Prepare) -> None:
    place = prepared(of_a_job)
    answer = place.runr("report", "--job", "nightly", "--json", code=0).json
    assert (answer["job_run_id"], answer["completed_count"]) == (JOB_RUN, 1)
    assert (answer["cost_usd"], answer["stopped_count"]) == (0.5, 0)
    # A task of the job of which it began no run is one that it is about, too.
    assert [row["task_path"] for row in answer["waiting"]] == [".runr/tasks/by-hand.md"]
    assert answer["activity"]["parts"][0]["completed_task_count"] == 1
    assert place.runr("report", "--job", JOB_RUN, "--json", code=0).json == answer
    for form, begin in (("text", "Job run 2025"), ("markdown", "# Job run"), ("html", "<!DOCTYPE")):
        shown = place.runr("report", "--job", "nightly", "--format", form, code=0).out
        assert shown.startswith(begin)
        assert "inside" in shown
        assert "outside.md" not in shown
    words = ("report", "--since", "2025-01-01", "--format", "html", "--output", "page.html")
    assert place.runr(*words, code=0).out == "wrote page.html\n"
    assert "exists already; --force overwrites it" in place.runr(*words, code=2).err
    page = place.runr(*words[:-2], code=0).out
    place.runr(*words, "--force", code=0)
    assert len((place.root / "page.html").read_text()) == len(page)


def test_a_report_is_about_one_thing(prepared: Prepare) -> None:
    place = prepared(of_a_job)
    for words, said in (
        (("--job", "nightly", "--since", "7d"), "one of RUN, --since and --job"),
        (("latest", "--job", "nightly"), "leave out RUN or --job"),
        (("--job", "nightly", "--until", "1d"), "--until requires --since"),
        (("--output", "x.html"), "require --since or --job"),
        (("--job", "nihgtly"), "did you mean 'nightly'"),
    ):
        assert said in place.runr("report", *words, code=2).err
