"""Dependencies installed in a clean checkout: once for each state of their inputs, and kept."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runr import nofollow
from runr.config.settings import SETUP_INPUTS
from runr.git.checkout_repository import Checkout
from runr.git.ignored import folders_named
from runr.git.repo import Repo
from runr.runs import setup_inputs, setup_manifests
from runr.runs.model import RunSpec
from runr.scope import patterns

_LIST = "folders.json"

#: Seconds after which folders that no verification has used are removed.
_DAY_S = 24 * 3600
_UNUSED_S = 14 * _DAY_S
#: In a folder that no other commit will use, so that it goes sooner.
_OF_ONE_COMMIT = "of-one-commit"


@dataclass(frozen=True, slots=True)
class Installed:
    """A folder beside the checkouts that holds what the setup commands have installed.

    `is_of_one_commit` tells that it depends on every file, so that no other commit uses it.
    """

    folder: Path
    is_of_one_commit: bool

    @classmethod
    def find(cls, checkouts: Path, checkout: Checkout, spec: RunSpec, where: str) -> "Installed":
        """Return the place for what is installed at the path `where` from the checkout's inputs."""
        entries = checkout.repo.fields("ls-tree", "-r", "-z", "HEAD")
        inputs = [each for each in entries if patterns.matches(_path(each), spec.setup_inputs)]
        of_all = spec.setup_inputs == setup_inputs.ALL
        if spec.setup_inputs == SETUP_INPUTS and _use_code(checkout.repo, inputs):
            of_all, inputs = True, list(entries)
        text = json.dumps([where, spec.setup, spec.carry, inputs])
        digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
        return cls(checkouts / f"setup-{digest[:16]}", of_all)

    @property
    def folders(self) -> tuple[str, ...] | None:
        """The folders, by their path in the checkout; None where nothing is installed yet."""
        try:
            found = json.loads(nofollow.read(self.folder / _LIST))
        except FileNotFoundError:
            return None
        os.utime(self.folder)
        return tuple(found)

    def keep(self, checkout: Checkout, spec: RunSpec) -> None:
        """Move the installed folders that match out of the checkout."""
        found = folders_named(Repo(checkout.path), spec.carry)
        begun = self.folder.with_name(f"{self.folder.name}.{os.getpid()}.new")
        nofollow.make_folder(begun)
        for path in found:
            (begun / path).parent.mkdir(parents=True, exist_ok=True)
            (checkout.path / path).rename(begun / path)
        (begun / _LIST).write_text(json.dumps(found))
        if self.is_of_one_commit:
            (begun / _OF_ONE_COMMIT).touch()
        try:
            nofollow.rename(begun, self.folder.name)
        except OSError:
            # Another run has installed the same meanwhile.
            shutil.rmtree(begun)
        _remove_unused(self.folder.parent)


def _path(entry: str) -> str:
    return entry.partition("\t")[2]


def _use_code(repo: Repo, entries: Sequence[str]) -> bool:
    """Tell whether a manifest among the entries of a tree has other files installed or built."""
    for entry in entries:
        kind, name = entry.partition("\t")[0], _path(entry).rpartition("/")[2]
        if not setup_manifests.NAMES.fullmatch(name) or not kind.startswith("100"):
            continue
        text = repo.run("cat-file", "blob", kind.split(" ")[2]).decode(errors="replace")
        if setup_manifests.uses_code(name, text):
            return True
    return False


def _remove_unused(checkouts: Path) -> None:
    for old in checkouts.glob("setup-*"):
        with suppress(OSError):
            most = _DAY_S if nofollow.exists(old / _OF_ONE_COMMIT) else _UNUSED_S
            if old.lstat().st_mtime < time.time() - most:
                nofollow.remove_tree(old)
