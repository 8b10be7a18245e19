"""The sandbox of a worker: of the repository it sees its worktree, and can change nothing else.

The rest of the working tree, git's settings, hooks and refs are read-only, `.runr` and the key of
the clone are hidden. What the worker needs of both stays: its worktree with the index, the branches
of runs, the objects, and the files of its task. Linux only, by user and mount namespaces, without
privileges.
"""

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from runr.config.settings import WorkerSettings
from runr.errors import WorkerUnavailableError
from runr.execution import mount_over
from runr.execution.context import RunContext
from runr.git import folders, hooks
from runr.next_steps import commands
from runr.runs import clone_key
from runr.runs.model import RunState


def launcher(
    context: RunContext, state: RunState, settings: WorkerSettings, prompt: Path
) -> tuple[str, ...]:
    """Return the words before a worker's command that confine it; none without a sandbox.

    WorkerUnavailableError where a sandbox is asked for and there can be none.
    """
    if settings.sandbox == "off":
        return ()
    if state.start.branch is None:
        raise WorkerUnavailableError(
            'sandbox = "repo" needs a worktree, and --in-place uses the working tree itself'
        )
    if not is_possible():
        raise WorkerUnavailableError(
            'sandbox = "repo" needs Linux with user namespaces', next_steps=[commands.doctor()]
        )
    return tuple(mount_over.program(_mounts(context, state, prompt)))


def _mounts(context: RunContext, state: RunState, prompt: Path) -> dict[str, object]:
    root, workdir = context.layout.root, Path(state.start.workdir)
    common, own = context.root.common_dir(), folders.git_dir(workdir)
    writable = [
        workdir,
        *([own] if own else []),
        common / "objects",
        common / "refs" / "heads" / "runr",
        common / "logs" / "refs" / "heads" / "runr",
        hooks.ref_log_folder(common),
    ]
    key = clone_key.folder(common)
    for folder in (*writable, key):
        folder.mkdir(parents=True, exist_ok=True)
    outside = [] if common.is_relative_to(root) else [common]
    return {
        "read_only": [str(path) for path in (root, *outside)],
        "writable": [str(path) for path in writable],
        "hidden": [str(context.layout.runr), str(key)],
        "shown": [str(path) for path in (context.files.task, prompt)],
        "inside": str(workdir),
    }


@cache
def is_possible() -> bool:
    """Return whether this machine can confine a worker."""
    if sys.platform != "linux":
        return False
    try:
        with TemporaryDirectory(prefix="runr-sandbox-") as folder:
            spec = {"read_only": [folder], "hidden": [folder], "inside": folder}
            command = mount_over.program({**spec, "writable": [], "shown": []}, "true")
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
