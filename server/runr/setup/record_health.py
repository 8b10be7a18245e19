"""Look at the folder `.runr`, its tasks and its records, for `runr doctor`."""

import os

from runr.errors import ForeignRunError, RunrError
from runr.maintenance import merge_driver
from runr.next_steps import commands
from runr.project import Project
from runr.runs import journal
from runr.setup.doctor_checks import DoctorCheck, hint
from runr.status import store
from runr.storage import state_dir
from runr.text import closest_match, pluralize

_TASKS = ".runr/tasks"


def look_at_folder(project: Project) -> DoctorCheck:
    """Look whether `.runr` is there and may be written."""
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


def look_at_ignore_file(project: Project) -> list[DoctorCheck]:
    """Look whether git sees all files of `.runr` that are to be committed."""
    missing = state_dir.later_lines(project.layout)
    if not missing:
        return []
    message = f".runr/.gitignore is of an earlier version, without {', '.join(missing)}"
    advice = hint(project, commands.init())
    return [DoctorCheck(name="ignored files", state="note", message=message, advice=advice)]


def look_at_tasks(project: Project) -> DoctorCheck:
    """Look whether all task files can be read, and are seen by git."""
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


def look_at_status(project: Project) -> DoctorCheck:
    """Look whether the status file can be read, and has only tasks that exist."""
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


def look_at_sharing(project: Project) -> DoctorCheck:
    """Look whether a status file that is in git can be merged."""
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


def look_at_runs(project: Project) -> DoctorCheck:
    """Look for damaged journals, and for those of other clones."""
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
