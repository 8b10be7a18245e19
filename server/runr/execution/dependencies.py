"""Dependencies installed in a clean checkout: once for each state of their inputs, and kept."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from runr import nofollow
from runr.config.settings import SETUP_INPUTS
from runr.execution.observed_reads import Reads, can_observe
from runr.git import clean_checkout
from runr.git.checkout_repository import Checkout
from runr.git.committed_files import CommittedFiles
from runr.git.ignored import folders_named
from runr.git.repo import Repo
from runr.runs import setup_inputs, setup_manifests
from runr.runs.model import RunSpec
from runr.scope import patterns

_RECORD = "installed.json"

#: Seconds after which folders that no verification has used are removed.
_DAY_S = 24 * 3600
_UNUSED_S = 14 * _DAY_S
#: In a folder that few other commits will use, so that it goes sooner.
_OF_FEW_COMMITS = "of-few-commits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What the setup commands have installed for a commit, in a folder beside the checkouts.

    `folder` is None until they have run with the same files as in this commit: its inputs, known
    by the `key`, and what else the commands had opened. `is_of_one_commit` tells that all files
    are inputs.
    """

    checkouts: Path
    key: str
    files: CommittedFiles
    is_of_one_commit: bool
    folder: Path | None = None
    carried: tuple[str, ...] = ()

    @classmethod
    def find(cls, checkouts: Path, checkout: Checkout, spec: RunSpec, where: str) -> "Installed":
        """Return what is installed at the path `where` from the files of the checkout."""
        entries = checkout.repo.fields("ls-tree", "-r", "-z", "HEAD")
        inputs = [each for each in entries if patterns.matches(_path(each), spec.setup_inputs)]
        of_all = spec.setup_inputs == setup_inputs.ALL
        if spec.setup_inputs == SETUP_INPUTS and _use_code(checkout.repo, inputs):
            of_all = True
        text = json.dumps([where, spec.setup, spec.carry, entries if of_all else inputs])
        digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
        found = cls(
            checkouts=checkouts,
            key=digest[:16],
            files=CommittedFiles.of(entries),
            is_of_one_commit=of_all,
        )
        return found._fitting()

    def _fitting(self) -> "Installed":
        for folder in sorted(self.checkouts.glob(f"setup-{self.key}-*")):
            with suppress(OSError, ValueError):
                record = json.loads(nofollow.read(folder / _RECORD))
                opened = record["opened"]
                if opened == self.files.states(opened):
                    os.utime(folder)
                    return replace(self, folder=folder, carried=tuple(record["folders"]))
        return self

    def keep(self, checkout: Checkout, spec: RunSpec, reads: Reads) -> "Installed":
        """Move the installed folders that match out of the checkout, and return where they are."""
        found = folders_named(Repo(checkout.path), spec.carry)
        reads.files.update(clean_checkout.touched_files(checkout))
        opened = self._opened(reads, spec)
        name = f"setup-{self.key}-{_digest(opened)[:16]}"
        begun = self.checkouts / f"{name}.{os.getpid()}.new"
        nofollow.make_folder(begun)
        for path in found:
            (begun / path).parent.mkdir(parents=True, exist_ok=True)
            (checkout.path / path).rename(begun / path)
        (begun / _RECORD).write_text(json.dumps({"folders": found, "opened": opened}))
        if self.is_of_one_commit or opened:
            (begun / _OF_FEW_COMMITS).touch()
        try:
            nofollow.rename(begun, name)
        except OSError:
            # Another run has installed the same meanwhile.
            nofollow.remove_tree(begun)
        _remove_unused(self.checkouts)
        return replace(self, folder=self.checkouts / name, carried=found)

    def _opened(self, reads: Reads, spec: RunSpec) -> dict[str, str | None]:
        """Return the states of what the commands have opened beside the inputs."""
        if self.is_of_one_commit:
            return {}
        if not reads.complete:
            # Where it is not known, what is installed is that of this commit only.
            return self.files.states([*self.files.entries] if can_observe() else [])
        paths = [
            path
            for path in map(self.files.tracked, sorted(reads.files))
            if path and not patterns.matches(path, spec.setup_inputs)
        ]
        # A new file in a folder that was listed may be taken along with those that were opened.
        listed = [
            f"{folder}/"
            for folder in sorted(reads.folders)
            if any(path.startswith(folder and f"{folder}/") for path in paths)
        ]
        return self.files.states([*dict.fromkeys(paths), *listed])

    def folders(self, checkout: Checkout) -> list[str]:
        """Return the folders with committed files, those of submodules included."""
        inside = (
            os.path.relpath(folder, checkout.path)
            for link in self.files.links
            for folder, _, _ in os.walk(checkout.path / link)
        )
        return [*self.files.folders, *inside]


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


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
            most = _DAY_S if nofollow.exists(old / _OF_FEW_COMMITS) else _UNUSED_S
            if old.lstat().st_mtime < time.time() - most:
                nofollow.remove_tree(old)
