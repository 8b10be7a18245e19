"""runr's git hooks: their script, the folder that holds them, and where git looks for hooks.

Light enough to be loaded by a hook of Claude Code, which a session waits for.
"""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from runr.errors import RunrError
from runr.git.repo import Repo

#: The hooks that say in a commit where it came from.
OWN_HOOKS = ("prepare-commit-msg", "commit-msg")

# In a folder that replaces another one, each hook that git knows has to be passed on.
_PASSED_ON = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit"),
    *("post-commit", "pre-rebase", "post-checkout", "post-merge", "post-rewrite", "pre-push"),
    *("pre-receive", "update", "post-receive", "post-update", "pre-auto-gc"),
    *("sendemail-validate", "p4-changelist", "p4-prepare-changelist", "p4-post-changelist"),
    "p4-pre-submit",
)
# These change what git does, or cost time at every step, by being there at all.
_WHERE_PRESENT = ("push-to-checkout", "proc-receive", "reference-transaction", "post-index-change")

#: Note which refs are moved, and which index is written.
_WATCHING = ("reference-transaction", "post-index-change")

_HOOKS_PATH = "core.hooksPath"
_SOURCE = Path(__file__).with_name("hook.sh")
_FILLED_MARK = ".filled"
_SCRIPT_MARK = re.compile(r"^# runr git hook ([0-9a-f]{16})$", re.MULTILINE)


def injection_folder(common: Path) -> Path:
    """Return the folder of runr's hooks in a git directory."""
    return common / "runr" / "hooks"


def ref_log_folder(common: Path) -> Path:
    """Return where it is noted which refs the git of a run's worker has moved, one file a run."""
    return common / "runr" / "refs"


