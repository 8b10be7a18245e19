"""What a repository says of itself as text: its status, task files, reports and logs.

Each is cut to what a client can take, and without the secrets that were written into it.
"""

import json
import os
from collections.abc import Sequence

from runr import nofollow
from runr.errors import UnknownNameError
from runr.history.overview import overview
from runr.lifecycle import runs as lifecycle_runs
from runr.mcp_server import truncation
from runr.project import Project
from runr.query import detail
from runr.query.encoding import to_sparse
from runr.redaction import redact
from runr.runs import journal
from runr.storage.layout import RunFiles
from runr.tasks.model import short_name
from runr.text import encodable

#: As many bytes of a log are shown, its last ones, and as many characters of another text.
LOG = 65_536
TEXT = 100_000
#: As many runs complete an id, the latest ones.
_RUNS = 1000


def status(project: Project) -> str:
    """Return the overview as `runr status --json` prints it, in JSON."""
    content = to_sparse(overview(project))
    return _shown(json.dumps(content, ensure_ascii=False, indent=1))


def task(project: Project, wanted: str) -> tuple[str, str]:
    """Return the name of a task, and its file."""
    found = project.find_task(wanted, project.tasks())
    return short_name(found.path), _shown(detail.read_text(project, found.path))


def report(project: Project, wanted: str) -> str:
    """Return the report of a run, in Markdown."""
    run = _run(project, wanted)
    return _shown(lifecycle_runs.read_report(project, run.id).markdown)


def log(project: Project, wanted: str) -> str:
    """Return the end of what the worker wrote at its last attempt, else of the run's own log."""
    run = _run(project, wanted)
    attempts = range(journal.require(run).attempt, 0, -1)
    for file in (*map(run.transcript, attempts), run.runner_log):
        if nofollow.exists(file):
            return redact(_tail(nofollow.open_file(file, os.O_RDONLY)))
    return ""


def task_names(project: Project, begin: str) -> Sequence[str]:
    """Return the tasks that begin so, then those that have it elsewhere in their name."""
    names = [short_name(each.path) for each in project.tasks()]
    first = [name for name in names if name.startswith(begin)]
    return [*first, *(name for name in names if begin in name[1:] and name not in set(first))]


def run_ids(project: Project, begin: str) -> Sequence[str]:
    """Return the runs whose id begins so, the latest first."""
    return [name for name in reversed(journal.ids(project.layout)) if name.startswith(begin)][
        :_RUNS
    ]


def _run(project: Project, wanted: str) -> RunFiles:
    """Return the run with this id; a part of an id is no address."""
    found = journal.find(project.layout, wanted)
    if found.id != wanted:
        raise UnknownNameError(f"there is no run {wanted!r}")
    return found


def _shown(text: str) -> str:
    return truncation.cut(redact(encodable(text)), TEXT)


def _tail(handle: int) -> str:
    with os.fdopen(handle, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - LOG))
        text = stream.read(LOG).decode("utf-8", "replace")
    # The first line is a part of one: a secret that was cut in half is not found in it.
    return text.partition("\n")[2] if size > LOG else text
