"""The text of the git hook: a small script that says in a commit where it came from."""

import hashlib
import re
import shlex
from importlib import resources

_MARK = re.compile(r"^# runr git hook ([0-9a-f]{16})$", re.MULTILINE)


def text(python: str, *, beside: bool) -> str:
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
    return _MARK.search(found) is not None


def is_untouched(found: str) -> bool:
    """Tell whether nobody has edited the hook that runr wrote."""
    mark = _MARK.search(found)
    return mark is not None and mark[1] == _digest(found.replace(mark[1], "@digest@", 1))


def _digest(unmarked: str) -> str:
    return hashlib.sha256(unmarked.encode("utf-8", "surrogateescape")).hexdigest()[:16]
