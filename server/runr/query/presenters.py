"""A run as an answer, with the session that holds it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from runr.clock import format_utc
from runr.errors import RunrError
from runr.evidence import on_branch
from runr.git import folders
from runr.git.repo import Repo
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.detail_models import CheckDetails, RunDetails
from runr.runs import report, stop_reasons
from runr.runs.model import RunState
from runr.status import branch
from runr.storage.layout import RunFiles
from runr.text import format_duration
from runr.workers import claude_session


def run_details(
    project: Project,
    state: RunState,
    files: RunFiles,
    *,
    tail: int = 0,
    now: str | None = None,
) -> RunDetails:
    """Return the state of a run; `tail` is how much of failed checks' output to show."""
    statement, candidate = state.decision.statement, state.verification.candidate
    passed = candidate if state.verification.result == "passed" else None
    relayed = statement if statement and statement.is_relayed else None
    return RunDetails(
        id=state.id,
        task_path=state.start.task,
        worker=state.last_worker,
        status=state.result or "running",
        kind=state.start.kind,
        phase=state.phase,
        seq=state.seq,
        attempt=state.attempt,
        created_at=state.created_at[:19] + "Z",
        ended_at=state.ended_at[:19] + "Z" if state.ended_at else None,
        seconds=round(report.elapsed(state, now), 1),
        verification=state.verification.result,
        checks=[
            CheckDetails(
                tier=check.tier,
                command=check.command,
                exit_code=check.exit_code,
                seconds=check.seconds,
                run_count=check.runs,
                passed=check.passed,
                flaky=check.flaky,
                tail=check.tail[-tail:] if tail and not check.passed else "",
            )
            for check in state.verification.checks
        ],
        verified_in=passed.where if passed else None,
        verified_tree=passed.tree if passed and passed.where == "checkout" else None,
        violations=list(state.violations),
        ignored=list(candidate.ignored) if candidate else [],
        carried_changes=list(candidate.carried_changes) if candidate else [],
        left_out=list(state.integration.dropped),
        milestones=list(state.milestones),
        checkpoints=list(state.checkpoints),
        review=state.review.feedback[-1] if state.review.feedback else None,
        reviewed_by=state.review.approved_by,
        stop_reason=state.stop_reason,
        resets_at=state.resets_at if state.stop_reason == "usage_limit" else None,
        detail=state.detail,
        failed_hooks=list(state.failed_hooks),
        checkpoint_sha=state.checkpoint_sha,
        changed_count=state.changed,
        branch=state.start.branch,
        integration=state.integration.strategy,
        cost_usd=round(state.usage.cost_usd, 6) if state.usage.cost_usd is not None else None,
        input_tokens=state.usage.input_tokens,
        output_tokens=state.usage.output_tokens,
        session_id=state.holder,
        approved_by=statement.by
        if statement and not (state.decision.rejected or relayed)
        else None,
        relayed_by=relayed.relayed_by if relayed else None,
        channel=statement.channel.describe() if statement and statement.channel else None,
        rejected_by=statement.signature if statement and state.decision.rejected else None,
        reason=statement.reason if statement else None,
        override_reason=state.start.override_reason,
        run_dir=str(files.folder),
        exit_code=run_exit_code(state),
        next_steps=project.surface.lines(next_steps(state)),
    )


def with_places(project: Project, runs: Sequence[RunDetails]) -> list[RunDetails]:
    """Return the runs, each completed one whose commit is not on this branch with where it is."""
    claims = [
        (run.id, run.task_path, run.checkpoint_sha)
        for run in runs
        if run.status == "completed" and run.kind == "attempt" and run.checkpoint_sha
    ]
    if not claims:
        return list(runs)
    tip = project.repo.head()
    found = on_branch.find_absent_runs(project.layout, project.repo, tip, claims).absent
    return [
        replace(run, commit_place=branch.describe(found[run.id])) if run.id in found else run
        for run in runs
    ]


def foreign_details(project: Project, state: RunState, files: RunFiles) -> RunDetails:
    """Return the state of a run of another clone, which is only looked at."""
    shown = run_details(project, state, files)
    return replace(shown, another_clone=True, exit_code=None, next_steps=[])


