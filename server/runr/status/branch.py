"""Where the work of completed tasks is, as git says: on the branch, elsewhere, or nowhere. Pure."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

#: `elsewhere` is a commit that does not lead to the tip of the branch, `missing` one that is
#: not in the repository.
Absence = Literal["elsewhere", "missing"]

_ABSENT: Mapping[Absence, str] = {
    "elsewhere": "not on this branch",
    "missing": "not in this repository",
}

_BASIS = {
    "trailers": "its trailers name the run",
    "tree": "with the same tree",
    "patch": "with the same change",
}


class Rewritten(NamedTuple):
    """The commit of the branch that is a completion's work, and by what it was recognised."""

    sha: str
    basis: str

    def describe(self) -> str:
        """Return which commit it is and how it was recognised."""
        return f"{self.sha[:12]} ({_BASIS[self.basis]})"


class OnBranch(NamedTuple):
    """The completed tasks whose own commit does not lead to the tip of the branch.

    `absent` are those whose work is not on the branch, `rewritten` those whose work is
    there as another commit.
    """

    absent: Mapping[str, Absence]
    rewritten: Mapping[str, Rewritten]


NOTHING_ABSENT = OnBranch(absent={}, rewritten={})


def describe(absence: Absence) -> str:
    """Say where the commit of a completion is not."""
    return _ABSENT[absence]
