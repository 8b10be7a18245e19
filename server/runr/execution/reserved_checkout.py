"""The checkout in which a candidate will be checked, reserved before there is a candidate.

What can be known without the commit is found out by threads, while git reads the working tree.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from runr import nofollow
from runr.execution import candidate, carried_changes, mount_over, tree_paths
from runr.execution.context import RunContext
from runr.execution.rewritten_paths import Rewriting
from runr.execution.tree_paths import SecondPath
from runr.git import clean_checkout
from runr.git.checkout_repository import Checkout
from runr.git.ignored import folders_named
from runr.git.repo import Repo
from runr.runs.model import RunSpec, RunState
from runr.storage import files


class Trees(NamedTuple):
    """The `roots` that become the checkout with carried folders, and `covered` other paths to them.

    In the checkout of where nothing can be mounted, all of these paths are rewritten.
    """

    roots: tuple[Path, ...]
    covered: tuple[SecondPath, ...]

    @classmethod
    def of(cls, context: RunContext, state: RunState, *, mounted: bool) -> "Trees":
        """Return the working trees of the run and of what is installed for it."""
        # Programs may have been installed with the path of the main working tree, too.
        root, workdir = context.layout.root, Path(state.start.workdir)
        # A mount over the main working tree hides a linked one inside of it.
        hidden = mounted and root in workdir.parents
        own = [workdir] if state.start.branch is None and not hidden else []
        roots = tuple(dict.fromkeys((*own, root)))
        others = tree_paths.others(roots)
        # Of another one that is in use, what is installed in it is needed as well.
        used = tree_paths.named(others, context.environment)
        rest = (SecondPath(str(tree), "") for tree in others if tree not in used)
        again = tree_paths.second_paths((*roots, *others))
        return cls((*roots, *used), (*rest, *again))

    def rewriting(self, checkout: Path) -> Rewriting:
        """Return how paths into the trees become paths into the checkout."""
        whole = (Path(each.path) for each in self.covered if not each.inside)
        return Rewriting.of((*self.roots, *whole), checkout)

    def inside(self, path: str) -> str:
        """Return where a carried folder is in the checkout."""
        root = next((root for root in self.roots if path.startswith(f"{root}/")), None)
        return path.removeprefix(f"{root}/") if root else path


@dataclass(slots=True, kw_only=True)
class Reserved:
    """A checkout that no other run uses meanwhile, with what is found out ahead."""

    checkout: Checkout
    trees: Trees
    mounted: bool
    _state: RunState
    _workspace: Repo
    _ignored: Future[tuple[str, ...]] | None
    _carried: Future[tuple[str, ...]]
    _cleaned: Future[bool]
    _changes: Future[tuple[str, ...]]
    _uses: int = 0

    def ignored(self) -> tuple[str, ...]:
        """Return the ignored files of the run, listed again once checks may have written some."""
        if self._uses or self._ignored is None:
            return candidate.list_ignored(self._state, self._workspace)
        return self._ignored.result()

    def carried(self) -> tuple[str, ...]:
        """Return the folders to carry; those of another tree than the first by their full path."""
        return self._carried.result()

    def carried_changes(self, carried: Sequence[str]) -> tuple[str, ...]:
        """Return some of the paths that have changed in these folders since the run began."""
        if tuple(carried) == self._carried.result() and self._uses <= 1:
            return self._changes.result()
        return carried_changes.since(self.trees.roots[0], carried, _began(self._state))

    def take_clean(self) -> bool:
        """Tell, the first time, whether the checkout holds what git last checked out there."""
        self._uses += 1
        return self._uses == 1 and self._cleaned.result()


@contextmanager
def reserve(
    context: RunContext, state: RunState, *, has_candidate: bool = False
) -> Iterator[Reserved]:
    """Reserve the first checkout that is free; it is kept for the next verification.

    With `has_candidate`, there is nothing to find out for one.
    """
    mounted = state.spec.mount and can_mount()
    trees = Trees.of(context, state, mounted=mounted)
    workspace = context.workspace(state)
    with _free(context, mounted=mounted) as checkout, _thread() as ahead:
        listing = partial(candidate.list_ignored, state, workspace)
        ignored = None if has_candidate else ahead.submit(listing)
        carried = ahead.submit(_folders, trees.roots, state.spec, mounted=mounted)
        # What is kept in a checkout that is not mounted depends on the commit. Checks wait for
        # this look, and not for the last one.
        cleaned = ahead.submit(clean_checkout.clean_up, checkout, workspace) if mounted else _no()
        changes = ahead.submit(_changes, trees, state, carried)
        yield Reserved(
            checkout=checkout,
            trees=trees,
            mounted=mounted,
            _state=state,
            _workspace=workspace,
            _ignored=ignored,
            _carried=carried,
            _cleaned=cleaned,
            _changes=changes,
        )


@contextmanager
def _thread() -> Iterator[ThreadPoolExecutor]:
    ahead = ThreadPoolExecutor(1, "runr-ahead")
    try:
        yield ahead
    finally:
        # The lock of the checkout is held until nothing is done in it any more.
        ahead.shutdown(cancel_futures=True)


def _no() -> Future[bool]:
    known: Future[bool] = Future()
    known.set_result(False)
    return known


@contextmanager
def _free(context: RunContext, *, mounted: bool) -> Iterator[Checkout]:
    # Tools that search the working tree do not look into `.git`, and some do not work in there.
    inside_git = context.root.common_dir() / "runr" / "checkouts"
    folders = inside_git if mounted else context.layout.checkouts
    nofollow.make_folder(folders)
    for number in count(1):
        lock = files.hold(context.layout.checkout_lock(str(number)))
        if lock is None:
            continue
        try:
            folder = folders / str(number)
            yield Checkout(folder, folder.with_name(f"{number}.index"))
        finally:
            os.close(lock)
        return


def _changes(trees: Trees, state: RunState, carried: Future[tuple[str, ...]]) -> tuple[str, ...]:
    return carried_changes.since(trees.roots[0], carried.result(), _began(state))


def _began(state: RunState) -> float:
    return datetime.fromisoformat(state.created_at).timestamp()


def _folders(roots: Sequence[Path], spec: RunSpec, *, mounted: bool) -> tuple[str, ...]:
    if spec.setup:
        return ()
    first, *others = roots
    own = folders_named(Repo(first), spec.carry)
    more = (
        str(root / path)
        for root in others
        for path in folders_named(Repo(root), spec.carry)
        if mounted or path not in own
    )
    return (*own, *more)


@cache
def can_mount() -> bool:
    """Return whether this machine lets a checkout be mounted over the repository."""
    if sys.platform != "linux":
        return False
    try:
        with TemporaryDirectory(prefix="runr-mount-") as folder:
            spec = {"roots": [folder], "checkout": folder, "objects": folder, "shared": "."}
            empty: dict[str, list[str]] = {"carried": [], "covered": []}
            command = mount_over.program({**spec, **empty}, "true")
            tried = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return False
    return tried.returncode == 0