def next_steps(state: RunState) -> tuple[NextStep, ...]:
    """Return what to do next about a run, with its working tree as it is now."""
    tree = Path(state.start.workdir)
    if state.stop_reason not in stop_reasons.LANDABLE or not tree.is_dir():
        return report.next_steps(state, has_tree=_is_tree(tree))
    try:
        other, merging = _other_target(state, tree), _merging(tree)
    except RunrError:
        return report.next_steps(state)  # git itself says what is wrong with the tree
    return report.next_steps(state, lands_on=other, merging=merging)


def _is_tree(tree: Path) -> bool:
    """Tell whether git can be asked about the working tree."""
    try:
        return folders.git_dir(tree) is not None
    except RunrError:
        return False


def _other_target(state: RunState, tree: Path) -> str:
    """Return the branch that is checked out, where the one that the work lands on is gone."""
    repo = Repo(folders.main_tree(tree) or tree)
    target = state.start.target
    if target is None or repo.resolve(f"refs/heads/{target}") is not None:
        return ""
    return repo.branch() or ""


def _merging(tree: Path) -> Literal["", "open", "resolved"]:
    """Return whether a merge was begun in the tree, and whether its conflicts are resolved."""
    own = folders.git_dir(tree)
    if own is None or not (own / "MERGE_HEAD").exists():
        return ""
    return "open" if Repo(tree).run("ls-files", "--unmerged") else "resolved"


def run_exit_code(state: RunState) -> int | None:
    """Return what a command that waited for the run ends with; None while it runs."""
    if state.result is None:
        return None
    if state.result == "completed":
        return 0
    return int(stop_reasons.find(state.stop_reason or "error").exit_code)


SESSION = "CLAUDE_CODE_SESSION_ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The session that works on a run; of a terminal, and of most clients, `session_id` is None.

    It is `ended` where Claude Code wrote so into the session's transcript, and
    `idle` where it was silent for longer than `run.session_idle_timeout`.
    """

    run_id: str
    session_id: str | None
    since: str
    active_at: str
    silent_s: float
    place: str
    state: Literal["active", "ended", "idle"]

    @classmethod
    def of(cls, project: Project, state: RunState) -> "Holder":
        """Look at an open session run, and at its session's transcript where it is here."""
        path = claude_session.transcript_path(state.holder, project.environment)
        heard = max(_time(state.updated_at), _touched(path) if path else _time(state.updated_at))
        silent = max(0.0, (project.clock() - heard).total_seconds())
        idle = silent > project.config().run.session_idle_timeout
        over = path is not None and claude_session.has_ended(path)
        start = state.start
        return cls(
            run_id=state.id,
            session_id=state.holder,
            since=f"{state.created_at[:19]}Z",
            active_at=format_utc(heard),
            silent_s=silent,
            place=f"{start.workdir} on {start.target or 'a detached HEAD'}",
            state="ended" if over else "idle" if idle else "active",
        )

    @property
    def is_gone(self) -> bool:
        """Tell whether another session may take over the run."""
        return self.state != "active"

    @property
    def why(self) -> str:
        """Describe the state of the holder."""
        match self.state:
            case "ended":
                return "that session has ended"
            case "idle":
                return f"it was silent for {format_duration(self.silent_s)}"
            case "active":
                return f"last active {self.active_at}"

    @property
    def message(self) -> str:
        """Say who holds the run, where, and since when."""
        who = f"session {self.session_id}" if self.session_id else "whoever started it"
        return f"{who} in {self.place}, since {self.since}; {self.why}"


def holder_details(
    project: Project, state: RunState, files: RunFiles, *, tail: int = 0
) -> RunDetails:
    """Return the state of a run, with its holder while a session has it open."""
    shown = run_details(project, state, files, tail=tail, now=project.now())
    if not state.by_session or state.result:
        return shown
    holder = Holder.of(project, state)
    return replace(shown, holder=holder.message, session=holder.state, active_at=holder.active_at)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _touched(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
