"""The map has the order of the import contract, and the recipes name files that exist."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:server|tests|docs)/[\w/.]+\.(?:py|md))`", PAGE)))


def layers() -> list[list[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = contracts["tool"]["importlinter"]["contracts"][0]["layers"]
    return [layer.split(" | ") for layer in found]


def test_the_map_has_every_package_in_the_order_of_the_import_contract() -> None:
    table = PAGE.split("## Map", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| .*\? \|$", table, re.MULTILINE)
    assert rows == [name for layer in layers() for name in layer]


def test_the_map_names_the_packages_that_do_not_import_each_other() -> None:
    sentence = re.search(r"do not import each other: (.*?)\.\n", PAGE, re.DOTALL)
    assert sentence
    named = [re.findall(r"`(\w+)`", part) for part in sentence[1].split(";")]
    assert named == [layer for layer in layers() if len(layer) > 1]


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_a_recipe_names_exists(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("variable", ["OLDEST_TESTS", "NOT_FORKED_TESTS"])
def test_the_test_files_that_the_makefile_selects_exist(variable: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    selected = makefile.split(f"{variable} := ", 1)[1].split("\n\n", 1)[0]
    folders, _, files = selected.partition("$(addprefix ")
    prefix, _, names = files.rstrip(")").partition(",")
    wanted = [*folders.split(), *(prefix + name for name in re.findall(r"\w+\.py", names))]
    assert [name for name in wanted if not (ROOT / name).exists()] == []
    assert len(wanted) > 4


def test_every_target_of_the_page_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    wanted = set(re.findall(r"^    make ([\w-]+)", PAGE, re.MULTILINE))
    assert wanted <= set(re.findall(r"^([\w-]+):.*##", makefile, re.MULTILINE))


def test_ci_runs_every_job_of_its_script_and_no_other() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    jobs = re.findall(r"^#   (\w+)  ", script, re.MULTILINE)
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["run"]["strategy"]["matrix"]["job"] == jobs
    for job in jobs:
        assert f"`.ci/run {job}`" in PAGE
    refused = subprocess.run(
        [str(ROOT / ".ci/run"), "nightly"], capture_output=True, text=True, check=False
    )
    assert (refused.returncode, refused.stderr) == (
        2,
        ".ci/run: unknown job 'nightly': test, long, oldest or newest\n",
    )
