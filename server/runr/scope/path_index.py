"""Which of many paths a pattern matches, without holding every path against every pattern. Pure."""

from collections.abc import Iterable
from functools import cache

from runr.scope import rules

_WILDCARDS = frozenset("*?")


class PathIndex:
    """Paths by the folders that they are in; a pattern is matched as `rules.matches` does it."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._below: dict[str, list[str]] = {"": list(paths)}
        for path in self._below[""]:
            name = rules.composed(path)
            end = name.find("/")
            while end >= 0:
                self._below.setdefault(name[:end], []).append(path)
                end = name.find("/", end + 1)
            self._below.setdefault(name, []).append(path)
        self.matching = cache(self._matching)

    def _matching(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that `pattern` matches, in the order in which they were given."""
        wanted = rules.normalized(pattern)
        first = next((at for at, sign in enumerate(wanted) if sign in _WILDCARDS), None)
        if first is None:
            return tuple(self._below.get(wanted, ()))
        # Without a slash, a pattern with wildcards matches in every folder.
        folder = wanted[: max(wanted.rfind("/", 0, first), 0)]
        near = self._below.get(folder, ())
        return tuple(path for path in near if rules.matches(path, (pattern,)))
