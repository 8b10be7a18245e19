"""Audit the provenance of each commit in a range."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from runr.errors import DamagedStateError, UnknownNameError
from runr.git import log
from runr.git.log import Commit
from runr.git.repo import Repo
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.runs import journal
from runr.text import closest_match


class Origin(StrEnum):
    """Where a commit comes from, the most certain first; a merge is not counted."""

    CHECKPOINT = "checkpoint"
    MANUAL_COMMIT = "manual_commit"
    ATTRIBUTED = "attributed"
    INFERRED = "inferred"
    UNATTRIBUTED = "unattributed"
    MERGE = "merge"


#: The origins that count as attributed.
COVERED = (Origin.CHECKPOINT, Origin.MANUAL_COMMIT, Origin.ATTRIBUTED, Origin.INFERRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one commit.

    The first three are what its trailers say. `plain_merge` is a merge that
    changes nothing which git would not have changed by itself; `same_as` is
    a checkpoint that makes the same change.
    """

    checkpoint: bool = False
    manual_commit: bool = False
    attributed: bool = False
    plain_merge: bool = False
    same_as: str | None = None


def origin(facts: Facts) -> Origin:
    """Return where the commit came from."""
    if facts.checkpoint:
        return Origin.CHECKPOINT
    if facts.manual_commit:
        return Origin.MANUAL_COMMIT
    if facts.attributed:
        return Origin.ATTRIBUTED
    if facts.plain_merge:
        # Each side of it is classified by its own commits.
        return Origin.MERGE
    return Origin.INFERRED if facts.same_as else Origin.UNATTRIBUTED


