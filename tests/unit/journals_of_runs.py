"""Write the journals of runs as runr does, without running anything."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from runr.jobs.journal import JobJournal
from runr.redaction import Redactor
from runr.runs.events import EventData, RunCompleted, RunStopped, parse_data
from runr.runs.journal import Journal
from runr.runs.model import Phase, RunCreated, RunSpec
from runr.storage.layout import Layout, RunFiles

MONDAY = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)
TREE = "a" * 40
COMMIT = "c" * 40
PASSING = {"tier": "tier1", "command": "make test", "seconds": 2.0, "exit_code": 0}
FAILING = PASSING | {"exit_code": 1}
COMPLETED = RunCompleted()


def finished(phase: Phase, outcome: str, **facts: Any) -> EventData:
    return parse_data("phase.finished", {"phase": phase, "outcome": outcome} | facts)


def verified(*checks: dict[str, Any], tree: str = TREE) -> EventData:
    passed = all(check["exit_code"] == 0 for check in checks)
    facts = {"checks": list(checks), "candidate": {"tree": tree, "commit_tree": tree}}
    return finished(Phase.VERIFY, "passed" if passed else "failed", **facts)


def worked(number: int = 1, **facts: Any) -> list[EventData]:
    started = parse_data("phase.started", {"phase": "work", "attempt": number})
    return [started, finished(Phase.WORK, "ok", **facts)]


def landed(target: str = "main") -> list[EventData]:
    return [
        finished(Phase.CHECKPOINT, "ok", commit_sha=COMMIT, changed=1),
        finished(Phase.INTEGRATE, "ok", commit_sha=COMMIT, target=target, strategy="fast-forward"),
    ]


def completed(**usage: Any) -> list[EventData]:
    """Return the events of a run that completes its task at the first attempt."""
    return [*worked(usage=usage), verified(PASSING), *landed(), COMPLETED]


def stopped(code: str = "verification_failed") -> list[EventData]:
    return [*worked(), verified(FAILING), RunStopped(code, "make test failed")]


class Journals:
    """Appends to the journals of runs; each event is `step` later than the one before."""

    def __init__(self, layout: Layout, begin: datetime = MONDAY) -> None:
        self.layout = layout
        self.now = begin
        self.step = timedelta(seconds=60)
        self._numbers = count(1)

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now

    def run(self, task: str, events: Sequence[EventData], **facts: Any) -> RunFiles:
        """Write a run of a task; `facts` are of its first event."""
        run = self.layout.run(f"{self.now:%Y%m%d-%H%M%S}-{next(self._numbers):04}")
        run.folder.mkdir(parents=True)
        self.append(run, [self.created(task, **facts), *events])
        return run

    def created(self, task: str, **facts: Any) -> RunCreated:
        """Return the first event of a run."""
        return RunCreated(
            task=f".runr/tasks/{task}.md",
            worker=facts.pop("worker", "script"),
            workdir="/repo",
            base_sha="0" * 40,
            base_tree="1" * 40,
            spec=RunSpec(title=task, task_sha256="5" * 64, config_sha256=facts.pop("config", "")),
            target="main",
            **facts,
        )

    def append(self, run: RunFiles, events: Sequence[EventData]) -> None:
        """Append events to the journal of a run."""
        journal = Journal(run, self, Redactor({}))
        for event in events:
            journal.append(event)

    def job_journal(self, job_run_id: str) -> JobJournal:
        """Return the journal of a new job run."""
        files = self.layout.job_run(job_run_id)
        files.folder.mkdir(parents=True)
        return JobJournal(files, self, lambda text: text)
