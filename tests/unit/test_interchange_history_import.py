"""An exported history goes back as it was, and proves nothing where it was not written."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runr.errors import DamagedStateError, UsageError
from runr.history import index, period_report
from runr.interchange import exporter, importer
from runr.interchange.exporter import ExportRequest
from runr.interchange.import_result import ImportRequest, ImportResult
from runr.jobs.events import JobCreated, JobEnded, JobLanded
from runr.jobs.model import Job
from runr.jobs.work import Item, Work
from runr.project import Project
from runr.runs import clone_key
from runr.storage.layout import Layout
from unit.git_trees import make
from unit.journals_of_runs import Journals, completed, stopped

SETTINGS = b'{"workers": {"script": {"model": "opus"}}}\n'
Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def source(tmp_path: Path) -> Project:
    """Return a project with two runs, one held to settings, a damaged one, and a job run."""
    project = Project.open(make(tmp_path / "repo"), {})
    journals = Journals(project.layout)
    used = completed(cost_usd=0.5, input_tokens=100)
    own = journals.run("a", used, config=sha256(SETTINGS).hexdigest())
    own.config.write_bytes(SETTINGS)
    journals.run("b", stopped())
    damaged = journals.run("c", completed())
    lines = damaged.timeline.read_bytes().splitlines()
    damaged.timeline.write_bytes(b"\n".join([*lines[:3], b"\xff { torn", *lines[4:]]) + b"\n")
    job = journals.job_journal("20250106-090000-aaaa")
    item = Item(".runr/tasks/a.md", "chores/all")
    job.append(JobCreated(Job(name="nightly"), Work((item,), ()), "runr/n", "main", "0" * 40))
    job.append(JobEnded("completed"))
    job.append(JobLanded("main", "merge", "d" * 40))
    return project


def kept(project: Project) -> Path:
    """Return the exported history of a project."""
    request = ExportRequest(format="history", output="../kept.jsonl", force=True)
    exporter.export_tasks(project, request)
    return project.here / "../kept.jsonl"


def empty(source: Project, name: str, *, same_clone: bool) -> Project:
    """Return an empty repository, with the key of the source or without."""
    there = Project.open(make(source.layout.root.with_name(name)), {})
    if same_clone:
        own, other = (clone_key.folder(each.layout.root / ".git") for each in (source, there))
        shutil.copytree(own, other)
    return there


def put_back(there: Project, **facts: Any) -> ImportResult:
    return importer.import_tasks(there, ImportRequest(file="../kept.jsonl", **facts))


def rows_of(project: Project, *, without: frozenset[str] = frozenset()) -> Rows:
    """Return all rows, without when a file was changed and the columns that are named."""
    without |= {"changed_ns"}

    def read(rows: Any) -> Rows:
        found: Rows = {}
        for table in index.TABLES:
            names = [row[1] for row in rows.execute(f"PRAGMA table_info({table})")]
            columns = ", ".join(name for name in names if name not in without)
            found[table] = sorted(rows.execute(f"SELECT {columns} FROM {table}"), key=repr)  # noqa: S608 - names of the schema
        return found

    return index.ask(project, read)


def journals_of(layout: Layout) -> dict[str, bytes]:
    files = (*layout.runs.rglob("timeline.jsonl"), *layout.job_runs.rglob("timeline.jsonl"))
    return {str(file.relative_to(layout.runr)): file.read_bytes() for file in files}


def test_in_the_same_clone_journals_and_rows_come_back_as_they_were(source: Project) -> None:
    file = kept(source)
    before = file.read_bytes()
    there = empty(source, "there", same_clone=True)
    assert put_back(there, dry_run=True).counts["imported"] == 4
    assert not there.layout.runs.exists()
    assert put_back(there).counts["imported"] == 4
    assert journals_of(there.layout) == journals_of(source.layout)
    assert rows_of(there) == rows_of(source)
    assert [row[5] for row in rows_of(there)["usages"]] == ["opus"]
    kept(there)
    assert file.read_bytes() == before
    assert put_back(there).counts["present"] == 4


def test_in_another_clone_the_same_is_shown_and_proves_nothing(source: Project) -> None:
    kept(source)
    there = empty(source, "there", same_clone=False)
    clone_key.ensure(there.layout.root)
    put_back(there)
    assert journals_of(there.layout) == journals_of(source.layout)
    facts = frozenset({"record", "detail"})
    assert rows_of(there, without=facts)["usages"] == rows_of(source, without=facts)["usages"]
    assert {row[2] for row in rows_of(there)["journals"]} == {"foreign", "damaged"}
    report = period_report.report(there, "2025-01-01", "2025-02-01")
    assert (report.completed_count, report.landed_count, report.unconfirmed_runs) == (0, 0, 3)
    assert period_report.report(source, "2025-01-01", "2025-02-01").completed_count == 1


def test_what_is_here_and_different_stays(source: Project) -> None:
    kept(source)
    there = empty(source, "there", same_clone=True)
    put_back(there)
    changed = min(there.layout.runs.iterdir()) / "timeline.jsonl"
    changed.write_bytes(changed.read_bytes() + b"{}\n")
    other = max(there.layout.runs.iterdir())
    (other / "timeline.jsonl").rename(other / "task.md")
    before = journals_of(there.layout)
    answer = put_back(there)
    failed = {row.reason for row in answer.records if row.outcome == "failed"}
    assert failed == {"here already, and different", "its folder is here already, with other files"}
    assert journals_of(there.layout) == before


def test_no_link_is_followed(source: Project, tmp_path: Path) -> None:
    kept(source)
    there = empty(source, "there", same_clone=True)
    (first, *_) = sorted(path.name for path in source.layout.runs.iterdir())
    outside = tmp_path / "outside"
    outside.mkdir()
    there.layout.runr.mkdir(exist_ok=True)
    there.layout.runs.mkdir()
    (there.layout.runs / first).symlink_to(outside)
    answer = put_back(there)
    failed = [row.title for row in answer.records if row.outcome == "failed"]
    assert failed == [f"runs/{first}"]
    shutil.rmtree(there.layout.job_runs)
    there.layout.job_runs.symlink_to(outside)
    with pytest.raises(DamagedStateError, match="job-runs is a symbolic link"):
        put_back(there)
    assert not list(outside.iterdir())


def test_a_line_that_cannot_be_read_takes_the_journals_beside_it(source: Project) -> None:
    file = kept(source)
    lines = file.read_bytes().splitlines()
    first = next(place for place, line in enumerate(lines) if b"b.md" in line)
    file.write_bytes(b"\n".join([*lines[:first], b"{", *lines[first:]]) + b"\n")
    answer = put_back(empty(source, "there", same_clone=True))
    why = f"line {first + 1} could not be read: "
    assert [row.reason.startswith(why) for row in answer.records if row.kind == "run"] == [
        *[True, True, False, False]
    ]
    assert (answer.counts["failed"], answer.counts["imported"]) == (3, 2)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([{"journal": "runs/a", "settings": "{}"}], "it has no line"),
        (
            [{"journal": "runs/a", "settings": "{}"}, {"journal": "runs/a", "event": {"seq": 1}}],
            "its settings are not those that its first event names",
        ),
        (
            [{"journal": f"runs/{name}", "event": {"seq": 1}} for name in "aba"],
            "in it twice, in two places",
        ),
    ],
)
def test_a_file_that_no_runr_wrote_is_refused(
    source: Project, lines: list[dict[str, Any]], reason: str
) -> None:
    head = {"format": "runr-history", "version": 1}
    file = source.here / "../kept.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in (head, *lines)))
    answer = put_back(empty(source, "there", same_clone=False))
    assert [row.reason for row in answer.records if row.outcome == "failed"] == [reason]


def test_a_newer_file_is_refused_whole(source: Project) -> None:
    (source.here / "../kept.jsonl").write_text('{"format": "runr-history", "version": 2}\n')
    with pytest.raises(UsageError, match="newer runr \\(format 2, this one reads 1\\)"):
        put_back(source)
    with pytest.raises(UsageError, match="only --preview"):
        put_back(source, into="x")
