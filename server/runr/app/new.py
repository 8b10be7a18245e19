"""Write a new task file from a template."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from runr.app.answers import Answer, Done, Kind
from runr.app.project import Project
from runr.core import template
from runr.core.graph import Graph
from runr.core.incoming import one_line, slug
from runr.core.near import closest
from runr.core.stops import quoted
from runr.errors import UnknownNameError, UsageError
from runr.store import files, runrfolder
from runr.workers import editor


class NewRequest(BaseModel):
    """A wish for a new task; without a `name` the file is named after the `title`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    template: str = "feature"
    title: str | None = None
    type: Kind | None = None
    depends_on: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    edit: bool = False


class TemplateRow(Answer):
    """One template; `own` is one of the user's, which goes before runr's of the same name."""

    name: str
    meaning: str
    own: bool = False


class TemplateList(Answer):
    """All templates that can be named."""

    templates: list[TemplateRow] = Field(default_factory=list)


def templates(project: Project) -> TemplateList:
    """Return the templates that runr brings along, and the user's own."""
    own = {path.stem: path for path in sorted(project.layout.templates.glob("*.md"))}
    rows = [
        TemplateRow(name=name, meaning=meaning)
        for name, meaning in template.MEANINGS.items()
        if name not in own
    ]
    shown = {name: path.relative_to(project.layout.root).as_posix() for name, path in own.items()}
    rows += [TemplateRow(name=name, meaning=path, own=True) for name, path in shown.items()]
    return TemplateList(templates=rows)


def new_task(project: Project, request: NewRequest) -> Done:
    """Write `.runr/tasks/<name>.md`; an existing file is never touched.

    `{title}` in a template of your own, `.runr/templates/<template>.md`, stands
    for the task's title.
    """
    layout = project.layout
    path = _path(project, request)
    title = one_line(request.title) if request.title else template.title_of(path.stem)
    keys = {
        "type": request.type or "",
        "depends_on": _dependencies(project, request),
        "tags": request.tags,
    }
    text = template.filled(_template(project, request.template), title, keys)
    words = editor.command(project.environment) if request.edit else []
    runrfolder.ensure(layout)
    files.create(path, text.encode())
    notes = _edited(words, path) if request.edit else []
    return _answer(project, path.relative_to(layout.root), notes)


def _path(project: Project, request: NewRequest) -> Path:
    layout = project.layout
    name = request.name if request.name is not None else slug(request.title or "")
    if not name and request.name is None:
        raise UsageError("name the task, or give it a --title", next_steps=["runr new --help"])
    path = layout.tasks / (name if name.endswith(".md") else f"{name}.md")
    # A name that begins with a dot is one that a listing leaves out.
    hidden = any(part.startswith(".") for part in f"{name}.md".removeprefix("./").split("/"))
    inside = path.resolve().is_relative_to(layout.tasks.resolve())
    if hidden or not inside or not name.isprintable():
        raise UsageError(f"{name!r} is no name for a file in .runr/tasks")
    if os.path.lexists(path):
        raise UsageError(f"{path.relative_to(layout.root)} is already there")
    return path


def _dependencies(project: Project, request: NewRequest) -> list[str]:
    """Return the names below the tasks folder; UnknownNameError for a task that is not there."""
    known = project.tasks() if request.depends_on else ()
    found = [project.find_task(name, known).name for name in request.depends_on]
    return [name.removesuffix(".md") for name in found]


def _template(project: Project, wanted: str) -> str:
    folder = project.layout.templates
    own = folder / f"{wanted}.md"
    if own.resolve().is_relative_to(folder.resolve()) and own.is_file():
        try:
            return own.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise UsageError(f"the template {own.name} is not UTF-8") from None
    if wanted in template.MEANINGS:
        return template.builtin(wanted)
    known = [row.name for row in templates(project).templates]
    near = closest(wanted, known)
    offer = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
    raise UnknownNameError(
        f"there is no template {wanted!r}; {offer}", next_steps=["runr new --list-templates"]
    )


def _edited(words: list[str], path: Path) -> list[str]:
    code = editor.edit(words, path)
    return [f"the editor ended with exit code {code}; the file is kept"] if code else []


def _answer(project: Project, path: Path, notes: list[str]) -> Done:
    """Return what was written, with what is wrong in it."""
    tasks = project.tasks()
    task = next((task for task in tasks if task.path == path.as_posix()), None)
    if task is None:
        return Done(message=f"{path} is gone again", notes=notes)
    notes += [f"line {p.line}: {p.message}" if p.line else p.message for p in task.problems]
    graph = Graph.of(tasks)
    notes += [f"depends on {problem}" for problem in graph.edges[task.path].problems]
    shown = quoted(task.name)
    do = f"runr run --task {shown}"
    if task.type == "manual":
        do = f"runr complete-task {shown} --reason 'what was done'"
    return Done(message=f"wrote {path}", notes=notes, next=[f"runr task-status {shown}", do])
