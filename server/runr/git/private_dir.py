"""A git directory of runr's own, with the settings as they were when it was made.

What a worker can change in the repository's git directory has no effect in it: refs that replace
objects, attributes and filters outside the tree, flags in the index. It shares the repository's
objects and has those of `quarantine` for new ones.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from runr import nofollow
from runr.git import quarantine
from runr.git.repo import Repo, split
from runr.redaction import redact

#: Settings that would call a program, lead to another folder, or let git trust the times of files.
_DROPPED = (
    *("core.worktree", "core.bare", "core.hookspath", "core.attributesfile", "core.fsmonitor"),
    *("core.trustctime", "core.checkstat", "core.ignorestat", "core.splitindex"),
    "core.logallrefupdates",
    *("core.untrackedcache", "core.repositoryformatversion", "index.", "include.", "includeif."),
    *("extensions.worktreeconfig", "extensions.refstorage", "gc.", "maintenance.", "safe."),
)
_OWN = (
    ("core.bare", "false"),
    ("core.trustctime", "true"),
    ("core.checkstat", "default"),
    ("core.attributesfile", os.devnull),
    ("core.hookspath", os.devnull),
    ("core.splitindex", "false"),
)

#: The user's own and the system's settings are in the copy, as of when it was made.
_ISOLATED = (
    ("GIT_CONFIG_GLOBAL", os.devnull),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_COUNT", "0"),
    ("GIT_ATTR_NOSYSTEM", "1"),
)


def create(repo: Repo, folder: Path) -> None:
    """Make `folder` a git directory with the settings of the repository, as they are now."""
    for name in ("objects", "refs"):
        nofollow.make_folder(folder / name)
    write(folder / "config", render_config(read_settings(repo)))
    write(folder / "HEAD", b"ref: refs/heads/none\n")


def enter(repo: Repo, folder: Path) -> Repo:
    """Return the working tree with `folder` as its git directory, for reading files into trees."""
    variables = (("GIT_DIR", str(folder)), ("GIT_WORK_TREE", str(repo.path)), *_ISOLATED)
    return Repo(repo.path, (*repo.variables, *variables))


def of(repo: Repo) -> Repo | None:
    """Return the working tree with its private git directory; None where none was made."""
    folder = quarantine.folder_of(repo)
    if folder is None or not nofollow.exists(folder / "config"):
        return None
    return enter(repo, folder)


def read_settings(repo: Repo) -> tuple[tuple[str, str | None], ...]:
    """Return the repository's settings from every file, in order; None is a value without `=`."""
    found = split(repo.run("config", "--list", "-z", "--show-scope"))
    pairs = zip(found[::2], found[1::2], strict=True)
    # Those of scope `command` are given to every git by runr itself.
    fields = (text.partition("\n") for scope, text in pairs if scope != "command")
    settings = [(key, value if is_set else None) for key, is_set, value in fields]
    if any(key.startswith("filter.lfs.") for key, _ in settings):
        # Git LFS would keep the content of files in the private directory.
        settings.insert(0, ("lfs.storage", str(repo.common_dir() / "lfs")))
    return tuple(settings)


def render_config(settings: Iterable[tuple[str, str | None]]) -> bytes:
    """Return a git configuration file with the settings that have no effect outside of it.

    A setting with a secret, such as a header with a token, is left out: the file is kept.
    """
    kept = [
        (key, value)
        for key, value in settings
        if not key.startswith(_DROPPED) and not _is_secret(key, value or "")
    ]
    version = "1" if any(key.startswith("extensions.") for key, _ in kept) else "0"
    every = (("core.repositoryformatversion", version), *kept, *_OWN)
    return os.fsencode("".join(_setting(key, value) for key, value in every))


def write(path: Path, content: bytes) -> None:
    """Write a file of a git directory at once, following no link."""
    begun = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = nofollow.open_file(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    nofollow.rename(begun, path.name)


def _is_secret(key: str, value: str) -> bool:
    # The address of a remote may have a password, as the name of a section as well.
    line = f"{key}={value}"
    return redact(line) != line


def _setting(key: str, value: str | None) -> str:
    section, _, name = key.rpartition(".")
    section, _, part = section.partition(".")
    heading = f'[{section} "{_escaped(part)}"]' if part else f"[{section}]"
    return (
        f"{heading}\n\t{name}\n" if value is None else f'{heading}\n\t{name} = "{_value(value)}"\n'
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _value(text: str) -> str:
    return _escaped(text).replace("\n", "\\n").replace("\t", "\\t").replace("\b", "\\b")
