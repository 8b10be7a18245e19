"""Look whether everything that runr needs is there, and say what is not."""

import os
import shutil
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from runr import __version__, nofollow
from runr.clock import format_utc
from runr.config.settings import Config
from runr.errors import ConfigError, ForeignRunError, RunrError
from runr.execution import check_place, dependency_warnings, readiness, sandbox
from runr.git.hooks import HooksFolder
from runr.maintenance import merge_driver
from runr.next_steps import commands, setup
from runr.next_steps.setup import export_path
from runr.project import Project
from runr.runs import journal, spec
from runr.runs.preconditions import problems
from runr.setup import claude_choices, claude_plugin, hook_targets
from runr.setup.client_health import look_at_clients
from runr.setup.doctor_checks import DoctorCheck, DoctorReport, Look, first_hint, hint
from runr.status import store
from runr.status.model import State
from runr.storage import hooks_log, state_dir
from runr.tasks.empty_checks import explain, is_empty
from runr.text import closest_match, pluralize
from runr.workers import cgroup, registry
from runr.workers.protocol import HasLogin

_TASKS = ".runr/tasks"

# How far back killed hooks are reported.
_LATELY = timedelta(days=7)

# In seconds: a signature that takes longer waits for a passphrase.
_SIGNING_S = 10


def check_health(project: Project) -> DoctorReport:
    """Examine installation, repository, settings, tasks, records and workers."""
    looks: tuple[Look, ...] = (
        _python,
        _git,
        _identity,
        _folder,
        _ignore_file,
        _config,
        _worker,
        _checks,
        _clean_checkout,
        _dependencies,
        _sandbox,
        _processes,
        _preconditions,
        _tasks,
        _status,
        _sharing,
        _runs,
        _path,
        _claude,
        look_at_clients,
        _hooks,
        _killed_hooks,
        _lifecycle_hooks,
    )
    findings: list[DoctorCheck] = []
    for look in looks:
        # Where git refuses a repository, it does so at every question: once is enough.
        known = {found.advice for found in findings if found.state == "bad" and found.advice}
        findings += [found for found in _looked(look, project) if found.advice not in known]
    bad = [found for found in findings if found.state == "bad"]
    return DoctorReport(
        health_checks=findings,
        passed=not bad,
        next_steps=list(dict.fromkeys(found.advice for found in bad if found.advice)),
    )


def _looked(look: Look, project: Project) -> list[DoctorCheck]:
    """Return what was found; one thing that cannot be looked at does not hide the others."""
    try:
        found = look(project)
    except RunrError as error:
        advice = first_hint(project, error.next_steps)
        name = look.__name__.strip("_").removeprefix("look_at_").replace("_", " ")
        return [DoctorCheck(name=name, state="bad", message=error.message, advice=advice)]
    return [found] if isinstance(found, DoctorCheck) else list(found)


def _python(_: Project) -> DoctorCheck:
    version = ".".join(map(str, sys.version_info[:3]))
    return DoctorCheck(name="runr", state="ok", message=f"{__version__} on Python {version}")


def _git(project: Project) -> DoctorCheck:
    version = project.repo.text("version").strip()
    if project.repo.head() is None:
        return DoctorCheck(
            name="git",
            state="bad",
            message=f"{version}; this repository has no commits yet",
            advice=first_hint(
                project,
                (
                    *setup.before_first_commit(project.repo.missing_identity()),
                    setup.first_commit(),
                ),
            ),
        )
    return DoctorCheck(name="git", state="ok", message=f"{version}, {project.layout.root}")


def _identity(project: Project) -> list[DoctorCheck]:
    """Return the name of git's user; where a part is missing, the preconditions say so."""
    user = project.repo.user()
    if not user or project.repo.missing_identity():
        return []
    return [DoctorCheck(name="identity", state="ok", message=user)]


