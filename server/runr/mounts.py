"""What is mounted where, as far as the system tells."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MOUNTS = Path("/proc/self/mountinfo")


class Mount(NamedTuple):
    """A mount of this machine: `shown` of the file system `device` is at the path `at`."""

    device: str
    shown: str
    at: str


def listed() -> list[Mount]:
    """Return the mounts that the system lists; none where it has no such list."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    fields = (line.split(" ")[2:5] for line in lines)
    return [Mount(device, _plain(shown), _plain(at)) for device, shown, at in fields]


def _plain(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def inside(folder: Path) -> str | None:
    """Return the path of a mount inside of the folder, or at it; None where there is none."""
    top = str(folder.parent.resolve() / folder.name)
    known = [mount.at for mount in listed()] or _found(top)
    return next((at for at in known if f"{at}/".startswith(f"{top}/")), None)


def _found(top: str) -> Iterator[str]:
    """Yield folders that are on another device than their parent."""
    for folder, folders, _ in os.walk(top):
        yield from (path for name in folders if os.path.ismount(path := f"{folder}/{name}"))
