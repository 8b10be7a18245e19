"""A git directory of runr's own, with the settings as they were when it was made.

What a worker can change in the repository's git directory has no effect in it: refs that replace
objects, attributes and filters outside the tree, flags in the index. It shares the repository's
objects and has those of `quarantine` for new ones.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

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

#: The repository's own settings from which a clone differs: they decide what is checked out. Of
#: those of `core`, a clone finds out the ones that follow by itself.
_CONVERTING = ("core.", "filter.", "submodule.")
_CLONED = ("core.filemode", "core.ignorecase", "core.precomposeunicode", "core.sshcommand")
#: What `git lfs install` writes; with it, a clone has the files that Git LFS has stored.
_LFS = (
    ("filter.lfs.clean", "git-lfs clean -- %f"),
    ("filter.lfs.smudge", "git-lfs smudge -- %f"),
    ("filter.lfs.process", "git-lfs filter-process"),
    ("filter.lfs.required", "true"),
)
#: The settings of a clone, beside those for reading files.
_CLONE = "config.clone"

#: The user's own and the system's settings are in the copy, as of when it was made.
_ISOLATED = (
    ("GIT_CONFIG_GLOBAL", os.devnull),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_COUNT", "0"),
    ("GIT_ATTR_NOSYSTEM", "1"),
)


class Setting(NamedTuple):
    """A setting, with None for a value without `=`; `own` tells that the repository has it."""

    key: str
    value: str | None
    own: bool = False


def create(repo: Repo, folder: Path) -> None:
    """Make `folder` a git directory with the settings of the repository, as they are now."""
    for name in ("objects", "refs"):
        nofollow.make_folder(folder / name)
    settings = read_settings(repo)
    write(folder / _CLONE, render_config(filter(_is_cloned, settings)))
    write(folder / "config", render_config(settings))
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


def clone_config(repo: Repo) -> bytes:
    """Return a configuration file with which git checks out what a clone would contain.

    It is of when the private git directory was made, or of now where there is none.
    """
    folder = quarantine.folder_of(repo)
    if folder is not None and nofollow.exists(folder / _CLONE):
        return nofollow.read(folder / _CLONE)
    return render_config(filter(_is_cloned, read_settings(repo)))


def _is_cloned(setting: Setting) -> bool:
    """Tell whether a setting has a part in what a clone of this user contains, or has no effect."""
    if not setting.own or not setting.key.startswith(_CONVERTING):
        return True
    return setting.key in _CLONED or setting[:2] in _LFS


def read_settings(repo: Repo) -> tuple[Setting, ...]:
    """Return the repository's settings from every file, in order."""
    found = split(repo.run("config", "--list", "-z", "--show-scope"))
    # Those of scope `command` are given to every git by runr itself.
    settings = [
        Setting(key, value if is_set else None, own=scope in ("local", "worktree"))
        for scope, text in zip(found[::2], found[1::2], strict=True)
        for key, is_set, value in [text.partition("\n")]
        if scope != "command"
    ]
    if any(each.key.startswith("filter.lfs.") for each in settings):
        # Git LFS would keep the content of files in the private directory.
        settings.insert(0, Setting("lfs.storage", str(repo.common_dir() / "lfs")))
    return tuple(settings)


def render_config(settings: Iterable[Setting]) -> bytes:
    """Return a git configuration file with the settings that have no effect outside of it.

    A setting with a secret, such as a header with a token, is left out: the file is kept.
    """
    kept = [
        (key, value)
        for key, value, _ in settings
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
