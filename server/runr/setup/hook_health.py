"""Look at the hooks of Claude Code, of git and of runr, for `runr doctor`."""

import shutil
from contextlib import suppress
from datetime import timedelta

from runr import __version__
from runr.clock import format_utc
from runr.errors import ConfigError, RunrError
from runr.git.hooks import HooksFolder
from runr.next_steps import commands
from runr.project import Project
from runr.setup import claude_choices, claude_plugin, hook_targets
from runr.setup.doctor_checks import DoctorCheck, hint
from runr.storage import hooks_log
from runr.text import pluralize

# How far back killed hooks are reported.
_LATELY = timedelta(days=7)


def look_at_claude(project: Project) -> DoctorCheck:
    """Look where `/runr` is installed for Claude Code, and which of several counts."""
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


def look_at_git_hooks(project: Project) -> DoctorCheck:
    """Look whether the hooks of git are installed and found."""
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


def look_at_killed_hooks(project: Project) -> list[DoctorCheck]:
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


def look_at_lifecycle_hooks(project: Project) -> list[DoctorCheck]:
    """Look whether the targets of lifecycle hooks can be called."""
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
