"""Hooks of installed packages: each is called in a process of its own, with the payload."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from runr import nofollow
from runr.errors import RunrError, UnknownNameError
from runr.redaction import Redactor
from runr.text import closest_match, flat

#: Packages offer hooks in this entry-point group, each a callable that takes the payload.
GROUP = "runr.hooks"

#: The most characters of what an exception says.
_LETTERS = 500

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


def command(name: str, log: Path | None) -> Sequence[str]:
    """Return the command that calls a hook with the payload on its standard input.

    Where the hook raises, the `log` has the traceback.
    """
    # Safe path (-P): a module of the repository must not be loaded for one of the same name.
    return (sys.executable, "-P", "-m", "runr", "call-hook", name, str(log or ""))


def main(name: str, log: str = "") -> int:
    """Call the hook; what it raises is the reason of a refusal or a failure, in one line."""
    payload = json.loads(sys.stdin.buffer.read())
    try:
        find(name)(payload)
    except UnknownNameError as error:
        return _fail(error.message)
    except Exception as error:  # noqa: BLE001 - a package may raise anything
        kept = f"; traceback in {_log(error, log)}" if log else ""
        return _fail(f"{_described(error)} ({_place(error)}{kept})")
    return 0


def _fail(message: str) -> int:
    # What the hook itself has put out comes before.
    sys.stdout.flush()
    sys.stderr.write(f"{message}\n")
    return 1


def _described(error: Exception) -> str:
    said = flat(str(error))[:_LETTERS]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _place(error: Exception) -> str:
    """Return where the package raised it, or what it called."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if _is_own(each.filename)] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno} in {own[-1].name}"


def _is_own(name: str) -> bool:
    """Tell whether a file is neither Python's own nor one of runr's."""
    outside = (Path(os.__file__).parent, Path(__file__).parents[1])
    is_library = any(Path(name).is_relative_to(folder) for folder in outside)
    return "site-packages" in name or not (is_library or name.startswith("<frozen"))


def _log(error: Exception, log: str) -> str:
    text = "".join(traceback.format_exception(error))
    with suppress(OSError, RunrError), nofollow.append_text(Path(log)) as file:
        file.write(Redactor(os.environ)(text))
    # Hooks run in the main folder of the repository.
    return os.path.relpath(log)
