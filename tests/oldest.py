"""The oldest packages that `pyproject.toml` allows, as the constraints of a pip installation."""

import re
import tomllib
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,-]+\])?>=(?P<lowest>[\w.]+)(?:,<[\w.]+)?")


def constraints(project: str, extras: tuple[str, ...] = ("test",)) -> list[str]:
    """Return `name==lowest` for each package that is required, also by the extras."""
    known = tomllib.loads(project)["project"]
    optional = known["optional-dependencies"]
    wanted = [*known["dependencies"], *(name for extra in extras for name in optional[extra])]
    return [_lowest(requirement) for requirement in wanted]


def _lowest(requirement: str) -> str:
    """Return the constraint for one requirement; ValueError if it has no lower bound."""
    found = _REQUIREMENT.fullmatch(requirement.replace(" ", ""))
    if found is None:
        raise ValueError(f"pyproject.toml: write {requirement!r} as name>=lowest or name>=a,<b")
    return f"{found['name']}=={found['lowest']}"


if __name__ == "__main__":
    for line in constraints(_PROJECT.read_text(encoding="utf-8")):
        print(line)  # noqa: T201 - this is what it is for
