"""The status written into task files, where the settings ask for it, and never over an edit."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runr.core.status import UNTOUCHED, Entry, State
from runr.errors import RunrError
from runr.store import configfile, files, taskfiles
from runr.store.files import ChangedMeanwhileError
from runr.store.layout import Layout

#: How often to begin anew where somebody is writing the file at the same moment.
_TRIES = 3


def is_wanted(layout: Layout) -> bool:
    """Tell whether the settings ask for it; settings that do not read well ask for nothing."""
    try:
        return configfile.read(layout).status.mirror == "frontmatter"
    except RunrError:
        return False


def follow(layout: Layout, before: Mapping[str, Entry], after: Mapping[str, Entry]) -> None:
    """Write into the task files what has changed; a file that cannot be written is left alone.

    A task that is being worked on keeps what was written last: that it is in
    progress is true on this machine only, and not for long.
    """
    changed = [
        task
        for task, entry in after.items()
        if entry != before.get(task, UNTOUCHED) and entry.status is not State.IN_PROGRESS
    ]
    if not changed or not is_wanted(layout):
        return
    for task in changed:
        # The record is the status file; this is a copy for people, and must not stop a run.
        with suppress(RunrError, OSError):
            _write(layout, task, after[task])


def read(layout: Layout, task: str) -> dict[str, str]:
    """Return what a task file's header says of its status; nothing where it cannot be read."""
    # As in `_write`.
    from runr.core import mirror  # noqa: PLC0415 - see above

    try:
        return mirror.read(taskfiles.read_content(layout, task))
    except RunrError:
        return {}


def _write(layout: Layout, task: str, entry: Entry) -> None:
    # Where nothing is mirrored, nobody pays for the parser.
    from runr.core import mirror  # noqa: PLC0415 - see above

    file = Path(os.path.realpath(layout.root / task))
    for _ in range(_TRIES):
        content = taskfiles.read_content(layout, task)
        made = mirror.written(content, mirror.wanted(entry))
        if made is None or made == content:
            return
        with suppress(ChangedMeanwhileError):
            files.replace(file, made, if_still=content)
            return
