"""Work of a job that its target has had and has lost: landing the branch brings none of it back."""

from collections.abc import Iterable, Mapping

from runr.errors import RunrError
from runr.evidence import on_branch
from runr.git import log
from runr.git.repo import Repo
from runr.jobs.state import JobState
from runr.next_steps import commands
from runr.project import Project
from runr.query import git_changes
from runr.status.model import UNTOUCHED, Entry, State
from runr.tasks.model import short_name
from runr.text import join_limited

#: How many tasks a refusal names.
_NAMED = 3


def refuse(project: Project, state: JobState, target: str) -> None:
    """Raise RunrError where work that leads to the target is not there any more."""
    tip = project.repo.resolve(f"refs/heads/{target}")
    done = completions(project, state)
    there = {task: done[task] for task in _leading(project.repo, done, tip)}
    if not tip or not (gone := git_changes.gone_from(project, tip, there)):
        return
    named = [f"{short_name(task)}: {why}" for task, why in sorted(gone.items())]
    shas = [there[task].checkpoint_sha or "" for task in sorted(gone)]
    accept = [commands.acknowledge(task) for task in sorted(gone)]
    raise RunrError(
        f"nothing landed on {target}: {join_limited(named, _NAMED)}",
        next_steps=[
            commands.git("cherry-pick", *shas).because("Bring it back"),
            *(step.because("Or do without it") for step in accept[:_NAMED]),
        ],
    )


def has_all(project: Project, state: JobState, target: str) -> bool:
    """Tell whether the work of all completed tasks is on the target, maybe as other commits."""
    tip = project.repo.resolve(f"refs/heads/{target}")
    done = completions(project, state)
    return bool(tip and done) and not git_changes.gone_from(project, tip or "", done)


def completions(project: Project, state: JobState) -> dict[str, Entry]:
    """Return what the tasks with a commit of the job were completed with, by the job itself."""
    entries = project.entries()
    found = {}
    for each in state.tasks:
        if each.status != "completed" or not each.commit_sha:
            continue
        entry = entries.get(each.task, UNTOUCHED)
        if entry.last_run_id in each.runs and on_branch.claims_commit(entry):
            found[each.task] = entry
        else:
            found[each.task] = Entry(
                status=State.COMPLETED,
                last_run_id=each.run_id,
                checkpoint_sha=each.commit_sha,
                acknowledged_commit=entry.acknowledged_commit,
            )
    return found


def _leading(repo: Repo, done: Mapping[str, Entry], tip: str | None) -> Iterable[str]:
    """Return the tasks whose commits lead to the tip."""
    commits = {task: entry.checkpoint_sha for task, entry in done.items() if entry.checkpoint_sha}
    if not tip or not commits:
        return ()
    elsewhere, missing = log.absent_from(repo, [tip], commits.values())
    return [task for task, sha in commits.items() if sha not in elsewhere | missing]
