"""Look whether MCP clients have runr as it was installed."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runr.errors import RunrError
from runr.next_steps import commands
from runr.project import Project
from runr.setup.client_install import ClientPlace
from runr.setup.clients import CLIENTS
from runr.setup.doctor_checks import DoctorCheck, first_hint, hint


def look_at_clients(project: Project) -> list[DoctorCheck]:
    """Return the state of each file that has our server, or had it from an installation."""
    return [
        found
        for place in _places(project.layout.root, project.environment)
        for found in _look(place, project)
    ]


def _places(root: Path, environment: Mapping[str, str]) -> Iterator[ClientPlace]:
    for what, client in CLIENTS.items():
        for user in (False, True):
            if not user and client.project is None:
                continue
            try:
                yield ClientPlace.find(what, root, environment, user=user)
            except RunrError:
                continue  # without HOME there are no settings of the user


def _look(place: ClientPlace, project: Project) -> Iterator[DoctorCheck]:
    title = place.client.title
    recorded = os.path.lexists(place.files.receipt)
    try:
        receipt, server = place.files.load_receipt(), place.server()
    except RunrError as error:
        if recorded:  # of another file we know nothing
            advice = first_hint(project, error.next_steps)
            yield DoctorCheck(name=title, state="note", message=error.message, advice=advice)
        return
    path = project.environment.get("PATH")
    words = (place.client.name, *place.options(receipt.entry or {}))
    if server is not None:
        message = _fault(server, receipt.entry, path)
        advice = hint(project, commands.install(*words, "--force"))
    elif recorded:
        message = "the server was taken out since it was installed"
        advice = hint(project, commands.install(*words))
    else:
        return
    if message:
        message = f"{place.shown}: {message}"
        yield DoctorCheck(name=title, state="note", message=message, advice=advice)
        return
    program = place.client.program
    found = shutil.which(program, path=path) if program else None
    where = f"; {program}: {found or 'not on PATH'}" if program else ""
    if twin := place.twin():
        where += f"; {twin} has it, too, so it may start twice"
    yield DoctorCheck(name=title, state="ok", message=f"{place.shown} starts the server{where}")


def _fault(server: Any, ours: Any, path: str | None) -> str | None:
    if not isinstance(server, dict):
        return "the server `runr` is no table"
    command = server.get("command")
    program = command[0] if isinstance(command, list) and command else command
    if isinstance(program, str) and shutil.which(program, path=path) is None:
        return f"{program}, which starts the server, is not on PATH"
    if ours is not None and server != ours:
        return "the server was edited since it was installed"
    return None
