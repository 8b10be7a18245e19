"""Of many journals, few of ended runs are looked at again, and only after their folder changed."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runr import nofollow
from runr.history import database, freshness, index, upkeep
from runr.history.freshness import RUNS
from runr.jobs.events import JobCreated, JobEnded, JobLanded
from runr.jobs.model import Job
from runr.jobs.work import Item, Work
from runr.project import Project
from runr.runs.events import RunResumed, SubmitFinished
from runr.storage import files
from unit.git_trees import make
from unit.journals_of_runs import COMPLETED, Journals, completed, landed, stopped, worked

SUBMITTED = SubmitFinished("other", "merge", "0" * 40, "e" * 40, by="Ada")


class Clone:
    """A project with a completed, a stopped and an open run, and a job run that has ended."""

    def __init__(self, root: Path) -> None:
        self.project = Project.open(make(root), {})
        self.journals = Journals(self.project.layout)
        self.completed = self.journals.run("a", completed())
        self.stopped = self.journals.run("b", stopped())
        self.open = self.journals.run("c", worked())
        self.job = self.journals.job_journal("20250106-090000-aaaa")
        work = Work((Item(".runr/tasks/a.md", "main/all"),), ())
        self.job.append(JobCreated(Job(name="nightly"), work, "runr/nightly", "main", "0" * 40))
        self.job.append(JobEnded("completed"))
        assert self.refresh() == 4

    def refresh(self, many: int = 1) -> int:
        """Read what has changed, some time after the last change; return of how many journals."""
        later = max(path.stat().st_ctime_ns for path in self.project.layout.runr.rglob("*"))
        return database.connect(
            self.project.layout,
            self.project.clock(),
            lambda rows: index.refresh(
                self.project.layout, rows, many=many, now_ns=later + 3_000_000_000
            ),
        )

    def add_line(self) -> None:
        """Change the journal of the completed run without runr."""
        with self.completed.timeline.open("ab") as timeline:
            timeline.write(b"{}\n")

    def looks(self) -> int:
        """Return how many journals are looked at next."""
        with closing(sqlite3.connect(self.project.layout.history)) as rows:
            listed = "list_unsettled" if rows.execute("SELECT * FROM folders").fetchone() else ""
            query = database.queries()[listed or "list_marks"]
            return len(rows.execute(query, (RUNS,)).fetchall())

    def has_rows_of_journals(self) -> bool:
        with closing(sqlite3.connect(self.project.layout.history)) as rows:
            return index.differences(self.project.layout, rows, self.project.clock()) == {}


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "repo")


CHANGES: dict[str, Callable[[Clone], object]] = {
    "an open run goes on": lambda clone: clone.journals.append(clone.open, [*landed(), COMPLETED]),
    "a stopped run is resumed": lambda clone: clone.journals.append(clone.stopped, [RunResumed()]),
    "a completed run is submitted": lambda clone: clone.journals.append(
        clone.completed, [SUBMITTED]
    ),
    "a job run lands": lambda clone: clone.job.append(JobLanded("main", "merge", "d" * 40)),
    "another run begins": lambda clone: clone.journals.run("d", worked()),
    "a run is removed": lambda clone: shutil.rmtree(clone.stopped.folder),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_runr_records_is_read_at_once(clone: Clone, change: Callable[[Clone], object]) -> None:
    assert clone.looks() == 1
    change(clone)
    assert clone.refresh() == 1
    assert clone.has_rows_of_journals()


def test_a_run_that_has_a_folder_and_no_journal_yet_is_read_when_it_has(clone: Clone) -> None:
    run = clone.project.layout.run("20250107-000000-late")
    run.folder.mkdir()
    assert clone.refresh() == 0
    clone.journals.append(run, [clone.journals.created("late")])
    assert clone.refresh() == 1
    assert clone.has_rows_of_journals()


def test_what_another_program_changed_is_found_by_a_check_and_read_when_it_is_its_turn(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "TURN", 1)
    clone.journals.run("d", worked())
    assert clone.refresh() == 1
    with clone.stopped.timeline.open("ab") as timeline:
        timeline.write(b"{}\n")
    assert clone.refresh() == 0
    problems = upkeep.check(clone.project).problems
    assert "2 rows of journals not as in the journals" in problems
    # It is the second, after the one whose turn it was.
    clone.journals.run("e", worked())
    assert clone.refresh() == 2
    assert clone.has_rows_of_journals()
    assert upkeep.check(clone.project).problems == []


def test_what_is_doubtful_is_found_by_a_look_at_every_journal(clone: Clone) -> None:
    other = clone.journals.run("d", stopped())
    text = other.timeline.read_text().replace(":1", ":2")
    assert clone.refresh() == 1
    other.timeline.write_text(text)
    clone.add_line()
    assert clone.refresh() == 0
    assert index.find_doubtful(clone.project) == {other.id, clone.completed.id}
    # What was read is kept, as after any other look.
    assert clone.refresh() == 0
    assert clone.has_rows_of_journals()


def test_with_each_run_that_is_added_a_part_of_the_others_is_looked_at_in_turn(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "TURN", 2)
    seen: list[set[str]] = []
    stat_in_each = nofollow.stat_in_each

    def watched(
        path: Path, name: str, folders: Iterable[str] | None = None
    ) -> Iterator[tuple[str, os.stat_result]]:
        if folders is not None and path.name == RUNS:
            seen.append(set(folders))
        return stat_in_each(path, name, folders)

    monkeypatch.setattr(nofollow, "stat_in_each", watched)
    names = [run.id for run in (clone.completed, clone.stopped, clone.open)]
    for number in range(3):
        names.append(clone.journals.run(f"more-{number}", completed()).id)
        assert clone.refresh() == 1
    # That of the open run is looked at each time.
    parts = [names[:2], names[2:4], names[4:5]]
    expected = [{*part, clone.open.id, new} for part, new in zip(parts, names[3:], strict=True)]
    assert seen == expected


def test_a_run_that_is_killed_between_the_note_and_its_journal_is_read_when_it_goes_on(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process can be killed, or stand still for an hour, in front of the journal."""
    monkeypatch.setattr(freshness, "TURN", 0)

    def killed(path: Path, data: bytes) -> None:
        if path.name == "timeline.jsonl":
            raise KeyboardInterrupt
        append(path, data)

    append = files.append
    with monkeypatch.context() as patch:
        patch.setattr(files, "append", killed)
        for run in (clone.completed, clone.stopped):
            with pytest.raises(KeyboardInterrupt):
                clone.journals.append(run, [SUBMITTED if run is clone.completed else RunResumed()])
    assert (clone.refresh(), clone.looks()) == (0, 3)
    clone.journals.append(clone.stopped, [RunResumed()])
    assert clone.refresh() == 1
    assert clone.has_rows_of_journals()
    clone.journals.append(clone.stopped, [COMPLETED])
    assert (clone.refresh(), clone.looks()) == (1, 2)
    clone.journals.append(clone.completed, [SUBMITTED])
    assert (clone.refresh(), clone.looks()) == (1, 1)
    assert clone.has_rows_of_journals()


