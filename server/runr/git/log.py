"""Read the commits of a range, and find those that make the same change."""

import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from runr.git.repo import Repo, split
from runr.git.trailers import CHECKPOINT, INTERVENTION, RUN_ID, SESSION, TASK, Block, parse_trailers

_FIELDS = ("%H", "%P", "%T", "%cI", "%an", "%s", "%B")
_FORMAT = f"--format={'%x00'.join(_FIELDS)}"
_CHANGES = ("-r", "--root", "--no-renames", "--ignore-submodules=none")

#: More commits than these have their common base by a walk of the history: git looks at each alone.
_FEW = 50

# Records are untrusted text: only what has the form of an id is passed to git.
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class Absent(NamedTuple):
    """Commits that do not lead to a tip, and those that are not in the repository at all."""

    elsewhere: frozenset[str]
    missing: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit; `time` is the committer's, in ISO 8601."""

    sha: str
    parents: tuple[str, ...]
    tree: str
    time: str
    author: str
    subject: str
    blocks: tuple[Block, ...]

    @property
    def merge(self) -> bool:
        """Whether it has several parents."""
        return len(self.parents) > 1

    @property
    def checkpoint(self) -> bool:
        """Whether a run made it, or is squashed into it."""
        return any(block.checkpoint for block in self.blocks)

    @property
    def manual_commit(self) -> bool:
        """Whether it is recorded as the decision of a person: manual work, or a reset."""
        return any("true" in block.all(INTERVENTION) or block.reset for block in self.blocks)

    @property
    def attributed(self) -> bool:
        """Whether it names a run or a session."""
        return any(block.get(RUN_ID) or block.get(SESSION) for block in self.blocks)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Every run that it names."""
        return tuple(run_id for block in self.blocks for run_id in block.all(RUN_ID))

    def is_checkpoint_of(self, run_id: str, task: str) -> bool:
        """Whether its trailers say that this run made it for this task."""
        return any(
            block.checkpoint and run_id in block.all(RUN_ID) and task in block.all(TASK)
            for block in self.blocks
        )

    @property
    def silent(self) -> bool:
        """Whether its message names neither a run nor a session."""
        return not (self.checkpoint or self.manual_commit or self.attributed)


def read(repo: Repo, rev_range: str) -> tuple[Commit, ...]:
    """Return the commits of a range that is known to exist, newest first."""
    return _commits(repo.run("log", "-z", _FORMAT, "--end-of-options", rev_range, "--"))


def latest_checkpoint(repo: Repo) -> str | None:
    """Return the last commit that leads to HEAD and whose message names a run as its own."""
    if repo.head() is None:
        return None
    found = repo.text(
        "log", "-1", "--format=%H", "--extended-regexp", f"--grep=^{CHECKPOINT}: true$"
    )
    return found or None


def read_commits(repo: Repo, shas: Iterable[str]) -> dict[str, Commit]:
    """Return those of the commits that this repository has, by their ids."""
    wanted = "".join(f"{sha}\n" for sha in dict.fromkeys(shas) if sha)
    if not wanted:
        return {}
    looked = repo.run("cat-file", "--batch-check", stdin=wanted.encode()).decode().splitlines()
    there = [line.split()[0] for line in looked if line.split()[1:2] == ["commit"]]
    if not there:
        return {}
    flags = ("--no-walk=unsorted", "--stdin")
    found = repo.run("log", "-z", _FORMAT, *flags, stdin=_lines(there))
    return {commit.sha: commit for commit in _commits(found)}


def read_only_here(repo: Repo, tips: Iterable[str], known: str) -> tuple[Commit, ...]:
    """Return the commits reachable from `tips` and not from `known`; a missing tip has none."""
    there = [tip for tip in dict.fromkeys(tips) if tip]
    wanted = "".join(f"{line}\n" for line in [*there, f"^{known}"])
    found = repo.run("log", "-z", _FORMAT, "--ignore-missing", "--stdin", stdin=wanted.encode())
    return _commits(found) if there else ()


def absent_from(repo: Repo, tips: Iterable[str], commits: Collection[str]) -> Absent:
    """Return those of the commits that lead to none of the tips, from two processes of git."""
    here = existing(repo, commits)
    among = _lines([*sorted(here), *(f"^{tip}" for tip in tips)])
    apart = set(repo.run("rev-list", "--stdin", stdin=among).decode().split()) if here else set()
    return Absent(elsewhere=frozenset(here & apart), missing=frozenset(commits) - here)


def existing(repo: Repo, commits: Iterable[str]) -> set[str]:
    """Return those of the commits that are in the repository."""
    wanted = sorted(sha for sha in commits if _SHA.fullmatch(sha))
    if not wanted:
        return set()
    looked = repo.run("cat-file", "--batch-check", stdin=_lines(wanted)).decode().splitlines()
    return {words[0] for line in looked if (words := line.split())[1:2] == ["commit"]}


def plain_merges(repo: Repo, merges: Sequence[str]) -> set[str]:
    """Return those of the merges whose content is exactly that of git's own merge."""
    if not merges:
        return set()
    words = ("log", "--no-walk=unsorted", "--stdin", "-z", "--raw", "--no-renames", "--format=%H")
    wanted = "".join(f"{sha}\n" for sha in merges).encode()
    made_again = repo.attempt(*words, "--remerge-diff", stdin=wanted)
    # A git older than 2.35 cannot merge again: there, each file must be one side's.
    out = made_again.out if made_again.ok else repo.run(*words, "--cc", stdin=wanted)
    return set(merges) - {sha for sha, paths in _touched(out).items() if paths}


