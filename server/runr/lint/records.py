"""The rules of `runr lint` for settings, job files, the status file and journals of runs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from runr.errors import ConfigError, DamagedStateError, ForeignRunError, UsageError
from runr.evidence import on_branch, supported
from runr.execution import reconcile
from runr.git import log
from runr.lint.finding import Diagnostic
from runr.next_steps import setup
from runr.project import Project
from runr.runs import journal
from runr.status import branch, store
from runr.status.branch import Absence
from runr.status.model import UNTOUCHED, Entry, State
from runr.status.store import DamagedStatusError
from runr.storage import state_dir
from runr.tasks.empty_checks import explain, is_empty
from runr.tasks.model import Task

if TYPE_CHECKING:
    from runr.config.settings import Config


#: What runr keeps below `.runr` for itself, and trusts only where it has written it here.
_CACHES = (
    "runr.db*",
    "history.db*",
    "greeting.json",
    "callers.json",
    "locks",
    "checkouts",
    "worktrees",
)


class Recorded(NamedTuple):
    """The entries of the status file, and what is wrong with the file itself."""

    entries: Mapping[str, Entry]
    diagnostics: Sequence[Diagnostic] = ()


def read(project: Project) -> Recorded:
    """Return the entries; of a damaged file, which is not repaired, those that can be read."""
    try:
        store.read(project.layout)
    except DamagedStatusError as damage:
        path = str(project.layout.status.relative_to(project.layout.root))
        message = damage.message.removeprefix(f"{project.layout.status.name} ")
        return Recorded(
            damage.salvaged,
            [Diagnostic(rule="record", severity="error", path=path, message=message)],
        )
    return Recorded(project.entries())


def require_readable(project: Project) -> None:
    """Raise DamagedStatusError for a damaged status file: reading it here repairs nothing."""
    store.read(project.layout)


def ignored_diagnostics(project: Project) -> Iterator[Diagnostic]:
    """Yield the `.gitignore` of an earlier version, where it hides job files from git."""
    layout = project.layout
    if not state_dir.later_lines(layout) or not any(layout.jobs.glob("*.y*ml")):
        return
    path = layout.ignore.relative_to(layout.root).as_posix()
    message = "git does not see the files in .runr/jobs: `runr init` adds the missing lines"
    yield Diagnostic(rule="ignored-jobs", severity="warning", path=path, message=message)


def job_diagnostics(project: Project) -> Iterator[Diagnostic]:
    """Yield the job files that cannot be used; none of them is one with invalid settings."""
    from runr.jobs import problems  # noqa: PLC0415 - loads the models of the settings

    try:
        found = problems.find(project)
    except ConfigError:
        return  # named already
    for each in found:
        yield Diagnostic(
            rule="job", severity="error", path=each.path, message=each.message, line=each.line
        )


def settings_diagnostics(project: Project) -> Iterator[Diagnostic]:
    """Yield every problem of the settings."""
    # The models of the settings are slow to load, so whoever needs them loads them.
    from runr.config.loader import InvalidSettingsError  # noqa: PLC0415 - see above
    from runr.execution import dependency_warnings  # noqa: PLC0415 - see above

    path = str(project.layout.config.relative_to(project.layout.root))
    try:
        config = project.config()
    except InvalidSettingsError as error:
        for each in error.problems:
            yield Diagnostic(
                rule="config",
                severity="error",
                path=error.path,
                message=each.message,
                line=each.line,
            )
    else:
        for tier in ("tier0", "tier1", "tier2"):
            for command in filter(is_empty, getattr(config.verify, tier)):
                message = f"verify.{tier}: {explain(command)}"
                yield Diagnostic(rule="empty-check", severity="warning", path=path, message=message)
        for message in dependency_warnings.find(project.repo, config.verify):
            yield Diagnostic(rule="dependencies", severity="warning", path=path, message=message)
        for message in _unusable_workers(config):
            yield Diagnostic(rule="config", severity="error", path=path, message=message)


def _unusable_workers(config: "Config") -> Iterator[str]:
    """Yield why a worker that the settings name cannot be used, whatever is installed here."""
    from runr.workers import registry  # noqa: PLC0415 - loads the models of the settings

    phases = {"phases.plan": config.phases.plan, "phases.review": config.phases.review}
    named = [
        ("run.worker", config.run.worker),
        *(("run.fallback", name) for name in config.run.fallback),
        *((key, name) for key, name in phases.items() if name != "off"),
    ]
    for key, name in named:
        try:
            registry.find(name, config)
        except UsageError as error:
            yield f"{key}: {error.message}"


def journal_diagnostics(project: Project) -> Iterator[Diagnostic]:
    """Yield the runs whose journal is damaged."""
    for run_id in journal.ids(project.layout):
        run = project.layout.run(run_id)
        try:
            journal.check(run)
        except ForeignRunError:
            continue  # it may have been imported, and proves nothing anyway
        except DamagedStateError as damage:
            yield Diagnostic(
                rule="record",
                severity="error",
                path=str(run.timeline.relative_to(project.layout.root)),
                message=damage.message.removeprefix(f"{run.timeline} "),
            )


def committed_diagnostics(project: Project) -> Iterator[Diagnostic]:
    """Yield what git tracks though only this clone can use it: records of runs, and caches."""
    caches = project.repo.fields("ls-files", "-z", "--", *(f":(icase).runr/{c}" for c in _CACHES))
    for path in caches:
        message = (
            "git tracks it, and it is of one working tree: what comes with a commit is not read: "
            f"{project.surface.line(setup.untrack(path))}"
        )
        yield Diagnostic(rule="committed-run", severity="warning", path=path, message=message)
    tracked = project.repo.fields("ls-files", "-z", "--", ":(icase).runr/runs")
    folders = {"/".join(path.split("/")[:3]) for path in tracked}
    for path in sorted(folders):
        message = (
            "git tracks it, and it proves nothing in any other clone: "
            f"{project.surface.line(setup.untrack_runs())}"
        )
        yield Diagnostic(rule="committed-run", severity="warning", path=path, message=message)


def entry_diagnostics(
    project: Project, tasks: Sequence[Task], entries: Mapping[str, Entry]
) -> Iterator[Diagnostic]:
    """Yield the entries of the status file without a task, and completions without a proof."""
    there = {task.path for task in tasks}
    unproved = supported.find_supported(project.layout, project.repo, entries, {}).unproved
    absent, on_no_branch = _absent(project, entries)
    for path, entry in entries.items():
        if path not in there and entry != UNTOUCHED:
            message = f"its status is {entry.status}, and the file is gone: was it renamed?"
            yield Diagnostic(rule="orphan", severity="warning", path=path, message=message)
        if entry.stop_detail in (reconcile.RECORD_GONE, reconcile.RECORD_FOREIGN):
            message = f"run {entry.last_run_id} has ended, and {entry.stop_detail}"
            yield Diagnostic(rule="record", severity="warning", path=path, message=message)
        if entry.status is not State.COMPLETED:
            continue
        sha = entry.checkpoint_sha
        if path in unproved:
            message = f"it is recorded as completed, which nothing here proves: {unproved[path]}"
            yield Diagnostic(rule="evidence", severity="error", path=path, message=message)
        elif path in absent:
            where = branch.describe(absent[path])
            message = f"it counts as completed, and its commit {(sha or '')[:12]} is {where}"
            severity: Literal["error", "warning"] = "error" if sha in on_no_branch else "warning"
            yield Diagnostic(rule="commit", severity=severity, path=path, message=message)


def _absent(
    project: Project, entries: Mapping[str, Entry]
) -> tuple[Mapping[str, Absence], frozenset[str]]:
    """Return the completions that are not on this branch, and which commits are on no branch."""
    repo = project.repo
    absent = on_branch.find_absent(project.layout, repo, repo.head(), entries).absent
    if not absent:
        return absent, frozenset()
    places = ("refs/heads", "refs/remotes")
    tips = repo.text("for-each-ref", "--format=%(objectname)", *places).split()
    found = log.absent_from(repo, tips, {entries[path].checkpoint_sha or "" for path in absent})
    return absent, found.elsewhere | found.missing
