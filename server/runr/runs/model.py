"""A run: how it was opened, what it is held to, and the state that its events lead to. Pure.

Named tuples, because hooks load them on every tool call: see `runr.runs.codec`.
"""

from enum import StrEnum
from typing import Literal, NamedTuple

from runr.runs.channel import Channel
from runr.scope.rules import Lockfiles

VerificationResult = Literal["passed", "failed", "skipped", "none"]


class Phase(StrEnum):
    """The phases of a run, in order."""

    PREPARE = "prepare"
    PLAN = "plan"
    WORK = "work"
    VERIFY = "verify"
    REVIEW = "review"
    CHECKPOINT = "checkpoint"
    INTEGRATE = "integrate"
    RECORD = "record"


class Check(NamedTuple):
    """One command of the verification; `tier` is tier0, tier1, tier2 or task."""

    tier: str
    command: str
    timeout_s: int


class Escalation(NamedTuple):
    """Checks that are added where a run changes a path that matches `pattern`."""

    pattern: str
    tier: str
    checks: tuple[Check, ...] = ()


class CheckResult(NamedTuple):
    """How one check ended; `exit_code` is None when it timed out.

    `runs` counts how often it was run: 0 for a check that was skipped. `note` is
    what else there is to know, such as why it passes in the workspace only.
    """

    tier: str
    command: str
    exit_code: int | None
    seconds: float
    tail: str = ""
    runs: int = 1
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the command exited with 0."""
        return self.exit_code == 0

    @property
    def failed(self) -> bool:
        """Whether the command was run and did not pass."""
        return self.runs > 0 and not self.passed

    @property
    def flaky(self) -> bool:
        """Whether the command passed after it had failed on the same work."""
        return self.passed and self.runs > 1


class Approval(NamedTuple):
    """What a person stated about the work, and why: an approval, a rejection or an attestation.

    Records of earlier versions have no channel.
    """

    by: str
    reason: str
    channel: Channel | None = None

    @property
    def is_relayed(self) -> bool:
        """Whether a program passed it on, and no person has confirmed it."""
        return self.channel is not None and not self.channel.is_person

    @property
    def relayed_by(self) -> str | None:
        """The client that relayed it; None where a person answers for it."""
        return self.author.removeprefix("client:") if self.is_relayed else None

    @property
    def signature(self) -> str:
        """In whose name it was stated, and by which client where that relayed it."""
        return f"{self.by}, relayed by {self.relayed_by}" if self.is_relayed else self.by

    @property
    def author(self) -> str:
        """Who answers for it, as the status file has it: a person, or a client that relays."""
        if self.channel is None or self.channel.is_person:
            return f"person:{self.by}"
        return f"client:{self.channel.client or 'unknown'}"


#: Where checks run: in a clean checkout of the commit, or among all files of the workspace.
CheckPlace = Literal["checkout", "workspace"]


class Candidate(NamedTuple):
    """The commit that the checks ran on, before it was made.

    `tree` is its tree, `commit_tree` that of the run's own commit: another one
    where the target has moved to `onto`, and both are merged. `carried` are the
    folders that were laid over the checkout, `ignored` the files of the run that
    are in no commit because git ignores them. `mounted` tells whether the
    checkout took the place of the repository, and `covered` are other paths to its
    working trees that it took as well. `confirms` tells that nothing was
    changed, so that the checks confirm a completion that is recorded already.
    `carried_changes` are some of the paths in carried folders that changed since the
    run began, by whoever. `work` are the commits with the work, each with its subject,
    where nothing is left for the run's own one.
    """

    tree: str
    commit_tree: str
    onto: str | None = None
    where: CheckPlace = "checkout"
    mounted: bool = False
    carried: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    confirms: bool = False
    carried_changes: tuple[str, ...] = ()
    work: tuple[str, ...] = ()


class RunSpec(NamedTuple):
    """What the task and the settings ask of a run; a resume may replace it.

    `task_type` is a `tasks.model.TaskType`. `plan` and `review` name the workers of
    these phases; None leaves the phase out. `empty_checks` are commands that check
    nothing, where there are no others. `config_sha256` and `copy_sha256` are the digests
    of the run's copies of the settings and of the task, `refs_sha256` that of the refs as
    they were when it began.
    """

    title: str = ""
    task_type: str = "automated"
    task_sha256: str = ""
    attempts: int = 3
    landing_attempts: int = 0
    timeout_s: int = 2700
    owns: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    lockfiles: Lockfiles = "follow"
    plan: str | None = None
    review: str | None = None
    checks: tuple[Check, ...] = ()
    empty_checks: tuple[str, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    verify_retries: int = 0
    where: CheckPlace = "checkout"
    mount: bool = True
    carry: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    setup_inputs: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    config_sha256: str = ""
    copy_sha256: str = ""
    refs_sha256: str = ""


class JobTerms(NamedTuple):
    """What a job asks of one of its runs, beside the task and the settings.

    `fallback` replaces that of the settings where it is given, `on_usage_limit` always.
    `earlier` is what the worker has to know of an attempt that could not land. `attempts` is how
    many the run has at most, where they are not those of the settings. `budget_usd` and
    `max_tokens` are what was left of the limits of the job, None where it has none.
    """

    job_run_id: str
    fallback: tuple[str, ...] = ()
    timeout_s: int | None = None
    on_usage_limit: str = "stop"
    earlier: str = ""
    attempts: int | None = None
    budget_usd: float | None = None
    max_tokens: int | None = None


#: What a run is for; only an attempt does the work of a task.
RunKind = Literal["attempt", "manual_commit", "acknowledgement", "reset"]


class RunCreated(NamedTuple):
    """The first event of a run: how it was opened.

    `kind` `manual_commit` records manual work: it says nothing about whether its
    task is done, and `task` is empty where it belongs to none. `acknowledgement`
    confirms a stale completion, `reset` takes back the one that the run `resets`
    gave. `base_tree` is the working tree at the start; `target` the branch to
    integrate into, None on a detached HEAD. `was_completed` tells that the task was
    completed on this branch when the run began, `was_stale` that something had changed
    since. `sequence` is greater than that of everything recorded before, whatever clocks
    say. `job` is there where a job started it. `wait_for_limit` has it wait for a usage
    limit to reset, whatever the settings say.
    """

    task: str
    worker: str
    workdir: str
    base_sha: str
    base_tree: str
    spec: RunSpec = RunSpec()
    kind: RunKind = "attempt"
    in_place: bool = False
    branch: str | None = None
    target: str | None = None
    session_id: str | None = None
    override_reason: str | None = None
    resets: str | None = None
    was_completed: bool = False
    was_stale: bool = False
    sequence: int = 0
    job: JobTerms | None = None
    wait_for_limit: bool = False


class Verification(NamedTuple):
    """The last verification: `tree` is the snapshot of the workspace, `attempt` whose work it was.

    `candidate` is the commit that was checked, made from that snapshot. `retries`
    counts how often the tree had changed by the time it was to be committed.
    """

    result: VerificationResult = "none"
    checks: tuple[CheckResult, ...] = ()
    attempt: int = 0
    tree: str | None = None
    retries: int = 0
    candidate: Candidate | None = None


class Review(NamedTuple):
    """What reviews of the current milestone asked for, and who approved it."""

    feedback: tuple[str, ...] = ()
    approved_by: str | None = None


class Integration(NamedTuple):
    """How the checkpoint got into the branch `target`, without the changes to files `dropped`.

    Where it could not, `look` are the words of the git command that shows what is in the way.
    """

    strategy: str | None = None
    commit_sha: str | None = None
    target: str | None = None
    dropped: tuple[str, ...] = ()
    look: tuple[str, ...] = ()


class Decision(NamedTuple):
    """What persons decided; `approved` and `rejected` hold for the current work only."""

    approval: Approval | None = None
    approved: bool = False
    rejection: Approval | None = None
    rejected: bool = False

    @property
    def statement(self) -> Approval | None:
        """The rejection where the work is rejected, else the approval."""
        return self.rejection if self.rejected else self.approval


#: Nothing that a run does can use more, and no sum of such figures is too large for the history.
MOST_USED = 10**12


class Usage(NamedTuple):
    """What workers used; the cost is None where none of them reported it."""

    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0

    def bounded(self) -> "Usage":
        """Return it with figures that can be: a worker is a program that may report any."""
        cost = self.cost_usd
        if cost is not None:
            cost = min(cost, float(MOST_USED)) if cost >= 0 else None
        return Usage(cost, *(min(max(count, 0), MOST_USED) for count in self[1:]))

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum of both."""
        one, more = self.bounded(), other.bounded()
        known = [cost for cost in (one.cost_usd, more.cost_usd) if cost is not None]
        return Usage(
            cost_usd=sum(known) if known else None,
            input_tokens=one.input_tokens + more.input_tokens,
            output_tokens=one.output_tokens + more.output_tokens,
            turns=one.turns + more.turns,
        ).bounded()

    def minus(self, part: "Usage") -> "Usage":
        """Return what is left without a part; no cost where the part has all of it."""
        whole, less = self.bounded(), part.bounded()
        cost = whole.cost_usd
        if cost is not None and less.cost_usd is not None:
            cost = round(cost - less.cost_usd, 9) or None
        return Usage(
            cost_usd=cost,
            input_tokens=whole.input_tokens - less.input_tokens,
            output_tokens=whole.output_tokens - less.output_tokens,
            turns=whole.turns - less.turns,
        ).bounded()


