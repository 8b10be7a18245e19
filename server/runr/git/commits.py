"""Commit objects, made without `git commit`: no hook runs, and no branch moves."""

from collections.abc import Mapping, Sequence

from runr.git.repo import Repo


def create(
    repo: Repo,
    tree: str,
    parents: Sequence[str],
    message: bytes,
    env: Mapping[str, str] | None = None,
) -> str:
    """Make a commit and return it; `env` names, say, the author of one that is made again."""
    flags = [word for parent in parents for word in ("-p", parent)]
    who = repo.identity() | dict(env or {})
    return repo.text("commit-tree", tree, *flags, stdin=message, env=who)
