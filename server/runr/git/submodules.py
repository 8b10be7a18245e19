"""The submodules of a run's own working tree, made from those of the user's, without a network."""

from contextlib import suppress
from typing import NamedTuple

from runr import nofollow
from runr.git import folders
from runr.git.repo import Repo

_FILE = ".gitmodules"
_GITLINK = "160000 commit "


class Submodule(NamedTuple):
    """A submodule of what is checked out, which wants `commit`."""

    name: str
    path: str
    commit: str


def find_submodules(repo: Repo) -> tuple[Submodule, ...]:
    """Return the submodules that `.gitmodules` names and HEAD has."""
    if not (repo.path / _FILE).is_file():
        return ()
    named = repo.answer("config", "-z", "-f", _FILE, "--get-regexp", r"^submodule\..*\.path$")
    lines = (named or b"").decode(errors="surrogateescape").split("\0")[:-1]
    pairs = (line.split("\n", 1) for line in lines if "\n" in line)
    names = {path: key.removeprefix("submodule.").removesuffix(".path") for key, path in pairs}
    if not names or repo.head() is None:
        return ()
    entries = (line.partition("\t") for line in repo.fields("ls-tree", "-z", "HEAD", "--", *names))
    return tuple(
        Submodule(name=names[path], path=path, commit=facts.removeprefix(_GITLINK))
        for facts, _, path in entries
        if facts.startswith(_GITLINK) and path in names and _is_plain(names[path])
    )


def _is_plain(name: str) -> bool:
    """Tell whether the name is one below `modules`; git, too, takes no other."""
    return not name.startswith("/") and ".." not in name.split("/") and "=" not in name


def is_checked_out(repo: Repo, module: Submodule) -> bool:
    """Tell whether the submodule's files are there."""
    return folders.git_dir(repo.path / module.path) is not None


def has_commit(repo: Repo, module: Submodule) -> bool:
    """Tell whether the commit that the submodule wants was fetched."""
    return Repo(repo.path / module.path).resolve(module.commit) is not None


def populate(source: Repo, target: Repo, *, fresh: bool) -> None:
    """Check out in `target` the submodules that are checked out in `source`.

    In a `fresh` tree, without any work yet, what a killed git left is made anew.
    Elsewhere only empty folders are filled.
    """
    for module in find_submodules(target):
        here = Repo(target.path / module.path)
        if not is_checked_out(source, module) or not _is_inside(target, here):
            continue
        if not any(here.path.iterdir()) or (fresh and not _is_whole(here, module)):
            _clone(source, target, module)
        populate(Repo(source.path / module.path), here, fresh=fresh)


def _is_inside(target: Repo, here: Repo) -> bool:
    """Tell whether the folder is there, and no link leads out of the tree."""
    plain = target.path.resolve() / here.path.relative_to(target.path)
    return here.path.is_dir() and here.path.resolve() == plain


def _is_whole(here: Repo, module: Submodule) -> bool:
    if folders.git_dir(here.path) is None or here.head() != module.commit:
        return False
    return not here.dirty()


def _clone(source: Repo, target: Repo, module: Submodule) -> None:
    there = Repo(source.path / module.path)
    nofollow.refuse_mounts(target.path / module.path)
    with suppress(OSError):
        nofollow.remove_tree(target.git_dir() / "modules" / module.name)
    for child in (target.path / module.path).iterdir():
        nofollow.remove(child)
    # The folder takes the place of the address, so only this one may be read as a file.
    settings = ("protocol.file.allow=always", f"submodule.{module.name}.url={there.common_dir()}")
    flags = [word for setting in settings for word in ("-c", setting)]
    target.run(*flags, "submodule", "--quiet", "update", "--checkout", "--", module.path)
    address = there.answer("config", "--get", "remote.origin.url")
    if address is not None:
        url = address.decode(errors="surrogateescape").removesuffix("\n")
        Repo(target.path / module.path).run("config", "remote.origin.url", url)
