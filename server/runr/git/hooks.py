"""Where a repository's hooks lie, and what stands there; nothing outside of it is ever written."""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from runr.errors import RunrError
from runr.git.repo import Repo

HOOKS_PATH_KEY = "core.hooksPath"

_SOURCE = Path(__file__).with_name("hook.sh")
_FILLED_MARK = ".filled"


def injection_folder(common: Path) -> Path:
    """Return where our hooks lie in a git directory."""
    return common / "runr" / "hooks"


def injection_variables(hooks: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what makes git look for hooks in `hooks`; none where it does so already."""
    counted = environment.get("GIT_CONFIG_COUNT", "")
    count = int(counted) if counted.isdecimal() else 0
    last = str(count - 1)
    if environment.get(f"GIT_CONFIG_VALUE_{last}") == str(hooks):
        return {}
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": HOOKS_PATH_KEY,
        f"GIT_CONFIG_VALUE_{count}": str(hooks),
    }


def is_filled(hooks: Path, python: str) -> bool:
    """Tell whether the folder holds what this very runr would write into it."""
    try:
        return (hooks / _FILLED_MARK).read_bytes() == _mark(python)
    except OSError:
        return False


def mark_filled(hooks: Path, python: str) -> None:
    """Note that it does."""
    (hooks / _FILLED_MARK).write_bytes(_mark(python))


def _mark(python: str) -> bytes:
    return os.fsencode(f"{_SOURCE.stat().st_mtime_ns} {python}")


_SCRIPT_MARK = re.compile(r"^# runr git hook ([0-9a-f]{16})$", re.MULTILINE)


def script_text(python: str, *, beside: bool) -> str:
    """Return the hook; `python` is what runs runr where it is not on PATH.

    A hook that stands `beside` the one it took the place of finds that one by
    its name; any other finds the folder in which git would have looked.
    """
    source = (resources.files("runr.git") / "hook.sh").read_text(encoding="utf-8")
    words = {"@beside@": "yes" if beside else "no", "@python@": shlex.quote(python)}
    for name, word in words.items():
        source = source.replace(name, word)
    return source.replace("@digest@", _digest(source))


def is_ours(found: str) -> bool:
    """Tell whether runr wrote this hook, of whatever version."""
    return _SCRIPT_MARK.search(found) is not None


def is_untouched(found: str) -> bool:
    """Tell whether nobody has edited the hook that runr wrote."""
    mark = _SCRIPT_MARK.search(found)
    return mark is not None and mark[1] == _digest(found.replace(mark[1], "@digest@", 1))


def _digest(unmarked: str) -> str:
    return hashlib.sha256(unmarked.encode("utf-8", "surrogateescape")).hexdigest()[:16]


#: Those that say where a commit came from.
OWN_FOLDER = ("prepare-commit-msg", "commit-msg")

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


class HooksFolder(NamedTuple):
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
        return injection_folder(self.common)

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
        listed = self.repo.answer("config", "-z", "--show-scope", "--get-all", HOOKS_PATH_KEY)
        fields = (listed or b"").decode("utf-8", "surrogateescape").split("\0")[:-1]
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
        script = script_text(python, beside=False)
        old = self._folder_before()
        names = [
            *OWN_FOLDER,
            *_PASSED_ON,
            *(name for name in _WHERE_PRESENT if (old / name).exists()),
        ]
        changed = [path for name in names if write_hook(path := self.instead / name, script)]
        mark_filled(self.instead, python)
        return changed

    def hooks_beside(self) -> Iterator[Path]:
        """Yield the hooks of ours where git looks by itself, under whatever name they lie now."""
        for name in OWN_FOLDER:
            # Other tools keep the hook that they find under a name of their own, and run it.
            for path in (self.beside / name, self.beside / f"{name}.legacy"):
                found = hook_text(path)
                if found is not None and is_ours(found):
                    yield path

    def look(self) -> str | None:
        """Return where the hooks are at work; None where they are not."""
        if self.is_taken() and hook_text(self.instead / OWN_FOLDER[0]) is not None:
            return str(self.instead)
        if self.configured() is None and any(self.hooks_beside()):
            return str(self.beside)
        return None

    def _folder_before(self) -> Path:
        found = self.configured()
        if found is None or found[1] == str(self.instead):
            return self.beside
        return self.repo.path / Path(found[1]).expanduser()


def write_hook(path: Path, text: str) -> bool:
    """Make a hook, executable; tell whether it was another one before."""
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
    """Return variables by which git runs our hooks, before those of the repository it works in.

    The repository and its settings stay as they are.
    """
    place = HooksFolder(repo)
    place.fill(python)
    return injection_variables(place.instead, environment)


class HookInstallRecord(NamedTuple):
    """Git's settings before and after, and whether a folder is new.

    The texts are None where the settings were not touched.
    """

    config_before: str | None = None
    config_after: str | None = None
    made_folder: bool = False


def read_record(path: Path) -> HookInstallRecord | None:
    """Return what was installed; None where nothing was."""
    try:
        return HookInstallRecord(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise RunrError(f"{path} is not what runr wrote there") from error


def save_record(path: Path, receipt: HookInstallRecord) -> None:
    """Keep what was installed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(receipt._asdict(), indent=1), "utf-8")
