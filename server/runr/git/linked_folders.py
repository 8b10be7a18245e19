"""The folders of a checkout that a commit only links to another commit, as for submodules.

Git looks at nothing in them that is not a repository, and at that with settings of its own, so
programs can leave in them what no commit has. They are therefore always made anew.
"""

import os
from collections.abc import Iterable, Sequence

from runr import nofollow
from runr.git import private_dir
from runr.git.checkout_repository import Checkout
from runr.git.snapshot import GITLINK, Change

#: Beside the checkout, the paths of all that may be one, each ended with NUL.
_LIST = "links"


def remembered(checkout: Checkout) -> tuple[str, ...]:
    """Return the paths that are remembered of the checkout."""
    file = checkout.outer_git_dir / _LIST
    if not nofollow.exists(file):
        return ()
    return tuple(os.fsdecode(nofollow.read(file)).split("\0")[:-1])


def remember(checkout: Checkout, paths: Iterable[str]) -> None:
    """Remember the paths for as long as the checkout is kept."""
    text = "".join(f"{path}\0" for path in sorted(set(paths)))
    private_dir.write(checkout.outer_git_dir / _LIST, os.fsencode(text))


def listed(checkout: Checkout) -> tuple[str, ...]:
    """Return the paths that the index of the checkout has."""
    fields = checkout.repo.fields("ls-files", "--stage", "-z")
    return tuple(field.partition("\t")[2] for field in fields if field.startswith(GITLINK))


def add(checkout: Checkout, changes: Sequence[Change]) -> None:
    """Remember also what the changes bring or take away; before they are made, as a run may die."""
    links = [each.path for each in changes if GITLINK in (each.old_mode, each.new_mode)]
    if links:
        remember(checkout, (*remembered(checkout), *links))


def empty(checkout: Checkout) -> bool:
    """Empty the folders, and forget those that the index no longer has; False if there are none."""
    known = remembered(checkout)
    linked = [path for path in listed(checkout) if path in known] if known else []
    for path in linked:
        nofollow.remove(checkout.path / path)
        nofollow.make_folder(checkout.path / path)
    if list(known) != linked:
        remember(checkout, linked)
    return bool(linked)
