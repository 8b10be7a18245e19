"""Whether others can get the commits to which submodules were moved, from the remote of each.

What a worker writes into a submodule proves nothing: its refs, its settings, what it replaces. What
counts is the remote that `.gitmodules` names: what was fetched from it before the run began, and
what it answers itself.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import unquote

from runr import nofollow
from runr.git import folders, private_dir, quarantine, submodules
from runr.git.repo import Repo, split
from runr.git.snapshot import GITLINK, ChangeSet, changed, empty_tree, missing
from runr.redaction import redact
from runr.text import join_limited

#: How the line begins that has what was noted, in a list of other things.
MARK = b"= "

_ORIGIN = "origin"
#: Seconds for the answer of a remote, and for what it has that is not here yet.
_ANSWER_S, _FETCH_S = 30, 120

_REMOTE = re.compile(r"(?:\w[\w+.-]*://)?(?:[^@/]*@)?([^/:]+)(?::\d+/|[:/])/*(.+?)(?:\.git)?/*")


class Remote(NamedTuple):
    """A remote of a submodule, with the commits of its branches, as far as they were fetched."""

    name: str
    url: str
    tips: Sequence[str]


def note(repo: Repo) -> bytes:
    """Return what is known of the remotes of all submodules, as a line; empty if there are none."""
    found = dict(_noted(repo, ""))
    return MARK + json.dumps(found).encode() + b"\n" if found else b""


def _noted(repo: Repo, prefix: str) -> Iterator[tuple[str, tuple[Remote, ...]]]:
    for module in submodules.find_submodules(repo):
        if submodules.is_checked_out(repo, module):
            inner, path = Repo(repo.path / module.path), f"{prefix}{module.path}"
            yield path, tuple(_remotes(inner))
            yield from _noted(inner, f"{path}/")


def _remotes(repo: Repo) -> Iterator[Remote]:
    listed = repo.run("for-each-ref", "--format=%(objectname) %(refname)", "refs/remotes")
    rows = [line.split(" ", 1) for line in os.fsdecode(listed).split("\n") if line]
    for key, url in repo.settings(r"^remote\..*\.url$").items():
        name = key.removeprefix("remote.").removesuffix(".url")
        tips = (sha for sha, ref in rows if ref.startswith(f"refs/remotes/{name}/"))
        yield Remote(name, url or "", tuple(dict.fromkeys(tips)))


def parse(noted: bytes) -> dict[str, tuple[Remote, ...]]:
    """Return the remotes of each submodule by its path, from among the lines of other things."""
    line = next((line for line in noted.splitlines() if line.startswith(MARK)), MARK + b"{}")
    found = json.loads(line.removeprefix(MARK)).items()
    return {path: tuple(Remote(*each) for each in remotes) for path, remotes in found}


def unpublished_commits(
    repo: Repo, found: ChangeSet, known: Mapping[str, Sequence[Remote]]
) -> Iterator[tuple[str, str]]:
    """Yield the repositories inside of this one that were moved to a commit no clone could get."""
    touched = {change.path: change.old_id for change in found.all}
    # That of the base was there before, wherever it is from.
    links = [(path, commit) for path, commit in found.repositories if path in touched]
    if links:
        outer = _Outer(repo, repo, found.tree, _base_address(repo), "", known)
        for path, commit in links:
            yield from outer.unpublished(path, touched[path], commit)


class _Outer(NamedTuple):
    """A repository with others inside of it: a working tree, or a submodule of one.

    `top` is the outermost one, `address` is where this one is from.
    """

    top: Repo
    repo: Repo
    tree: str
    address: str
    prefix: str
    known: Mapping[str, Sequence[Remote]]

    def unpublished(self, path: str, before: str, commit: str) -> Iterator[tuple[str, str]]:
        """Yield the path if a clone could not get the commit, and those inside of it."""
        inner, whole = Repo(self.repo.path / path), f"{self.prefix}{path}"
        if folders.git_dir(inner.path) is None:
            return
        url = self._url(path)
        known = self.known.get(whole, ())
        sources = Sources((url,) if url else tuple(r.url for r in _remotes(inner)), known, self.top)
        with _scratch(inner, self.top) as scratch:
            why = sources.why_absent(scratch, commit)
        if why is not None:
            yield whole, f"its commit {commit[:12]} {why}"
        deeper = self._replace(repo=inner, tree=commit, address=url or "", prefix=f"{whole}/")
        base = before if inner.resolve(before) else empty_tree(inner)
        for change in changed(inner, base, commit):
            if change.new_mode == GITLINK:
                yield from deeper.unpublished(change.path, change.old_id, change.object_id)

    def _url(self, path: str) -> str | None:
        """Return the address that `.gitmodules` has for the path, None where it has none."""
        words = ("config", "-z", f"--blob={self.tree}:.gitmodules", "--get-regexp")
        listed = self.repo.attempt(*words, r"^submodule\..*\.(path|url)$")
        fields = split(listed.out) if listed.ok else ()
        found = dict(field.split("\n", 1) for field in fields if "\n" in field)
        keys = (key for key, value in found.items() if key.endswith(".path") and value == path)
        urls = (found.get(f"{key.removesuffix('.path')}.url") for key in keys)
        return next((_joined(self.address, url) for url in urls if url), None)


class Sources(NamedTuple):
    """From where a clone gets the commits of a submodule, and what was `known` before of that."""

    urls: Sequence[str]
    known: Sequence[Remote]
    top: Repo

    def why_absent(self, scratch: Repo, commit: str) -> str | None:
        """Return why a clone could not get the commit; None where it can."""
        wanted = {_address(url) for url in self.urls}
        same = [tip for each in self.known if _address(each.url) in wanted for tip in each.tips]
        if _leads_to(scratch, same, commit):
            return None
        answers = [_asked(scratch, url, commit) for url in self.urls if not self._is_inside(url)]
        if True in answers:
            return None
        where = join_limited([redact(url) for url in self.urls], 2)
        if None not in answers:
            return f"is in no branch of {where}" if where else "is in no remote branch"
        # With a mirror of the user's own, no remote has the address.
        mirror = [tip for each in self.known if each.name == _ORIGIN for tip in each.tips]
        if not same and _leads_to(scratch, mirror, commit):
            return None
        return f"is in no branch that was known of {where}, which does not answer"

    def _is_inside(self, url: str) -> bool:
        """Tell whether the address is a folder that goes with a working tree of this repository."""
        path = _local(url)
        if path is None:
            return False
        around = {path, *path.parents}
        trees = (self.top.path, self.top.common_dir(), folders.main_tree(self.top.path))
        return any(tree is not None and tree.resolve() in around for tree in trees)


def _asked(scratch: Repo, url: str, commit: str) -> bool | None:
    """Ask the remote itself whether it has the commit; None without an answer."""
    try:
        listed = scratch.attempt("ls-remote", "--heads", "--tags", "--", url, timeout_s=_ANSWER_S)
        if not listed.ok:
            return None
        tips = [line.split("\t")[0] for line in listed.out.decode("ascii", "replace").splitlines()]
        if _leads_to(scratch, tips, commit) or not missing(scratch, tips):
            return _leads_to(scratch, tips, commit)
        # Others have gone on from the commit since it was fetched.
        refs = [f"+refs/{kind}/*:refs/asked/{kind}/*" for kind in ("heads", "tags")]
        words = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--", url, *refs)
        if not scratch.attempt(*words, timeout_s=_FETCH_S).ok:
            return None
    except TimeoutError:
        return None
    return _leads_to(scratch, tips, commit)


def _leads_to(scratch: Repo, tips: Sequence[str], commit: str) -> bool:
    """Tell whether the commit is one of the tips, or an ancestor of one."""
    if commit in tips:
        return True
    if not tips or scratch.resolve(commit) is None:
        return False
    revs = "".join(f"{rev}\n" for rev in (commit, *(f"^{tip}" for tip in tips)))
    words = ("rev-list", "--max-count=1", "--ignore-missing", "--stdin")
    found = scratch.attempt(*words, stdin=revs.encode())
    return found.ok and not found.out


@contextmanager
def _scratch(inner: Repo, top: Repo) -> Iterator[Repo]:
    """Yield a repository that has the objects of `inner`, and settings from before the worker."""
    folder = quarantine.folder_of(top)
    if folder is not None and private_dir.of(top) is not None:
        config = nofollow.read(folder / "config")
    else:
        config = private_dir.render_config(private_dir.read_settings(top))
    with TemporaryDirectory(prefix="runr-remote-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        for part in ("objects/info", "refs"):
            (scratch / part).mkdir(parents=True)
        (scratch / "HEAD").write_text("ref: refs/heads/none\n")
        (scratch / "config").write_bytes(config)
        objects = os.fsencode(inner.common_dir() / "objects")
        (scratch / "objects" / "info" / "alternates").write_bytes(objects + b"\n")
        yield private_dir.enter(Repo(scratch), scratch)


def _base_address(repo: Repo) -> str:
    """Return to what the addresses in `.gitmodules` are relative, as git sees it."""
    urls = (private_dir.of(repo) or repo).settings(r"^remote\..*\.url$")
    only = next(iter(urls.values())) if len(urls) == 1 else None
    tree = folders.main_tree(repo.path) or repo.path
    return urls.get(f"remote.{_ORIGIN}.url") or only or str(tree)


def _joined(base: str, url: str) -> str:
    """Return the address; one that begins with `./` or `../` is relative to the base."""
    if not url.startswith(("./", "../")):
        return url
    base, colon = base.rstrip("/"), ""
    while url.startswith(("./", "../")):
        if url.startswith("../"):
            cut = max(base.rfind("/"), base.rfind(":"))
            base, colon = base[: max(cut, 0)], ":" if base[cut : cut + 1] == ":" else "/"
        url = url.split("/", 1)[1]
    return f"{base}{colon or '/'}{url}".rstrip("/")


def _address(url: str) -> str:
    """Return what is the same in all ways to write the address of a remote."""
    path = _local(url)
    if path is not None:
        return str(path)
    found = _REMOTE.fullmatch(url)
    return f"{found[1].lower()}/{found[2]}" if found else url


def _local(url: str) -> Path | None:
    """Return the folder that the address names, None where it is elsewhere."""
    if url.startswith("file://"):
        url = unquote(url.removeprefix("file://"))
    return Path(url).resolve() if url.startswith("/") else None