def injection_variables(hooks: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make git use the hooks in `hooks`; none where it already does."""
    counted = environment.get("GIT_CONFIG_COUNT", "")
    count = int(counted) if counted.isdecimal() else 0
    last = str(count - 1)
    if environment.get(f"GIT_CONFIG_VALUE_{last}") == str(hooks):
        return {}
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": _HOOKS_PATH,
        f"GIT_CONFIG_VALUE_{count}": str(hooks),
    }


def is_filled(hooks: Path, python: str) -> bool:
    """Tell whether the folder holds what this version of runr would write into it."""
    try:
        return (hooks / _FILLED_MARK).read_bytes() == _mark(python)
    except OSError:
        return False


def _mark(python: str) -> bytes:
    return os.fsencode(f"{_SOURCE.stat().st_mtime_ns} {python}")


def script_text(python: str, *, in_default: bool) -> str:
    """Return the hook; `python` runs runr where it is not on PATH.

    A hook that is installed `in_default`, git's default folder, runs the hook
    that it replaced; any other runs the one in the folder that git would use
    without runr's.
    """
    source = _SOURCE.read_text(encoding="utf-8")
    words = {"@in_default@": "yes" if in_default else "no", "@python@": shlex.quote(python)}
    for name, word in words.items():
        source = source.replace(name, word)
    return source.replace("@digest@", _digest(source))


def is_ours(found: str) -> bool:
    """Tell whether any version of runr wrote this hook."""
    return _SCRIPT_MARK.search(found) is not None


def is_untouched(found: str) -> bool:
    """Tell whether the hook is as runr wrote it."""
    mark = _SCRIPT_MARK.search(found)
    return mark is not None and mark[1] == _digest(found.replace(mark[1], "@digest@", 1))


def _digest(unmarked: str) -> str:
    return hashlib.sha256(unmarked.encode("utf-8", "surrogateescape")).hexdigest()[:16]


class HooksFolder(NamedTuple):
    """The hooks of one repository, which all of its working trees share."""

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
    def replacement(self) -> Path:
        """The folder of runr's that replaces the one that git would use."""
        return injection_folder(self.common)

    @property
    def for_workers(self) -> Path:
        """The same for the workers of runs, whose refs are watched."""
        return self.own / "worker-hooks"

    @property
    def default(self) -> Path:
        """The folder that git uses where none is configured."""
        return self.common / "hooks"

    @property
    def config(self) -> Path:
        """The repository's own git settings."""
        return self.common / "config"

    @property
    def record(self) -> Path:
        """The record of an installation, by which it is removed."""
        return self.own / "receipt.json"

    def configured(self) -> tuple[str, str] | None:
        """Return scope and value of `core.hooksPath`, as files set it."""
        listed = self.repo.answer("config", "-z", "--show-scope", "--get-all", _HOOKS_PATH)
        fields = (listed or b"").decode("utf-8", "surrogateescape").split("\0")[:-1]
        pairs = list(zip(fields[::2], fields[1::2], strict=False))
        return next((pair for pair in reversed(pairs) if pair[0] != "command"), None)

    def is_replaced(self) -> bool:
        """Tell whether git looks for hooks in runr's folder."""
        found = self.configured()
        return found is not None and found[1] == str(self.replacement)

    def needs_replacement(self) -> bool:
        """Tell whether another tool's folder is configured, or the default is out of bounds."""
        found = self.configured()
        return found is not None or not self.default.resolve().is_relative_to(self.common)

    def fill(self, python: str, folder: Path | None = None) -> list[Path]:
        """Write every hook's name into runr's folder; return what changed.

        In the `folder` for workers there are two more.
        """
        into = folder or self.replacement
        script = script_text(python, in_default=False)
        old = self._replaced_folder()
        present = {name for name in _WHERE_PRESENT if (old / name).exists()}
        watching = set(_WATCHING if into == self.for_workers else ())
        names = (*OWN_HOOKS, *_PASSED_ON, *sorted(present | watching))
        changed = [path for name in names if write_hook(path := into / name, script)]
        (into / _FILLED_MARK).write_bytes(_mark(python))
        return changed

    def installed_in_default(self) -> Iterator[Path]:
        """Yield runr's hooks in git's default folder, under whatever name they have now."""
        for name in OWN_HOOKS:
            # Other tools keep the hook that they find under a name of their own, and run it.
            for path in (self.default / name, self.default / f"{name}.legacy"):
                found = hook_text(path)
                if found is not None and is_ours(found):
                    yield path

    def active_folder(self) -> str | None:
        """Return the folder from which git runs runr's hooks; None where it runs none."""
        if self.is_replaced() and hook_text(self.replacement / OWN_HOOKS[0]) is not None:
            return str(self.replacement)
        if self.configured() is None and any(self.installed_in_default()):
            return str(self.default)
        return None

    def _replaced_folder(self) -> Path:
        found = self.configured()
        if found is None or found[1] == str(self.replacement):
            return self.default
        return self.repo.path / Path(found[1]).expanduser()


def write_hook(path: Path, text: str) -> bool:
    """Write an executable hook; tell whether it is another one than before."""
    if hook_text(path) == text and os.access(path, os.X_OK):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o755)
    temporary.replace(path)
    return True


def hook_text(path: Path) -> str | None:
    """Return a hook's text, None where there is none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return path.read_bytes().decode("utf-8", "surrogateescape")
    return None


def injected_folder(repo: Repo, python: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which git runs runr's hooks, and then the repository's own.

    The repository and its settings stay as they are.
    """
    folder = HooksFolder(repo)
    folder.fill(python, folder.for_workers)
    return injection_variables(folder.for_workers, environment)


class HookInstallRecord(NamedTuple):
    """The repository's settings before and after an installation, None where they stayed.

    `made_folder` tells whether git's default folder is new.
    """

    config_before: str | None = None
    config_after: str | None = None
    made_folder: bool = False


def read_record(path: Path) -> HookInstallRecord | None:
    """Return what was installed; None where nothing was."""
    try:
        found = json.loads(path.read_bytes())
        before, after = found.get("config_before"), found.get("config_after")
        known = HookInstallRecord(before, after, bool(found.get("made_folder")))
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError) as error:
        raise RunrError(f"{path} is damaged: runr did not write it like this") from error
    return known


def save_record(path: Path, record: HookInstallRecord) -> None:
    """Write down what was installed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record._asdict(), indent=1), "utf-8")
