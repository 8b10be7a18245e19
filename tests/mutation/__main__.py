"""Change the pure modules, one place at a time, and print the changes that no unit test notices.

    python -m mutation status.staleness git

A name is a module or a package; without one, all are taken, which takes hours. A change is tried
with the unit tests that run its statement; nothing in the project is written.
"""

import difflib
import json
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutation.changes import changes
from mutation.session import IMPORT, Fork, Forks, Record, Try

ROOT = Path(__file__).resolve().parents[2]
_CONTRACT = "Decisions touch no file, process or clock"
#: A change may take this many times the processor time that the tests need, and that more.
_TIMES, _MORE_S = 5, 5


def main(names: list[str]) -> int:
    """Print the changes that no test notices; return 2 if a name is not known."""
    known = pure_modules()
    chosen = [module for name in names for module in known if _below(module, name)]
    for name in names:
        if not any(_below(module, name) for module in known):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            _say(f'{name} is not in the contract "{_CONTRACT}" of pyproject.toml{hint}')
            return 2
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tried = (fork for name in chosen or known for fork in _tried(name, Path(folder)))
        options = ["-q", "-s", "-p", "no:cacheprovider", "--hypothesis-profile=mutation"]
        arguments = [*options, f"--basetemp={folder}/tests", "tests/unit"]
        return pytest.main(arguments, plugins=[Forks(tried)])


def pure_modules() -> list[str]:
    """Return the modules that the import contract keeps pure, without `runr.`, packages opened."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        each for each in project["tool"]["importlinter"]["contracts"] if each["name"] == _CONTRACT
    )
    return [name for module in contract["source_modules"] for name in _opened(module)]


def unit_tests(name: str) -> list[str]:
    """Return the files of unit tests of a module.

    They are named after it, or named after its package and import from it, themselves or through
    what they share. Without any, those that import from it at all, or else those of its package.
    """
    folder = ROOT / "tests" / "unit"
    package = name.partition(".")[0]
    texts = {path: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    helpers = [path.stem for path, text in texts.items() if _imports(text, name)]
    shared = [f"from unit.{stem} import" for stem in helpers if not stem.startswith("test_")]
    tests = [path for path in texts if path.stem.startswith("test_")]
    named = [path for path in tests if _is_of(path.stem, name)]
    own = [path for path in tests if _is_of(path.stem, package)]
    importing = [path for path in tests if _imports(texts[path], name)]
    further = [path for path in own if any(line in texts[path] for line in shared)]
    files = {*named, *(path for path in importing if path in own), *further}
    return sorted(str(path.relative_to(ROOT)) for path in files or importing or own)


def _imports(text: str, name: str) -> bool:
    package, _, module = f"runr.{name}".rpartition(".")
    whole = f"from {package} import {module}\n"
    return f"from runr.{name} import" in text or whole in text


def _is_of(stem: str, name: str) -> bool:
    prefix = f"test_{name.replace('.', '_')}"
    return stem == prefix or stem.startswith(f"{prefix}_")


def _below(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def _opened(module: str) -> Iterator[str]:
    place = ROOT / "server" / Path(*module.split("."))
    if place.is_dir():
        yield from (
            f"{module}.{path.stem}".removeprefix("runr.")
            for path in sorted(place.glob("*.py"))
            if path.stem != "__init__"
        )
    else:
        yield module.removeprefix("runr.")


def _tried(name: str, folder: Path) -> Iterator[Fork]:
    """Yield the forks of one module, and print what comes of them."""
    files = unit_tests(name)
    if not files:
        _say(f"{name}: no unit test imports it")
        return
    path = ROOT / "server" / "runr" / f"{name.replace('.', '/')}.py"
    record = folder / "lines.json"
    baseline = Fork(Record(path, record), files)
    yield baseline
    if not record.exists():
        _say(f"{name}: tests do not run: pytest {' '.join(files)}")
        return
    ran = json.loads(record.read_text(encoding="utf-8"))
    record.unlink()
    limit = int(baseline.seconds * _TIMES + _MORE_S)
    total = survived = 0
    untested: list[int] = []
    for change in changes(name, path.read_text(encoding="utf-8")):
        total += 1
        fork = None
        for tests in _running(ran, change.lines):
            attempt = Try(f"runr.{name}", change.code, tests, limit)
            fork = Fork(attempt, list(dict.fromkeys(test.partition("::")[0] for test in tests)))
            yield fork
            if fork.status:
                break
        if fork is None:
            untested.append(change.lines.start)
        elif not fork.status:
            survived += 1
            _say(change.diff)
    if untested:
        numbers = ", ".join(map(str, sorted(set(untested))))
        _say(f"{name}: {len(untested)} changes in lines that no unit test runs: {numbers}")
    _say(f"{name}: {survived} of {total} changes survive {', '.join(map(_short, files))}")


def _running(ran: dict[str, tuple[float, list[int]]], lines: range) -> list[list[str]]:
    """Return the tests that run one of the lines: those of the quickest file, then all others."""
    everything = not set(ran[IMPORT][1]).isdisjoint(lines)
    of_file: dict[str, dict[str, float]] = {}
    for test, (seconds, each) in ran.items():
        if test != IMPORT and (everything or not set(each).isdisjoint(lines)):
            of_file.setdefault(test.partition("::")[0], {})[test] = seconds
    first, *others = sorted(of_file.values(), key=lambda tests: sum(tests.values())) or [{}]
    groups = (first, {test: seconds for tests in others for test, seconds in tests.items()})
    return [sorted(tests, key=lambda test: tests[test]) for tests in groups if tests]


def _short(file: str) -> str:
    return Path(file).stem


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
