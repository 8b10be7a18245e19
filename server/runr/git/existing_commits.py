"""The commits that existed when a run began: known by the refs of that moment, not by clocks.

They are noted as lines of an object id and where it was found: a ref, or `HEAD`, whose log names
commits that no ref leads to any more.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from runr.git.merge import MergeRefusedError, merged_tree
from runr.git.repo import Repo, split
from runr.git.snapshot import Change, changed, read

#: How many refs are noted; branches come first.
_MOST_REFS = 10_000
#: How many entries of the log of each HEAD are noted.
_MOST_LOGGED = 1_000
#: How many commits are compared with the work of a run, and how many of them are merged for that.
_MOST_COMPARED, _MOST_MERGED = 1_000, 20

_HEAD, _STASH, _RUNS = "HEAD", "refs/stash", "refs/heads/runr/"

_Entry = tuple[str, str, str]


def note(repo: Repo) -> bytes:
    """Return the refs of the repository and the logs of each HEAD, as lines."""
    listed = repo.run("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
    branches_first = sorted(listed, key=lambda line: b" refs/heads/" not in line)[:_MOST_REFS]
    heads = dict.fromkeys(sha + b" HEAD" for sha in _logged(repo))
    return b"".join(line + b"\n" for line in (*branches_first, *heads))


def _logged(repo: Repo) -> Iterator[bytes]:
    common = repo.common_dir()
    for folder in (common, *sorted(common.glob("worktrees/*"))):
        with suppress(OSError):
            head = (folder / _HEAD).read_bytes().strip()
            yield from () if b" " in head else (head,)
            for line in (folder / "logs" / _HEAD).read_bytes().splitlines()[-_MOST_LOGGED:]:
                yield from line.split(b" ", 2)[1:2]


def parse(noted: bytes) -> dict[str, str]:
    """Return what was noted: object ids, each with the first ref that had it, or `HEAD`."""
    found: dict[str, str] = {}
    for line in noted.decode(errors="surrogateescape").splitlines():
        sha, _, ref = line.partition(" ")
        # Beside the commits, there is a line about the remotes of submodules.
        if sha.strip("0="):
            found.setdefault(sha, ref)
    return found


def older(repo: Repo, base: str, head: str, known: Mapping[str, str]) -> frozenset[str]:
    """Return the commits after `base` that existed when the run began."""
    span = repo.text("rev-list", f"{base}..{head}").split()
    since = _list(repo, (head,), (base, *known)) if span else []
    return frozenset(span) - frozenset(since)


def with_all(
    repo: Repo,
    base: str,
    changes: Sequence[Change],
    known: Mapping[str, str],
    others: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the commits, existing or of `others`, that had all of the changes since `base`.

    Empty where one of the changes is new. So come changes by `git merge --squash`,
    `git cherry-pick`, `git stash pop` and `git restore --source`.
    """
    refs = {sha: ref for sha, ref in known.items() if _is_of_user(ref)}
    found = _compared(repo, base, refs, others) if changes and refs else {}
    wanted = {_entry(change) for change in changes}
    if {path for path, _, _ in found} >= {path for path, _, _ in wanted} and wanted - found.keys():
        # Where `base` has other changes of these files, a merge has what none of the commits has.
        for entry, sha in _merged(repo, base, refs):
            found.setdefault(entry, sha)
    if not wanted <= found.keys():
        return ()
    return tuple(dict.fromkeys(found[_entry(change)] for change in changes))


def _is_of_user(ref: str) -> bool:
    # A run does its task anew, also where a run before has left the same on its branch.
    return ref != _HEAD and not ref.startswith(_RUNS)


def _compared(
    repo: Repo, base: str, refs: Mapping[str, str], others: Collection[str]
) -> dict[_Entry, str]:
    """Return what the commits made of files, each with the latest commit."""
    limit = f"--max-count={_MOST_COMPARED}"
    given = [*others, *_list(repo, refs, (base,), limit)]
    # The first parent of a stash is the commit that it was made on.
    stashes = [f"{sha} {onto}" for sha, ref in refs.items() if (onto := _onto(repo, sha, ref))]
    lines = "".join(f"{line}\n" for line in (*given, *stashes)).encode()
    flags = ("-r", "--root", "--no-renames", "--ignore-submodules=none", "--raw", "-z")
    out = split(repo.run("diff-tree", "--stdin", *flags, stdin=lines)) if lines else ()
    found: dict[_Entry, str] = {}
    sha, fields = "", iter(out)
    for field in fields:
        if field.startswith(":"):
            found.setdefault(_entry(read(field, next(fields))), sha)
        else:
            sha = field.split(" ")[0].strip()
    return found


def _onto(repo: Repo, sha: str, ref: str) -> str | None:
    return repo.resolve(f"{sha}^1") if ref == _STASH else None


def _merged(repo: Repo, base: str, refs: Mapping[str, str]) -> Iterator[tuple[_Entry, str]]:
    beside = set(_list(repo, refs, (base,)))
    for sha in [sha for sha in refs if sha in beside][:_MOST_MERGED]:
        with suppress(MergeRefusedError):
            for change in changed(repo, base, merged_tree(repo, base, sha)):
                yield _entry(change), sha


def _list(repo: Repo, given: Collection[str], out: Collection[str], *flags: str) -> list[str]:
    """Return the commits that `given` lead to and `out` do not, the newest first."""
    lines = "".join([*(f"{sha}\n" for sha in given), *(f"^{sha}\n" for sha in out)]).encode()
    words = ("rev-list", "--ignore-missing", *flags, "--stdin")
    return repo.text(*words, stdin=lines).split()


def _entry(change: Change) -> _Entry:
    return change.path, change.new_mode, change.object_id
