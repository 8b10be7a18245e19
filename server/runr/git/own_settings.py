"""What a repository's git directory says about its working trees: settings, attributes and hooks.

All working trees share it, so that a `git config` in one of them counts in every other.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress

from runr.git.repo import Repo, split
from runr.redaction import redact

#: Git itself writes these where a branch is made, renamed or deleted.
_OF_BRANCHES = "branch."
_FILES = ("info/attributes", "info/exclude")


def read(repo: Repo) -> Mapping[str, str]:
    """Return a mark of each setting and file, by the name under which a change is reported."""
    marks: dict[str, str] = {}
    for name, content in (*_settings(repo), *_files(repo)):
        marks[name] = f"{marks.get(name, '')}{hashlib.sha256(content).hexdigest()}"
    return marks


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the names of what was added, changed or removed."""
    every = sorted({*before, *after})
    return [name for name in every if before.get(name) != after.get(name)]


def _settings(repo: Repo) -> Iterator[tuple[str, bytes]]:
    found = split(repo.run("config", "--list", "-z", "--show-scope"))
    for scope, text in zip(found[::2], found[1::2], strict=True):
        key, _, value = text.partition("\n")
        if scope in ("local", "worktree") and not key.startswith(_OF_BRANCHES):
            yield f".git/config: {redact(key)}", value.encode(errors="surrogateescape")


def _files(repo: Repo) -> Iterator[tuple[str, bytes]]:
    common = repo.common_dir()
    hooks = (f"hooks/{path.name}" for path in sorted(common.glob("hooks/*")))
    for name in (*_FILES, *hooks):
        with suppress(OSError):
            yield f".git/{name}", (common / name).read_bytes()
