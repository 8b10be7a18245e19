"""Paths into the repository's working trees, rewritten so that they lead to a clean checkout.

For checks where nothing can be mounted over those trees. A path is recognised as it is written,
also in an address with `file://` or after an option such as `-I`, and else by where it leads.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from runr.execution import foreign_imports

#: What may be before a path: no character of a longer one.
_BEFORE = r"(?:(?<![\w./~-])|(?<=file://)|(?<=file://localhost)|(?<=^-[A-Za-z])|(?<=\s-[A-Za-z]))"
_AFTER = r"(?=/|[^\w.~+@%-]|$)"
#: In the working tree itself: the worktree of a run.
_OF_RUN = r"(?:/\.runr/worktrees/[^/\s:;'\"]+)?"
#: What is git's or runr's own is in no commit; the checkout may be in there, too.
_NOT_OWN = r"(?!/\.(?:runr|git)(?![\w.-]))"
#: With `..` in it, only the file system tells where it leads.
_PLAIN = r"(?![^\s:;,'\"]*/\.\.(?![\w.]))"
_TOKEN = re.compile(_BEFORE + r"/[^\s:;,'\"=<>|()&$`]+")


class Rewriting(NamedTuple):
    """The working trees of the repository, with links resolved, and the checkout."""

    trees: tuple[str, ...]
    checkout: str

    @classmethod
    def of(cls, trees: Sequence[Path], checkout: Path) -> "Rewriting":
        """Return the rewriting for these trees, each under the path given and its real one."""
        named = {str(path) for tree in trees for path in (tree, os.path.realpath(tree))}
        return cls(tuple(sorted(named, key=len, reverse=True)), str(checkout))

    def text(self, value: str) -> str:
        """Return a text with every path into the trees rewritten."""
        for written, becomes in self._written():
            pattern = f"{_BEFORE}{re.escape(written)}{_OF_RUN}{_NOT_OWN}{_PLAIN}{_AFTER}"
            value = re.sub(pattern, becomes.replace("\\", r"\\"), value)
        return "\n".join(":".join(map(self._part, line.split(":"))) for line in value.split("\n"))

    def path(self, path: str | Path) -> str | None:
        """Return the path in the checkout where an existing one leads into a tree, else None."""
        if not os.path.lexists(path):
            return None
        return foreign_imports.moved(str(path), self.trees, self.checkout)

    def link(self, link: Path) -> str:
        """Return where the copy of a symbolic link has to lead.

        One that leads by a relative path to something in its own tree leads there in the checkout.
        """
        written = os.readlink(link)  # noqa: PTH115 - pathlib would fold the path
        beside = os.path.normpath(link.parent / written)
        if os.path.isabs(written):  # noqa: PTH117 - a text
            moved = self.text(written)
            return moved if moved != written else self.path(link) or written
        return written if beside.startswith(self._roots()) else self.path(link) or written

    def leads_in(self, text: str, folder: Path) -> bool:
        """Tell whether a file of `folder` names a tree, also by a path relative to the folder."""
        lines = (line.strip() for line in text.split("\n"))
        relative = (line for line in lines if line and not line.startswith(("/", "#", "import ")))
        return self.text(text) != text or any(self.path(folder / line) for line in relative)

    def _roots(self) -> tuple[str, ...]:
        return tuple(f"{tree}/" for tree in self.trees)

    def _written(self) -> list[tuple[str, str]]:
        plain = [(tree, self.checkout) for tree in self.trees]
        quoted = [(quote(tree), quote(self.checkout)) for tree in self.trees if quote(tree) != tree]
        return [*plain, *quoted]

    def _part(self, part: str) -> str:
        whole = self.path(part) if part.startswith("/") else None
        return whole or _TOKEN.sub(lambda found: self.path(found[0]) or found[0], part)
