"""Look whether everything that runr needs is there, and say what is not."""

from runr.errors import RunrError
from runr.project import Project
from runr.setup import hook_health, machine_health, record_health, verification_health
from runr.setup.client_health import look_at_clients
from runr.setup.doctor_checks import DoctorCheck, DoctorReport, Look, first_hint

#: In the order in which they are shown.
_LOOKS: tuple[Look, ...] = (
    machine_health.look_at_python,
    machine_health.look_at_git,
    machine_health.look_at_identity,
    record_health.look_at_folder,
    record_health.look_at_ignore_file,
    verification_health.look_at_config,
    machine_health.look_at_worker,
    verification_health.look_at_checks,
    verification_health.look_at_clean_checkout,
    verification_health.look_at_dependencies,
    machine_health.look_at_sandbox,
    machine_health.look_at_processes,
    verification_health.look_at_preconditions,
    record_health.look_at_tasks,
    record_health.look_at_status,
    record_health.look_at_sharing,
    record_health.look_at_runs,
    machine_health.look_at_path,
    hook_health.look_at_claude,
    look_at_clients,
    hook_health.look_at_git_hooks,
    hook_health.look_at_killed_hooks,
    hook_health.look_at_lifecycle_hooks,
)


def check_health(project: Project) -> DoctorReport:
    """Examine installation, repository, settings, tasks, records and workers."""
    findings: list[DoctorCheck] = []
    for look in _LOOKS:
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
        name = look.__name__.removeprefix("look_at_").replace("_", " ")
        return [DoctorCheck(name=name, state="bad", message=error.message, advice=advice)]
    return [found] if isinstance(found, DoctorCheck) else list(found)
