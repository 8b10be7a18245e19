"""Which commits are which task's work: said by them, recognised in them, or guessed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from runr.evidence import commit_index, equivalence, inference, later_changes
from runr.evidence.commit_index import CommitScan
from runr.evidence.inference import ENOUGH, Basis, CommitMatch, CommitRecord, normalized_title
from runr.evidence.trailed import TrailerReader, blocks
from runr.git import log
from runr.git.repo import Repo
from runr.git.trailers import RUN_ID, TASK
from runr.runs.model import RunState
from runr.scope import patterns
from runr.status import frontmatter
from runr.status.model import Entry
from runr.status.staleness import is_reset
from runr.storage.layout import Layout
from runr.tasks import parser
from runr.tasks.model import Task
from runr.tasks.names import TASKS


class Reset(NamedTuple):
    """A completion that was taken back: the run that gave it, and the commits made since."""

    run_id: str | None
    later: frozenset[str]

    def allows(self, finding: "CommitMatch") -> bool:
        """Tell whether the finding is of work that was done after the reset."""
        again = finding.run_id is not None and finding.run_id == self.run_id
        return finding.sha in self.later and not again


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCheckpoint:
    """A checkpoint that is known from a run's record or from another branch."""

    task: str
    run_id: str | None
    sha: str
    verified: bool


def match_commits(
    repo: Repo,
    tip: str,
    seen: Sequence[CommitRecord],
    tasks: Sequence[Task],
    recorded: Iterable[KnownCheckpoint],
    *,
    runs: Iterable[RunState] = (),
    resets: Mapping[str, Reset] = MappingProxyType({}),
) -> dict[str, CommitMatch]:
    """Return each task's surest finding, one that still counts before one that was taken back.

    `seen` are the traces that lead to `tip`, the latest first; `recorded` the
    checkpoints that records name, `runs` the records that are here. After a reset
    only later work is found.
    """
    undone = later_changes.reverted_commits(repo, seen)
    reader = TrailerReader(repo=repo, runs={run.id: run for run in runs})
    said = list(reader.matches(seen))
    named = {finding.run_id for finding in said}
    known = [each for each in (*recorded, *_elsewhere(reader, tip)) if each.run_id not in named]
    weaker = [
        *_by_equivalence(repo, tip, seen, known),
        *_by_scope(repo, seen, tasks, known),
        *_by_title(seen, tasks),
    ]
    surest: dict[str, CommitMatch] = {}
    for finding in (*said, *weaker):
        if (reset := resets.get(finding.task)) and not reset.allows(finding):
            continue
        by = undone.get(finding.sha) or undone.get(finding.like or "")
        now = replace(finding, reverted_by=by)
        if _is_surer(now, surest.get(now.task)):
            surest[now.task] = now
    return _with_texts(repo, surest)


def _is_surer(new: CommitMatch, old: CommitMatch | None) -> bool:
    """Tell whether `new` says more; of two that say the same, the latest came first."""
    if old is None:
        return True
    return (new.reverted_by is None, new.confidence) > (old.reverted_by is None, old.confidence)


def _elsewhere(reader: TrailerReader, tip: str) -> Iterable[KnownCheckpoint]:
    for finding in reader.matches(commit_index.scan_other_refs(reader.repo, tip)):
        if finding.confidence >= ENOUGH:
            yield KnownCheckpoint(
                task=finding.task, run_id=finding.run_id, sha=finding.sha, verified=finding.verified
            )


def _by_equivalence(
    repo: Repo, tip: str, seen: Iterable[CommitRecord], known: Sequence[KnownCheckpoint]
) -> Iterable[CommitMatch]:
    speaking = {trace.sha for trace in seen if "Runr-" in trace.message and blocks(trace)}
    speaking |= {trace.sha for trace in seen if inference.reverts([trace])}
    found = (
        equivalence.find_equivalents(repo, tip, [each.sha for each in known], speaking)
        if known
        else {}
    )
    for each in known:
        if like := found.get(each.sha):
            yield CommitMatch(
                task=each.task,
                sha=like.commit.sha,
                time=like.commit.time,
                basis=like.basis,
                run_id=each.run_id,
                like=each.sha,
                # Another tree with the same change is not what the checks passed on.
                verified=each.verified and like.basis is Basis.TREE,
            )


