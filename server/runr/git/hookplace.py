"""Where a repository's hooks lie, and what stands there; nothing outside of it is ever written."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from runr.git import hookscript, injection
from runr.git.repo import Repo

#: Those that say where a commit came from.
OWN = ("prepare-commit-msg", "commit-msg")

# A folder that takes the place of another one needs every hook that git knows, to pass it on.
_PASSED_ON = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit"),
    *("post-commit", "pre-rebase", "post-checkout", "post-merge", "post-rewrite", "pre-push"),
    *("pre-receive", "update", "post-receive", "post-update", "pre-auto-gc"),
    *("sendemail-validate", "p4-changelist", "p4-prepare-changelist", "p4-post-changelist"),
    "p4-pre-submit",
)
# That these are there changes what git does, or takes time at every step: only where they are.
_WHERE_PRESENT = ("push-to-checkout", "proc-receive", "reference-transaction", "post-index-change")


class HookPlace(NamedTuple):
    """One repository's hooks, shared by all of its worktrees."""

    repo: Repo

    @property
    def common(self) -> Path:
        """The git directory."""
        return self.repo.common_dir()

    @property
    def own(self) -> Path:
        """Everything of runr's in the git directory."""
        return self.common / "runr"

    @property
    def instead(self) -> Path:
        """The folder that takes the place of a configured one."""
        return injection.folder(self.common)

    @property
    def beside(self) -> Path:
        """The folder that git uses where none is configured."""
        return self.common / "hooks"

    @property
    def config(self) -> Path:
        """The repository's own git settings."""
        return self.common / "config"

    def configured(self) -> tuple[str, str] | None:
        """Return scope and value of the hooks' folder in git's settings, in files only."""
        listed = self.repo.attempt("config", "-z", "--show-scope", "--get-all", injection.KEY)
        fields = listed.out.decode("utf-8", "surrogateescape").split("\0")[:-1]
        pairs = list(zip(fields[::2], fields[1::2], strict=False))
        return next((pair for pair in reversed(pairs) if pair[0] != "command"), None)

    def is_taken(self) -> bool:
        """Tell whether git looks for hooks in our own folder."""
        found = self.configured()
        return found is not None and found[1] == str(self.instead)

    def needs_instead(self) -> bool:
        """Tell whether the hooks lie where runr must not write, or another tool does."""
        found = self.configured()
        return found is not None or not self.beside.resolve().is_relative_to(self.common)

    @property
    def receipt(self) -> Path:
        """What an installation left to be taken out by."""
        return self.own / "receipt.json"

    def fill(self, python: str) -> list[Path]:
        """Make our own folder with every hook's name in it; return what changed."""
        script = hookscript.text(python, beside=False)
        old = self._folder_before()
        names = [*OWN, *_PASSED_ON, *(name for name in _WHERE_PRESENT if (old / name).exists())]
        changed = [path for name in names if write(path := self.instead / name, script)]
        injection.mark_filled(self.instead, python)
        return changed

    def hooks_beside(self) -> Iterator[Path]:
        """Yield the hooks of ours where git looks by itself, under whatever name they lie now."""
        for name in OWN:
            # Other tools keep the hook that they find under a name of their own, and run it.
            for path in (self.beside / name, self.beside / f"{name}.legacy"):
                found = text_of(path)
                if found is not None and hookscript.is_ours(found):
                    yield path

    def look(self) -> str | None:
        """Return where the hooks are at work; None where they are not."""
        if self.is_taken() and text_of(self.instead / OWN[0]) is not None:
            return str(self.instead)
        if self.configured() is None and any(self.hooks_beside()):
            return str(self.beside)
        return None

    def _folder_before(self) -> Path:
        found = self.configured()
        if found is None or found[1] == str(self.instead):
            return self.beside
        return self.repo.path / Path(found[1]).expanduser()


def write(path: Path, text: str) -> bool:
    """Make a hook, executable; tell whether it was another one before."""
    if text_of(path) == text and os.access(path, os.X_OK):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o755)
    temporary.replace(path)
    return True


def text_of(path: Path) -> str | None:
    """Return a hook's text, None where there is none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return path.read_bytes().decode("utf-8", "surrogateescape")
    return None


def injected(repo: Repo, python: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables by which git runs our hooks, before those of the repository it works in.

    The repository and its settings stay as they are.
    """
    place = HookPlace(repo)
    place.fill(python)
    return injection.variables(place.instead, environment)