def _folder(project: Project) -> DoctorCheck:
    folder = project.layout.runr
    if not folder.is_dir():
        return DoctorCheck(
            name="folder",
            state="note",
            message=".runr is not there yet",
            advice=hint(project, commands.init()),
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return DoctorCheck(
            name="folder",
            state="bad",
            message=f"{folder} may not be written",
            advice=hint(project, commands.program("ls", "-ld", str(folder))),
        )
    return DoctorCheck(name="folder", state="ok", message=str(folder))


def _ignore_file(project: Project) -> list[DoctorCheck]:
    """Look whether git sees all files of `.runr` that are to be committed."""
    missing = state_dir.later_lines(project.layout)
    if not missing:
        return []
    message = f".runr/.gitignore is of an earlier version, without {', '.join(missing)}"
    advice = hint(project, commands.init())
    return [DoctorCheck(name="ignored files", state="note", message=message, advice=advice)]


def _config(project: Project) -> DoctorCheck:
    try:
        project.config()
    except RunrError as error:
        return DoctorCheck(
            name="config",
            state="bad",
            message=error.message,
            advice=first_hint(project, error.next_steps) or "fix that line",
        )
    exists = nofollow.exists(project.layout.config)
    return DoctorCheck(
        name="config", state="ok", message="valid" if exists else "defaults (no file)"
    )


def _worker(project: Project) -> list[DoctorCheck]:
    """Look at the default worker, and at those that plan and review."""
    try:
        config = project.config()
    except RunrError:
        message = "unknown until the settings read well"
        return [DoctorCheck(name="worker", state="note", message=message)]
    wanted = dict.fromkeys([config.run.worker, config.phases.plan, config.phases.review])
    return [_one_worker(project, config, name) for name in wanted if name != "off"]


def _one_worker(project: Project, config: Config, name: str) -> DoctorCheck:
    try:
        worker, settings = registry.find(name, config)
        worker.preflight(settings, project.environment)
    except RunrError as error:
        advice = first_hint(project, error.next_steps)
        return DoctorCheck(name="worker", state="note", message=error.message, advice=advice)
    if not isinstance(worker, HasLogin):
        return DoctorCheck(name="worker", state="ok", message=name)
    login = worker.login_state(project.environment)
    if login:
        message = f"{name}, login found: {login} (only a run shows whether it is accepted)"
        return DoctorCheck(name="worker", state="ok", message=message)
    return DoctorCheck(
        name="worker",
        state="note",
        message=f"{name} is installed, and no login was found",
        advice=hint(project, commands.login(name, settings.command)),
    )


def _checks(project: Project) -> DoctorCheck | list[DoctorCheck]:
    try:
        verify = project.config().verify
    except RunrError:
        return DoctorCheck(
            name="checks", state="note", message="unknown until the settings read well"
        )
    configured = [*verify.tier0, *verify.tier1, *verify.tier2]
    if all(map(is_empty, configured)):
        what = "; ".join(map(explain, configured)) or "none configured"
        return DoctorCheck(
            name="checks",
            state="note",
            message=f"{what}: runs of tasks without `verify` stop and ask a person",
            advice="set tier0 and tier1 under [verify] in .runr/config.toml",
        )
    # Those whose program is missing are among the preconditions.
    missing = dict(readiness.missing_tools(configured, project.environment))
    present = [command for command in configured if command not in missing]
    if not present:
        return []
    return DoctorCheck(name="checks", state="ok", message="; ".join(present))


def _sandbox(_: Project) -> DoctorCheck:
    if sandbox.is_possible():
        message = 'possible: sandbox = "repo" under [workers.NAME] confines a worker'
        return DoctorCheck(name="sandbox", state="ok", message=message)
    message = "not possible on this machine, which has no user namespaces: workers are not confined"
    return DoctorCheck(name="sandbox", state="note", message=message)


def _processes(_: Project) -> DoctorCheck:
    name = "processes"
    if cgroup.own():
        message = "each worker and check has a cgroup of its own, with which all in it ends"
        return DoctorCheck(name=name, state="ok", message=message)
    if sys.platform != "linux":
        message = "what leaves the session of a worker or check can outlive it on this system"
        return DoctorCheck(name=name, state="note", message=message)
    message = "no cgroup can be made: what a worker or check leaves ends with it by a subreaper"
    return DoctorCheck(name=name, state="ok", message=message)


def _clean_checkout(project: Project) -> DoctorCheck:
    name = "verification"
    try:
        where = project.config().verify.where
    except RunrError:
        return DoctorCheck(name=name, state="note", message="unknown: the settings are invalid")
    if where == "workspace":
        message = "in the workspace, as verify.where says: weaker evidence"
        return DoctorCheck(name=name, state="note", message=message)
    if check_place.can_mount():
        message = "in a clean checkout, mounted over the path of the repository"
        return DoctorCheck(name=name, state="ok", message=message)
    return DoctorCheck(
        name=name,
        state="ok",
        message="in a clean checkout at a path of its own: this machine cannot mount it",
    )


def _dependencies(project: Project) -> list[DoctorCheck]:
    try:
        found = [*dependency_warnings.find(project.repo, project.config().verify)]
    except ConfigError:
        return []  # it is named already
    return [DoctorCheck(name="dependencies", state="note", message=each) for each in found]


def _preconditions(project: Project) -> list[DoctorCheck]:
    """Return what a run would be refused for, or its start would warn of."""
    commands, owns = _wanted(project)
    facts = readiness.gather(
        project.repo, project.environment, commands, owns, signing_s=_SIGNING_S
    )
    return [
        DoctorCheck(
            name=found.topic,
            state="bad" if found.blocks else "note",
            message=found.message,
            advice=first_hint(project, found.next_steps),
        )
        for found in problems(facts)
    ]


def _wanted(project: Project) -> tuple[list[str], list[str]]:
    """Return the checks of open tasks and the paths that they own; none where unknown."""
    try:
        known, verify = store.read(project.layout).tasks, project.config().verify
    except RunrError:
        return [], []
    done = {path for path, entry in known.items() if entry.status is State.COMPLETED}
    open_tasks = [task for task in project.tasks() if not task.error and task.path not in done]
    configured = [*verify.tier0, *verify.tier1, *verify.tier2]
    own = [check.command for task in open_tasks for check in spec.checks(task, verify)]
    return [*configured, *own], [path for task in open_tasks for path in task.owns]


def _tasks(project: Project) -> DoctorCheck:
    tasks = project.tasks()
    broken = [task for task in tasks if task.error is not None]
    ignored = project.repo.answer("check-ignore", "-q", "--no-index", _TASKS) is not None
    if not broken and ignored:
        return DoctorCheck(
            name="tasks",
            state="note",
            message=f"git ignores {_TASKS}: new task files are in no commit",
            advice=hint(
                project, commands.git("check-ignore", "-v", "--no-index", _TASKS, at_root=True)
            ),
        )
    if not broken:
        return DoctorCheck(name="tasks", state="ok", message=pluralize(len(tasks), "task file"))
    first = broken[0].error
    return DoctorCheck(
        name="tasks",
        state="bad",
        message=f"{len(broken)} of {len(tasks)} have a problem; "
        f"{broken[0].path}: {first.message if first else ''}",
        advice=hint(project, commands.lint()),
    )


def _status(project: Project) -> DoctorCheck:
    try:
        known = store.read(project.layout).tasks
    except RunrError as error:
        return DoctorCheck(
            name="status",
            state="bad",
            message=error.message,
            advice=hint(project, commands.rebuild()),
        )
    names = [task.path for task in project.tasks()]
    orphans = [path for path in known if path not in set(names)]
    if not orphans:
        return DoctorCheck(name="status", state="ok", message=f"{len(known)} recorded")
    near = closest_match(orphans[0], names)
    renamed = f" (renamed to {near}?)" if near else ""
    return DoctorCheck(
        name="status", state="note", message=f"{len(orphans)} without a file: {orphans[0]}{renamed}"
    )


def _sharing(project: Project) -> DoctorCheck:
    name = "sharing"
    if not state_dir.is_shared(project.layout):
        return DoctorCheck(name=name, state="ok", message="the status file stays on this machine")
    if merge_driver.is_installed(project):
        return DoctorCheck(name=name, state="ok", message="the status file is merged task by task")
    return DoctorCheck(
        name=name,
        state="note",
        message="the status file is in git, and this clone lacks the driver that merges it",
        advice=hint(project, commands.install("merge-driver")),
    )


def _runs(project: Project) -> DoctorCheck:
    ids = journal.ids(project.layout)
    damaged, foreign = [], []
    for run_id in ids:
        try:
            journal.check(project.layout.run(run_id))
        except ForeignRunError:
            foreign.append(run_id)
        except RunrError:
            damaged.append(run_id)
    if damaged:
        message = f"{len(damaged)} of {len(ids)} are damaged: {damaged[0]}"
        return DoctorCheck(
            name="runs", state="bad", message=message, advice=hint(project, commands.rebuild())
        )
    if foreign:
        return DoctorCheck(
            name="runs",
            state="note",
            message=f"{len(foreign)} of {len(ids)} are records of another clone, which prove "
            f"nothing here: {foreign[0]}",
            advice=hint(project, commands.verify()),
        )
    return DoctorCheck(name="runs", state="ok", message=f"{len(ids)} recorded")


def _path(project: Project) -> DoctorCheck:
    """Look which `runr` a session, a hook or another terminal starts."""
    found = shutil.which("runr", path=project.environment.get("PATH"))
    own = Path(sys.executable).with_name("runr")
    if found is None:
        return DoctorCheck(
            name="PATH",
            state="note",
            message="runr is not on PATH: the plugin and its hooks would not find it",
            advice=str(export_path(str(own.parent))),
        )
    if own.exists() and not own.samefile(found):
        return DoctorCheck(
            name="PATH",
            state="note",
            message=f"another runr comes first: {found}; this one is {own}",
            advice=str(commands.program(found, "version")),
        )
    return DoctorCheck(name="PATH", state="ok", message=found)


def _claude(project: Project) -> DoctorCheck:
    claude = shutil.which("claude", path=project.environment.get("PATH"))
    places = claude_plugin.find_installations(project.layout.root, project.environment)
    if not places:
        return DoctorCheck(
            name="Claude Code",
            state="note",
            message="/runr is not installed, neither in this repository nor for you",
            advice=hint(project, commands.install("claude")),
        )
    first, *others = places
    message = f"/runr: {first.message}; claude: {claude or 'not on PATH'}"
    if not first.is_current:
        user = ("--user",) if first.kind == "user" else ()
        again = commands.install("claude", *user, "--force")
        if first.kind == "plugin":
            again = commands.program("claude", "plugin", "update", "runr@runr")
        return DoctorCheck(
            name="Claude Code",
            state="note",
            message=f"{message}; its skill is not that of runr {__version__}",
            advice=hint(project, again),
        )
    refused = claude_choices.refused_in(project.layout.root, project.environment)
    if first.kind == "project" and refused:
        return DoctorCheck(
            name="Claude Code",
            state="bad",
            message=f"{message}; you have refused the server runr: {refused}",
            # Claude Code then asks again at its next start.
            advice=str(commands.program("claude", "mcp", "reset-project-choices")),
        )
    if others:
        hidden = ", ".join(other.message for other in others)
        return DoctorCheck(
            name="Claude Code",
            state="note",
            message=f"{message}; it shadows {hidden}",
            # What is left then works in every repository.
            advice=hint(project, commands.install("claude", f"--{first.kind}", "--uninstall")),
        )
    return DoctorCheck(name="Claude Code", state="ok", message=message)


def _hooks(project: Project) -> DoctorCheck:
    place = HooksFolder(project.repo)
    active = place.active_folder()
    enforced = _is_enforced(project)
    if active:
        message = f"active in {active}" + (", provenance is enforced" if enforced else "")
        return DoctorCheck(name="git hooks", state="ok", message=message)
    again = hint(project, commands.install("git-hooks"))
    if place.record.exists():
        message = "installed, but git looks for hooks elsewhere: core.hooksPath was changed since"
        return DoctorCheck(name="git hooks", state="note", message=message, advice=again)
    message = "not installed: commits by hand do not say who made them"
    return DoctorCheck(name="git hooks", state="note", message=message, advice=again)


def _killed_hooks(project: Project) -> list[DoctorCheck]:
    """Return how many hooks of Claude Code had no answer in time; nothing where all had one."""
    with suppress(OSError):  # where nothing may be written, the folder's own check says so
        hooks_log.log_killed(project.layout)
    earliest = format_utc(project.clock() - _LATELY)
    killed = hooks_log.killed_since(project.layout, earliest)
    if not killed:
        return []
    time, event = killed[-1]
    message = (
        f"{pluralize(len(killed), 'hook')} killed in the last {_LATELY.days} days, the latest "
        f"{event} of {time}: what they would have recorded is missing; "
        "look for what keeps the machine or its disk busy"
    )
    look = commands.program("tail", str(project.layout.hooks_log))
    return [DoctorCheck(name="hooks", state="note", message=message, advice=str(look))]


def _lifecycle_hooks(project: Project) -> list[DoctorCheck]:
    try:
        hooks = project.config().hooks
    except ConfigError:
        return []  # it is named already
    return hook_targets.check_targets(hooks, project.layout.root, project.environment)


def _is_enforced(project: Project) -> bool:
    try:
        return project.config().provenance.enforce
    except RunrError:
        return False
