"""What to type after an import or its preview."""

from collections.abc import Iterator
from dataclasses import dataclass

from runr.interchange.import_result import ImportRequest
from runr.runs.stop_reasons import quoted
from runr.text import pluralize


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSituation:
    """What the advice depends on.

    `written` and `unattested` count tasks, `title` names the tool, `by` is git's
    user. `root` is the repository where that is not the current folder.
    `committable` is false where git ignores the tasks or something is going on.
    """

    title: str
    written: int
    unattested: int
    by: str | None = None
    root: str = ""
    has_settings: bool = True
    has_checks: bool = True
    committable: bool = True


def command(request: ImportRequest, *further: str, done: str = "", by: str | None = None) -> str:
    """Return the command of this import, without `--preview`."""
    words = ["runr", "import", quoted(request.file)]
    options = (
        *(("--from", request.tool or ""), ("--into", request.into)),
        *(("--tag", tag) for tag in request.tags),
        *(("--list", name) for name in request.only),
        ("--done", done or ("" if request.done == "hold" else request.done)),
        ("--by", by or request.by or ""),
    )
    for option, value in options:
        words += [option, quoted(value)] if value else []
    return " ".join([*words, *further])


def after_preview(request: ImportRequest, facts: ImportSituation) -> list[str]:
    """Return the import itself, and the one that attests what is done in the other tool."""
    steps = [command(request, "--yes")] if facts.written or request.done == "attest" else []
    if facts.unattested and request.done == "hold":
        steps.append(_attest(request, facts, "--yes"))
    return steps


def after_import(request: ImportRequest, facts: ImportSituation) -> list[str]:
    """Return how to add checks, commit the files, and attest what is done elsewhere."""
    return list(_steps(request, facts))


def _steps(request: ImportRequest, facts: ImportSituation) -> Iterator[str]:
    if facts.written and not facts.has_settings:
        yield "runr init"
    if facts.written and facts.committable:
        git = f"git -C {quoted(facts.root)}" if facts.root else "git"
        message = f"Import {pluralize(facts.written, 'task')} from {facts.title}"
        yield f"{git} add .runr"
        yield f"{git} commit -m {quoted(message)} -- .runr"
    if facts.unattested and request.done == "hold":
        yield _attest(request, facts)


def _attest(request: ImportRequest, facts: ImportSituation, *further: str) -> str:
    by = request.by or facts.by or "YOUR NAME"
    return command(request, *further, done="attest", by=by)


def notes(request: ImportRequest, facts: ImportSituation) -> list[str]:
    """Return what a person should know beside the commands."""
    found = []
    if facts.unattested and request.done == "hold":
        one = facts.unattested == 1
        found.append(
            f"{pluralize(facts.unattested, 'task')} {'is' if one else 'are'} done in "
            f"{facts.title}; runr checked nothing of that, so {'it is' if one else 'they are'} "
            "on hold until a person attests it"
        )
    if facts.written and not request.dry_run:
        found.append(
            "add checks for each task to its header (`verify:`)"
            if facts.has_checks
            else "no checks are set: add them to the tasks' headers (`verify:`) or to [verify] in "
            ".runr/config.toml, as a run is verified by nothing else"
        )
    return found
