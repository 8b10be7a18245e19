"""The work is linear in the number of tasks, measured in function calls."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from runr.graphics import dependency_graph
from runr.interchange.exporter import ExportRequest, export_tasks
from runr.interchange.import_result import ImportRequest
from runr.interchange.importer import import_tasks
from runr.lint.rules import lint_tasks
from runr.maintenance.cleanup import CleanRequest, clean
from runr.maintenance.rebuild import rebuild
from runr.project import Project
from runr.provenance.audit import audit
from runr.provenance.infer import infer_statuses
from runr.query.detail import task_status
from runr.query.explain import explain
from runr.query.filters import parse_filter
from runr.query.listing import TaskQuery, list_tasks, matches_path, next_ready
from runr.query.next_task import choose_next
from runr.status import store
from runr.status.model import Entry, Evidence, State

SMALL = 64
#: Work that is linear doubles; what is done once makes it less, a sort a little more.
MOST = 2.5
SHA = "0123456789abcdef0123456789abcdef01234567"
HOUR_S = 3600

Question = Callable[[Project], object]


def filtered(project: Project) -> object:
    wanted = parse_filter("task -tag:x status:pending,completed is:open,stale path:sub/*")
    return list_tasks(project, TaskQuery(wanted=wanted, sort="priority"))


def named(project: Project) -> object:
    names = [task.name for task in project.tasks()]
    return matches_path(project, names, parse_filter("is:open"))


def imported(project: Project) -> object:
    """Plan the import of the same tasks, as another tool has them."""
    file = project.layout.root / "issues.jsonl"
    if not file.exists():
        file.write_text(str(export_tasks(project, ExportRequest(format="beads"))))
    return import_tasks(project, ImportRequest(file=file.name, dry_run=True))


QUESTIONS: dict[str, Question] = {
    "list": lambda project: list_tasks(project, TaskQuery()),
    "list by filter": filtered,
    "names of tasks": named,
    "next": lambda project: choose_next(project, explain=True),
    "graph": lambda project: dependency_graph.graph_result(dependency_graph.gather(project)),
    "status": lambda project: task_status(project, "open-1"),
    "why": lambda project: explain(project, "done-1"),
    "lint": lint_tasks,
    "rebuild": lambda project: rebuild(project, dry_run=True),
    "infer": infer_statuses,
    "export": lambda project: export_tasks(project, ExportRequest()),
    "export for beads": lambda project: export_tasks(project, ExportRequest(format="beads")),
    "import": imported,
    "audit": audit,
    "ready": next_ready,
    "clean": lambda project: clean(project, CleanRequest(dry_run=True)),
}


def stale(number: int) -> str:
    """Every completed task is stale, and every open one waits for one of them."""
    return f"depends_on: [done-{number}]"


def chain(number: int) -> str:
    return f"depends_on: [open-{number - 1}]" if number else ""


def missing(number: int) -> str:
    return f"depends_on: [dnoe-{number}]"


def cycle(number: int) -> str:
    return f"depends_on: [open-{number - 1 if number else '{last}'}]"


def owning(number: int) -> str:
    return f"owns: [src/part-{number}/]\nverify: [make test-{number}]"


def overlapping(number: int) -> str:
    """Each waits for the one before; the first owns what all others own a part of."""
    owns = f"src/part-{number}/, docs/{number // 2}/" if number else "src/"
    return f"{chain(number)}\nowns: [{owns}]"


SHAPES = {each.__name__: each for each in (stale, chain, missing, cycle, owning, overlapping)}


def repository(root: Path, count: int, shape: Callable[[int], str]) -> Project:
    """Make a repository with `count` completed tasks, a stale chain, and as many open ones."""
    tasks = root / ".runr/tasks"
    tasks.mkdir(parents=True)
    for number in range(count):
        before = f"depends_on: [done-{number - 1}]" if number else ""
        write(tasks / f"done-{number}.md", before)
        write(tasks / f"open-{number}.md", shape(number).replace("{last}", str(count - 1)))
    entry = Entry(
        status=State.COMPLETED,
        completed_at="2025-01-08T14:35:22Z",
        completed_by="person:Ada",
        evidence=Evidence.INFERRED,
        task_sha256=SHA,
    )
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    message = ["commit", "-q", "--allow-empty", "-m", "begin"]
    subprocess.run(["git", "-C", str(root), *identity, *message], check=True)
    project = Project.open(root, os.environ)
    paths = [f".runr/tasks/done-{number}.md" for number in range(count)]
    store.update(project.layout, lambda _: dict.fromkeys(paths, entry))
    return project


def write(file: Path, header: str) -> None:
    file.write_text(f"---\n{header}\n---\n# Task {file.stem}\n", encoding="utf-8")
    old = time.time() - HOUR_S
    os.utime(file, (old, old))


def calls(question: Question, root: Path) -> int:
    """Return how many functions are called to answer, of a repository that is known already."""
    question(Project.open(root, os.environ))
    project, count = Project.open(root, os.environ), 0

    def look(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        question(project)
    finally:
        sys.setprofile(before)
    return count


@pytest.fixture(scope="module", params=SHAPES)
def roots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return two repositories of one shape, which questions do not change."""
    folder = tmp_path_factory.mktemp(request.param)
    found = [folder / str(size) for size in (SMALL, 2 * SMALL)]
    for root, size in zip(found, (SMALL, 2 * SMALL), strict=True):
        repository(root, size, SHAPES[request.param])
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_twice_the_tasks_take_twice_the_work(name: str, roots: list[Path]) -> None:
    counts = [calls(QUESTIONS[name], root) for root in roots]
    assert counts[1] < MOST * counts[0], counts


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_grow_with_the_tasks_and_not_with_their_square(shape: str, tmp_path: Path) -> None:
    sizes = []
    for size in (SMALL, 2 * SMALL):
        project = repository(tmp_path / str(size), size, SHAPES[shape])
        answer = list_tasks(project, TaskQuery())
        sizes.append(
            len(json.dumps([task.blocked_by + task.stale_reasons for task in answer.tasks]))
        )
    assert sizes[1] < MOST * sizes[0] + 100, sizes
