"""Decide what comes after an import, its preview, or a refusal of it.

Pure.
"""

from collections.abc import Iterator
from typing import NamedTuple

from runr.next_steps import commands
from runr.next_steps.setup import CommitFacts, commit
from runr.next_steps.step import NextStep, operand, option


class ImportCommand(NamedTuple):
    """What was typed; `done` says what becomes of what is done in the other tool."""

    file: str
    tool: str = ""
    into: str = ""
    tags: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    done: str = "hold"
    by: str = ""

    def step(self, *further: str) -> NextStep:
        """Return the command, without `--preview`."""
        done = "" if self.done == "hold" else self.done
        options = (
            *(("--from", self.tool), ("--into", self.into)),
            *(("--tag", tag) for tag in self.tags),
            *(("--list", name) for name in self.only),
            *(("--done", done), ("--by", self.by)),
        )
        words = [word for name, value in options if value for word in option(name, value)]
        return commands.import_tasks(operand(self.file), *words, *further)


class ImportFacts(NamedTuple):
    """What decides about the next steps.

    `written` and `unattested` count tasks, `title` names the tool, `user` is git's
    user, `files` are the new files, None where there are none.
    """

    title: str
    written: int
    unattested: int
    user: str = ""
    has_settings: bool = True
    files: CommitFacts | None = None


def unconfirmed(typed: ImportCommand) -> tuple[NextStep, ...]:
    """Return the preview and the import, where there is no terminal to ask at."""
    return (typed.step("--preview"), typed.step("--yes"))


def after_preview(typed: ImportCommand, facts: ImportFacts) -> tuple[NextStep, ...]:
    """Return the import itself, and the one that attests what is done in the other tool."""
    wanted = facts.written or typed.done == "attest"
    write = (typed.step("--yes"),) if wanted else ()
    if facts.unattested and typed.done == "hold":
        return (*write, attest(typed, facts.user).step("--yes"))
    return write


def after_import(typed: ImportCommand, facts: ImportFacts) -> tuple[NextStep, ...]:
    """Return how to set up and commit, and to attest what is done in the other tool."""
    return tuple(_after_import(typed, facts))


def _after_import(typed: ImportCommand, facts: ImportFacts) -> Iterator[NextStep]:
    if facts.written and not facts.has_settings:
        yield commands.init()
    if facts.files:
        yield from commit(facts.files)
    if facts.unattested and typed.done == "hold":
        yield attest(typed, facts.user).step("--yes")


def attest(typed: ImportCommand, user: str) -> ImportCommand:
    """Return the import that attests, in the name of git's user, what is done elsewhere."""
    return typed._replace(done="attest", by=typed.by or user or "YOUR NAME")


def after_restore(typed: ImportCommand, *, dry_run: bool) -> tuple[NextStep, ...]:
    """Return what comes after an export was put back, or would be."""
    return (typed.step("--yes") if dry_run else commands.list_tasks(),)
