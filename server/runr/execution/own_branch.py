"""Whether a run in the user's working tree still has the branch there on which it lands.

The agent of a session, and its user, may go to another branch: that is where they want the work.
"""

from pathlib import Path

from runr.git.repo import Repo
from runr.runs.model import RunState


def why_absent(state: RunState) -> str | None:
    """Return what is checked out in place of the run's target; None where nothing is wrong."""
    start = state.start
    if start.branch is not None or start.target is None or state.by_session:
        return None
    found = Repo(Path(start.workdir)).branch()
    if found == start.target:
        return None
    return f"{found or 'no branch'} is checked out, and the run lands on {start.target}"
