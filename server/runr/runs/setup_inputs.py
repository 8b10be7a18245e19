"""The files whose state decides whether the setup commands of a run have to run again. Pure.

Without inputs in the settings, those of package managers count. That is only enough for commands
that install dependencies: what copies code of the repository depends on all of it.
"""

import re
import shlex
from collections.abc import Sequence

from runr.config.settings import SETUP_INPUTS, VerifySettings
from runr.scope import patterns

#: Every file of the commit.
ALL = ("**",)

_BETWEEN = re.compile(r"&&|\|\||[;\n|]")
_ASSIGNMENT = re.compile(r"\w+=")
#: A part of the repository, or a file elsewhere, as an argument of an installer.
_PLACE = re.compile(r"[./~]|file:|.*/")
#: Commands that install what lockfiles and manifests say, and the words that they begin with.
_INSTALLERS = (
    *("npm ci", "npm install", "npm i", "pnpm install", "pnpm i", "yarn install", "bun install"),
    *("uv sync", "uv pip install", "uv venv", "poetry install", "pdm sync", "pdm install"),
    *("pipenv sync", "pipenv install", "composer install", "bundle install", "mix deps.get"),
    *("dart pub get", "pip install", "pip3 install", "python -m pip install", "python -m venv"),
    *("python3 -m pip install", "python3 -m venv", "cd", "mkdir -p", "corepack enable"),
)
#: Options whose value is a list of packages, or an install that reads the files where they are.
_LISTS = ("-r", "--requirement", "-c", "--constraint")
_EDITABLE = ("-e", "--editable")


def of(verify: VerifySettings) -> tuple[str, ...]:
    """Return the patterns of the inputs: those of the settings, or what the commands need."""
    if not verify.setup:
        return ()
    if verify.setup_inputs != SETUP_INPUTS or all(map(_installs_only, verify.setup)):
        return verify.setup_inputs
    return ALL


def _installs_only(command: str) -> bool:
    try:
        parts = [shlex.split(part) for part in _BETWEEN.split(command)]
    except ValueError:
        return False
    return all(_is_installer(words) for words in parts)


def _is_installer(words: Sequence[str]) -> bool:
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if not words:
        return True
    own = [words[0].rpartition("/")[2], *words[1:]]
    every = (each.split() for each in _INSTALLERS)
    known = next((each for each in every if own[: len(each)] == each), None)
    if known is None or "--no-editable" in own:
        return False
    if known[0] in ("cd", "mkdir") or known[-1] == "venv":
        return True
    arguments = own[len(known) :]
    pairs = zip(["", *arguments], arguments, strict=False)
    return not any(_is_code(before, word) for before, word in pairs)


def _is_code(before: str, word: str) -> bool:
    """Tell whether an argument is, or may lead to, files that are no inputs."""
    if before in _EDITABLE:
        return False
    if before in _LISTS:
        return not patterns.matches(word.removeprefix("./"), SETUP_INPUTS)
    return _PLACE.match(word) is not None
