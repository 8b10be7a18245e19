"""Code, tests and pages use the terms of the glossary, and none of those that it replaced."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "server" / "runr"

#: Retired term → what stands in its place. The patterns are for words in lower case, which names
#: are divided into; those with a dot or an underscore are for the line as it is written.
RETIRED = {
    # Names that needed their docstring.
    r"brooms?": "cleanup",
    r"sweeps?|swept": "clean up",
    r"strays?": "orphans",
    r"parcels?": "commits of a run",
    r"voices?": "caller, surface",
    r"vouch(es|ed)?": "attest",
    r"last ?looks?": "cached summary",
    r"desks?": "context",
    r"scenes?": "context",
    r"onward": "resume",
    r"likeness(es)?": "equivalence",
    r"byhand": "manual",
    r"handin|hand(s|ed)? in": "handoff, submit",
    r"shifts?": "worker session",
    r"footprints?": "change set",
    r"tresp?ass(es)?": "scope violation",
    r"testimon(y|ies)": "attestation",
    r"standings?": "task state",
    r"urgency|urgencies": "priority",
    r"doubts?|doubted": "stale reason",
    r"wish(es)?": "option, argument",
    # Verbs.
    r"told": "message; print, report, show",
    r"mend(s|ed|ing)?": "fix",
    r"judg(e|es|ed|ing|ements?)": "verify, check",
    r"(bring|brings|bringing|brought)( (it|them|this|work|the work))? in": "merge, integrate",
    r"(take|takes|taken|taking|took)( (it|them|this))? up": "resume, start",
    r"(go|goes|going|went|gone) past": "ignore, override",
    r"put away": "remove",
    # Phrases.
    r"on (the|your|a person s|somebody s|his|her|their) word": "attested by",
    r"persons? s? ?word": "a person's decision, attestation",
    r"in (somebody|nobody|anybody) s hands": "leased",
    r"at work": "running, active",
    r"somebody|nobody|anybody": "a user, a person, another run, no one named",
    r"so many": "the number of",
    r"what waits for what": "dependency graph",
    r"lies in|lie in|lay in": "is in",
    r"behind the answer": "after the response",
    r"reads well": "valid",
    # Outside names of before.
    r"outage_(pause|wait)": "run.backoff_initial, run.backoff_max_wait",
    r"session_idle": "run.session_idle_timeout",
    r"review_repeats": "review_loop",
    r"held_by": "holder",
    r"session\.(joined|settled|ran|edited|denied|held)": "session.attached, usage.recorded, tool.*",
    r"worker\.(replaced|waiting)": "worker.fallback, worker.backoff",
    r"checks\.added": "checks.escalated",
    r"stop\.requested": "run.stop_requested",
    r"runr (accept|continue)": "runr acknowledge, runr resume",
}

#: Ordinary English, or somebody else's name: (part of a file's path, the words in place).
ALLOWED = (
    ("tests/docs/test_glossary.py", ""),
    ("", "parcel-cache"),  # the folder of another tool
    ("graphics/layout.py", "sweep"),  # what the literature calls a pass over the layers
    ("graphics/layout.py", "_SWEEPS"),
    ("tasks/document.py", "would shift"),
    ("claude/terminal_session.py", "shift+tab"),
    ("lint/rules.py", "set shift test"),  # programs of the shell
)

#: Not clean yet. A package leaves this set with the commit that cleans it, and none comes back.
PENDING: set[str] = set()

_FINDERS = {term: re.compile(rf"(?<![\w.])(?:{term})(?!\w)") for term in RETIRED}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def packages() -> dict[str, list[Path]]:
    """Return the checked files by name: packages of the server, folders of tests, pages."""
    found = {"skill": _pages("skill"), "server/runr": _modules(SERVER)}
    found["docs"] = sorted((ROOT / "docs").glob("*.md"))
    found["docs/reference"] = _pages("docs/reference")
    found["pages"] = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    for folder in sorted([*SERVER.iterdir(), *(ROOT / "tests").iterdir()]):
        if folder.is_dir() and any(folder.glob("*.py")):
            found[str(folder.relative_to(ROOT))] = _modules(folder)
    return found


def _modules(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.py"))


def _pages(folder: str) -> list[Path]:
    return sorted([*(ROOT / folder).rglob("*.md"), *(ROOT / folder).rglob("*.json")])


def retired_in(files: list[Path]) -> Iterator[str]:
    """Yield each retired term in the files, with its place and what to write instead."""
    for file in files:
        name = str(file.relative_to(ROOT))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for term in _found(name, line):
                yield f"{name}:{number}: {term!r}: write {RETIRED[term]}: {line.strip()}"


def _found(name: str, line: str) -> Iterator[str]:
    for place, text in ALLOWED:
        if place in name:
            line = line.replace(text, "") if text else ""
    words = re.sub(r"[_'`]+", " ", _CAMEL.sub(" ", line)).lower()
    for term, finder in _FINDERS.items():
        if finder.search(line if {".", "_"} & set(term) else words):
            yield term


@pytest.mark.parametrize("package", packages())
def test_a_package_uses_the_terms_of_the_glossary(package: str) -> None:
    found = list(retired_in(packages()[package]))
    if package in PENDING:
        assert found, f"{package} is clean: take it out of PENDING"
    else:
        assert not found, "\n".join(found)


def test_what_is_pending_exists() -> None:
    assert packages().keys() >= PENDING


@pytest.mark.parametrize(
    ("line", "term"),
    [
        ("class LastLook:", "last ?looks?"),
        ("def take_up(run): ...", "(take|takes|taken|taking|took)( (it|them|this))? up"),
        (
            "on Ada's word, brought in",
            "(bring|brings|bringing|brought)( (it|them|this|work|the work))? in",
        ),
        ('"session.joined": _joined', r"session\.(joined|settled|ran|edited|denied|held)"),
    ],
)
def test_a_retired_term_is_found_in_names_prose_and_events(line: str, term: str) -> None:
    assert list(_found("page.md", line)) == [term]