class MovedRef(NamedTuple):
    """A branch, a tag or a HEAD that changed while a worker worked; None where there is none.

    `by_worker` tells that it was the worker; of the others it is not known. `stops` are those
    for which the run stops.
    """

    ref: str
    old: str | None = None
    new: str | None = None
    by_worker: bool = False
    put_back: bool = False
    stops: bool = False

    @property
    def message(self) -> str:
        """What happened to it, and by whom."""
        was, now = (_short(each) for each in (self.old, self.new))
        gone = self.new is None
        how = f"{self.ref} was deleted at {was}" if gone else f"{self.ref}: {was} to {now}"
        by = "by the worker" if self.by_worker else "by whom is not known"
        return f"{how}, {by}{', put back' if self.put_back else ''}"


def _short(name: str | None) -> str:
    whole = name or "nothing"
    return whole if "/" in whole else whole[:12]


#: The outcome of a landing whose branch no longer has the commit with which the run began.
BASE_GONE = "base_gone"
#: That of checks which run, or write, in the workspace: it has no merge with a branch that moved.
UNCHECKED = "unchecked"
#: After these the work is put on top of its branch as it is, and verified there.
MOVES = (BASE_GONE, UNCHECKED)


class Rework(NamedTuple):
    """The work on top of its branch after that had moved.

    `why` is the stop code of the failure together with it, or one of `MOVES`, until the work
    is put `onto` the branch; `files` had changes of both sides, `times` says how often it
    was done. For `moves` of them, nothing had failed. `unchanged` tells
    that no attempt was made since such a move, `committed` that all of the work had a checkpoint
    before it. `lost_base` tells that the branch once no longer had the base.
    """

    why: str = ""
    onto: str | None = None
    files: tuple[str, ...] = ()
    times: int = 0
    moves: int = 0
    unchanged: bool = False
    committed: bool = False
    lost_base: bool = False