def _by_scope(
    repo: Repo,
    seen: Iterable[CommitRecord],
    tasks: Sequence[Task],
    known: Iterable[KnownCheckpoint],
) -> Iterable[CommitMatch]:
    """Yield commits that name a task's run in their text and change only what the task owns."""
    of_run = {each.run_id: each.task for each in known}
    by_path = {task.path: task for task in tasks}
    named = [
        (trace, run_id, task)
        for trace in seen
        if not any(block.checkpoint or block.takes_back for block in blocks(trace))
        and len(trace.parents) == 1
        for run_id in inference.run_ids(trace.message)
        if (task := by_path.get(_task_of(trace, run_id) or of_run.get(run_id, ""))) and task.owns
    ]
    touched = log.touched(repo, [trace.sha for trace, _, _ in named]) if named else {}
    for trace, run_id, task in named:
        paths = touched.get(trace.sha, frozenset())
        if paths and all(patterns.matches(path, task.owns) for path in paths):
            yield CommitMatch(
                task=task.path,
                sha=trace.sha,
                time=trace.time,
                basis=Basis.SCOPE,
                run_id=run_id,
                like=run_id,
            )


def _task_of(trace: CommitRecord, run_id: str) -> str | None:
    own = (block for block in blocks(trace) if run_id in block.all(RUN_ID))
    return next((block.get(TASK) for block in own), None)


def _by_title(seen: Iterable[CommitRecord], tasks: Iterable[Task]) -> Iterable[CommitMatch]:
    by_title: dict[str, list[str]] = {}
    for task in tasks:
        by_title.setdefault(inference.normalized_title(task.title), []).append(task.path)
    for trace in seen:
        paths = by_title.get(inference.normalized_title(trace.subject), [])
        # A title that two tasks have names neither; a commit that names its run needs no guess.
        if len(paths) == 1 and len(trace.parents) == 1 and not blocks(trace):
            yield CommitMatch(task=paths[0], sha=trace.sha, time=trace.time, basis=Basis.TITLE)


def _with_texts(repo: Repo, found: Mapping[str, CommitMatch]) -> dict[str, CommitMatch]:
    """Add what each task's file was in the commit, so that a later edit of it shows."""
    # git refuses to look at what a trailer made up: a path out of here, or more than one line.
    wanted = [f"{each.sha}:{task}" for task, each in found.items() if _is_path(task)]
    texts = _blobs(repo, wanted)
    return {
        task: replace(finding, task_sha256=parser.parse(task, content).sha256)
        if (content := texts.get(f"{finding.sha}:{task}")) is not None
        else finding
        for task, finding in found.items()
    }


def _is_path(task: str) -> bool:
    return task.startswith(TASKS) and "\n" not in task and ".." not in task.split("/")


def _blobs(repo: Repo, names: Sequence[str]) -> dict[str, bytes]:
    """Return the files named by `commit:path`, without those that do not exist."""
    lines = "".join(f"{name}\n" for name in names).encode(errors="surrogateescape")
    out = repo.run("cat-file", "--batch", stdin=lines) if names else b""
    found: dict[str, bytes] = {}
    place = 0
    for name in names:
        end = out.index(b"\n", place)
        words = out[place:end].split(b" ")
        place = end + 1
        if words[-2:-1] and words[-1].isdigit():
            size = int(words[-1])
            if words[-2] == b"blob":
                found[name] = out[place : place + size]
            place += size + 1
    return found


