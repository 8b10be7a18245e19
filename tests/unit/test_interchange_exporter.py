"""An export, and its import into another repository."""

import json
import shutil
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.project_kit import ProjectKit
from runr.interchange import archive, archive_reader
from runr.interchange.exporter import ExportRequest, build_archive, export_tasks
from runr.interchange.external_task import Document
from runr.interchange.import_result import ImportRequest
from runr.interchange.importer import import_tasks
from runr.project import Project
from runr.runs import journal
from runr.status import store
from runr.status.model import Entry, State
from runr.storage import files

NAMES = st.text(string.ascii_letters + "éß漢 -_", min_size=1, max_size=8).map(str.strip)
PATHS = st.lists(NAMES.filter(bool), min_size=1, max_size=3).map(
    lambda parts: ".runr/tasks/" + "/".join(parts) + ".md"
)
CONTENTS = st.binary(max_size=60) | st.text(max_size=60).map(
    lambda text: text.encode(errors="surrogatepass")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
ENTRIES = st.builds(
    lambda extra, **known: Entry(extra=extra, **known),
    extra=st.dictionaries(
        # Keys of a later version: no field that there is today ends so.
        st.text(string.ascii_lowercase, min_size=5, max_size=8).map("later_{}".format),
        VALUES,
        max_size=2,
    ),
    status=st.sampled_from([state for state in State if state is not State.IN_PROGRESS]),
    reason=st.none() | TEXT,
    stop_detail=st.none() | TEXT,
    run_count=st.integers(0, 9),
    revision=st.integers(0, 9),
)
EVENTS = st.lists(
    st.builds(
        lambda seq, kind, payload, extra: extra | {"seq": seq, "type": kind, "payload": payload},
        seq=st.integers(1, 99),
        kind=TEXT,
        payload=st.dictionaries(TEXT, VALUES, max_size=3),
        extra=st.dictionaries(TEXT, VALUES, max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture
def here(tmp_path: Path) -> Project:
    return ProjectKit(tmp_path, "here").open()


@pytest.fixture
def there(tmp_path: Path) -> Project:
    return ProjectKit(tmp_path, "there").open()


@pytest.fixture
def repositories(here: Project, there: Project) -> tuple[Project, Project]:
    return here, there


def fill(
    project: Project, tasks: dict[str, bytes], entries: dict[str, Entry], runs: list[Any]
) -> None:
    """Make the repository contain exactly these."""
    shutil.rmtree(project.layout.runr)
    for path, content in tasks.items():
        files.replace(project.layout.root / path, content)
    for number, events in enumerate(runs):
        run = project.layout.run(f"20250108-14302{number}-abcd")
        files.replace(run.timeline, "".join(json.dumps(event) + "\n" for event in events).encode())
    if entries:
        store.update(project.layout, lambda _: entries)
    project.layout.runr.mkdir(exist_ok=True)


def held(project: Project) -> tuple[dict[str, bytes], dict[str, Entry], dict[str, Any]]:
    """Return all files, statuses and journals, read without the code under test."""
    root = project.layout.root
    tasks = {str(p.relative_to(root)): p.read_bytes() for p in project.layout.tasks.rglob("*.md")}
    runs = {
        own: [json.loads(line) for line in files.lines(project.layout.run(own).timeline)]
        for own in journal.ids(project.layout)
    }
    return tasks, dict(store.read(project.layout).tasks), runs


def as_json(project: Project) -> str:
    return archive.render(build_archive(project))


def as_csv(project: Project) -> str:
    return archive.render_csv(build_archive(project), {})


@pytest.mark.parametrize("written", [as_json, as_csv])
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    tasks=st.dictionaries(PATHS, CONTENTS, max_size=4),
    entries=st.dictionaries(PATHS, ENTRIES, max_size=3),
    runs=st.lists(EVENTS, max_size=3),
)
def test_an_export_is_imported_without_loss(
    repositories: tuple[Project, Project],
    written: Callable[[Project], str],
    tasks: dict[str, bytes],
    entries: dict[str, Entry],
    runs: list[Any],
) -> None:
    here, there = repositories
    fill(here, tasks, entries, runs)
    fill(there, {}, {}, [])
    file = there.layout.root / "kept"
    file.write_bytes(written(here).encode())
    import_tasks(there, ImportRequest(file="kept"))
    assert held(there) == held(here)
    again = import_tasks(there, ImportRequest(file="kept"))
    assert again.written == 0
    assert held(there) == held(here)


def test_a_large_task_survives_the_table(here: Project, there: Project) -> None:
    content = b"# Long\n" + b'"a", ' * 60_000
    fill(here, {".runr/tasks/long.md": content}, {}, [])
    answer = export_tasks(here, ExportRequest(format="csv"))
    assert isinstance(answer, str)
    (there.layout.root / "kept").write_text(answer, encoding="utf-8", newline="")
    import_tasks(there, ImportRequest(file="kept"))
    assert (there.layout.tasks / "long.md").read_bytes() == content


@pytest.mark.parametrize(
    "path",
    ["../x.md", "/etc/x.md", ".runr/tasks/../../x.md", ".runr/tasks/x", ".runr/tasks/.x.md", ""],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    kept = {"format": "runr-export", "tasks": [{"path": path, "text": ""}]}
    (row,) = archive_reader.read(Document(name="kept", text=json.dumps(kept)))
    assert row.value is None
    assert row.reason == f"{path!r} is no path of a task file below .runr/tasks"


def test_a_status_comes_back_only_with_its_task_and_its_run(there: Project) -> None:
    run, lost = "20250108-143022-abcd", "20250108-143022-lost"
    names = [".runr/tasks/a.md", ".runr/tasks/b.md", ".runr/tasks/c.md"]
    kept = {
        "format": "runr-export",
        "tasks": [{"path": name, "text": "# T"} for name in names[:2]]
        + [{"path": names[2], "text": 1}],
        "status": {
            names[0]: {"status": "completed", "last_run_id": run},
            names[1]: {"status": "completed", "last_run_id": lost},
            names[2]: {"status": "completed"},
        },
        "runs": [{"id": run, "events": [{"seq": 1}]}, {"id": lost, "events": []}],
    }
    (there.layout.root / "kept").write_text(json.dumps(kept), encoding="utf-8")
    for dry_run in (True, False):
        answer = import_tasks(there, ImportRequest(file="kept", dry_run=dry_run))
        assert answer.record_count == 8
        assert {record.place: record.reason for record in answer.records if record.reason} == {
            "kept, tasks[2]": "`text` is a number where text is wanted",
            "kept, status, .runr/tasks/b.md": f"{lost}, which it is about, is not restored",
            "kept, status, .runr/tasks/c.md": f"{names[2]}, which it is about, is not restored",
            "kept, runs[1]": "`events` is empty",
        }
    assert list(store.read(there.layout).tasks) == names[:1]
