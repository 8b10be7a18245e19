"""The next steps of an import: the preview, the import, and what it left over."""

from collections.abc import Iterable

import pytest

from runr.next_steps.imports import (
    ImportCommand,
    ImportFacts,
    after_import,
    after_preview,
    after_restore,
    unconfirmed,
)
from runr.next_steps.setup import CommitFacts
from runr.next_steps.step import NextStep


def typed(steps: Iterable[NextStep]) -> list[str]:
    return [str(step) for step in steps]


def test_an_import_is_repeated_as_it_was_typed() -> None:
    command = ImportCommand(
        "a b.json",
        tool="beads",
        into="sub",
        tags=("x", "y"),
        only=("one",),
        done="attest",
        by="Ada",
    )
    assert typed(unconfirmed(command)) == [
        "runr import 'a b.json' --from beads --into sub --tag x --tag y --list one"
        f" --done attest --by Ada {flag}"
        for flag in ("--preview", "--yes")
    ]
    assert str(ImportCommand("a.json").step()) == "runr import a.json"


IMPORTED = "runr import a.json --yes"
ATTESTED = "runr import a.json --done attest --by Ada --yes"


@pytest.mark.parametrize(
    ("done", "written", "unattested", "steps"),
    [
        ("hold", 2, 0, [IMPORTED]),
        ("hold", 2, 1, [IMPORTED, ATTESTED]),
        ("hold", 0, 1, [ATTESTED]),
        ("hold", 0, 0, []),
        ("skip", 0, 1, []),
        ("attest", 0, 1, ["runr import a.json --done attest --yes"]),
    ],
)
def test_after_a_preview_comes_the_import_of_what_there_is_to_write_or_to_attest(
    done: str, written: int, unattested: int, steps: list[str]
) -> None:
    facts = ImportFacts("Beads", written, unattested, user="Ada")
    assert typed(after_preview(ImportCommand("a.json", done=done), facts)) == steps


def test_after_an_import_the_repository_is_set_up_the_files_committed_and_the_rest_attested() -> (
    None
):
    typed_import = ImportCommand("a.json")
    facts = ImportFacts("Beads", 2, 1, files=CommitFacts([".runr"], "Import"))
    settled = ["git add .runr", "git commit -m Import -- .runr"]
    last = "runr import a.json --done attest --by 'YOUR NAME' --yes"
    assert typed(after_import(typed_import, facts)) == [*settled, last]
    bare = facts._replace(has_settings=False, unattested=0, user="Ada")
    assert typed(after_import(typed_import, bare)) == ["runr init", *settled]
    nothing = bare._replace(written=0, files=None)
    assert after_import(typed_import, nothing) == ()
    assert after_import(typed_import._replace(done="skip"), nothing._replace(unattested=1)) == ()
    named = after_import(typed_import._replace(by="Eve"), nothing._replace(unattested=1))
    assert typed(named) == ["runr import a.json --done attest --by Eve --yes"]


def test_an_export_is_put_back_after_its_preview_and_then_listed() -> None:
    command = ImportCommand("a.json")
    assert typed(after_restore(command, dry_run=True)) == [IMPORTED]
    assert typed(after_restore(command, dry_run=False)) == ["runr list-tasks"]
