"""Hooks of installed packages: each is called in a process of its own, with the payload."""

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from runr.errors import UnknownNameError
from runr.text import closest_match

#: Packages offer hooks in this entry-point group, each a callable that takes the payload.
GROUP = "runr.hooks"

PackagedHook = Callable[[dict[str, Any]], object]


def names() -> list[str]:
    """Return the names of the hooks that installed packages offer."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - only a hook of a package needs it

    return sorted({entry.name for entry in entry_points(group=GROUP)})


def origin(name: str) -> str | None:
    """Return which object of which package a hook is; None where no package offers it."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - as above

    for entry in entry_points(group=GROUP, name=name):
        package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
        return f"{entry.value}{package}"
    return None


def find(name: str) -> PackagedHook:
    """Import and return a hook; UnknownNameError names the nearest one."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - as above

    for entry in entry_points(group=GROUP, name=name):
        found: PackagedHook = entry.load()
        return found
    near = closest_match(name, names())
    hint = f"; did you mean {near}?" if near else ""
    raise UnknownNameError(f"no installed package offers a hook {name}{hint}")


def command(name: str) -> Sequence[str]:
    """Return the command that calls a hook with the payload on its standard input."""
    # Safe path (-P): a module of the repository must not be loaded for one of the same name.
    return (sys.executable, "-P", "-m", "runr", "call-hook", name)


def main(name: str) -> int:
    """Call the hook; what it raises is the reason of a refusal or a failure."""
    try:
        hook = find(name)
    except UnknownNameError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    try:
        hook(json.loads(sys.stdin.buffer.read()))
    except Exception as error:  # noqa: BLE001 - a package may raise anything
        traceback.print_exception(error, file=sys.stderr)
        return 1
    return 0