class RunState(NamedTuple):
    """The state that a run's events lead to.

    `is_retry` tells that the open phase was interrupted before. `attempts_from`
    is the first attempt that counts against the limit. `milestones` are the
    plan's, in order; each commit in `checkpoints` is the next one's.
    `continued` counts the attempts that a limit, an outage or a user ended early, and that
    a later one continues. `usage_until` is the end up to which the usage of sessions is counted.
    `inputs_changed` is what of the settings and the task was changed while a worker
    worked, until the next resume; `stopped_tree` is what a run in place had when it stopped.
    `failed_hooks` says which lifecycle hooks failed since the last resume, and how. After it has
    stopped, `restored` is the ref with the work that was taken out of its files, and `reverted`
    the commit that took back what had landed.
    """

    id: str
    start: RunCreated
    spec: RunSpec
    created_at: str
    updated_at: str
    seq: int = 0
    sequence: int = 0
    phase: Phase | None = None
    phase_open: bool = False
    outcome: str | None = None
    is_retry: bool = False
    attempt: int = 0
    attempts_from: int = 1
    continued: int = 0
    result: Literal["completed", "stopped"] | None = None
    ended_at: str | None = None
    stop_reason: str | None = None
    detail: str | None = None
    verification: Verification = Verification()
    review: Review = Review()
    integration: Integration = Integration()
    decision: Decision = Decision()
    usage: Usage = Usage()
    usage_until: str | None = None
    milestones: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    checkpoint_sha: str | None = None
    changed: int | None = None
    left_dirty: tuple[str, ...] = ()
    rework: Rework = Rework()
    inputs_changed: str = ""
    stopped_tree: str | None = None
    sessions: tuple[str, ...] = ()
    reminded: bool = False
    worker: str | None = None
    denied: tuple[str, ...] = ()
    resets_at: str | None = None
    last_message: str = ""
    failed_hooks: tuple[str, ...] = ()
    restored: str = ""
    reverted: str = ""

    @property
    def is_relayed(self) -> bool:
        """Whether it completes its task on what a program passed on."""
        word = self.decision.statement
        return self.start.kind == "attempt" and word is not None and word.is_relayed

    @property
    def attempts_made(self) -> int:
        """How many attempts the worker had; one that a later one continued is not counted."""
        return self.attempt - self.continued

    @property
    def task_name(self) -> str:
        """The task's path below the tasks folder; empty where the run belongs to no task."""
        return self.start.task.removeprefix(".runr/tasks/")

    @property
    def by_session(self) -> bool:
        """Whether a Claude Code session does the work itself."""
        return self.start.worker == "session"

    @property
    def holder(self) -> str | None:
        """The session that does the work: the last that took it over, or the one that began it."""
        return self.sessions[-1] if self.sessions else self.start.session_id

    @property
    def milestone(self) -> int:
        """The number of the current milestone, counted from 1; 0 without a plan."""
        return min(len(self.checkpoints) + 1, len(self.milestones))

    @property
    def unfinished(self) -> bool:
        """Whether milestones are left without a checkpoint."""
        return len(self.checkpoints) < len(self.milestones)

    @property
    def is_committed(self) -> bool:
        """Whether all of the work has a checkpoint; that of an earlier milestone is not enough."""
        return self.checkpoint_sha is not None and not self.unfinished

    @property
    def last_worker(self) -> str:
        """The worker of the last attempt: a fallback, where the requested one failed."""
        return self.worker or self.start.worker

    @property
    def verified_tiers(self) -> tuple[str, ...]:
        """The tiers whose checks all passed, in the order in which they ran."""
        if self.verification.result != "passed":
            return ()
        return tuple(dict.fromkeys(check.tier for check in self.verification.checks))
