"""What the modules of the server have in common: their size, their purity, and no copies."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable

from structure.source import ROOT, SERVER, Module, modules, statements

SHORTEST, LONGEST, COPY = 40, 500, 12

#: Shorter modules, each with its reason.
SHORT = {
    "runr.claude.summary_builder": "the part of a summary that reads tasks, kept out of a hook",
    "runr.config.agent_names": "a table of names, and the one question about it",
    "runr.execution.package_folders": "one search, for copies and for warnings",
    "runr.git.added_files": "two questions to git about the files of a folder",
    "runr.git.fetched": "one question to git, and the notes in its logs that answer it",
    "runr.git.merge_drivers": "the settings that name them, and those that take their place",
    "runr.history.rebuild": "a rebuild of all: that of the status file knows no history",
    "runr.jobs.worker_usage": "one question about the events of a run, pure beside the receipt",
    "runr.status.open_again": "one question about the journals behind the status file",
    "runr.mcp_server.identity": "what the server says of itself, read before the library loads",
}


def test_no_module_is_too_short_to_be_found_by_its_name() -> None:
    short = {module.name for module in modules() if module.length < SHORTEST}
    assert short == set(SHORT), "merge the module, or list it in SHORT with the reason"


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    assert [module.name for module in modules() if module.length > LONGEST] == []


def copies(found: Iterable[Module]) -> list[list[str]]:
    """Return where the same lines stand in two places, each with its first line's number."""
    places: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for module in found:
        lines = statements(module)
        for first in range(len(lines) - COPY + 1):
            window = tuple(text for _, text in lines[first : first + COPY])
            places[window].append(f"{module.name}:{lines[first][0]}")
    return [at for at in places.values() if len(at) > 1]


def test_no_twelve_lines_are_duplicated() -> None:
    assert copies(modules()) == []


def test_a_copy_is_found_wherever_it_is_indented() -> None:
    lines = [f"value_{number} = {number}" for number in range(COPY)]
    body = "\n".join(f"    {line}  # again" for line in lines)
    here = Module(name="here", path=ROOT, text="\n".join(f"{line}  # again" for line in lines))
    there = Module(name="there", path=ROOT, text=f"def make():\n\n{body}")
    assert copies([here, there]) == [["here:1", "there:3"]]


def test_the_modules_that_say_pure_are_those_that_the_import_contract_holds_to_it() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["name"] == "Decisions touch no file, process or clock"
    )
    held = set(contract["source_modules"])
    said = {module.name for module in modules() if "Pure." in module.docstring}
    whole = {name for name in held if (SERVER.parent / name.replace(".", "/")).is_dir()}
    below = {module.name for module in modules() if module.name.rpartition(".")[0] in whole}
    assert said == (held - whole) | below
