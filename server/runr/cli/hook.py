"""`runr hook EVENT`, which Claude Code starts: quick, silent, and never in anybody's way."""

import os
import sys
from collections.abc import Mapping

#: The log starts anew above this size.
_LONGEST_LOG = 64 * 1024


def serve(event: str, environment: Mapping[str, str], repo: str | None = None) -> int:
    """Answer the event that stands on standard input; whatever goes wrong, go out of the way."""
    root = _root(repo or "") or _root(_here()) or _root(environment.get("CLAUDE_PROJECT_DIR", ""))
    # The worker of a run has its own rules, and its hooks are none of its session's.
    if root is None or "RUNR_RUN_ID" in environment:
        return 0
    if sys.stdin.isatty():
        sys.stderr.write("runr hook answers Claude Code, which starts it; Ctrl-C ends it.\n")
    try:
        # Outside of a repository with tasks nothing of this is loaded.
        from runr.app.hooks import desk  # noqa: PLC0415 - see above

        answer = desk.answer(root, event, sys.stdin.buffer.read(), environment)
        if answer:
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - a hook that fails must never block the user
        _keep(root, event, error)
    return 0


def _here() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - pathlib takes longer to load than all of this
    except OSError:
        return ""


def _root(folder: str) -> str | None:
    """Return the repository around `folder`, if it has anything of runr's."""
    while folder:
        if os.path.exists(f"{folder}/.git"):  # noqa: PTH110 - see `_here`
            return folder if os.path.isdir(f"{folder}/.runr") else None  # noqa: PTH112
        above = os.path.dirname(folder)  # noqa: PTH120
        folder = above if above != folder else ""
    return None


def _keep(root: str, event: str, error: Exception) -> None:
    """Note what went wrong, where `runr doctor` and a curious user can find it."""
    from contextlib import suppress  # noqa: PLC0415 - only where something went wrong
    from datetime import UTC, datetime  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from runr.store.layout import Layout  # noqa: PLC0415

    log = Layout(Path(root)).hooks_log
    now = datetime.now(UTC)
    first = (str(error).splitlines() or [""])[0][:500]
    with suppress(OSError):
        fresh = not log.exists() or log.stat().st_size > _LONGEST_LOG
        with log.open("w" if fresh else "a", encoding="utf-8", errors="replace") as file:
            file.write(f"{now:%Y-%m-%dT%H:%M:%SZ} {event}: {type(error).__name__}: {first}\n")
