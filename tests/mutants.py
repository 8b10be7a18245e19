"""Change the pure modules, one place at a time, and print the changes that no test notices.

`python tests/mutants.py [status.staleness …]`; without a name, all of them, which takes hours.
The changes are made in a copy of the project.
"""

import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_CONTRACT = "Decisions touch no file, process or clock"
#: A test process starts four times as fast without plugins and conftest.py, which most of these
#: tests do not need.
_LEAN = "-c /dev/null --rootdir . --noconftest"
#: `|` is an annotation nearly everywhere.
_CONFIG = """\
[cosmic-ray]
module-path = "{module}"
timeout = 120.0
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider {lean} {tests}"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]
"""


def main(names: list[str]) -> int:
    """Print the changes that survive; return 1 if there is one, 2 if a name is not known."""
    known = pure_modules()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            _say(f'{name} is not in the contract "{_CONTRACT}" of pyproject.toml{hint}')
            return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = _copy(Path(folder) / "project")
        return int(sum([_report(copy, name) for name in names or known]) > 0)


def pure_modules() -> list[str]:
    """Return the modules that the import contract keeps pure, without `runr.`, packages opened."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        each for each in settings["tool"]["importlinter"]["contracts"] if each["name"] == _CONTRACT
    )
    return [name for module in contract["source_modules"] for name in _opened(module)]


def unit_tests(name: str) -> list[str]:
    """Return the unit tests of a module, or else those of its package."""
    package, _, module = name.partition(".")
    folder = ROOT / "tests" / "unit"
    stem = f"test_{package}_{module}" if module else f"test_{package}"
    own = [*folder.glob(f"{stem}.py"), *folder.glob(f"{stem}_*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in own or folder.glob(f"test_{package}*.py"))


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


def _copy(to: Path) -> Path:
    for name in ("server", "tests", "skill"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "CHANGELOG.md", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, to / name)
    return to


def _report(copy: Path, name: str) -> int:
    """Print the changes of one module that survive, and return how many do."""
    tests = unit_tests(name)
    if not tests:
        _say(f"{name}: it has no unit test")
        return 1
    changed, survivors = _mutate(copy, f"server/runr/{name.replace('.', '/')}.py", tests)
    for survivor in survivors:
        _say(survivor)
    _say(f"{name}: {len(survivors)} of {changed} changes survive {', '.join(tests)}")
    return len(survivors)


def _mutate(copy: Path, module: str, tests: list[str]) -> tuple[int, list[str]]:
    """Return how many changes were tried, and the diff of each that no test noticed."""
    config, session = copy / "cosmic-ray.toml", copy / "session.sqlite"
    session.unlink(missing_ok=True)
    variables = _lean(copy)
    words = {"module": module, "python": sys.executable, "tests": " ".join(tests)}
    config.write_text(_CONFIG.format(lean=_LEAN, **words), encoding="utf-8")
    if _run(copy, variables, "cosmic-ray", "baseline", config.name).returncode:
        variables = _plain(copy)
        config.write_text(_CONFIG.format(lean="", **words), encoding="utf-8")
        _tool(copy, variables, "cosmic-ray", "baseline", config.name)
    _tool(copy, variables, "cosmic-ray", "init", config.name, session.name)
    _tool(copy, variables, "cr-filter-operators", session.name, config.name)
    _tool(copy, variables, "cosmic-ray", "exec", config.name, session.name)
    lines = _tool(copy, variables, "cosmic-ray", "dump", session.name).splitlines()
    results = [result for _, result in map(json.loads, lines) if result]
    tried = [result for result in results if result["test_outcome"]]
    return len(tried), [each["diff"] for each in tried if each["test_outcome"] == "survived"]


def _plain(copy: Path) -> dict[str, str]:
    # A compiled file of the same second and size would hide the change.
    return {"PYTHONPATH": str(copy / "server"), "PYTHONDONTWRITEBYTECODE": "1"}


def _lean(copy: Path) -> dict[str, str]:
    # With CI, hypothesis tries the same examples each time, without a deadline.
    return _plain(copy) | {
        "PYTHONPATH": f"{copy / 'server'}{os.pathsep}{copy / 'tests'}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "HOME": str(copy),
        "CI": "true",
    }


def _tool(copy: Path, variables: dict[str, str], name: str, *arguments: str) -> str:
    done = _run(copy, variables, name, *arguments)
    if done.returncode:
        raise SystemExit(f"{name} {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _run(
    copy: Path, variables: dict[str, str], name: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / name), *arguments]
    return subprocess.run(
        command, cwd=copy, env=os.environ | variables, capture_output=True, text=True, check=False
    )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
