"""Bring the branch of a job into the one that it started from: what lands is what was verified."""

from collections.abc import Iterable
from dataclasses import dataclass

import anyio

from runr.errors import AlreadyRunningError, ConflictError, RunrError, UsageError, VerificationError
from runr.execution import candidate, process, verification
from runr.execution.context import RunContext
from runr.git import branches, log, merge, quarantine
from runr.git.merge import MergePlan, MergeRefusedError
from runr.git.repo import Repo
from runr.git.trailers import VERIFIED_TREE
from runr.jobs import branch as job_branch
from runr.jobs import journal, receipt, rejected, taken_back
from runr.jobs.events import JobLanded
from runr.jobs.journal import JobJournal
from runr.jobs.state import JobState
from runr.lifecycle.submit import find_branch
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.redaction import Redactor
from runr.runs.model import Check, CheckResult, RunCreated, RunSpec, RunState
from runr.storage import queue
from runr.storage.layout import RunFiles
from runr.text import join_limited, pluralize, printable

#: How many tasks a refusal names.
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLanding(Result):
    """How the branch of a job got into another one, or would.

    `how` is `already`, `fast-forward` or `merge`; a merge was verified before it landed.
    """

    id: str
    job: str
    branch: str
    to: str
    how: str
    commit_sha: str
    task_count: int
    verified: bool
    dry_run: bool = False

    def describe(self) -> str:
        """Return in a line how the branch landed, or would."""
        how = {
            "already": "was already on",
            "fast-forward": "landed on",
            "merge": "is verified together with, and merged into,",
        }[self.how]
        if self.dry_run:
            how = {"merge": "would be verified together with, and merged into,"}.get(
                self.how, "would land on"
            )
        if self.how == "merge" and not self.verified and not self.dry_run:
            how = "is merged, without checks, into"
        at = "" if self.dry_run else f", now at {self.commit_sha[:12]}"
        return f"{printable(self.job)} ({pluralize(self.task_count, 'task')}) {how} {self.to}{at}"


def land_job(
    project: Project, wanted: str | None, *, to: str | None = None, dry_run: bool = False
) -> JobLanding:
    """Merge the branch of a job, and verify the result unless it is the commit that was verified.

    Raises ConflictError and VerificationError with nothing changed.
    """
    project.refuse_inside("a run does not land jobs")
    files, state = _wanted(project, wanted)
    if process.is_alive(files):
        raise AlreadyRunningError(
            f"the job {state.name} is running ({state.id})",
            next_steps=[commands.job_status(state.id), commands.job_stop(state.id)],
        )
    target = _target(project, state, to)
    landing = _Landing(project, state, files, target)
    if project.repo.resolve(f"refs/heads/{state.start.branch}") is None:
        return landing.without_branch(dry_run=dry_run)
    if dry_run:
        with quarantine.temporary(project.repo) as scratch:
            plan = landing.plan(scratch, may_sign=False)
            obstacle = merge.merge_obstacle(scratch, plan)
        if obstacle:
            raise RunrError(f"nothing would land on {target}: {obstacle}")
        return landing.result(plan, verified=False, dry_run=True)
    with queue.turn(project.layout.landing_queue(target)):
        try:
            plan, verified = merge.retry_if_moved(landing.once)
        except merge.MovedError as error:
            raise RunrError(
                f"nothing landed on {target}: {error}", next_steps=[commands.job_land(state.id)]
            ) from None
    events = JobJournal(files, project.clock, Redactor(project.environment))
    receipt.write(project, files, events.append(JobLanded(target, plan.how, plan.new)))
    if state.result == "completed":
        # What a person decides later, and a run that is resumed alone, lands on the branch first.
        branch, worktrees = state.start.branch, project.layout.worktrees
        if why := branches.delete_landed(project.repo, branch, target, worktrees):
            project.warn(f"the branch {branch} has landed and is left: {why}")
    return landing.result(plan, verified=verified, dry_run=False)


