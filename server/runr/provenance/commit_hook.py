"""What a git hook asks: which run is open in this tree, and whether a commit may go unexplained."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runr.config import loader
from runr.errors import ExitCode, RunrError
from runr.git import trailers
from runr.git.folders import find_root, main_tree
from runr.runs import journal
from runr.runs.model import RunState
from runr.status import store
from runr.status.model import State
from runr.storage.layout import Layout, choose_root

_REFUSAL = """\
runr: this commit names neither a run nor a session, as [provenance] enforce = true requires
  runr intervene --reason 'what was done and why'   commits what is staged, with a record
  git commit --no-verify                            commits it without one, unattributed
"""


def open_run_trailers(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Answer a hook; whatever goes wrong, the commit is not kept from being made."""
    try:
        here = Path.cwd()
        match words:
            case ["open-run"]:
                found = open_run(here, environment.get("CLAUDE_CODE_SESSION_ID", ""))
                sys.stdout.write(f"{found}\n" if found else "")
            case ["enforce", message] if is_refused(here, here / message):
                sys.stderr.write(_REFUSAL)
                return ExitCode.HUMAN
            case _:
                pass
    except (OSError, RunrError) as error:
        sys.stderr.write(f"runr: the git hook was passed over: {error}\n")
    return ExitCode.DONE


def open_run(tree: Path, session: str) -> str | None:
    """Return the run that is open in this tree: the session's own, else the only one.

    A run that another session has open does not count: its commits are its own.
    """
    layout = _layout(tree)
    here = os.path.realpath(tree)
    open_ = [run for run in _open(layout) if os.path.realpath(run.start.workdir) == here]
    if session:
        mine = (run for run in open_ if run.holder == session)
        return next((run.id for run in mine), None)
    return open_[0].id if len(open_) == 1 else None


def _layout(tree: Path) -> Layout:
    root = find_root(tree)
    return choose_root(root, main_tree(root))


def _open(layout: Layout) -> Iterator[RunState]:
    """Yield the runs that sessions have open."""
    for entry in store.read(layout).tasks.values():
        if entry.status is State.IN_PROGRESS and entry.last_run_id:
            state = journal.state(layout.run(entry.last_run_id))
            if state is not None and state.by_session and state.result is None:
                yield state


def is_refused(tree: Path, message: Path) -> bool:
    """Tell whether provenance is enforced and the message names no run, session or person."""
    if not loader.load(_layout(tree)).provenance.enforce:
        return False
    blocks = trailers.parse_trailers(message.read_text("utf-8", "replace"))
    known = (trailers.RUN_ID, trailers.SESSION, trailers.INTERVENTION)
    return not any(block.get(key) for block in blocks for key in known)
