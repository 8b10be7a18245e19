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
#: A change may take so many times the processor time that the tests need, and that more.
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
    # The same examples of hypothesis each time.
    os.environ["CI"] = "true"
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tried = (fork for name in chosen or known for fork in _tried(name, Path(folder)))
        options = ["-q", "-x", "-s", "-p", "no:cacheprovider", "--no-header"]
        arguments = [*options, f"--basetemp={folder}/tests", "tests/unit"]
        return pytest.main(arguments, plugins=[Forks(tried)])


def pure_modules() -> list[str]:
    """Return the modules that the import contract keeps pure, without `runr.`, packages opened."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        each for each in settings["tool"]["importlinter"]["contracts"] if each["name"] == _CONTRACT
    )
    return [name for module in contract["source_modules"] for name in _opened(module)]


def unit_tests(name: str) -> list[str]:
    """Return the files of unit tests that are named after a module.

    Without one, those that import from it, or else those of its package.
    """
    package, _, module = name.rpartition(".")
    stem = f"test_{name.replace('.', '_')}"
    imports = [f"from runr.{name} import", f"import runr.{name}\n"]
    imports += [f"from runr{'.' * bool(package)}{package} import {module or name}\n"]
    folder = ROOT / "tests" / "unit"
    named = [*folder.glob(f"{stem}.py"), *folder.glob(f"{stem}_*.py")]
    importing = [
        path
        for path in folder.glob("test_*.py")
        if any(text in path.read_text(encoding="utf-8") for text in imports)
    ]
    files = named or importing or folder.glob(f"test_{package or name}*.py")
    return sorted(str(path.relative_to(ROOT)) for path in files)


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
    if baseline.status:
        _say(f"{name}: tests fail without a change: pytest {' '.join(files)}")
        return
    lines = {test: set(ran) for test, ran in json.loads(record.read_text()).items()}
    total = survived = 0
    untested: list[int] = []
    for change in changes(name, path.read_text(encoding="utf-8")):
        total += 1
        if not (tests := _running(lines, change.lines)):
            untested.append(change.lines.start)
            continue
        seconds = int(baseline.seconds * _TIMES + _MORE_S)
        fork = Fork(Try(f"runr.{name}", change.code, tests, seconds), _files(tests))
        yield fork
        if not fork.status:
            survived += 1
            _say(change.diff)
    if untested:
        numbers = ", ".join(map(str, sorted(set(untested))))
        _say(f"{name}: {len(untested)} changes in lines that no unit test runs: {numbers}")
    _say(f"{name}: {survived} of {total} changes survive {', '.join(map(_short, files))}")


def _running(ran: dict[str, set[int]], lines: range) -> list[str]:
    """Return the tests that run one of the lines, those first that run little else."""
    tests = {test: each for test, each in ran.items() if test != IMPORT}
    everything = not ran[IMPORT].isdisjoint(lines)
    found = [test for test, each in tests.items() if everything or not each.isdisjoint(lines)]
    return sorted(found, key=lambda test: len(tests[test]))


def _files(tests: list[str]) -> list[str]:
    return list(dict.fromkeys(test.partition("::")[0] for test in tests))


def _short(file: str) -> str:
    return Path(file).stem


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
