"""`runr verify`: every recorded completion, and how well it is proved."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from runr.config.loader import InvalidSettingsError
from runr.git import log
from runr.maintenance import damaged_runs
from runr.next_steps import commands
from runr.next_steps.step import Line, NextStep
from runr.next_steps.tasks import after_proof
from runr.project import Project
from runr.proof import facts, rules
from runr.proof.rules import Facts
from runr.query.detail import job_with_work
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.status import store
from runr.status.model import Evidence
from runr.status.store import DamagedStatusError
from runr.tasks.model import short_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofProblem:
    """What speaks against a completion, or against the record as a whole."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAgain:
    """The checks of a completion, run again on a commit; `failed_command` did not pass."""

    commit_sha: str
    passed: bool
    seconds: float = 0.0
    failed_command: str | None = None
    tail: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedCompletion:
    """One completion: the evidence that is `recorded`, and what of it is `proved`.

    `proved` is None where there are `problems`. `remarks` are no problems. `unlanded_job_id` is the
    job run on whose branch the work is, where it lacks nothing but to land.
    """

    task_path: str
    recorded: str | None
    proved: str | None
    passed: bool
    run_id: str | None = None
    commit_sha: str | None = None
    completed_by: str | None = None
    problems: list[ProofProblem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    unlanded_job_id: str | None = None
    rechecked: CheckedAgain | None = None
    next_steps: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofResult(Result):
    """All completions; `problems` are those of settings, status file and journals.

    `counts` has how many completions are proved, by evidence, and how many are `unproved`.
    """

    passed: bool
    completions: list[ProvedCompletion]
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[ProofProblem] = field(default_factory=list)


#: Runs the checks of a completion again; None where there are none to run.
Recheck = Callable[[Facts], CheckedAgain | None]


def verify(
    project: Project,
    wanted: Sequence[str] = (),
    *,
    required: bool = False,
    at_least: Evidence = Evidence.INFERRED,
    strict: bool = False,
    recheck: Recheck | None = None,
    doubtful: Collection[str] | None = None,
) -> ProofResult:
    """Prove the completions of the tasks `wanted`, by default of all; nothing is changed.

    A completion that is proved by weaker evidence than `at_least` does not pass; with
    `strict`, neither does one that is stale, and where they are `required`, no task of
    `wanted` may be open. `recheck` runs the checks of each again. Of runs that completed no
    task, the journals of all are read, or only of those that are `doubtful`.
    """
    problems = list(_of_record(project, doubtful))
    if any(problem.code == "status" for problem in problems):
        steps = project.surface.lines([commands.rebuild(), commands.doctor()])
        return ProofResult(passed=False, completions=[], problems=problems, next_steps=steps)
    snapshot = Snapshot.of(project)
    paths = [project.find_task(name, snapshot.tasks).path for name in wanted]
    if required:
        problems += _open(snapshot, paths)
    rows = []
    for each in facts.collect(project, snapshot, paths or sorted(snapshot.entries)):
        row, own = _row(each, at_least=at_least, strict=strict, recheck=recheck)
        if job := _job_with(project, snapshot, row):
            row, own = replace(row, unlanded_job_id=job), (commands.job_land(job),)
        rows.append(replace(row, next_steps=project.surface.lines(own)))
    counts = Counter(row.proved or "unproved" for row in rows)
    return ProofResult(
        passed=not problems and all(row.passed for row in rows),
        completions=rows,
        counts={name: counts[name] for name in (*Evidence, "unproved") if counts[name]},
        problems=problems,
        next_steps=project.surface.lines(_steps(problems)),
    )


def _of_record(project: Project, doubtful: Collection[str] | None) -> Iterator[ProofProblem]:
    try:
        project.config()
    except InvalidSettingsError as error:
        for each in error.problems:
            place = f"{error.path}:{each.line}" if each.line else error.path
            yield ProofProblem(code="settings", message=f"{place}: {each.message}")
    try:
        contents = store.read(project.layout)
    except DamagedStatusError as damage:
        yield ProofProblem(code="status", message=damage.message)
    else:
        if contents.read_only:
            what = f"{project.layout.status.name} was written by a newer runr: it cannot be proved"
            yield ProofProblem(code="status", message=what)
        elif not contents.tasks and (sha := log.latest_checkpoint(project.repo)):
            what = (
                "no completion is recorded here, and commits show some, such as "
                f"{sha[:12]}: record them first"
            )
            yield ProofProblem(code="status", message=what)
    for run, why in damaged_runs.find(project, doubtful):
        yield ProofProblem(code="journal", message=f"run {run.id} is damaged: {why}")


def _open(snapshot: Snapshot, paths: Sequence[str]) -> Iterator[ProofProblem]:
    for path in paths:
        if snapshot.task_states()[path].open:
            name = short_name(path)
            yield ProofProblem(code="open", message=f"{name} is not completed")


def _row(
    each: Facts, *, at_least: Evidence, strict: bool, recheck: Recheck | None
) -> tuple[ProvedCompletion, Sequence[NextStep]]:
    proof, entry = rules.prove(each), each.entry
    problems = [ProofProblem(code=p.code, message=p.message) for p in proof.problems]
    again = recheck(each) if recheck else None
    if again is not None and not again.passed:
        problems.append(ProofProblem(code="recheck", message=again.message))
    by_person = proof.proved is Evidence.ATTESTED and (each.is_manual or each.is_hybrid)
    enough = proof.proved is not None and proof.proved.is_at_least(at_least)
    if proof.proved is not None and not enough:
        what = f"it is only {proof.proved.label}, and {at_least.label} is asked for"
        if by_person:
            what += ": a person completes it, so it cannot be more"
        problems.append(ProofProblem(code="weak", message=what))
    remarks = [*proof.remarks]
    if recheck and again is None:
        remarks.append("no check of it is known, so none was run again")
    row = ProvedCompletion(
        task_path=each.task,
        recorded=entry.evidence,
        proved=None if again is not None and not again.passed else proof.proved,
        passed=not problems and not (strict and each.stale_reasons),
        run_id=entry.last_run_id,
        commit_sha=entry.checkpoint_sha,
        completed_by=entry.completed_by,
        problems=problems,
        remarks=remarks,
        rechecked=again,
    )
    codes = {problem.code for problem in problems}
    if row.passed or (by_person and codes == {"weak"}):
        return row, ()
    return row, after_proof(each.task, codes, manual=each.is_manual, unlanded=each.unlanded)


def _job_with(project: Project, snapshot: Snapshot, row: ProvedCompletion) -> str | None:
    """Return the job run that has the work of a completion which lacks nothing else."""
    if row.passed or {problem.code for problem in row.problems} - {"branch", "dependencies"}:
        return None
    state = snapshot.task_states().get(row.task_path)
    return job_with_work(project, state) if state else None


def _steps(problems: Sequence[ProofProblem]) -> tuple[NextStep, ...]:
    codes = {problem.code for problem in problems}
    doctor = (commands.doctor(),) if "settings" in codes else ()
    return (*doctor, *((commands.rebuild(),) if "journal" in codes else ()))
