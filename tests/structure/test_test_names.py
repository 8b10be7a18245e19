"""The file of a unit test is found from the name of what it tests."""

from pathlib import Path

import pytest

from structure.source import ROOT, modules

FILES = sorted((ROOT / "tests" / "unit").glob("test_*.py"))


def subjects() -> tuple[set[str], set[str]]:
    """Return the modules, as `package_module`, and the packages."""
    names = {module.name.removeprefix("runr.").replace(".", "_") for module in modules()}
    fakes = {f"fakes_{path.stem}" for path in (ROOT / "tests" / "fakes").glob("*.py")}
    packages = {path.parent.name for path in (ROOT / "server" / "runr").glob("*/__init__.py")}
    return names | fakes, packages


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_unit_test_names_its_module_or_its_package(file: Path) -> None:
    name = file.stem.removeprefix("test_")
    found, packages = subjects()
    of_a_module = any(name == module or name.startswith(f"{module}_") for module in found)
    assert of_a_module or name in packages, (
        "name it test_<package>_<module>.py, with what it is about behind that if there are several"
    )
