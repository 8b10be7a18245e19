"""The files and folders of a commit, with what changes as soon as one of them does. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class CommittedFiles:
    """The mode and object of each path, as `git ls-tree -r` names them."""

    entries: Mapping[str, str]

    @classmethod
    def of(cls, lines: Sequence[str]) -> "CommittedFiles":
        """Return the files of lines of `git ls-tree -r`."""
        return cls({path: facts for facts, _, path in (line.partition("\t") for line in lines)})

    def tracked(self, path: str) -> str | None:
        """Return the path, or the submodule that it is in; None for a file of no commit."""
        while path:
            if path in self.entries:
                return path
            path = path.rpartition("/")[0]
        return None

    def states(self, paths: Iterable[str]) -> dict[str, str | None]:
        """Return the state of each path; that of a folder, which ends with a slash, is its names.

        None is the state of what is not there.
        """
        return {path: self._state(path) for path in paths}

    def _state(self, path: str) -> str | None:
        if not path.endswith("/"):
            return self.entries.get(path)
        names = "\0".join(sorted(self._names.get(path.rstrip("/"), ())))
        return hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest() if names else None

    @property
    def links(self) -> tuple[str, ...]:
        """The paths that are commits of submodules."""
        return tuple(path for path, facts in self.entries.items() if facts.startswith("160000"))

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders with a file in them or below, the top one as an empty path."""
        return frozenset(self._names)

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        names: dict[str, set[str]] = {"": set()}
        for path in self.entries:
            folder, _, name = path.rpartition("/")
            while name and name not in names.setdefault(folder, set()):
                names[folder].add(name)
                folder, _, name = folder.rpartition("/")
        return names
