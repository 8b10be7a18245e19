"""What a history says about tasks: how a commit is known to be a task's work, and how surely.

Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runr.status.model import OF_A_RESET, Entry, Evidence, State, Verification

#: The confidence from which a match is accepted unless the caller asks for another.
ENOUGH = 0.5

_REVERT = re.compile(r"This reverts commit ([0-9a-f]{40,64})\b")
_MERGE_REVERT = re.compile(r"This reverts commit ([0-9a-f]{40,64}), reversing\s")
_NUMBER = re.compile(r"\s*\(#\d+\)$")
_RUN_ID = re.compile(r"(?<![0-9A-Za-z])\d{8}-\d{6}-[a-z0-9]{4}(?![0-9A-Za-z])")


class Basis(StrEnum):
    """By what a commit is known to be a task's work, the surest first."""

    RECORD = "record"
    TREE = "tree"
    CHECKPOINT = "checkpoint"
    PATCH = "patch"
    TRAILERS = "trailers"
    SCOPE = "scope"
    MIRROR = "mirror"
    STATUS = "status"
    CLAIM = "claim"
    TITLE = "title"


CONFIDENCE: Mapping[Basis, float] = {
    Basis.RECORD: 1.0,
    Basis.TREE: 0.9,
    Basis.CHECKPOINT: 0.85,
    Basis.PATCH: 0.8,
    Basis.TRAILERS: 0.7,
    Basis.SCOPE: 0.6,
    Basis.MIRROR: 0.5,
    Basis.STATUS: 0.45,
    Basis.CLAIM: 0.4,
    Basis.TITLE: 0.3,
}

#: What each means, where `{like}` is the checkpoint or the run that was recognised.
MEANING: Mapping[Basis, str] = {
    Basis.RECORD: "its trailers and the record of {like} name the task",
    Basis.CHECKPOINT: "its trailers name the task, {like} and its own tree as verified",
    Basis.TRAILERS: "its trailers name the task and {like}",
    Basis.CLAIM: "its trailers name the task, and not all that runr writes",
    Basis.TREE: "it leads to the tree of {like}",
    Basis.PATCH: "it makes the change of {like}",
    Basis.SCOPE: "it names {like} and changes only what the task owns",
    Basis.MIRROR: "the task's header says so",
    Basis.STATUS: "the status file says so, and the record of {like} is not of this clone",
    Basis.TITLE: "its subject is the task's title, which proves little",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRecord:
    """A commit that may say something about a task; `time` is the committer's, in UTC."""

    sha: str
    parents: tuple[str, ...]
    tree: str
    time: str
    message: str

    @property
    def subject(self) -> str:
        """The first line."""
        return self.message.lstrip("\n").partition("\n")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitMatch:
    """A commit that is taken for a task's work.

    `like` is the checkpoint, or run, that was recognised in it; `reverted_by`
    the commit that took the work back; `task_sha256` the task's text in it.
    """

    task: str
    sha: str
    time: str
    basis: Basis
    run_id: str | None = None
    like: str | None = None
    verified: bool = False
    reverted_by: str | None = None
    task_sha256: str | None = None
    by: str | None = None

    @property
    def confidence(self) -> float:
        """How surely the commit is the task's work, 1 at most."""
        return CONFIDENCE[self.basis]

    @property
    def message(self) -> str:
        """Why the commit is taken for the task's work, in words."""
        checkpoint = self.basis in (Basis.TREE, Basis.PATCH)
        like = f"checkpoint {(self.like or '')[:12]}" if checkpoint else f"run {self.like}"
        return MEANING[self.basis].format(like=like if self.like else "no run")


def mentions_task(message: str, titles: frozenset[str]) -> bool:
    """Tell whether a commit with this message may say something about a task."""
    if "Runr-" in message or "This reverts commit " in message:
        return True
    if normalized_title(message.lstrip("\n").partition("\n")[0]) in titles:
        return True
    return _RUN_ID.search(message) is not None


def run_ids(text: str) -> tuple[str, ...]:
    """Return what looks like the id of a run, anywhere in the text."""
    return tuple(dict.fromkeys(_RUN_ID.findall(text)))


def normalized_title(subject: str) -> str:
    """Return a title, or the subject of a squash, without what web sites add to it."""
    plain = _NUMBER.sub("", subject) if subject.endswith(")") else subject
    return " ".join(plain.split()).casefold()


def reverts(traces: Iterable[CommitRecord]) -> dict[str, str]:
    """Return what was taken back and by which commit; `traces` come the latest first.

    What took something back and was itself taken back counts no more.
    """
    found: dict[str, str] = {}
    for trace in traces:
        if trace.sha not in found:
            for sha in _REVERT.findall(trace.message):
                found.setdefault(sha, trace.sha)
    return found


def is_of_merge(trace: CommitRecord, sha: str) -> bool:
    """Tell whether a revert says of `sha` that it was a merge."""
    return sha in _MERGE_REVERT.findall(trace.message)


def improves(entry: Entry, finding: CommitMatch, is_later: Callable[[], bool]) -> bool:
    """Tell whether the finding is better evidence than what is recorded.

    The record of a run that is here says more about that run than any commit,
    and an attestation more than a guess. `is_later` tells whether the commit came
    after what is recorded, by the history and not by a clock.
    """
    if entry.status is State.COMPLETED:
        if entry.evidence is not Evidence.INFERRED:
            return False
        known = entry.confidence or 0.0
        return known < finding.confidence or (known == finding.confidence and is_later())
    if entry.status is State.IN_PROGRESS or (
        finding.run_id is not None and entry.last_run_id == finding.run_id
    ):
        return False
    return entry.updated_at is None or is_later()


def completed(entry: Entry, finding: CommitMatch, sequence: int) -> Entry:
    """Return the entry with the finding as its evidence."""
    no_reset: dict[str, Any] = dict.fromkeys(OF_A_RESET)
    return entry._replace(
        **no_reset,
        status=State.COMPLETED,
        last_run_id=finding.run_id or entry.last_run_id,
        updated_at=finding.time,
        completed_at=finding.time,
        completed_by=finding.by or _by(finding),
        checkpoint_sha=finding.sha or None,
        task_sha256=finding.task_sha256,
        verification=Verification.PASSED if finding.verified else Verification.NONE,
        evidence=Evidence.INFERRED,
        confidence=finding.confidence,
        basis=finding.basis.value,
        run_count=max(entry.run_count, 1),
        revision=entry.revision + 1,
        sequence=sequence,
        stop_reason=None,
        stop_detail=None,
        reason=None,
        pending_branch=None,
    )


def withdrawn(entry: Entry, now: str) -> Entry:
    """Return the entry without an inferred completion whose commit was taken back."""
    return entry._replace(
        status=State.PENDING,
        verification=Verification.NONE,
        completed_at=None,
        completed_by=None,
        checkpoint_sha=None,
        task_sha256=None,
        evidence=None,
        confidence=None,
        basis=None,
        updated_at=now,
        revision=entry.revision + 1,
    )


def _by(finding: CommitMatch) -> str:
    return f"run:{finding.run_id}" if finding.run_id else f"commit:{finding.sha}"
