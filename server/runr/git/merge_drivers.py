"""Merge drivers: programs of the user's settings that git has merge the files that attributes name.

A driver such as `true`, which many set up as "ours", keeps one side and drops the other.
"""

import os

from runr.git.repo import Repo, split

_DRIVERS = r"^merge\..*\.driver$"

#: What git does itself with files of text; a file that cannot be merged is in conflict.
_AS_TEXT = "git merge-file %A %O %B || exit 1"


def configured(repo: Repo) -> tuple[str, ...]:
    """Return the settings, by their names, that define merge drivers."""
    found = repo.answer("config", "-z", "--name-only", "--get-regexp", _DRIVERS)
    return tuple(dict.fromkeys(split(found or b"")))


def replaced(repo: Repo) -> Repo:
    """Return the repository with git's own merge of text in the place of every driver."""
    names = configured(repo)
    if not names:
        return repo
    variables = dict(repo.variables)
    first = int(variables.get("GIT_CONFIG_COUNT", os.environ.get("GIT_CONFIG_COUNT", "")) or 0)
    variables["GIT_CONFIG_COUNT"] = str(first + len(names))
    for number, name in enumerate(names, first):
        variables[f"GIT_CONFIG_KEY_{number}"] = name
        variables[f"GIT_CONFIG_VALUE_{number}"] = _AS_TEXT
    return repo._replace(variables=tuple(variables.items()))
