"""What a test needs of the machine: absent, it is skipped, and in CI that is an error."""

import os
import shutil

import pytest

#: Read once, because tests change the environment.
_IN_CI = bool(os.environ.get("CI"))


def require(there: object, what: str) -> None:
    """Skip the test, or fail it in CI, unless something is there."""
    if there:
        return
    if _IN_CI:
        pytest.fail(f"{what}, and CI is set")
    pytest.skip(what)


def require_program(name: str, package: str) -> str:
    """Return the path of a program, or skip the test, or fail it in CI."""
    found = shutil.which(name)
    require(found, f"{name} is not on PATH: install {package}")
    return str(found)
