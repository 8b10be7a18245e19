"""Look whether everything that runr needs is there, and say what is not."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from runr import __version__
from runr.app import share
from runr.app.answers import Answer
from runr.app.install import claude_places
from runr.app.project import Project
from runr.core.near import closest
from runr.core.stops import quoted
from runr.errors import RunrError
from runr.git.hookplace import HookPlace
from runr.store import runlog, runrfolder, statusfile
from runr.workers import catalog


class Finding(Answer):
    """One thing that was looked at; `advice` says what to do where it is not well."""

    name: str
    state: Literal["ok", "note", "bad"]
    told: str
    advice: str | None = None


class Health(Answer):
    """All findings; `well` is false where something keeps runr from working."""

    findings: list[Finding]
    well: bool


def examine(project: Project) -> Health:
    """Examine installation, repository, settings, tasks, records and workers."""
    looks: tuple[Callable[[Project], Finding], ...] = (
        _python,
        _git,
        _identity,
        _folder,
        _config,
        _worker,
        _checks,
        _tasks,
        _status,
        _sharing,
        _runs,
        _path,
        _claude,
        _hooks,
    )
    findings = [look(project) for look in looks]
    return Health(findings=findings, well=all(found.state != "bad" for found in findings))


def _python(_: Project) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(name="runr", state="ok", told=f"{__version__} on Python {version}")


def _git(project: Project) -> Finding:
    version = project.repo.text("version").strip()
    if project.repo.head() is None:
        return Finding(
            name="git",
            state="bad",
            told=f"{version}; this repository has no commits yet",
            advice="git commit --allow-empty -m 'Start'",
        )
    return Finding(name="git", state="ok", told=f"{version}, {project.layout.root}")


def _identity(project: Project) -> Finding:
    user = project.repo.user()
    if user:
        return Finding(name="identity", state="ok", told=user)
    return Finding(
        name="identity",
        state="note",
        told="git knows no name: checkpoints are committed as runr",
        advice="git config user.name 'Your Name'",
    )


def _folder(project: Project) -> Finding:
    folder = project.layout.runr
    if not folder.is_dir():
        return Finding(
            name="folder", state="note", told=".runr is not there yet", advice="runr init"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            name="folder",
            state="bad",
            told=f"{folder} may not be written",
            advice=f"ls -ld {quoted(str(folder))}",
        )
    return Finding(name="folder", state="ok", told=str(folder))


def _config(project: Project) -> Finding:
    try:
        project.config()
    except RunrError as error:
        return Finding(name="config", state="bad", told=error.message, advice="mend that line")
    exists = project.layout.config.exists()
    return Finding(name="config", state="ok", told="reads well" if exists else "defaults (no file)")


def _worker(project: Project) -> Finding:
    try:
        config = project.config()
        worker, settings = catalog.find(config.run.worker, config)
        worker.preflight(settings, project.environment)
    except RunrError as error:
        advice = error.next_steps[0] if error.next_steps else None
        return Finding(name="worker", state="note", told=error.message, advice=advice)
    return Finding(name="worker", state="ok", told=config.run.worker)


def _checks(project: Project) -> Finding:
    try:
        verify = project.config().verify
    except RunrError:
        return Finding(name="checks", state="note", told="unknown until the settings read well")
    commands = [*verify.tier0, *verify.tier1, *verify.tier2]
    if commands:
        return Finding(name="checks", state="ok", told="; ".join(commands))
    return Finding(
        name="checks",
        state="note",
        told="none configured: runs of tasks without `verify` stop and ask a person",
        advice="set tier0 and tier1 under [verify] in .runr/config.toml",
    )


def _tasks(project: Project) -> Finding:
    tasks = project.tasks()
    broken = [task for task in tasks if task.error is not None]
    if not broken:
        return Finding(name="tasks", state="ok", told=f"{len(tasks)} task files")
    first = broken[0].error
    return Finding(
        name="tasks",
        state="bad",
        told=f"{len(broken)} of {len(tasks)} have a problem; "
        f"{broken[0].path}: {first.message if first else ''}",
        advice="runr list-tasks",
    )


def _status(project: Project) -> Finding:
    try:
        known = statusfile.read(project.layout).tasks
    except RunrError as error:
        return Finding(name="status", state="bad", told=error.message, advice="runr rebuild")
    names = [task.path for task in project.tasks()]
    orphans = [path for path in known if path not in set(names)]
    if not orphans:
        return Finding(name="status", state="ok", told=f"{len(known)} recorded")
    near = closest(orphans[0], names)
    hint = f" (renamed to {near}?)" if near else ""
    return Finding(
        name="status", state="note", told=f"{len(orphans)} without a file: {orphans[0]}{hint}"
    )


def _sharing(project: Project) -> Finding:
    name = "sharing"
    if not runrfolder.is_shared(project.layout):
        return Finding(name=name, state="ok", told="the status file stays on this machine")
    if share.is_installed(project):
        return Finding(name=name, state="ok", told="the status file is merged task by task")
    return Finding(
        name=name,
        state="note",
        told="the status file is in git, and this clone lacks the driver that merges it",
        advice="runr install merge-driver",
    )


def _runs(project: Project) -> Finding:
    ids = runlog.ids(project.layout)
    damaged = []
    for run_id in ids:
        try:
            runlog.state(project.layout.run(run_id))
        except RunrError:
            damaged.append(run_id)
    if damaged:
        told = f"{len(damaged)} of {len(ids)} are damaged: {damaged[0]}"
        return Finding(name="runs", state="bad", told=told, advice="runr rebuild")
    return Finding(name="runs", state="ok", told=f"{len(ids)} recorded")


def _path(project: Project) -> Finding:
    """Look which `runr` a session, a hook or another terminal starts."""
    found = shutil.which("runr", path=project.environment.get("PATH"))
    own = Path(sys.executable).with_name("runr")
    if found is None:
        return Finding(
            name="PATH",
            state="note",
            told="runr is not on PATH: the plugin and its hooks would not find it",
            advice=f"export PATH={quoted(str(own.parent))}:$PATH",
        )
    if own.exists() and not own.samefile(found):
        return Finding(
            name="PATH",
            state="note",
            told=f"another runr comes first: {found}; this one is {own}",
            advice=f"{quoted(found)} version",
        )
    return Finding(name="PATH", state="ok", told=found)


def _claude(project: Project) -> Finding:
    claude = shutil.which("claude", path=project.environment.get("PATH"))
    places = claude_places.find(project.layout.root, project.environment)
    if not places:
        return Finding(
            name="Claude Code",
            state="note",
            told="/runr is not installed, neither in this repository nor for you",
            advice="runr install claude",
        )
    first, *others = places
    told = f"/runr: {first.told}; claude: {claude or 'not on PATH'}"
    if not first.is_current:
        user = " --user" if first.kind == "user" else ""
        again = "claude plugin update runr@runr"
        return Finding(
            name="Claude Code",
            state="note",
            told=f"{told}; its skill is not that of runr {__version__}",
            advice=again if first.kind == "plugin" else f"runr install claude{user} --force",
        )
    if others:
        hidden = ", ".join(other.told for other in others)
        return Finding(
            name="Claude Code",
            state="note",
            told=f"{told}; it shadows {hidden}",
            # What is left then works in every repository.
            advice=f"runr install claude --{first.kind} --uninstall",
        )
    return Finding(name="Claude Code", state="ok", told=told)


def _hooks(project: Project) -> Finding:
    place = HookPlace(project.repo)
    at_work = place.look()
    mode = _provenance_mode(project)
    if at_work:
        return Finding(name="git hooks", state="ok", told=f"at work in {at_work}, mode {mode}")
    again = "runr install git-hooks"
    if place.receipt.exists():
        told = "installed, but git looks for hooks elsewhere: core.hooksPath was changed since"
        return Finding(name="git hooks", state="note", told=told, advice=again)
    state: Literal["ok", "note"] = "note" if mode == "ledger" else "ok"
    told = "not installed: commits by hand do not say who made them"
    return Finding(name="git hooks", state=state, told=told, advice=again)


def _provenance_mode(project: Project) -> str:
    try:
        return project.config().provenance.mode
    except RunrError:
        return "unknown"
