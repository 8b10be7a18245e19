"""The command about workers."""

import click
from click import style

from runr.app import workers as use
from runr.app.workers import WorkerList, WorkerRow
from runr.cli import render
from runr.cli.surface import Surface, command
from runr.errors import UsageError


@command("workers")
@click.argument("words", nargs=-1, metavar="[add NAME -- PROGRAM ARGUMENT...]")
def workers(surface: Surface, words: tuple[str, ...]) -> None:
    """List the workers with version and login, without a model call; or register another one."""
    match words:
        case ():
            surface.show(use.list_workers(surface.project()), _list)
        case ("add", name, *program):
            surface.show(use.add_worker(surface.project(), name, program), render.done)
        case _:
            raise UsageError(
                f"runr workers does not know {words[0]!r}: it lists workers, or adds one",
                next_steps=["runr workers", "runr workers add my-agent -- my-agent --yes"],
            )


def _list(answer: WorkerList) -> str:
    width = max(len(row.name) for row in answer.workers)
    return "\n".join(_line(row, width) for row in answer.workers)


def _line(row: WorkerRow, width: int) -> str:
    if not row.installed:
        steps = "".join(f"\n    {step}" for step in row.next if step != "runr doctor")
        return f"{style('✗', fg='red')} {row.name:<{width}}  {row.told}{steps}"
    facts = [row.version or "", row.path or " ".join(row.command)]
    if row.login is not None:
        facts.append(f"logged in ({row.login})" if row.login else "no login was found")
    facts.append("the default" if row.default else "a fallback" if row.fallback else "")
    known = row.login != ""
    sign = style("✓", fg="green") if known else style("•", fg="yellow")
    return f"{sign} {row.name:<{width}}  {'; '.join(fact for fact in facts if fact)}"
