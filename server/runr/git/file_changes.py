"""What commits make of files, by the names of their contents: no content is read or compared."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from runr.git.repo import Repo, split

#: A file that is not there.
_NO_FILE = "000000"


class FileChange(NamedTuple):
    """A file before and after a commit: mode and object, None where it is not there."""

    old: str | None
    new: str | None

    def inverse(self) -> "FileChange":
        """Return the change that takes this one back."""
        return FileChange(self.new, self.old)


#: The changes of a commit by path.
CommitChanges = Mapping[str, FileChange]


class Part(NamedTuple):
    """What a commit changes, or the part of it that is asked about."""

    sha: str
    changes: CommitChanges
    whole: bool = True


_RAW = ("--raw", "-z", "--no-abbrev", "--no-renames", "--ignore-submodules=none")


def of_commits(
    repo: Repo, commits: Iterable[str], known: dict[str, CommitChanges]
) -> dict[str, CommitChanges]:
    """Return in their order what each of the commits changes, nothing for a merge.

    What was asked for before is in `known`: it never is another answer.
    """
    wanted = list(commits)
    if fresh := [sha for sha in wanted if sha not in known]:
        stdin = "".join(f"{sha}\n" for sha in fresh).encode()
        read = _read(repo.run("diff-tree", "--stdin", "-r", "--root", *_RAW, stdin=stdin))
        known |= {sha: read.get(sha, {}) for sha in fresh}
    return {sha: known[sha] for sha in wanted}


def files_of(repo: Repo, tip: str) -> dict[str, str]:
    """Return mode and object of each file of a commit."""
    found = {}
    for line in split(repo.run("ls-tree", "-r", "-z", tip)):
        about, _, path = line.partition("\t")
        mode, _, name = about.split(" ")
        found[path] = f"{mode} {name}"
    return found


def sizes(repo: Repo, files: Iterable[str | None]) -> dict[str, int]:
    """Return how many bytes the files have that are objects here."""
    names = {file: file.partition(" ")[2] for file in files if file}
    stdin = "".join(f"{name}\n" for name in dict.fromkeys(names.values())).encode()
    out = repo.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=stdin)
    words = (line.split() for line in out.decode().splitlines())
    known = {name: int(size) for name, size in words if size.isdecimal()}
    return {file: known.get(name, 0) for file, name in names.items()}


def _read(out: bytes) -> dict[str, CommitChanges]:
    found: dict[str, dict[str, FileChange]] = {}
    fields = iter(split(out))
    sha = ""
    for field in fields:
        word = field.lstrip("\n")
        if word.startswith(":"):
            old_mode, new_mode, old, new, _ = word[1:].split(" ")
            found[sha][next(fields)] = FileChange(_file(old_mode, old), _file(new_mode, new))
        elif word:
            sha = word
            found[sha] = {}
    return dict(found)


def _file(mode: str, name: str) -> str | None:
    return None if mode == _NO_FILE else f"{mode} {name}"
