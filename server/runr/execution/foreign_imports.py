"""Let a Python that a check starts import the commit's code, and never that of a working tree.

Where no checkout can be mounted over the working trees. What `as_sitecustomize` returns is the
`sitecustomize` of every Python below a check, of any version from 3.6: it imports nothing of runr,
and only what Python has imported itself.
"""

import os
import sys
from pathlib import Path

TYPE_CHECKING = False  # `typing` takes long to load
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def as_sitecustomize(trees: "Iterable[str]", checkout: str, report: str) -> str:
    """Return the text of a module that does what `begin` does with these arguments."""
    source = Path(__file__).read_text(encoding="utf-8")
    return f"{source}\n\nbegin({tuple(trees)!a}, {checkout!a}, {report!a})\n"


def moved(path: str, trees: "Iterable[str]", checkout: str) -> "str | None":
    """Return the path in the checkout where one leads into a tree, else None.

    A worktree of a run is a tree as well; what else is git's or runr's own is in no commit.
    """
    real = os.path.realpath(path)
    for tree in trees:
        if real == tree or real.startswith(tree + "/"):
            parts = real[len(tree) + 1 :].split("/")
            if parts[:2] == [".runr", "worktrees"] and len(parts) > 2:  # noqa: PLR2004 - its name
                parts = parts[3:]
            own = parts[:1] in ([".runr"], [".git"])
            return None if own else "/".join([checkout, *filter(None, parts)])
    return None


def begin(trees: "tuple[str, ...]", checkout: str, report: str) -> None:
    """Import from the checkout what would come out of a tree, and end this Python if it does."""
    guard = _Guard(trees, checkout, report)
    own = os.path.dirname(__file__)  # noqa: PTH120 - pathlib takes long to load
    sys.path[:] = [guard.moved(path) for path in sys.path if path != own]
    for finder in sys.meta_path:
        guard.move_install(finder)
    if hasattr(sys, "addaudithook"):  # from Python 3.8
        sys.addaudithook(guard.hear)
    for module in list(sys.modules.values()):
        guard.refuse(getattr(module, "__file__", None))
    _hand_over()


class _Guard:
    """The trees, the checkout, and the file for a line about what would have been run."""

    def __init__(self, trees: "tuple[str, ...]", checkout: str, report: str) -> None:
        self._trees = trees
        self._checkout = checkout
        self._report = report

    def moved(self, path: "Any") -> "Any":
        """Return an entry of the path as it is in the checkout."""
        if not isinstance(path, str) or not os.path.isabs(path):  # noqa: PTH117 - a text
            return path
        return moved(path, self._trees, self._checkout) or path

    def move_install(self, finder: "Any") -> None:
        """Rewrite the paths of an editable install as setuptools makes it."""
        module = sys.modules.get(getattr(finder, "__module__", None) or "")
        mapping, namespaces = (getattr(module, name, None) for name in ("MAPPING", "NAMESPACES"))
        if isinstance(mapping, dict):
            mapping.update({name: self.moved(path) for name, path in mapping.items()})
        if isinstance(namespaces, dict):
            found = {name: [*map(self.moved, paths)] for name, paths in namespaces.items()}
            namespaces.update(found)

    def hear(self, event: str, arguments: "tuple[Any, ...]") -> None:
        """Refuse a module that is about to run, found in whatever way."""
        if event == "exec":
            self.refuse(getattr(arguments[0], "co_filename", None))
        elif event == "import":  # the file of a compiled module
            self.refuse(arguments[1])

    def refuse(self, path: "Any") -> None:
        """End this Python if a file is in one of the trees."""
        # `<string>` is no file, also where the working directory is in a tree.
        if not isinstance(path, str) or path.startswith("<") or not os.path.lexists(path):
            return
        if moved(path, self._trees, self._checkout) is not None:
            self._end(os.path.abspath(path))  # noqa: PTH100 - pathlib takes long to load

    def _end(self, path: str) -> None:
        line = os.fsencode("{} runs {}\n".format(sys.executable or "Python", path))
        try:
            os.write(2, b"runr: " + line)
            # Without following a link that a check has left there.
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            os.write(os.open(self._report, flags, 0o644), line)
        finally:
            os._exit(1)


def _hand_over() -> None:
    """Import the `sitecustomize` that this one hides, if there is one."""
    mine = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - the next one
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", mine)
