"""The git directories of a checkout of runr's own: one in it for its programs, one beside it."""

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runr import nofollow
from runr.git import private_dir, quarantine
from runr.git.repo import Repo

#: Where the objects of the user's repository are mounted, beside those of the checkout.
SHARED_OBJECTS = "shared"

_SUBMODULES = "modules"
_NO_LOGS = b"[core]\n\tlogallrefupdates = false\n"
_REFS = ("refs/heads", "refs/tags", "refs/remotes")


class Checkout(NamedTuple):
    """A checkout at `path`; `index_file`, its index, is beside it, out of reach of its programs."""

    path: Path
    index_file: Path

    @property
    def git_dir(self) -> Path:
        """The git directory of the checkout."""
        return self.path / ".git"

    @property
    def outer_git_dir(self) -> Path:
        """The git directory with which runr looks at the checkout, beside it like the index."""
        return self.path.with_name(f"{self.path.name}.git")

    @property
    def repo(self) -> Repo:
        """The checkout as runr's own git sees it, with its own settings and index only."""
        inside = private_dir.enter(Repo(self.path), self.outer_git_dir)
        return Repo(self.path, (*inside.variables, ("GIT_INDEX_FILE", str(self.index_file))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a checkout holds: the commit, as the tip of `branch`, with its submodules.

    `source` is the working tree that the commit was made from, in its quarantine, with its `refs`
    as `list_refs` has them; `known` are the ancestors that the repository itself has. The
    folders `carried` are ignored in it.
    """

    source: Repo
    commit: str
    known: Sequence[str]
    refs: Sequence[bytes]
    branch: str | None
    carried: Sequence[str] = ()


def list_refs(source: Repo) -> list[bytes]:
    """Return the branches and tags that checks find in the checkout, as git packs them."""
    listed = source.run("for-each-ref", "--format=%(objectname) %(refname)", *_REFS)
    return [line for line in listed.split(b"\n") if line]


def restore(checkout: Checkout, content: Content) -> None:
    """Write the git directory anew, whatever a program has made of it; files stay.

    Those of submodules are kept until the next `prepare`.
    """
    _begin(checkout, content)
    _fetch(checkout, content)
    write_outer(checkout, content)


def has_settings_of(checkout: Checkout, source: Repo) -> bool:
    """Tell whether there is a checkout, whose files git has written as it would now."""
    config = checkout.outer_git_dir / "config"
    if not all(map(nofollow.exists, (checkout.path, checkout.index_file, config))):
        return False
    return _converting(nofollow.read(config)) == _converting(_outer_config(source))


def _converting(config: bytes) -> list[bytes]:
    """Return the settings that decide how files are written; a remote or a branch does not."""
    settings = re.split(rb"^(?=\[)", config, flags=re.MULTILINE)
    return [each for each in settings if each.startswith((b"[core", b"[filter"))]


def write_outer(checkout: Checkout, content: Content) -> None:
    """Write the git directory beside the checkout anew; its objects are those of the checkout."""
    folder = checkout.outer_git_dir
    for name in ("objects/info", "info", "refs"):
        nofollow.make_folder(folder / name)
    common = content.source.common_dir() / "objects"
    alternates = f"{_line(str(checkout.git_dir / 'objects'))}\n{_line(str(common))}\n"
    written = {
        "objects/info/alternates": os.fsencode(alternates),
        "info/exclude": _excludes(content),
        "config": _outer_config(content.source),
        "HEAD": f"{content.commit}\n".encode(),
    }
    for name, text in written.items():
        private_dir.write(folder / name, text)


def _outer_config(source: Repo) -> bytes:
    return private_dir.clone_config(source) + _NO_LOGS


def _excludes(content: Content) -> bytes:
    return os.fsencode("".join(f"/{_pattern(folder)}/\n" for folder in content.carried))


def _begin(checkout: Checkout, content: Content) -> None:
    git_dir = checkout.git_dir
    if git_dir.is_symlink() or not git_dir.is_dir():
        nofollow.remove(git_dir)
    nofollow.make_folder(git_dir)
    for child in git_dir.iterdir():
        if child.name != _SUBMODULES:
            nofollow.remove(child)
    # A git that was killed has left it; no other run uses the checkout.
    beside = checkout.index_file.parent.glob(f"{checkout.index_file.name}*.lock")
    for lock in (*beside, *checkout.outer_git_dir.glob("*.lock")):
        nofollow.unlink(lock, missing_ok=True)
    for name in ("objects/info", "info", "refs", SHARED_OBJECTS):
        (git_dir / name).mkdir(parents=True, exist_ok=True)
    (git_dir / "config").write_bytes(private_dir.clone_config(content.source))
    (git_dir / "HEAD").write_text("ref: refs/heads/none\n")
    (git_dir / "info" / "exclude").write_bytes(_excludes(content))
    common = content.source.common_dir()
    alternates = f"{_line(str(common / 'objects'))}\n../{SHARED_OBJECTS}\n"
    (git_dir / "objects" / "info" / "alternates").write_bytes(os.fsencode(alternates))
    with suppress(FileNotFoundError):
        shutil.copyfile(common / "shallow", git_dir / "shallow")


def _line(path: str) -> str:
    """Return the path as one line of a list of git's."""
    if "\n" not in path:
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _pattern(path: str) -> str:
    """Return a line of .gitignore that matches exactly this path."""
    return re.sub(r"([\\*?\[ #!])", r"\\\1", path)


def _fetch(checkout: Checkout, content: Content) -> None:
    """Copy the commit into the checkout, and the branches and tags of the repository."""
    source, commit, branch = content.source, content.commit, content.branch
    if not quarantine.copy_objects(source, checkout.git_dir / "objects"):
        within = private_dir.enter(Repo(checkout.path), checkout.git_dir)
        quarantine.publish(source, within, commit, *content.known)
    lines = content.refs
    head = f"{commit}\n".encode()
    if branch is not None:
        own = os.fsencode(f" refs/heads/{branch}")
        lines = [*(line for line in lines if not line.endswith(own)), head.strip() + own]
        head = b"ref:" + own + b"\n"
    (checkout.git_dir / "packed-refs").write_bytes(b"".join(line + b"\n" for line in lines))
    (checkout.git_dir / "HEAD").write_bytes(head)


def discard(checkout: Checkout) -> None:
    """Remove a checkout with all that is kept of it."""
    nofollow.remove(checkout.path)
    nofollow.remove(checkout.outer_git_dir)
    nofollow.unlink(checkout.index_file, missing_ok=True)
