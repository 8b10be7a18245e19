"""Write a new task file from a template."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from runr import nofollow
from runr.errors import UnknownNameError, UsageError
from runr.next_steps import commands
from runr.next_steps.setup import after_new
from runr.project import Project
from runr.query.graph import Graph
from runr.query.models import CommandResult, Kind, Result
from runr.storage import files, state_dir
from runr.tasks.templates import ANNOTATED, MEANINGS, builtin, filled, title_of
from runr.text import closest_match, one_line, slug


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """Return the program with its arguments; UsageError where there is none."""
    for name in ("VISUAL", "EDITOR"):
        if environment.get(name, "").strip():
            return _split(name, environment)
    raise UsageError("no editor is set: put its name into VISUAL or EDITOR")


def open_editor(words: list[str], file: Path) -> int:
    """Open `file` and wait until the editor is closed; return its exit code."""
    # Not through `process`: an editor needs the terminal for itself.
    return subprocess.run([*words, str(file)], check=False).returncode


def _split(name: str, environment: Mapping[str, str]) -> list[str]:
    try:
        words = shlex.split(environment[name])
    except ValueError as error:
        raise UsageError(f"{name} cannot be read as a command: {error}") from None
    if not words or shutil.which(words[0], path=environment.get("PATH")) is None:
        raise UsageError(f"{name} names the editor {environment[name]!r}, which is not installed")
    return words


class NewRequest(BaseModel):
    """Arguments of `new_task`; without a `name` the file is named after the `title`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    template: str = "feature"
    title: str | None = None
    type: Kind | None = None
    depends_on: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    edit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSummary:
    """One template; `own` is one of the user's, which goes before runr's of the same name."""

    name: str
    meaning: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateList(Result):
    """All templates that can be named."""

    templates: list[TemplateSummary] = field(default_factory=list)


def templates(project: Project) -> TemplateList:
    """Return the templates that runr brings along, and the user's own."""
    folder = project.layout.templates
    listed = sorted(nofollow.names(folder)) if nofollow.is_folder(folder) else []
    own = {name.removesuffix(".md"): folder / name for name in listed if name.endswith(".md")}
    rows = [
        TemplateSummary(name=name, meaning=meaning)
        for name, meaning in MEANINGS.items()
        if name not in own
    ]
    shown = {name: path.relative_to(project.layout.root).as_posix() for name, path in own.items()}
    rows += [TemplateSummary(name=name, meaning=path, own=True) for name, path in shown.items()]
    return TemplateList(templates=rows)


def new_task(project: Project, request: NewRequest) -> CommandResult:
    """Write `.runr/tasks/<name>.md`; an existing file is never touched.

    `{title}` in a template of your own, `.runr/templates/<template>.md`, stands
    for the task's title.
    """
    words = editor_command(project.environment) if request.edit else []
    path = write_task(project, request)
    notes = _edited(words, path) if request.edit else []
    return _answer(project, path.relative_to(project.layout.root), notes)


def write_task(project: Project, request: NewRequest) -> Path:
    """Write the file of a new task and return its path."""
    project.refuse_inside("it is written into your working tree, and not into that of the run")
    layout = project.layout
    path = _path(project, request)
    title = one_line(request.title) if request.title else title_of(path.stem)
    keys = {
        "type": request.type or "",
        "depends_on": _dependencies(project, request),
        "tags": request.tags,
    }
    text = filled(_template(project, request.template), title, keys)
    state_dir.ensure_state_dir(layout)
    files.create(path, text.encode())
    return path


def _path(project: Project, request: NewRequest) -> Path:
    layout = project.layout
    name = request.name if request.name is not None else slug(request.title or "")
    if not name and request.name is None:
        raise UsageError(
            "name the task, or give it a --title", next_steps=[commands.help_of("new")]
        )
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


def template_for_client(project: Project) -> str:
    """Return the user's own template of a feature; without one, what a task can say."""
    own = project.layout.templates / "feature.md"
    return _template(project, "feature") if nofollow.exists(own) else ANNOTATED


def _template(project: Project, wanted: str) -> str:
    folder = project.layout.templates
    own = folder / f"{wanted}.md"
    inside = os.path.normpath(own).startswith(f"{folder}/")
    if inside and nofollow.exists(own):
        try:
            return nofollow.read(own).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UsageError(f"the template {own.name} is not UTF-8") from None
    if wanted in MEANINGS:
        return builtin(wanted)
    known = [row.name for row in templates(project).templates]
    near = closest_match(wanted, known)
    offer = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
    raise UnknownNameError(
        f"there is no template {wanted!r}; {offer}", next_steps=[commands.new("--list-templates")]
    )


def _edited(words: list[str], path: Path) -> list[str]:
    code = open_editor(words, path)
    return [f"the editor ended with exit code {code}; the file is kept"] if code else []


def _answer(project: Project, path: Path, notes: list[str]) -> CommandResult:
    """Return what was written, with what is wrong in it."""
    tasks = project.tasks()
    task = next((task for task in tasks if task.path == path.as_posix()), None)
    if task is None:
        return CommandResult(message=f"{path} is gone again", notes=notes)
    notes += [f"line {p.line}: {p.message}" if p.line else p.message for p in task.problems]
    graph = Graph.of(tasks)
    notes += [f"depends on {problem}" for problem in graph.edges[task.path].problems]
    steps = project.with_prerequisites(after_new(task.path, manual=task.type == "manual"))
    # Of a linked worktree, the tasks are in the main one.
    shown = path if project.tree == project.layout.root else project.layout.root / path
    return CommandResult(
        message=f"wrote {shown}", notes=notes, next_steps=project.surface.lines(steps)
    )