# A header is untrusted text: only what has the right form is passed to git.
_SHA = re.compile(r"[0-9a-f]{40,64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def unique_titles(tasks: Iterable[Task]) -> frozenset[str]:
    """Return the subjects by which a commit may be taken for one of the tasks."""
    return frozenset(normalized_title(task.title) for task in tasks)


def read_matches(
    layout: Layout,
    tasks: Sequence[Task],
    runs: Iterable[RunState],
    entries: Mapping[str, Entry],
    *,
    tree: Repo | None = None,
) -> tuple[CommitScan, dict[str, CommitMatch]]:
    """Return what was read of the history, and each task's surest finding in it.

    The history is the one that leads to what is checked out in `tree`, which is
    the main working tree unless another is given.
    """
    repo = tree or Repo(layout.root)
    tip = repo.head()
    if tip is None:
        return CommitScan(commits=0, traces=()), {}
    reading = commit_index.load_commits(layout, unique_titles(tasks), tip=tip)
    here = tuple(runs)
    known = [*_of_runs(here), *_of_entries(repo, entries)]
    resets = _resets(repo, tip, entries)
    found = match_commits(repo, tip, reading.traces, tasks, known, runs=here, resets=resets)
    for task, finding in _mirrored(layout, tasks).items():
        if task in resets:
            continue  # its header is older than the reset
        known_as = found.setdefault(task, finding)
        if known_as.reverted_by is None and known_as.confidence < finding.confidence:
            found[task] = finding
    return reading, found


def _resets(repo: Repo, tip: str, entries: Mapping[str, Entry]) -> dict[str, Reset]:
    """Return the completions that were taken back and not given again, by task."""
    found = {}
    for task, entry in entries.items():
        if is_reset(entry):
            # Where that commit is gone, it is not known what is later, so nothing is.
            since = entry.reset_commit or ""
            span = (tip, f"^{since}") if since else (tip,)
            later = repo.unless_gone("rev-list", *span, needs=(since or tip,)) or b""
            found[task] = Reset(entry.reset_of, frozenset(later.decode().split()))
    return found


def certain_matches(found: Mapping[str, CommitMatch]) -> dict[str, CommitMatch]:
    """Return the matches that reach the default confidence."""
    return {
        task: finding
        for task, finding in found.items()
        if finding.confidence >= ENOUGH and finding.reverted_by is None
    }


def _mirrored(layout: Layout, tasks: Iterable[Task]) -> dict[str, CommitMatch]:
    """Return what the headers of the task files say, where they are kept to say it."""
    if not frontmatter.is_enabled(layout):
        return {}
    said = {task.path: frontmatter.read_document(layout, task.path) for task in tasks}
    return {
        path: CommitMatch(
            task=path,
            sha=_fitting(_SHA, lines.get("completed_commit")),
            time=_fitting(_TIME, lines.get("completed_at")),
            basis=Basis.MIRROR,
            by=lines.get("completed_by"),
        )
        for path, lines in said.items()
        if lines.get("status") == "completed"
    }


def _of_runs(runs: Iterable[RunState]) -> Iterable[KnownCheckpoint]:
    for run in runs:
        if run.checkpoint_sha and run.start.kind == "attempt":
            yield KnownCheckpoint(
                task=run.start.task,
                run_id=run.id,
                sha=run.checkpoint_sha,
                verified=run.verification.result == "passed",
            )


def _of_entries(repo: Repo, entries: Mapping[str, Entry]) -> Iterable[KnownCheckpoint]:
    """Yield the checkpoints of entries, which are claims: each must say itself whose it is."""
    shas = {task: _fitting(_SHA, entry.checkpoint_sha) for task, entry in entries.items()}
    commits = log.read_commits(repo, filter(None, shas.values()))
    for task, sha in shas.items():
        run_id = entries[task].last_run_id
        if sha in commits and run_id and commits[sha].is_checkpoint_of(run_id, task):
            yield KnownCheckpoint(task=task, run_id=run_id, sha=sha, verified=False)


def _fitting(pattern: re.Pattern[str], text: str | None) -> str:
    return text if text and pattern.fullmatch(text) else ""