@dataclass(frozen=True, slots=True)
class Tally:
    """How many commits there are of each origin."""

    counts: dict[Origin, int]

    @classmethod
    def of(cls, origins: Iterable[Origin]) -> "Tally":
        """Count the origins, each of them named even where there is none."""
        counts = dict.fromkeys(Origin, 0)
        for found in origins:
            counts[found] += 1
        return cls(counts)

    @property
    def counted(self) -> int:
        """The number of commits that have to be attributed."""
        return sum(self.counts.values()) - self.counts[Origin.MERGE]

    @property
    def covered(self) -> int:
        """The number of commits that are attributed."""
        return sum(self.counts[found] for found in COVERED)

    @property
    def coverage(self) -> float:
        """The covered share in percent, never rounded up; where nothing is counted, all of it."""
        if self.counted == 0:
            return 100.0
        return self.covered * 1000 // self.counted / 10

    def reaches(self, percent: float) -> bool:
        """Tell whether at least `percent` of what is counted is covered."""
        return self.counted == 0 or self.covered * 100 >= percent * self.counted


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedCommit:
    """One commit; `same_as` is the checkpoint that makes the same change."""

    commit_sha: str
    committed_at: str
    author: str
    subject: str
    same_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit(Result):
    """What came of it: `covered_count` of `counted_count` commits are attributed.

    A merge that changes nothing of its own is not counted. `passed` says
    whether `coverage`, in percent, is at least `fail_under`.
    """

    range: str
    commit_count: int
    counts: dict[str, int]
    counted_count: int
    covered_count: int
    coverage: float
    fail_under: float | None = None
    passed: bool = True
    unattributed: list[AuditedCommit] = field(default_factory=list)
    inferred: list[AuditedCommit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def audit(
    project: Project, rev_range: str | None = None, *, fail_under: float | None = None
) -> Audit:
    """Class every commit of the range, by default of all that leads to HEAD."""
    repo = project.repo
    shown = rev_range or "HEAD"
    tip = _tip(repo, shown) if rev_range or repo.head() else None
    with project.doing("reading the history"):
        commits = log.read(repo, shown) if tip else ()
        same_as = _inferred(project, commits, tip) if tip else {}
        origins = _origins(repo, commits, same_as)
    tally = Tally.of(origins.values())
    return Audit(
        range=shown,
        commit_count=len(commits),
        counts={found.value: number for found, number in tally.counts.items()},
        counted_count=tally.counted,
        covered_count=tally.covered,
        coverage=tally.coverage,
        fail_under=fail_under,
        passed=fail_under is None or tally.reaches(fail_under),
        unattributed=[_row(each) for each in commits if origins[each.sha] is Origin.UNATTRIBUTED],
        inferred=[
            _row(each, same_as[each.sha])
            for each in commits
            if origins[each.sha] is Origin.INFERRED
        ],
        notes=_notes(repo),
    )


def _origins(repo: Repo, commits: tuple[Commit, ...], same_as: dict[str, str]) -> dict[str, Origin]:
    merges = [each.sha for each in commits if each.silent and each.merge]
    plain = log.plain_merges(repo, merges)
    return {
        each.sha: origin(
            Facts(
                checkpoint=each.checkpoint,
                manual_commit=each.manual_commit,
                attributed=each.attributed,
                plain_merge=each.sha in plain,
                same_as=same_as.get(each.sha),
            )
        )
        for each in commits
    }


def _inferred(project: Project, commits: tuple[Commit, ...], tip: str) -> dict[str, str]:
    """Return the commits without trailers that make the change of a checkpoint, with that one."""
    silent = [each for each in commits if each.silent and not each.merge]
    if not silent:
        return {}
    repo = project.repo
    apart = log.read_only_here(repo, _recorded(project), tip)
    waiting = [each for each in apart if each.checkpoint]
    known = [each for each in (*commits, *waiting) if each.checkpoint]
    if not known:
        return {}
    found = log.same_changes(repo, [each.sha for each in silent], [each.sha for each in known])
    return _same_trees(repo, silent, waiting) | found


def _same_trees(repo: Repo, silent: list[Commit], waiting: list[Commit]) -> dict[str, str]:
    """Return the commits that squash a run's work which is on no other way to here.

    Only the first commit with the tree counts: a later one goes back to it. A
    checkpoint that is in the history itself says nothing: a revert goes back too.
    """
    trees = {each.tree: each.sha for each in waiting}
    first = {each.tree: each.sha for each in silent if each.tree in trees}
    changing = log.touched(repo, [*first.values(), *trees.values()]) if first else {}
    return {
        sha: trees[tree]
        for tree, sha in first.items()
        if sha in changing and trees[tree] in changing
    }


def _recorded(project: Project) -> list[str]:
    """Return the checkpoints that the records of runs name."""
    found = []
    for run_id in journal.ids(project.layout):
        try:
            state = journal.state(project.layout.run(run_id))
        except DamagedStateError as damage:
            project.warn(damage.message)
            continue
        if state is not None and state.checkpoint_sha:
            found.append(state.checkpoint_sha)
    return found


def _tip(repo: Repo, rev_range: str) -> str:
    """Return the commit that the range ends in; UnknownNameError for one that is not here."""
    begin, dots, end = (
        rev_range.partition("...") if "..." in rev_range else rev_range.partition("..")
    )
    if not dots:
        return _commit(repo, begin)
    _commit(repo, begin or "HEAD")
    return _commit(repo, end or "HEAD")


def _commit(repo: Repo, name: str) -> str:
    found = repo.resolve(name)
    if found is None:
        names = repo.text("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
        near = closest_match(name, names.split("\n"))
        offer = f"; did you mean {near!r}?" if near else ""
        raise UnknownNameError(
            f"there is no commit {name!r}{offer}", next_steps=[commands.git("log", "--oneline")]
        )
    return found


def _notes(repo: Repo) -> list[str]:
    if repo.text("rev-parse", "--is-shallow-repository") == "true":
        return ["this clone is shallow: earlier commits were not looked at"]
    return []


def _row(commit: Commit, same_as: str | None = None) -> AuditedCommit:
    return AuditedCommit(
        commit_sha=commit.sha,
        committed_at=commit.time[:10],
        author=commit.author,
        subject=commit.subject,
        same_as=same_as,
    )
