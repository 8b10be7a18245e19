"""Who answers for each commit: the audit of a range."""

from pydantic import Field

from runr.app.answers import Answer
from runr.app.project import Project
from runr.core.audit import Facts, Origin, Tally, origin
from runr.core.near import closest
from runr.errors import DamagedStateError, UnknownNameError
from runr.git import history
from runr.git.history import Commit
from runr.git.repo import Repo
from runr.store import runlog


class AuditedCommit(Answer):
    """One commit; `same_as` is the checkpoint that makes the same change."""

    sha: str
    date: str
    author: str
    subject: str
    same_as: str | None = None


class Audit(Answer):
    """What came of it: `covered` of `counted` commits have somebody who answers for them.

    A merge that changes nothing of its own is not counted. `passed` says
    whether `coverage`, in percent, is at least `fail_under`.
    """

    range: str
    commits: int
    counts: dict[str, int]
    counted: int
    covered: int
    coverage: float
    fail_under: float | None = None
    passed: bool = True
    gaps: list[AuditedCommit] = Field(default_factory=list)
    inferred: list[AuditedCommit] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


def audit(
    project: Project, rev_range: str | None = None, *, fail_under: float | None = None
) -> Audit:
    """Class every commit of the range, by default of all that leads to HEAD."""
    repo = project.repo
    shown = rev_range or "HEAD"
    tip = _tip(repo, shown) if rev_range or repo.head() else None
    with project.doing("reading the history"):
        commits = history.read(repo, shown) if tip else ()
        same_as = _inferred(project, commits, tip) if tip else {}
        origins = _origins(repo, commits, same_as)
    tally = Tally.of(origins.values())
    return Audit(
        range=shown,
        commits=len(commits),
        counts={found.value: number for found, number in tally.counts.items()},
        counted=tally.counted,
        covered=tally.covered,
        coverage=tally.coverage,
        fail_under=fail_under,
        passed=fail_under is None or tally.reaches(fail_under),
        gaps=[_row(each) for each in commits if origins[each.sha] is Origin.GAP],
        inferred=[
            _row(each, same_as[each.sha])
            for each in commits
            if origins[each.sha] is Origin.INFERRED
        ],
        notes=_notes(repo),
    )


def _origins(repo: Repo, commits: tuple[Commit, ...], same_as: dict[str, str]) -> dict[str, Origin]:
    merges = [each.sha for each in commits if each.silent and each.merge]
    plain = history.plain_merges(repo, merges)
    return {
        each.sha: origin(
            Facts(
                checkpoint=each.checkpoint,
                intervention=each.intervention,
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
    apart = history.read_only_here(repo, _recorded(project), tip)
    waiting = [each for each in apart if each.checkpoint]
    known = [each for each in (*commits, *waiting) if each.checkpoint]
    if not known:
        return {}
    found = history.same_changes(repo, [each.sha for each in silent], [each.sha for each in known])
    return _same_trees(repo, silent, waiting) | found


def _same_trees(repo: Repo, silent: list[Commit], waiting: list[Commit]) -> dict[str, str]:
    """Return the commits that squash a run's work which is on no other way to here.

    Only the first commit with the tree counts: a later one goes back to it. A
    checkpoint that is in the history itself says nothing: a revert goes back too.
    """
    trees = {each.tree: each.sha for each in waiting}
    first = {each.tree: each.sha for each in silent if each.tree in trees}
    changing = history.touched(repo, [*first.values(), *trees.values()]) if first else {}
    return {
        sha: trees[tree]
        for tree, sha in first.items()
        if sha in changing and trees[tree] in changing
    }


def _recorded(project: Project) -> list[str]:
    """Return the checkpoints that the records of runs name."""
    found = []
    for run_id in runlog.ids(project.layout):
        try:
            state = runlog.state(project.layout.run(run_id))
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
        near = closest(name, names.split("\n"))
        offer = f"; did you mean {near!r}?" if near else ""
        raise UnknownNameError(
            f"there is no commit {name!r}{offer}", next_steps=["git log --oneline"]
        )
    return found


def _notes(repo: Repo) -> list[str]:
    if repo.text("rev-parse", "--is-shallow-repository") == "true":
        return ["this clone is shallow: earlier commits were not looked at"]
    return []


def _row(commit: Commit, same_as: str | None = None) -> AuditedCommit:
    return AuditedCommit(
        sha=commit.sha,
        date=commit.time[:10],
        author=commit.author,
        subject=commit.subject,
        same_as=same_as,
    )
