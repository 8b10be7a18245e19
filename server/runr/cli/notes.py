"""The command that notes progress."""

import click

from runr.app import notes
from runr.app.notes import NoteRequest
from runr.cli import render
from runr.cli.surface import Surface, command


@command("note")
@click.argument("run", metavar="RUN|TASK")
@click.argument("text")
def note(surface: Surface, **wish: object) -> None:
    """Note progress in an open run: told again in its brief, its report and `runr follow`."""
    answer = notes.take(surface.project(), NoteRequest.model_validate(wish))
    surface.show(answer, render.done)
