"""`runr hook EVENT`, which Claude Code starts: quick and silent, it never blocks the user."""

import os
import sys
from collections.abc import Mapping

_ABOUT_OPEN_WORK = ("PreToolUse", "PostToolUse", "Stop")


def serve(event: str, environment: Mapping[str, str], repo: str | None = None) -> int:
    """Answer the event on standard input; an error never blocks the session."""
    root = _root(repo or "") or _root(_here()) or _root(environment.get("CLAUDE_PROJECT_DIR", ""))
    # The worker of a run has its own rules, and its hooks are none of its session's.
    if root is None or "RUNR_RUN_ID" in environment:
        return 0
    if sys.stdin.isatty():
        sys.stderr.write("runr hook answers Claude Code, which starts it; Ctrl-C ends it.\n")
    data = sys.stdin.buffer.read()
    if _is_idle(root, event, data):
        return 0
    # Outside of a repository with tasks nothing of this is loaded.
    from pathlib import Path  # noqa: PLC0415 - see above

    from runr.claude import context  # noqa: PLC0415 - see above
    from runr.clock import utc_now  # noqa: PLC0415 - see above
    from runr.storage import hooks_log  # noqa: PLC0415 - see above
    from runr.storage.layout import Layout  # noqa: PLC0415 - see above

    layout = Layout(Path(root))
    try:
        with hooks_log.watched(layout, event, utc_now):
            response = context.dispatch(root, event, data, environment)
            if response.output:
                sys.stdout.write(response.output + "\n")
                sys.stdout.flush()
        if response.deferred:
            _detach()
            response.deferred()
    except Exception as error:  # noqa: BLE001 - a hook that fails must never block the user
        hooks_log.log_error(layout, event, error, utc_now)
    return 0


def _detach() -> None:
    """Let Claude Code continue: it waits for a hook, at the end of a session at most a second."""
    if os.fork():
        os._exit(0)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _is_idle(root: str, event: str, data: bytes) -> bool:
    """Tell whether no session has a task open, or left one, that this event could be about."""
    if event not in _ABOUT_OPEN_WORK or b'__run-task"' in data:
        return False
    # Not by way of `store.layout`: most events end here, and loading that takes longer than all
    # of this. A damaged file is reported where it is read.
    try:
        # Not through a link, and not waiting for a pipe's other end, as `runr.nofollow`.
        if os.path.islink(f"{root}/.runr"):  # noqa: PTH114 - see `_here`
            return False
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open(f"{root}/.runr/task-status.json", flags)
        with os.fdopen(handle, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not any(word in text for word in (b'"in_progress"', b'"abandoned"', b'"usage_limit"'))


def _here() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - pathlib takes longer to load than all of this
    except OSError:
        return ""


def _root(folder: str) -> str | None:
    """Return the folder with the record of the working tree around `folder`, if there is one."""
    while folder:
        if os.path.exists(f"{folder}/.git"):  # noqa: PTH110 - see `_here`
            return _record(folder)
        above = os.path.dirname(folder)  # noqa: PTH120 - see `_here`
        folder = above if above != folder else ""
    return None


def _record(tree: str) -> str | None:
    """Choose as `store.home` does, of which nothing is loaded here."""
    own = any(os.path.exists(f"{tree}/.runr/{name}") for name in ("task-status.json", "runs"))  # noqa: PTH110 - see `_here`
    main = None if own else _main(tree)
    if main and os.path.isdir(f"{main}/.runr"):  # noqa: PTH112 - see `_here`
        return main
    return tree if os.path.isdir(f"{tree}/.runr") else None  # noqa: PTH112 - see `_here`


def _main(tree: str) -> str | None:
    """Return the main working tree of which `tree` is a linked one."""
    try:
        with open(f"{tree}/.git", encoding="utf-8") as link:  # noqa: PTH123 - see `_here`
            target = link.read().removeprefix("gitdir: ").strip()
    except OSError:
        return None  # a folder: this is the main one
    main, linked, _ = os.path.join(tree, target).partition("/.git/worktrees/")  # noqa: PTH118 - see `_here`
    return os.path.normpath(main) if linked else None
