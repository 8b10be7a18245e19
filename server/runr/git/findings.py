"""Which commits are which task's work: said by them, recognised in them, or guessed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from runr.core import inference, scope, taskfile
from runr.core.graph import TASKS
from runr.core.inference import Basis, Finding, Trace
from runr.core.task import Task
from runr.git import history, likeness, reverts, traces
from runr.git.repo import Repo
from runr.git.trailers import RUN_ID, TASK, Block, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A checkpoint that is known from a run's record or from another branch."""

    task: str
    run_id: str | None
    sha: str
    verified: bool


def of(
    repo: Repo,
    tip: str,
    seen: Sequence[Trace],
    tasks: Sequence[Task],
    recorded: Iterable[Known],
) -> dict[str, Finding]:
    """Return each task's surest finding, one that still counts before one that was taken back.

    `seen` are the traces that lead to `tip`, the latest first; `recorded` the
    checkpoints that records speak of.
    """
    undone = reverts.undone(repo, seen)
    said = list(_by_trailers(seen))
    runs = {finding.run_id for finding in said}
    known = [each for each in (*recorded, *_elsewhere(repo, tip)) if each.run_id not in runs]
    weaker = [
        *_by_likeness(repo, tip, seen, known),
        *_by_scope(repo, seen, tasks, known),
        *_by_title(seen, tasks),
    ]
    surest: dict[str, Finding] = {}
    for finding in (*said, *weaker):
        by = undone.get(finding.sha) or undone.get(finding.like or "")
        now = replace(finding, reverted_by=by)
        if _is_surer(now, surest.get(now.task)):
            surest[now.task] = now
    return _with_texts(repo, surest)


def _is_surer(new: Finding, old: Finding | None) -> bool:
    """Tell whether `new` says more; of two that say the same, the latest came first."""
    if old is None:
        return True
    return (new.reverted_by is None, new.confidence) > (old.reverted_by is None, old.confidence)


def _by_trailers(seen: Iterable[Trace]) -> Iterable[Finding]:
    for trace in seen:
        for block in _blocks(trace):
            for task in block.all(TASK) if block.checkpoint and not block.partial else ():
                yield Finding(
                    task=task,
                    sha=trace.sha,
                    time=trace.time,
                    basis=Basis.TRAILERS,
                    run_id=block.get(RUN_ID),
                    like=block.get(RUN_ID),
                    verified=bool(block.verified),
                )


def _elsewhere(repo: Repo, tip: str) -> Iterable[Known]:
    for finding in _by_trailers(traces.elsewhere(repo, tip)):
        yield Known(
            task=finding.task, run_id=finding.run_id, sha=finding.sha, verified=finding.verified
        )


def _by_likeness(
    repo: Repo, tip: str, seen: Iterable[Trace], known: Sequence[Known]
) -> Iterable[Finding]:
    speaking = {trace.sha for trace in seen if "Runr-" in trace.message and _blocks(trace)}
    speaking |= {trace.sha for trace in seen if inference.reverts([trace])}
    found = likeness.find(repo, tip, [each.sha for each in known], speaking) if known else {}
    for each in known:
        if like := found.get(each.sha):
            yield Finding(
                task=each.task,
                sha=like.commit.sha,
                time=like.commit.time,
                basis=like.basis,
                run_id=each.run_id,
                like=each.sha,
                verified=each.verified,
            )


def _by_scope(
    repo: Repo, seen: Iterable[Trace], tasks: Sequence[Task], known: Iterable[Known]
) -> Iterable[Finding]:
    """Yield commits that name a task's run in their text and change only what the task owns."""
    of_run = {each.run_id: each.task for each in known}
    by_path = {task.path: task for task in tasks}
    named = [
        (trace, run_id, task)
        for trace in seen
        if not any(block.checkpoint for block in _blocks(trace)) and len(trace.parents) == 1
        for run_id in inference.run_ids(trace.message)
        if (task := by_path.get(_task_of(trace, run_id) or of_run.get(run_id, ""))) and task.owns
    ]
    touched = history.touched(repo, [trace.sha for trace, _, _ in named]) if named else {}
    for trace, run_id, task in named:
        paths = touched.get(trace.sha, frozenset())
        if paths and all(scope.matches(path, task.owns) for path in paths):
            yield Finding(
                task=task.path,
                sha=trace.sha,
                time=trace.time,
                basis=Basis.SCOPE,
                run_id=run_id,
                like=run_id,
            )


def _task_of(trace: Trace, run_id: str) -> str | None:
    blocks = (block for block in _blocks(trace) if run_id in block.all(RUN_ID))
    return next((block.get(TASK) for block in blocks), None)


def _by_title(seen: Iterable[Trace], tasks: Iterable[Task]) -> Iterable[Finding]:
    by_title: dict[str, list[str]] = {}
    for task in tasks:
        by_title.setdefault(inference.title_key(task.title), []).append(task.path)
    for trace in seen:
        paths = by_title.get(inference.title_key(trace.subject), [])
        # A title that two tasks have names neither; a commit that names its run needs no guess.
        if len(paths) == 1 and len(trace.parents) == 1 and not _blocks(trace):
            yield Finding(task=paths[0], sha=trace.sha, time=trace.time, basis=Basis.TITLE)


def _blocks(trace: Trace) -> tuple[Block, ...]:
    return parse(trace.message) if "Runr-" in trace.message else ()


def _with_texts(repo: Repo, found: Mapping[str, Finding]) -> dict[str, Finding]:
    """Add what each task's file was in the commit, so that a later edit of it shows."""
    # git refuses to look at what a trailer made up: a path out of here, or more than one line.
    wanted = [f"{each.sha}:{task}" for task, each in found.items() if _is_path(task)]
    texts = _blobs(repo, wanted)
    return {
        task: replace(finding, task_sha256=taskfile.parse(task, content).sha256)
        if (content := texts.get(f"{finding.sha}:{task}")) is not None
        else finding
        for task, finding in found.items()
    }


def _is_path(task: str) -> bool:
    return task.startswith(TASKS) and "\n" not in task and ".." not in task.split("/")


def _blobs(repo: Repo, names: Sequence[str]) -> dict[str, bytes]:
    """Return the files that these names (`commit:path`) stand for, without those that are not."""
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
