"""A cgroup for each program (Linux): all that it starts stays there, and ends with it.

Only where the cgroup of this process is one in which its user may make others: then a process that
has left its session, its parents and its environment is still found. It is a program of its own as
well (`entering`), because a process has to enter before it can start another; so it imports little.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` takes long to load
import errno
import os
import sys
import time

TYPE_CHECKING = False  # `typing` takes long to load
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PREFIX = "runr.run."
_PROCS = "cgroup.procs"
_PAUSES_S = (0.001, 0.004, 0.016, 0.064, 0)
#: The exit code of a shell for what it cannot start.
_NOT_STARTED = 127

#: Imported, it is compiled only once, which it would not be as a script.
_START = "import sys; sys.path.append(sys.argv.pop(1)); import cgroup; cgroup.main()"
_PYTHON = [sys.executable, "-I", "-S", "-c"]
_FOLDER = __file__.rpartition("/")[0]


def own() -> str | None:
    """Return the folder of this process's cgroup, None where it may have no children."""
    return next((each for each in _places() if _may_have_children(each)), None)


def make(marker: str) -> str | None:
    """Make the cgroup for a program; None where there can be none."""
    parent = own()
    if parent is None or not marker or "/" in marker:
        return None
    folder = f"{parent}/{_PREFIX}{marker}"
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - see above
    except OSError:
        return None
    return folder


def entering(
    folder: str, failure: int, command: Sequence[str], env: Mapping[str, str]
) -> list[str]:
    """Return the program that enters the cgroup and becomes the command.

    Where that cannot be started, the number of the error is written to the file `failure`.
    """
    words = (folder, str(failure), env.get("LC_CTYPE", ""))
    return [*_PYTHON, _START, _FOLDER, *words, *command]


def main() -> None:
    """Enter the cgroup and become the command; the arguments are those of `entering`."""
    folder, failure, locale, *command = sys.argv[1:]
    # Outside of it, the command is found by other signs, as where there is no cgroup.
    _try_to_write(f"{folder}/{_PROCS}", "0")
    # What Python has changed in itself, the command must not inherit.
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    os.environ.pop("LC_CTYPE", None)
    if locale:
        os.environ["LC_CTYPE"] = locale
    os.set_inheritable(int(failure), False)
    if command[:4] == _PYTHON:
        # To start it again would take longer than all the rest.
        sys.argv = ["-c", *command[5:]]
        exec(command[4], {"__name__": "__main__"})  # noqa: S102 - as it would be started
        return
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the user's own
    except OSError as error:
        os.write(int(failure), str(error.errno or errno.ENOEXEC).encode())
        sys.exit(_NOT_STARTED)


def made_for(marker: str) -> str | None:
    """Return the cgroup that `make` has made for a program, None where there is none."""
    folder = f"{own()}/{_PREFIX}{marker}"
    return folder if os.path.isdir(folder) else None  # noqa: PTH112 - see above


def left_by(marker: str) -> tuple[str, ...]:
    """Return the cgroups of a program whose starter was killed, wherever that was."""
    name = f"{_PREFIX}{marker}"
    folders = (here for _, top in _mounts() for here, _, _ in os.walk(top))
    return tuple(here for here in folders if here.rpartition("/")[2] == name)


def members(folder: str) -> set[int]:
    """Return the living processes in a cgroup and in those below it."""
    lines = (line for here, _, _ in os.walk(folder) for line in _lines(f"{here}/{_PROCS}"))
    # A process of another namespace has the number 0 here.
    return {int(line) for line in lines} - {0}


def kill(folder: str) -> None:
    """Kill all processes in a cgroup at once, also those that they start meanwhile."""
    # Before Linux 5.14 the file is missing: signals to the members have to do.
    _try_to_write(f"{folder}/cgroup.kill", "1")


def remove(folder: str) -> None:
    """Remove a cgroup with those below it; one in which a process is left stays."""
    # A process counts a little longer than it is listed.
    for pause in _PAUSES_S:
        for here, _, _ in os.walk(folder, topdown=False):
            try:
                os.rmdir(here)  # noqa: PTH106 - see above
            except OSError:
                break
        if not os.path.isdir(folder):  # noqa: PTH112 - see above
            return
        time.sleep(pause)


def run_around() -> str | None:
    """Return the run in whose cgroup this process is, None outside of all."""
    names = [name for path in _paths() for name in path.split("/")]
    found = (name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))
    return next(found, None)


def _may_have_children(folder: str) -> bool:
    """Tell whether this user may move processes from this cgroup into one below it."""
    # Who moves a process needs the file of the cgroup that is above both.
    return all(os.access(path, os.W_OK) for path in (folder, f"{folder}/{_PROCS}"))


def _places() -> Iterator[str]:
    """Yield the folders that may be that of this process's cgroup."""
    for path in _paths():
        for root, top in _mounts():
            below = path if root == "/" else path.removeprefix(root)
            if root in ("/", path) or path.startswith(f"{root}/"):
                yield f"{top}{below}".rstrip("/")


def _paths() -> list[str]:
    """Return the path of this process in the hierarchy of version 2, if there is one."""
    marked = (line.partition("0::") for line in _lines("/proc/self/cgroup"))
    return [path for before, found, path in marked if found and not before]


def _mounts() -> list[tuple[str, str]]:
    """Return what is mounted of the hierarchy of version 2, and where."""
    fields = (line.split(" ") for line in _lines("/proc/self/mountinfo") if " - cgroup2 " in line)
    return [(each[3], each[4]) for each in fields]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            return file.read().splitlines()
    except OSError:
        return []


def _try_to_write(path: str, text: str) -> None:
    # Without `suppress`: contextlib takes long to load.
    try:
        with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - see above
            file.write(text)
    except OSError:
        pass
