"""Commits that are a checkpoint's work though their messages do not say so."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from runr.clock import seconds_to_utc
from runr.evidence.inference import Basis
from runr.git import log
from runr.git.repo import Repo

_FORMAT = "--format=%H%x00%P%x00%T%x00%ct"
_PATCH = ("-p", "-r", "--no-renames", "--binary", "--full-index", "--no-ext-diff", "--no-textconv")


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrailedCommit:
    """A commit whose message names no run."""

    sha: str
    tree: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """A commit that is like a checkpoint, and in what."""

    commit: UntrailedCommit
    basis: Basis


def find_equivalents(
    repo: Repo, tip: str, checkpoints: Sequence[str], speaking: Collection[str]
) -> dict[str, Equivalent]:
    """Return for checkpoints that do not lead to `tip` which commit that does is like them.

    `speaking` are the commits that say themselves what they are. A checkpoint
    that changed nothing is like no commit.
    """
    apart = log.absent_from(repo, [tip], checkpoints).elsewhere
    there = [sha for sha in dict.fromkeys(checkpoints) if sha in apart]
    silent = _silent(repo, tip, there, speaking) if there else ()
    if not silent:
        return {}
    by_sha = {each.sha: each for each in silent}
    patches = {
        like: Equivalent(commit=by_sha[sha], basis=Basis.PATCH)
        for sha, like in _same_patches(repo, tip, silent, there).items()
    }
    return patches | _same_trees(repo, silent, there)


def _silent(
    repo: Repo, tip: str, checkpoints: Sequence[str], speaking: Collection[str]
) -> tuple[UntrailedCommit, ...]:
    """Return the commits that may be like one: none is older than where they all branched off."""
    base = repo.answer("merge-base", "--octopus", tip, *checkpoints)
    span = [tip] if base is None else [tip, f"^{base.decode().strip()}"]
    found = []
    fields = repo.records("log", "-z", "--date-order", _FORMAT, *span, "--")
    for sha, parents, tree, time in zip(*[fields] * 4, strict=True):
        name = sha.decode()
        if name not in speaking and len(parents.split()) == 1:
            found.append(
                UntrailedCommit(sha=name, tree=tree.decode(), time=seconds_to_utc(time.decode()))
            )
    return tuple(found)


def _same_trees(
    repo: Repo, silent: Sequence[UntrailedCommit], checkpoints: Sequence[str]
) -> dict[str, Equivalent]:
    lines = "".join(f"{sha}^{{tree}}\n" for sha in checkpoints).encode()
    looked = repo.run("cat-file", "--batch-check=%(objectname)", stdin=lines).decode().split()
    trees = dict(zip(looked, checkpoints, strict=True))
    # The latest comes first, so the oldest with the tree stays: a later one goes back to it.
    first = {each.tree: each for each in silent if each.tree in trees}
    if not first:
        return {}
    wanted = [trees[tree] for tree in first]
    changing = log.touched(repo, [*(each.sha for each in first.values()), *wanted])
    return {
        trees[tree]: Equivalent(commit=each, basis=Basis.TREE)
        for tree, each in first.items()
        if changing.get(each.sha) and changing.get(trees[tree])
    }


def _same_patches(
    repo: Repo, tip: str, silent: Sequence[UntrailedCommit], checkpoints: Sequence[str]
) -> dict[str, str]:
    names = [each.sha for each in silent]
    alone = log.same_changes(repo, names, checkpoints)
    return alone | _same_sums(repo, names, _beginnings(repo, tip, checkpoints))


def _beginnings(repo: Repo, tip: str, checkpoints: Sequence[str]) -> dict[str, str]:
    """Return where the checkpoints of several commits branched off."""
    lines = "".join(f"{sha}\n" for sha in (*checkpoints, f"^{tip}")).encode()
    listed = repo.run("rev-list", "--parents", "--stdin", stdin=lines).decode().splitlines()
    parents = {words[0]: words[1:2] for line in listed if (words := line.split())}
    found = {}
    for sha in checkpoints:
        steps, base = 0, [sha]
        while base and base[0] in parents:
            steps, base = steps + 1, parents[base[0]]
        if base and steps > 1:
            found[sha] = base[0]
    return found


def _same_sums(repo: Repo, commits: Sequence[str], whole: Mapping[str, str]) -> dict[str, str]:
    """Return the commits that make at once the change of several up to a checkpoint."""
    # Of a commit that is given with another one, git says how the two differ.
    paths = log.touched(repo, [f"{sha} {base}" for sha, base in whole.items()])
    wanted = set(paths.values()) - {frozenset[str]()}
    touched = log.touched(repo, commits) if wanted else {}
    near = [sha for sha in commits if touched.get(sha) in wanted]
    if not near:
        return {}
    likely = {paths.get(sha) for sha in whole} & {touched.get(sha) for sha in near}
    ids = {
        _patch_id(repo, base, sha): sha
        for sha, base in whole.items()
        if paths.get(sha, frozenset()) in likely
    }
    return {sha: ids[name] for sha in near if (name := _patch_id(repo, f"{sha}^", sha)) in ids}


def _patch_id(repo: Repo, old: str, new: str) -> str:
    patch = repo.run("diff-tree", *_PATCH, old, new)
    return repo.text("patch-id", "--stable", stdin=patch).partition(" ")[0]
