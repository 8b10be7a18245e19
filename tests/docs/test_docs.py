"""The documentation is complete and up to date, and its examples work."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs import generate, record_pages, surface_pages, walkthrough
from fakes.forked import forked_command
from runr.cli.commands import COMMANDS
from runr.config.settings import Config
from runr.errors import ExitCode
from runr.interchange.sources import TITLES
from runr.lint.finding import RULES
from runr.mcp_server.registry import Tool
from runr.runs.stop_reasons import STOPS
from runr.setup import demo
from runr.status.model import Entry
from runr.tasks.fields import KNOWN_KEYS
from runr.workers import registry

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("skill/**/*.md")])
WALKED = [
    (page, number)
    for page in PAGES
    for number, _ in enumerate(walkthrough.sections(page.read_text(encoding="utf-8")))
]

_LINK = re.compile(r"\[[^\]\n]*\]\((?!https?:)([^)\s]*)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_TOML = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FENCED = re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE)
_CONSOLE = re.compile(r"^(.*)\n```console\n(.*)$", re.MULTILINE)


def _repository(folder: Path) -> Path:
    for words in (["init"], ["commit", "--allow-empty", "-m", "Start"]):
        subprocess.run(["git", *words, "-q"], cwd=folder, check=True)
    return folder


_STATES: dict[str, Callable[[Path], Path]] = {
    "empty": lambda folder: folder,
    "repository": _repository,
    "demo": lambda folder: demo.make(folder / "demo").layout.root,
}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def handwritten() -> str:
    return "\n".join(read(str(page)) for page in ROOT.glob("docs/*.md"))


def anchors(page: Path) -> set[str]:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    kept = (re.sub(r"[^\w\- ]", "", heading).strip() for heading in _HEADING.findall(text))
    return {heading.lower().replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert name not in generate.stale(), "run `make docs`"


def test_the_generator_says_which_page_is_out_of_date() -> None:
    script = [sys.executable, str(ROOT / "tests/docs/generate.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_in_the_readme_and_in_the_pages(command: str) -> None:
    assert re.search(rf"^\| `runr {command}[ `]", read("README.md"), re.MULTILINE)
    assert re.search(rf"runr {command}\b", handwritten())


def test_the_example_of_all_settings_is_valid_and_has_every_key() -> None:
    example = tomllib.loads(max(_TOML.findall(read("docs/configuration.md")), key=len))
    Config.model_validate(example)
    for title, model in record_pages.sections():
        table = example[title.removesuffix(".<name>")]
        given = table if title in example else [key for own in table.values() for key in own]
        assert set(given) == set(model.model_fields), title


def test_every_other_example_of_settings_is_valid() -> None:
    examples = [tomllib.loads(text) for text in _TOML.findall(handwritten())]
    for example in examples:
        if "project" not in example:  # of a package that offers a worker
            Config.model_validate(example)
    assert len(examples) > 1


@pytest.mark.parametrize("code", STOPS)
def test_a_stop_reason_is_in_the_pages_with_its_remedy(code: str) -> None:
    assert f"`{code}`" in read("docs/troubleshooting.md") + read("docs/runs.md")


@pytest.mark.parametrize("code", ExitCode)
def test_an_exit_code_is_in_the_pages(code: ExitCode) -> None:
    assert re.search(rf"^\| {int(code)} \|", read("docs/runs.md"), re.MULTILINE)


@pytest.mark.parametrize("tool", surface_pages.offered(), ids=lambda tool: tool.name)
def test_a_tool_and_its_arguments_are_in_the_pages(tool: Tool[Any]) -> None:
    section = read("docs/mcp.md").split(f"## `{tool.name}`", 1)[1].split("\n## ", 1)[0]
    missing = [name for name in tool.arguments.model_fields if f"`{name}`" not in section]
    assert missing == []


@pytest.mark.parametrize("key", sorted(KNOWN_KEYS))
def test_a_header_key_is_in_the_page_about_tasks(key: str) -> None:
    assert f"`{key}`" in read("docs/tasks.md")


@pytest.mark.parametrize("worker", [*registry.names(Config()), "session"])
def test_a_worker_is_in_the_page_about_workers(worker: str) -> None:
    assert re.search(rf"^## .*`{worker}`", read("docs/workers.md"), re.MULTILINE)


@pytest.mark.parametrize("key", sorted({*Entry._fields} - {"extra"}))
def test_a_key_of_the_status_file_is_in_the_page_about_the_status(key: str) -> None:
    table = read("docs/status.md").split("## The file", 1)[1].split("\n## ", 1)[0]
    assert re.search(rf"^\| .*`{key}`.* \|", table, re.MULTILINE)


@pytest.mark.parametrize("rule", RULES)
def test_a_lint_rule_is_in_the_page_about_lint(rule: str) -> None:
    assert re.search(rf"^\| `{rule}` \|", read("docs/lint.md"), re.MULTILINE)


@pytest.mark.parametrize("tool", TITLES)
def test_an_importer_is_in_the_page_about_import(tool: str) -> None:
    assert re.search(rf"^\| [\w. ]+ \| `{tool}` \|", read("docs/import.md"), re.MULTILINE)


@pytest.fixture
def forked_runr(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shell find a `runr` that is forked."""
    forked = forked_command(tmp_path_factory.mktemp("bin"))
    if forked:
        monkeypatch.setenv("PATH", str(forked.parent), prepend=os.pathsep)


@pytest.mark.usefixtures("forked_runr")
@pytest.mark.parametrize(
    ("page", "number"),
    WALKED,
    ids=[f"{page.relative_to(ROOT)}-{number}" for page, number in WALKED],
)
def test_the_examples_of_a_page_print_what_it_shows(
    page: Path, number: int, tmp_path: Path
) -> None:
    state, steps = walkthrough.sections(page.read_text(encoding="utf-8"))[number]
    for command, printed in walkthrough.perform(steps, _STATES[state](tmp_path)):
        if walkthrough.differs(command.promised, printed, tmp_path):
            promised = walkthrough.settled(command.promised)
            assert walkthrough.settled(printed) == promised, f"$ {command.typed}"


def test_every_console_example_is_run() -> None:
    for page in PAGES:
        for block in _CONSOLE.finditer(page.read_text(encoding="utf-8")):
            assert block[1] == "<!-- run -->", f"{page.name}: {block[2]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_a_target(page: Path) -> None:
    for link in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_linked_from_the_map() -> None:
    linked = set(_LINK.findall(read("docs/index.md")))
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert pages - linked == {"index.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_folder_of_the_machine_that_it_was_written_on(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert not re.search(r"/(?:tmp|root|work|var|Users|mnt)/", text)
    assert set(re.findall(r"/home/(\w+)", text)) <= {"ada"}
