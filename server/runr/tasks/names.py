"""Find the task that a name refers to. Pure."""

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from runr.tasks.model import Task

TASKS = ".runr/tasks/"

_DIGITS = re.compile(r"0*([0-9]+)")


def natural_key(path: str) -> tuple[str, str]:
    """Return what to sort by, so that `task-2` comes before `task-10`; no two paths are equal."""
    parts = _DIGITS.split(path)
    # A number begins with its length, and comes before any other sign.
    parts[1::2] = [f"\0{chr(len(digits))}{digits}" for digits in parts[1::2]]
    return ("".join(parts), path)


# Without slots, for the cached properties.
@dataclass(frozen=True)
class Resolver:
    """Finds the task that a name refers to.

    A name may be a repository path, a path below the tasks folder, a path
    relative to the task that names it, or a bare file name; `.md` may be left
    out of each. Where no name is written with the same code points, one that
    looks the same is meant.
    """

    tasks: Mapping[str, Task]

    @classmethod
    def of(cls, tasks: Iterable[Task]) -> "Resolver":
        """Return a resolver for these tasks' names; of several, it finds them in this order."""
        return cls({task.path: task for task in tasks})

    def find(self, name: str, *, beside: str | None = None) -> tuple[str, ...]:
        """Return the matching paths: one, none, or several when the name is ambiguous."""
        wanted = name.strip().replace("\\", "/")
        if beside is not None and "/" not in wanted:
            # Nearly every name is that of a file in the same folder, written in full.
            near = f"{beside.rpartition('/')[0]}/{wanted}"
            if near in self.tasks:
                return (near,)
        for plain in (f"{TASKS}{wanted}", f"{TASKS}{wanted}.md"):
            if plain in self.tasks and (beside is None or "/" not in beside[len(TASKS) :]):
                return (plain,)
        for spelling in (wanted, f"{wanted}.md"):
            for path in self._places(spelling, beside):
                known = path if path in self.tasks else self._by_form.get(_composed(path))
                if known is not None:
                    return (known,)
        for spelling in (_composed(wanted), _composed(f"{wanted}.md")):
            if "/" not in spelling and spelling in self._by_name:
                return self._by_name[spelling]
        return ()

    def task(self, path: str) -> Task:
        """Return the task at a path that `find` returned."""
        return self.tasks[path]

    @cached_property
    def _by_form(self) -> dict[str, str]:
        """The paths by their composed form (NFC), where that may be another one."""
        return {_composed(path): path for path in self.tasks if not path.isascii()}

    @cached_property
    def _by_name(self) -> dict[str, tuple[str, ...]]:
        """The paths by the composed form (NFC) of the file's name."""
        found: dict[str, list[str]] = {}
        for path in self.tasks:
            found.setdefault(_composed(path.rpartition("/")[2]), []).append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    def _places(self, name: str, beside: str | None) -> Iterable[str]:
        if "/" not in name and name not in (".", ".."):
            # The common case, in which the paths are normal already.
            if beside is not None:
                yield f"{beside.rpartition('/')[0]}/{name}"
            yield f"{TASKS}{name}"
            yield name
            return
        if beside is not None:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(beside), name))
        yield posixpath.normpath(posixpath.join(TASKS, name))
        yield posixpath.normpath(name)


def _composed(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)