def _wanted(project: Project, wanted: str | None) -> tuple[RunFiles, JobState]:
    """Return a job run; where no id is given, the latest of the job that has work to land."""
    files = journal.find(project.layout, wanted)
    state = journal.require(files)
    if wanted not in (None, "latest", state.name) or _has_work(state):
        return files, state
    for earlier in journal.of_job(project.layout, state.name):
        known = journal.require(earlier)
        there = project.repo.resolve(f"refs/heads/{known.start.branch}")
        if there and known.landed_on is None and _has_work(known):
            return earlier, known
    return files, state


def _has_work(state: JobState) -> bool:
    return any(each.status == "completed" and each.commit_sha for each in state.tasks)


def _target(project: Project, state: JobState, to: str | None) -> str:
    if state.start.branch == state.start.target:
        done = "have landed" if _has_work(state) else "land"
        raise UsageError(
            f"the tasks of {state.name} {done} on {state.start.target} one by one",
            next_steps=[commands.job_receipt(state.id)],
        )
    target = find_branch(project.repo, to) if to else state.start.target
    if not target:
        raise UsageError(
            f"the job {state.name} began without a branch: name one with --to",
            next_steps=[job_branch.land_step(project, state)],
        )
    return target


class _Landing:
    """One merge of the branch of a job."""

    def __init__(self, project: Project, state: JobState, files: RunFiles, target: str) -> None:
        self._project = project
        self._state = state
        self._files = files
        self._target = target
        self._tree: str | None = None

    def plan(self, repo: Repo, *, may_sign: bool = True) -> MergePlan:
        """Return how the branch gets into the target; raises where it does not."""
        branch = self._state.start.branch
        try:
            self._refuse_rejected()
            self._refuse_lost_base(repo)
            taken_back.refuse(self._project, self._state, self._target)
            return merge.plan_integration(
                repo, branch, self._target, self._message, may_sign=may_sign
            )
        except MergeRefusedError as error:
            raise self._refusal(error) from None

    def _refuse_rejected(self) -> None:
        """Raise RunrError where a person has rejected work that would land."""
        found = list(rejected.find(self._project, self._state))
        if not found:
            return
        named = [f"{each.task.removeprefix('.runr/tasks/')} {each.why}" for each in found]
        branch = self._state.start.branch
        by_hand = commands.git("merge", branch).in_words(f"merge {branch}")
        raise RunrError(
            f"nothing landed on {self._target}: {join_limited(named, _NAMED)}",
            next_steps=[
                commands.job_retry(self._state.id).because("Run them again"),
                by_hand.because("Or merge the branch as it is"),
            ],
        )

    def _refuse_lost_base(self, repo: Repo) -> None:
        """Raise RunrError where the target no longer has the base: a merge would bring it back."""
        start, target = self._state.start, self._target
        work, onto = (repo.resolve(f"refs/heads/{name}") for name in (start.branch, target))
        if not (work and onto and merge.has_lost_base(repo, start.base_sha, work, onto)):
            return
        flags = ("--rebase-merges", "--onto", target)
        raise RunrError(
            f"nothing landed on {target}: it no longer has {start.base_sha[:12]}, with which the "
            "job began, and a merge would bring that commit back",
            next_steps=[
                commands.git("rebase", *flags, start.base_sha, start.branch),
                commands.job_land(self._state.id),
            ],
        )

    def once(self) -> tuple[MergePlan, bool]:
        """Merge, verify and move the target; MovedError where it was moved meanwhile."""
        repo = self._project.repo
        plan = self.plan(repo)
        verified = plan.new in {each.commit_sha for each in self._state.tasks}
        if plan.new != plan.old and not verified:
            verified = self._verify(plan)
        try:
            merge.apply_plan(repo, plan, f"runr: land job {self._state.id}")
        except merge.MovedError:
            raise
        except MergeRefusedError as error:
            raise self._refusal(error) from None
        return plan, verified

    def _message(self, tree: str) -> str:
        subject = f"Merge job {self._state.name} ({self._state.id})"
        return f"{subject}\n\n{VERIFIED_TREE}: {tree}\n" if self._runs() else subject

    def _runs(self) -> list[RunState]:
        """Return the runs whose work is on the branch and that had checks."""
        layout = self._project.layout
        done = (each for each in self._state.tasks if each.status == "completed" and each.run_id)
        found = [journal.run_of(layout, each.run_id) for each in done]
        return [run for run in found if run is not None and run.verification.checks]

    def _verify(self, plan: MergePlan) -> bool:
        """Run the checks of all tasks on the merge; False where they have none."""
        runs = self._runs()
        if not runs:
            return False
        folder = RunFiles(self._files.folder / f"landing-{plan.new[:12]}", self._files.root)
        checks = (check for run in runs for check in run.spec.checks)
        results = verify_commit(self._project, folder, plan.new, runs[-1].spec, checks)
        failed = next((check for check in results if not check.passed), None)
        if failed is not None:
            raise VerificationError(
                f"nothing landed on {self._target}: `{failed.command}` fails with "
                f"{self._state.start.branch} merged into it\n{failed.tail[-1500:]}",
                next_steps=[commands.job_receipt(self._state.id)],
            )
        return True

    def _refusal(self, error: MergeRefusedError) -> RunrError:
        message = f"nothing landed on {self._target}: {error}"
        by_hand = commands.git("merge", self._state.start.branch)
        if error.files:
            return ConflictError(message, next_steps=[by_hand])
        if self._project.repo.resolve(f"refs/heads/{self._target}") is None:
            step = job_branch.land_step(self._project, self._state)
            return RunrError(message, next_steps=[step])
        return RunrError(message, next_steps=[commands.git("status")])

    def without_branch(self, *, dry_run: bool) -> JobLanding:
        """Return the answer where all has landed, by runr or by git, and the branch is gone."""
        repo, start = self._project.repo, self._state.start
        shas = job_branch.commits(self._state)
        tip = repo.resolve(f"refs/heads/{self._target}")
        here = log.existing(repo, shas)
        kept = [sha for sha in shas if sha in here]
        taken_back.refuse(self._project, self._state, self._target)
        if tip and taken_back.has_all(self._project, self._state, self._target):
            plan = MergePlan(target=self._target, how="already", old=tip, new=tip)
            return self.result(plan, verified=True, dry_run=dry_run)
        again = [commands.git("branch", start.branch, kept[-1])] if kept else []
        raise RunrError(
            f"nothing landed on {self._target}: the branch {start.branch} is gone",
            next_steps=[*again, commands.job_receipt(self._state.id)],
        )

    def result(self, plan: MergePlan, *, verified: bool, dry_run: bool) -> JobLanding:
        """Return the answer for what was done, or would be."""
        made = (each for each in self._state.tasks if each.status == "completed")
        done = sum(each.commit_sha is not None for each in made)
        again = [commands.job_land(self._state.id)] if dry_run else []
        return JobLanding(
            id=self._state.id,
            job=self._state.name,
            branch=self._state.start.branch,
            to=self._target,
            how=plan.how,
            commit_sha=plan.new,
            task_count=done,
            verified=verified,
            dry_run=dry_run,
            next_steps=self._project.surface.lines(again),
        )


def verify_commit(
    project: Project, folder: RunFiles, commit: str, spec: RunSpec, checks: Iterable[Check]
) -> list[CheckResult]:
    """Return the results of the checks on a commit; `folder` gets the log, `spec` says how."""
    tree = project.repo.text("rev-parse", f"{commit}^{{tree}}")
    distinct = tuple({check.command: check for check in checks}.values())
    start = RunCreated(
        task="",
        worker="person",
        workdir=str(project.layout.root),
        base_sha=commit,
        base_tree=tree,
        spec=spec._replace(checks=distinct, escalations=()),
    )
    context = RunContext.of(project.layout, folder, project.environment, project.clock)
    state = context.journal.append(start)._replace(start=start, spec=start.spec)
    built = candidate.of_merge(context, state, commit, commit)
    result = anyio.run(verification.verify_candidate, context, state, built)
    return list(result.checks)
