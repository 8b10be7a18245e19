"""Figures over all that is recorded, for programs that watch: as JSON, and as OpenMetrics text."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from runr.history import database, figures, index, period_rows
from runr.history.period import Period
from runr.history.period_rows import Facts
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot

if TYPE_CHECKING:
    import sqlite3

_ALWAYS = Period("0000", "9999")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of a metric, with the labels that tell it from the others."""

    labels: dict[str, str] = field(default_factory=dict)
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric: a `counter` only grows while no record is removed, a `gauge` is of now."""

    name: str
    kind: str
    help: str
    samples: list[Sample]
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics(Result):
    """All metrics, those without a value left out."""

    metrics: list[Metric]


def collect(project: Project) -> Metrics:
    """Return the metrics of a repository."""
    states = Snapshot.of(project).task_states().values()
    tasks = figures.most_frequent(state.display_status for state in states)
    facts, runs = index.ask(project, _read)
    found = [
        Metric(
            name="runr_tasks",
            kind="gauge",
            help="Tasks by what lists show of them.",
            samples=_by("status", tasks),
        ),
        *_of_runs(runs),
        *_of_tasks(facts),
        *_of_usage(facts),
    ]
    return Metrics(metrics=[metric for metric in found if metric.samples])


class EndedRuns(NamedTuple):
    """How many runs of a worker ended with a result, and how long they worked."""

    result: str
    worker: str
    number: int
    seconds: float


def _read(connection: "sqlite3.Connection") -> tuple[Facts, list[EndedRuns]]:
    listed = connection.execute(database.queries()["ended_runs"]).fetchall()
    return period_rows.gather(connection, _ALWAYS), list(map(EndedRuns._make, listed))


def _of_runs(runs: Sequence[EndedRuns]) -> Iterator[Metric]:
    ended: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    for each in runs:
        ended[each.result] += each.number
        seconds[each.worker] += each.seconds
    yield Metric(
        name="runr_runs",
        kind="counter",
        help="Ended runs of workers by their result.",
        samples=_by("result", ended),
    )
    yield Metric(
        name="runr_run_seconds",
        kind="counter",
        help="How long ended runs worked, by worker.",
        unit="seconds",
        samples=[
            Sample(labels={"worker": worker}, value=round(total, 3))
            for worker, total in sorted(seconds.items())
        ],
    )


def _of_tasks(facts: Facts) -> Iterator[Metric]:
    completed = [row for row in facts.changes if row.change == "completed"]
    stopped = [row for row in facts.changes if row.change in ("stopped", "failed")]
    yield Metric(
        name="runr_completions",
        kind="counter",
        help="Completions by their evidence when made, with those reset since.",
        samples=_by("evidence", figures.evidence_counts(completed)),
    )
    reasons = figures.most_frequent(row.stop_reason or "error" for row in stopped)
    yield Metric(
        name="runr_stops",
        kind="counter",
        help="Stops of runs by their reason.",
        samples=_by("reason", reasons),
    )
    yield Metric(
        name="runr_first_verifications",
        kind="counter",
        help="First verifications of runs by their result.",
        samples=_by("result", facts.first),
    )
    for name, count, text in (
        ("runr_attempts", facts.attempts, "Attempts of runs."),
        ("runr_landings", facts.landed, "How often work got into a branch."),
        (
            "runr_resets",
            sum(row.change == "reset" for row in facts.changes),
            "Resets of completions.",
        ),
    ):
        yield Metric(name=name, kind="counter", help=text, samples=[Sample(value=count)])


def _of_usage(facts: Facts) -> Iterator[Metric]:
    used = figures.by_worker(facts.used)
    yield Metric(
        name="runr_cost_usd",
        kind="counter",
        help="Cost in US dollars, as workers reported it.",
        samples=[
            Sample(labels={"worker": each.worker, "model": each.model}, value=each.cost_usd)
            for each in used
            if each.cost_usd is not None
        ],
    )
    yield Metric(
        name="runr_tokens",
        kind="counter",
        help="Tokens by worker, model and direction.",
        samples=[
            Sample(
                labels={"worker": each.worker, "model": each.model, "direction": direction},
                value=count,
            )
            for each in used
            for direction, count in (("input", each.input_tokens), ("output", each.output_tokens))
        ],
    )


def _by(label: str, counts: Mapping[str, int]) -> list[Sample]:
    return [Sample(labels={label: name}, value=count) for name, count in sorted(counts.items())]


def open_metrics(answer: Metrics) -> str:
    """Return the metrics as OpenMetrics 1.0 text."""
    lines: list[str] = []
    for metric in answer.metrics:
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        if metric.unit:
            lines.append(f"# UNIT {metric.name} {metric.unit}")
        lines.append(f"# HELP {metric.name} {_escaped(metric.help)}")
        suffix = "_total" if metric.kind == "counter" else ""
        lines += [
            f"{metric.name}{suffix}{_labels(sample.labels)} {sample.value:.15g}"
            for sample in metric.samples
        ]
    return "\n".join([*lines, "# EOF"])


def _labels(labels: Mapping[str, str]) -> str:
    written = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{written}}}" if written else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
