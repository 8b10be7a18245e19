"""What a run left in git: its working tree and its branch, and whether anything is only there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runr import nofollow
from runr.errors import GitError
from runr.git import branches, kept_changes, quarantine, snapshot, worktree
from runr.git.ignored import ignored_files
from runr.git.repo import Repo
from runr.git.snapshot import Change
from runr.text import join_limited

#: The last part of the name of a ref that keeps the work of a run that was superseded.
SUPERSEDED = "superseded"

#: Below it are the branches that runr makes.
_OURS = "runr/"
#: How many ignored files are looked for, and how many of them are named.
_MOST, _NAMED = 20, 3
#: The number of parts of the id of a run.
_ID_PARTS = 3
#: The mode of a repository inside of another one.
_REPOSITORY = "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A run's working tree, if it exists, and the tip of its branch."""

    path: Path | None
    branch: str
    tip: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlyHere:
    """Why something would be lost with a leftover; a `whole` one is kept by one commit."""

    why: str
    whole: bool = False


def find_leftovers(repo: Repo, path: Path, branch: str) -> Leftover | None:
    """Return what is there of a run; None where nothing is left."""
    tip = repo.resolve(f"refs/heads/{branch}")
    there = path.exists() or worktree.is_known(repo, path)
    return Leftover(path=path if there else None, branch=branch, tip=tip) if there or tip else None


def unmerged_work(
    repo: Repo, left: Leftover, base: str, targets: Iterable[str], carried: Sequence[str]
) -> OnlyHere | None:
    """Return what would be lost with it: changes in no commit, or commits on no other branch.

    Ignored files count, but no caches and no folders of dependencies, which are `carried`.
    """
    # Of one whose removal was begun it was known that nothing else is lost with it.
    begun = left.path is not None and worktree.is_removal_begun(repo, left.path)
    path = None if begun else left.path
    try:
        changed, heads = _inside(path)
        ignored = _ignored(path, carried)
    except GitError as error:
        why = f"its worktree is damaged, so its content is unknown: {error.message}"
        return OnlyHere(why=why)
    if changed:
        why = f"its worktree has {_many(len(changed), 'change')} in no commit"
        # The commits of a repository inside of it would be in no commit of the outer one.
        whole = not ignored and all(change.new_mode != _REPOSITORY for change in changed)
        return OnlyHere(why=why, whole=whole)
    if ignored:
        names = join_limited(ignored, _NAMED)
        why = f"its worktree has ignored files, which are in no commit: {names}"
        return OnlyHere(why=why)
    known = list(targets)
    for tip in dict.fromkeys([*heads, *([left.tip] if left.tip else [])]):
        missing = _missing(repo, tip, base, known)
        if missing:
            why = f"no other branch has {_many(missing, 'commit')} of it"
            return OnlyHere(why=why, whole=True)
    return None


def keep_work(repo: Repo, left: Leftover, run_id: str) -> str:
    """Keep what is only in a whole leftover in a commit below `refs/runr`, and return its ref."""
    ref = f"refs/runr/{run_id}/{SUPERSEDED}"
    tips = [left.tip] if left.tip else []
    if left.path is None or not left.path.is_dir():
        repo.run("update-ref", ref, *tips)
        return ref
    here = Repo(left.path)
    with quarantine.temporary(here) as scratch:
        head = scratch.head()
        changed = snapshot.changed(scratch, head, snapshot.take(scratch)) if head else ()
        kept_changes.keep(scratch, head, changed, ref, tips)
    return ref


def remove_leftover(repo: Repo, left: Leftover, worktrees: Path) -> str | None:
    """Remove the working tree and the branch; return why git keeps the branch, if it does.

    `worktrees` is where those of all runs are.
    """
    if left.path is not None:
        worktree.remove(repo, left.path)
    if left.tip is None:
        return None
    # git itself refuses where the branch is checked out.
    return branches.delete(repo, left.branch, worktrees)


def kept_commits(repo: Repo) -> dict[str, list[str]]:
    """Return the refs of commits that runs have kept, by the ids of the runs."""
    found: dict[str, list[str]] = {}
    for ref in repo.text("for-each-ref", "--format=%(refname)", "refs/runr/").split():
        found.setdefault(ref.split("/")[2], []).append(ref)
    return found


def remove_refs(repo: Repo, refs: Iterable[str]) -> None:
    """Delete the refs."""
    for ref in refs:
        repo.run("update-ref", "-d", ref)


def orphans(repo: Repo, named: Iterable[str]) -> tuple[str, ...]:
    """Return the branches of runr's that are not among the `named`."""
    found = repo.text("for-each-ref", "--format=%(refname:lstrip=2)", f"refs/heads/{_OURS}")
    return tuple(name for name in found.split("\n") if name and name not in set(named))


def run_ids(repo: Repo, folder: Path) -> frozenset[str]:
    """Return the ids of the runs that may have left something, by the names of what is there.

    Worktrees are looked for in `folder`, and in git's own list.
    """
    refs = repo.text("for-each-ref", "--format=%(refname)", f"refs/heads/{_OURS}").split("\n")
    of_branches = {"-".join(name.rsplit("-", _ID_PARTS)[1:]) for name in refs}
    listed = repo.text("worktree", "list", "--porcelain").split("\n")
    known = {Path(line).name for line in listed if line.startswith("worktree ")}
    there = set(nofollow.names(folder)) if nofollow.is_folder(folder) else set()
    return frozenset(of_branches | known | there)


def _inside(path: Path | None) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Return what is in no commit, and the commit that is checked out."""
    if path is None or not path.is_dir():
        return (), ()
    here = Repo(path)
    head = here.head()
    if head is None:
        raise GitError(f"{path} is no working tree")
    with quarantine.temporary(here) as scratch:
        return snapshot.changed(scratch, head, snapshot.take(scratch)), (head,)


def _ignored(path: Path | None, carried: Sequence[str]) -> tuple[str, ...]:
    if path is None or not path.is_dir():
        return ()
    return ignored_files(Repo(path), since=None, skip=carried, most=_MOST)


def _missing(repo: Repo, tip: str, base: str, targets: Iterable[str]) -> int:
    """Count the commits since `base` that no branch of the user's has, and no target as another."""
    keepers = repo.text(
        "for-each-ref", "--format=%(refname:lstrip=2)", "--contains", tip, "refs/heads"
    )
    if any(not name.startswith(_OURS) for name in keepers.split("\n") if name):
        return 0
    span = repo.text("rev-list", f"{base}..{tip}").split() if repo.resolve(base) else [tip]
    if not span or repo.text("rev-list", "--merges", f"{base}..{tip}"):
        return len(span)
    counts = [len(span)]
    for target in targets:
        if repo.resolve(f"refs/heads/{target}"):
            lines = repo.text("cherry", f"refs/heads/{target}", tip, base).split("\n")
            counts.append(sum(line.startswith("+") for line in lines))
    return min(counts)


def _many(number: int, thing: str) -> str:
    return f"1 {thing}" if number == 1 else f"{number} {thing}s"
