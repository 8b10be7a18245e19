"""What is wrong with the dependencies of checks, as far as it can be said before any run."""

from collections.abc import Iterator

from runr.config.settings import VerifySettings
from runr.execution import installed_copies
from runr.git.ignored import folders_named
from runr.git.repo import Repo
from runr.runs import setup_inputs
from runr.scope import patterns
from runr.text import join_limited

_NAMED = 5

#: Files in which package managers write down what is installed.
_LOCKFILES = (
    *("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"),
    *("bun.lockb", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements*.txt"),
    *("composer.lock", "Gemfile.lock", "mix.lock", "pubspec.lock", "go.sum"),
)


def find(repo: Repo, verify: VerifySettings) -> Iterator[str]:
    """Yield a sentence for each lockfile that `setup` does not depend on, and for each copy."""
    if verify.where == "workspace":
        return
    if verify.setup:
        yield from _uncovered(repo, verify)
        return
    yield from installed_copies.find((repo.path,), folders_named(repo, verify.carry))


def _uncovered(repo: Repo, verify: VerifySettings) -> Iterator[str]:
    inputs = setup_inputs.of(verify)
    tracked = repo.fields("ls-files", "-z", "--", *(f":(glob)**/{name}" for name in _LOCKFILES))
    left = [path for path in tracked if not patterns.matches(path, inputs)]
    if left:
        yield (
            f"verify.setup does not run again if {join_limited(left, _NAMED)} changes: name it in "
            "verify.setup_inputs"
        )
