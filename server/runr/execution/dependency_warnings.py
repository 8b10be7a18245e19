"""What is wrong with the dependencies of checks, as far as it can be said before any run."""

import re
from collections.abc import Collection, Iterator, Sequence

from runr.config.settings import VerifySettings
from runr.execution import installed_copies
from runr.git import submodules
from runr.git.ignored import folders_named, matches
from runr.git.repo import Repo
from runr.runs import setup_inputs
from runr.scope import patterns
from runr.text import join_limited

_NAMED = 5

#: Clients of programs that run all the time, or stay after the first call.
_DAEMONS = re.compile(
    r"(?<![\w.-])(docker|docker-compose|nerdctl|podman-remote|act|bazel|bazelisk|watchman|buck2?)"
    r"(?![\w.-])|(?<![\w-])(\./)?gradlew?(?![\w.-])(?!.*--no-daemon)"
)

#: Files in which package managers write down what is installed.
_LOCKFILES = (
    *("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"),
    *("bun.lockb", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements*.txt"),
    *("composer.lock", "Gemfile.lock", "mix.lock", "pubspec.lock", "go.sum"),
)


def find(repo: Repo, verify: VerifySettings) -> Iterator[str]:
    """Yield a sentence for each lockfile that `setup` does not depend on, and for each copy.

    With no `setup`, also for what is in `carry` and is not carried.
    """
    if verify.where == "workspace":
        return
    if verify.mount:
        yield from _outside_of_mounts(verify)
    if verify.setup:
        yield from _uncovered(repo, verify)
        return
    found = folders_named(repo, verify.carry)
    yield from _not_carried(repo, verify, found)
    yield from installed_copies.find((repo.path,), found)


def _outside_of_mounts(verify: VerifySettings) -> Iterator[str]:
    """Yield which checks ask a program that runs already, and so sees no mount of a check."""
    for command in (*verify.tier0, *verify.tier1, *verify.tier2, *verify.setup):
        if found := _DAEMONS.search(command):
            name = found[0].rpartition("/")[2]
            yield (
                f"{name} may work in your files instead of the commit, as its daemon does not see "
                "the clean checkout at the path of the repository: set verify.mount = false"
            )
            return


def _not_carried(repo: Repo, verify: VerifySettings, found: Collection[str]) -> Iterator[str]:
    """Yield why what is named in `carry` is not carried, though it is there."""
    hidden = [path for path in _in_submodules(repo, verify.carry) if path not in found]
    if hidden:
        yield (
            f"verify.carry does not reach into submodules: {join_limited(hidden, _NAMED)} "
            f"{'is' if len(hidden) == 1 else 'are'} not carried; install it in the check that "
            "needs it"
        )
    for path in (each.removesuffix("/") for each in verify.carry):
        there = repo.path / path
        if there.is_symlink():
            yield f"verify.carry names {path}, which is a link: only a folder is carried"
        elif path in found or path in hidden or not there.is_dir():
            continue
        elif repo.run("ls-files", "--", f":(top,literal){path}"):
            yield f"verify.carry names {path}, in which git tracks files: checks see those instead"
        else:
            yield (
                f"verify.carry names {path}, which is in a folder that git does not track: "
                "name that one"
            )


def _in_submodules(repo: Repo, carry: Sequence[str]) -> Iterator[str]:
    """Yield the folders in submodules that match and that git does not track there."""
    for module in submodules.find_submodules(repo):
        if submodules.is_checked_out(repo, module):
            inside = folders_named(Repo(repo.path / module.path), ["*"])
            paths = (f"{module.path}/{folder}" for folder in inside)
            yield from (path for path in paths if matches(path, carry))


def _uncovered(repo: Repo, verify: VerifySettings) -> Iterator[str]:
    inputs = setup_inputs.of(verify)
    tracked = repo.fields("ls-files", "-z", "--", *(f":(glob)**/{name}" for name in _LOCKFILES))
    left = [path for path in tracked if not patterns.matches(path, inputs)]
    if left:
        yield (
            f"verify.setup does not run again if {join_limited(left, _NAMED)} changes: name it in "
            "verify.setup_inputs"
        )
