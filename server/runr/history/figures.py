"""What the rows of a period come to: counts, rates, medians. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from runr.runs.model import Usage


class ChangeRow(NamedTuple):
    """A completion, a stop or a reset; the lead time is None where no start is known."""

    task: str
    time: str
    change: Literal["completed", "stopped", "failed", "reset"]
    evidence: str | None
    stop_reason: str | None
    run_seconds: float
    lead_seconds: float | None


class CompletionRow(NamedTuple):
    """A completion: when, on what evidence, by whom, in which run and commit."""

    task: str
    time: str
    evidence: str | None
    actor: str
    run_id: str
    commit_sha: str | None


class UsedRow(NamedTuple):
    """What a worker used with a model in all, and in how many runs."""

    worker: str
    model: str
    runs: int
    usage: Usage


class WorkedRow(NamedTuple):
    """In how many runs a worker made how many attempts with a model."""

    worker: str
    model: str
    runs: int
    attempts: int


class FirstRow(NamedTuple):
    """How many first verifications of a worker's runs passed, of how many."""

    worker: str
    model: str
    passed: int
    of: int


class FlakyRow(NamedTuple):
    """A check that passed and failed on the same tree: how often each, and in how many runs."""

    task: str
    worker: str
    command: str
    passed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Durations in seconds: how many there were, their median, and within what 90% of them were."""

    count: int
    median: float | None = None
    p90: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many `of` all; the share is None where there are none."""

    count: int
    of: int
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerUsage:
    """What a worker used with a model; the cost is None where none was reported."""

    worker: str
    model: str
    runs: int
    cost_usd: float | None
    input_tokens: int
    output_tokens: int
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRates:
    """What came of the work of a worker with a model, and what it used.

    `run_count` and `attempt_count` are of runs that began in the period, the usage also of plans
    and reviews.
    """

    worker: str
    model: str
    run_count: int
    attempt_count: int
    first_pass: Rate
    cost_usd: float | None
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlakyCheck:
    """A check that passed and failed though nothing had changed."""

    command: str
    passed: int
    failed: int
    tasks: list[str]


def within(ordered: Sequence[float], tenths: int) -> float | None:
    """Return the smallest value within which that share of all are."""
    return ordered[(len(ordered) * tenths + 9) // 10 - 1] if ordered else None


def spread(seconds: Sequence[float]) -> Spread:
    """Return how durations are spread."""
    # What is in order is quickly put in order again.
    ordered = sorted(seconds)
    half = len(ordered) // 2
    middle = (ordered[half] + ordered[~half]) / 2 if ordered else None
    p90 = within(ordered, 9)
    return Spread(
        count=len(seconds),
        median=None if middle is None else round(middle, 1),
        p90=None if p90 is None else round(p90, 1),
    )


def rate(count: int, of: int) -> Rate:
    """Return a rate; its share has three digits."""
    return Rate(count=count, of=of, share=round(count / of, 3) if of else None)


def most_frequent(reasons: Iterable[str]) -> dict[str, int]:
    """Return how often each reason occurs, the most frequent first, then by name."""
    counted = Counter(reasons)
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))


def by_worker(rows: Iterable[UsedRow]) -> list[WorkerUsage]:
    """Return what each worker used with each model, the most expensive first."""
    found = [
        WorkerUsage(
            worker=row.worker,
            model=row.model,
            runs=row.runs,
            cost_usd=None if row.usage.cost_usd is None else round(row.usage.cost_usd, 4),
            input_tokens=row.usage.input_tokens,
            output_tokens=row.usage.output_tokens,
            turns=row.usage.turns,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (-(each.cost_usd or 0), each.worker, each.model))


def rates(
    worked: Iterable[WorkedRow], first: Iterable[FirstRow], used: Iterable[UsedRow]
) -> list[WorkerRates]:
    """Return the rates of each worker with each model, those with the most attempts first."""
    attempts = {(row.worker, row.model): row for row in worked}
    firsts = {(row.worker, row.model): row for row in first}
    usages = {(row.worker, row.model): row.usage for row in used}
    found = []
    for key in {**attempts, **firsts, **usages}:
        own, passed = attempts.get(key), firsts.get(key)
        usage = usages.get(key, Usage())
        found.append(
            WorkerRates(
                worker=key[0],
                model=key[1],
                run_count=own.runs if own else 0,
                attempt_count=own.attempts if own else 0,
                first_pass=rate(passed.passed if passed else 0, passed.of if passed else 0),
                cost_usd=None if usage.cost_usd is None else round(usage.cost_usd, 4),
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
            )
        )
    return sorted(found, key=lambda each: (-each.attempt_count, each.worker, each.model))


def cost(usages: Iterable[WorkerUsage]) -> float | None:
    """Return the sum of the costs that are known; None where none is."""
    known = [each.cost_usd for each in usages if each.cost_usd is not None]
    return round(sum(known), 4) if known else None


def flaky(rows: Iterable[FlakyRow], most: int) -> list[FlakyCheck]:
    """Return the checks that failed most often without a change."""
    passed: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    tasks: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        passed[row.command] += row.passed
        failed[row.command] += row.failed
        tasks[row.command].add(row.task)
    found = [
        FlakyCheck(
            command=command,
            passed=passed[command],
            failed=failed[command],
            tasks=sorted(tasks[command]),
        )
        for command in tasks
    ]
    return sorted(found, key=lambda each: (-each.failed, each.command))[:most]


def evidence_counts(changes: Iterable[ChangeRow]) -> Mapping[str, int]:
    """Return how many completions there were on each evidence."""
    return most_frequent(row.evidence or "none" for row in changes)
