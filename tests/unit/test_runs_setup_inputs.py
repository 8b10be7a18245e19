"""Which files decide whether what the setup commands have installed is still right."""

import pytest

from runr.config.settings import SETUP_INPUTS, VerifySettings
from runr.runs import setup_inputs

USUAL = (
    "npm ci",
    "cd web && npm install --no-audit",
    "python3 -m venv .venv && .venv/bin/pip install -r requirements/dev.txt",
    "python -m pip install -e . pytest",
    ".venv/bin/pip install --editable '.[test]' -c constraints.txt",
    "POETRY_VIRTUALENVS_IN_PROJECT=1 poetry install",
    "uv sync --frozen",
)
COPIES = (
    ".venv/bin/pip install .",
    "pip install '.[test]'",
    "uv pip install ./packages/core",
    "uv sync --no-editable",
    "npm install file:packages/core",
    "npm ci && npm run build",
    "pip install -r deps/base.txt",
    "make install",
    "sh scripts/setup.sh",
    "pip install 'unclosed",
)


@pytest.mark.parametrize("command", USUAL)
def test_installers_of_dependencies_run_again_for_other_manifests(command: str) -> None:
    assert setup_inputs.of(VerifySettings(setup=(command,))) == SETUP_INPUTS


@pytest.mark.parametrize("command", COPIES)
def test_what_may_copy_code_of_the_repository_runs_again_for_every_change(command: str) -> None:
    assert setup_inputs.of(VerifySettings(setup=("npm ci", command))) == setup_inputs.ALL


def test_inputs_of_the_settings_count_as_they_are() -> None:
    named = VerifySettings(setup=("make install",), setup_inputs=("src/**",))
    assert setup_inputs.of(named) == ("src/**",)
    assert setup_inputs.of(VerifySettings()) == ()
