"""Look at the program, the machine and the workers, for `runr doctor`."""

import shutil
import sys
from pathlib import Path

from runr import __version__
from runr.config.settings import Config
from runr.errors import RunrError
from runr.execution import sandbox
from runr.next_steps import commands, setup
from runr.next_steps.setup import export_path
from runr.project import Project
from runr.setup.doctor_checks import DoctorCheck, first_hint, hint
from runr.workers import cgroup, registry
from runr.workers.protocol import HasLogin


def look_at_python(_: Project) -> DoctorCheck:
    """Name the version of runr and of Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    return DoctorCheck(name="runr", state="ok", message=f"{__version__} on Python {version}")


def look_at_git(project: Project) -> DoctorCheck:
    """Name the version of git; a repository without a commit cannot be worked in."""
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


def look_at_identity(project: Project) -> list[DoctorCheck]:
    """Return the name of git's user; where a part is missing, the preconditions say so."""
    user = project.repo.user()
    if not user or project.repo.missing_identity():
        return []
    return [DoctorCheck(name="identity", state="ok", message=user)]


def look_at_worker(project: Project) -> list[DoctorCheck]:
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


def look_at_sandbox(_: Project) -> DoctorCheck:
    """Say whether this machine can confine a worker."""
    if sandbox.is_possible():
        message = 'possible: sandbox = "repo" under [workers.NAME] confines a worker'
        return DoctorCheck(name="sandbox", state="ok", message=message)
    message = "not possible on this machine, which has no user namespaces: workers are not confined"
    return DoctorCheck(name="sandbox", state="note", message=message)


def look_at_processes(_: Project) -> DoctorCheck:
    """Say what ends with a worker or a check on this machine."""
    name = "processes"
    if cgroup.own():
        message = "each worker and check has a cgroup of its own, with which all in it ends"
        return DoctorCheck(name=name, state="ok", message=message)
    if sys.platform != "linux":
        message = "what leaves the session of a worker or check can outlive it on this system"
        return DoctorCheck(name=name, state="note", message=message)
    message = "no cgroup can be made: what a worker or check leaves ends with it by a subreaper"
    return DoctorCheck(name=name, state="ok", message=message)


def look_at_path(project: Project) -> DoctorCheck:
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