def same_changes(repo: Repo, commits: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Map those of `commits` that make the same change as a `known` one to that one.

    A merge, and a commit without changes, equals no other.
    """
    paths = touched(repo, [*commits, *known])
    wanted = {paths.get(sha, frozenset()) for sha in known} - {frozenset[str]()}
    # Only what touches the same files can be the same: most patches are never made.
    near = [sha for sha in commits if paths.get(sha) in wanted]
    if not near:
        return {}
    ids = patch_ids(repo, [*near, *known])
    by_id = {ids[sha]: sha for sha in reversed(known) if sha in ids}
    return {sha: by_id[ids[sha]] for sha in near if ids.get(sha) in by_id}


def touched(repo: Repo, commits: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the paths that each commit changes; a merge has none."""
    out = repo.run("diff-tree", "--stdin", "--raw", "-z", *_CHANGES, stdin=_lines(commits))
    return _touched(out)


def walked(
    repo: Repo, tip: str, base: str | None
) -> tuple[dict[str, tuple[str, ...]], dict[str, frozenset[str]]]:
    """Return parents and changed paths of the commits reachable from `tip`, not from `base`."""
    span = [tip, *([f"^{base}"] if base else [])]
    flags = ("-z", "--date-order", "--format=%H %P", "--raw", "--no-renames")
    found = _touched(repo.run("log", *flags, *span, "--"))
    words = {word: word.split() for word in found}
    parents = {names[0]: tuple(names[1:]) for names in words.values()}
    return parents, {names[0]: found[word] for word, names in words.items()}


def parents_since(repo: Repo, tip: str, commits: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the parents of what leads to `tip` since the commits branched off, parents first."""
    span = [tip, *_before_all(repo, tip, commits)]
    out = repo.run("rev-list", "--topo-order", "--parents", *span, "--")
    lines = [line.split() for line in out.decode().splitlines()]
    wanted = set(commits)
    # Behind the last of them, nothing comes after any of them.
    end = max((n for n, words in enumerate(lines) if words[0] in wanted), default=len(lines))
    return {sha: tuple(parents) for sha, *parents in reversed(lines[: end + 1])}


def parents_between(repo: Repo, base: str, tip: str) -> dict[str, tuple[str, ...]]:
    """Return the parents of what leads to `tip` and not to `base`, parents first."""
    out = repo.run("rev-list", "--topo-order", "--reverse", "--parents", tip, f"^{base}", "--")
    return {sha: tuple(parents) for sha, *parents in map(str.split, out.decode().splitlines())}


def _before_all(repo: Repo, tip: str, commits: Sequence[str]) -> list[str]:
    if len(commits) > _FEW:
        return []
    base = repo.answer("merge-base", "--octopus", tip, *commits)
    return [f"^{base.decode().strip()}^@"] if base else []


def changed_between(repo: Repo, pairs: Sequence[tuple[str, str]]) -> list[frozenset[str]]:
    """Return for each pair of commits the paths in which they differ."""
    wanted = "".join(f"{one} {other}\n" for one, other in pairs).encode()
    words = ("diff-tree", "--stdin", "--always", "--raw", "-z", *_CHANGES)
    found: list[set[str]] = []
    fields = iter(split(repo.run(*words, stdin=wanted)))
    for field in fields:
        if field.startswith(":"):
            found[-1].add(next(fields))
        else:
            found.append(set())
    return [frozenset(paths) for paths in found]


def apart(repo: Repo, tip: str, other: str) -> tuple[str, ...]:
    """Return the commits that lead to `tip` and not to `other`, without merges."""
    return tuple(repo.text("rev-list", "--no-merges", tip, f"^{other}", "--").split())


def patch_ids(repo: Repo, commits: Sequence[str], *, opposite: bool = False) -> dict[str, str]:
    """Return a name for what each commit changes, or for the `opposite` change, wherever it is."""
    flags = ["-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-prefix"]
    # -R swaps the prefixes too, and they would count.
    flags += ["-R"] if opposite else []
    patches = repo.run("diff-tree", "--stdin", *_CHANGES, *flags, stdin=_lines(commits))
    pairs = repo.run("patch-id", "--stable", stdin=patches).decode().split("\n")
    return {sha: name for name, _, sha in (pair.partition(" ") for pair in pairs if pair)}


def _touched(out: bytes) -> dict[str, frozenset[str]]:
    """Read commits and, behind each, the paths of its raw changes."""
    found: dict[str, set[str]] = {}
    fields = iter(split(out))
    sha = ""
    for field in fields:
        word = field.lstrip("\n")
        if word.startswith(":"):
            found[sha].add(next(fields))
        elif word:
            sha = word
            found.setdefault(sha, set())
    return {name: frozenset(paths) for name, paths in found.items()}


def _commits(out: bytes) -> tuple[Commit, ...]:
    fields = iter(split(out))
    return tuple(_commit(record) for record in zip(*[fields] * len(_FIELDS), strict=True))


def _commit(fields: Sequence[str]) -> Commit:
    sha, parents, tree, time, author, subject, body = fields
    return Commit(
        sha=sha,
        parents=tuple(parents.split()),
        tree=tree,
        time=time,
        author=_shown(author),
        subject=_shown(subject),
        blocks=parse_trailers(body) if "Runr-" in body else (),
    )


def _shown(text: str) -> str:
    return os.fsencode(text).decode(errors="replace")


def _lines(commits: Iterable[str]) -> bytes:
    return "".join(f"{sha}\n" for sha in commits).encode()
