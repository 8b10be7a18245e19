"""The files that a sparse checkout leaves out: they are not there, and are not deleted.

Which they are may change while a run works. A file that git's index has with its flag for such
files, and that is not there, counts as the index has it. Nothing else of that index counts.
"""

import os
from collections.abc import Iterable, Mapping

from runr.git import folders
from runr.git.repo import Repo, split
from runr.git.untracked import SETTINGS


def left_out(repo: Repo) -> dict[str, str] | None:
    """Return the paths that are left out, each with mode, object and stage; None if git says none.

    Without a sparse checkout no git process is started.
    """
    own = folders.git_dir(repo.path)
    if own is None or not (own / "info" / "sparse-checkout").exists():
        return None
    listed = repo.attempt("ls-files", "-s", "-v", "-z")
    if not listed.ok or not listed.out:
        return None
    pairs = (entry.split("\t", 1) for entry in split(listed.out) if entry[0] in "sS")
    return {path: facts[2:] for facts, path in pairs if not os.path.lexists(repo.path / path)}


def follow(repo: Repo, private: Repo, env: Mapping[str, str]) -> bool:
    """Let a snapshot's index have what is left out of the working tree now, and only that.

    `private` is the repository as the snapshot reads it, with the index that `env` names.
    Returns whether anything may be left out.
    """
    out = left_out(repo)
    if out is None:
        return False
    clear_flags(private, env)
    flagged = private.fields("ls-files", "-v", "-z", env=env)
    known = {line[2:] for line in flagged if line[0] == "S"}
    # What a commit has deleted out there.
    _update(private, env, "--force-remove", "--stdin", lines=known - out.keys())
    entries = (f"{facts}\t{path}" for path, facts in out.items())
    _update(private, env, "--index-info", lines=entries)
    keep_out(private, out, env)
    return True


def keep_out(repo: Repo, paths: Iterable[str], env: Mapping[str, str]) -> None:
    """Flag paths of an index as left out, so that git does not call them deleted."""
    _update(repo, env, "--skip-worktree", "--stdin", lines=paths)


def clear_flags(repo: Repo, env: Mapping[str, str]) -> None:
    """Let no flag of an index keep git from looking at a file that is there."""
    flagged = [line for line in repo.fields("ls-files", "-v", "-z", env=env) if line[0] != "H"]
    for option, is_flagged in (
        ("--no-assume-unchanged", str.islower),
        ("--no-skip-worktree", lambda mark: mark in "sS"),
    ):
        paths = (line[2:] for line in flagged if is_flagged(line[0]))
        # Files outside of a sparse checkout are not there, and count as the index has them.
        there = (path for path in paths if os.path.lexists(repo.path / path))
        _update(repo, env, option, "--stdin", lines=there)


def _update(repo: Repo, env: Mapping[str, str], *words: str, lines: Iterable[str]) -> None:
    if given := "".join(f"{line}\0" for line in lines):
        command = ("update-index", "-z", *words)
        repo.run(*SETTINGS, *command, stdin=os.fsencode(given), env=env)