@pytest.mark.parametrize("notes", [b"", b"no note\n", b"a b c\n" * 99, None])
def test_notes_that_are_gone_or_no_notes_have_all_journals_looked_at(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, notes: bytes | None
) -> None:
    monkeypatch.setattr(freshness, "TURN", 0)
    clone.journals.append(clone.completed, [SUBMITTED])
    assert clone.refresh() == 1
    path = clone.project.layout.reopened(RUNS)
    path.unlink()
    if notes is None:
        path.symlink_to(clone.stopped.timeline)
    else:
        path.write_bytes(notes)
    clone.project.layout.runs.touch()
    clone.add_line()
    assert clone.refresh() == 1
    assert clone.has_rows_of_journals()


def test_with_few_journals_each_change_is_read_at_once(clone: Clone) -> None:
    with closing(sqlite3.connect(clone.project.layout.history)) as rows, rows:
        rows.execute("DELETE FROM folders")
    assert (clone.refresh(many=4), clone.looks()) == (0, 3)
    clone.add_line()
    assert clone.refresh(many=4) == 1
    assert clone.has_rows_of_journals()


def test_a_folder_that_was_changed_a_moment_ago_is_looked_at_again(clone: Clone) -> None:
    clone.journals.run("d", worked())
    changed = clone.project.layout.runs.stat().st_ctime_ns
    layout = clone.project.layout

    def look(rows: sqlite3.Connection) -> bool:
        found = freshness.look(layout, rows, many=1, now_ns=changed + 1_000_000_000)
        return RUNS in found.folders

    assert not database.connect(layout, clone.project.clock(), look)


def test_what_another_process_wrote_meanwhile_has_all_journals_looked_at(clone: Clone) -> None:
    layout = clone.project.layout

    def interrupted(rows: sqlite3.Connection) -> None:
        version = index._data_version(rows)  # noqa: SLF001 - as a refresh begins
        clone.journals.append(clone.open, [COMPLETED])
        clone.refresh()
        with index._writing(rows, version) as alone:  # noqa: SLF001 - as it writes
            assert not alone

    database.connect(layout, clone.project.clock(), interrupted)
    assert clone.looks() == 3
    assert clone.refresh() == 0
    assert clone.looks() == 0
