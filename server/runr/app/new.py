"""Write a new task file from a template."""

from runr.app.answers import Done
from runr.app.project import Project
from runr.core.near import closest
from runr.core.stops import quoted
from runr.errors import UnknownNameError, UsageError
from runr.store import files, runrfolder

_BODY = {
    "feature": "## What\n\n\n## Done when\n\n- [ ] \n",
    "bugfix": "## What happens\n\n\n## What should happen\n\n\n## Done when\n\n"
    "- [ ] a test fails before the change and passes after it\n",
    "docs": "## What is missing\n\n\n## For whom\n\n\n",
    "chore": "```sh run\n# the commands that do it\n```\n",
    "manual": "## What to do\n\n1. \n\n## How to see that it is done\n\n\n",
}
_HEADER = {
    "feature": "type: automated\ntags: [feature]\n",
    "bugfix": "type: automated\ntags: [bug]\n",
    "docs": "type: automated\ntags: [docs]\nowns: [docs/, README.md]\n",
    "chore": "type: automated\nworker: script\ntags: [chore]\n",
    "manual": "type: manual\n",
}
TEMPLATES = tuple(_BODY)


def new_task(project: Project, name: str, *, template: str = "feature") -> Done:
    """Write `.runr/tasks/<name>.md`; an existing file is never touched.

    `{title}` in a template of your own, `.runr/templates/<template>.md`, stands
    for the task's title.
    """
    layout = project.layout
    path = layout.tasks / (name if name.endswith(".md") else f"{name}.md")
    # A name that begins with a dot is one that a listing leaves out.
    hidden = any(part.startswith(".") for part in f"{name}.md".removeprefix("./").split("/"))
    inside = path.resolve().is_relative_to(layout.tasks.resolve())
    if hidden or not inside or not name.isprintable():
        raise UsageError(f"{name!r} is no name for a file in .runr/tasks")
    if path.exists():
        raise UsageError(f"{path.relative_to(layout.root)} is already there")
    title = path.stem.lstrip("0123456789-_ ").replace("-", " ").replace("_", " ") or path.stem
    text = _template(project, template).replace("{title}", title[:1].upper() + title[1:])
    runrfolder.ensure(layout)
    files.replace(path, text.encode())
    shown = quoted(path.relative_to(layout.tasks).as_posix())
    do = f"runr run --task {shown}"
    if "\ntype: manual\n" in text:
        do = f"runr complete-task {shown} --reason 'what was done'"
    return Done(
        message=f"wrote {path.relative_to(layout.root)}",
        next=[f"runr task-status {shown}", do],
    )


def _template(project: Project, template: str) -> str:
    own = project.layout.templates / f"{template}.md"
    if own.resolve().is_relative_to(project.layout.templates.resolve()) and own.is_file():
        return own.read_text(encoding="utf-8")
    if template in _BODY:
        return f"---\n{_HEADER[template]}---\n# {{title}}\n\n{_BODY[template]}"
    known = [*TEMPLATES, *(path.stem for path in sorted(project.layout.templates.glob("*.md")))]
    near = closest(template, known)
    offer = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
    raise UnknownNameError(f"there is no template {template!r}; {offer}")
