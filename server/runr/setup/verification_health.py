"""Look at the settings, and at what verification needs, for `runr doctor`."""

from runr import nofollow
from runr.errors import ConfigError, RunrError
from runr.execution import dependency_warnings, readiness, reserved_checkout
from runr.project import Project
from runr.runs import spec
from runr.runs.preconditions import problems
from runr.setup.doctor_checks import DoctorCheck, first_hint
from runr.status import store
from runr.status.model import State
from runr.tasks.empty_checks import explain, is_empty

# In seconds: a signature that takes longer waits for a passphrase.
_SIGNING_S = 10


def look_at_config(project: Project) -> DoctorCheck:
    """Read the settings."""
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


def look_at_checks(project: Project) -> DoctorCheck | list[DoctorCheck]:
    """Name the checks that runs of all tasks have."""
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


def look_at_clean_checkout(project: Project) -> DoctorCheck:
    """Say where checks run, as set and as this machine can."""
    name = "verification"
    try:
        verify = project.config().verify
    except RunrError:
        return DoctorCheck(name=name, state="note", message="unknown: the settings are invalid")
    if verify.where == "workspace":
        message = "in the workspace, as verify.where says: weaker evidence"
        return DoctorCheck(name=name, state="note", message=message)
    if not verify.mount:
        message = "in a clean checkout at a path of its own, as verify.mount says"
        return DoctorCheck(name=name, state="ok", message=message)
    if reserved_checkout.can_mount():
        message = "in a clean checkout, mounted over the path of the repository"
        return DoctorCheck(name=name, state="ok", message=message)
    return DoctorCheck(
        name=name,
        state="ok",
        message="in a clean checkout at a path of its own: this machine cannot mount it",
    )


def look_at_dependencies(project: Project) -> list[DoctorCheck]:
    """Name lockfiles that `setup` does not depend on, and copies of the repository."""
    try:
        found = [*dependency_warnings.find(project.repo, project.config().verify)]
    except ConfigError:
        return []  # it is named already
    return [DoctorCheck(name="dependencies", state="note", message=each) for each in found]


def look_at_preconditions(project: Project) -> list[DoctorCheck]:
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
