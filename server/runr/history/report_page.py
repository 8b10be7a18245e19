"""The report of a period as text and as Markdown: the same sections in both."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from runr.history.activity import ActivityPart
from runr.history.figures import Rate, Spread, WorkerRates
from runr.history.period_report import Completion, PeriodReport, Waiting
from runr.tasks.model import short_name
from runr.text import escape_markdown, flat, format_duration, join_limited

#: Returns a time of the report as the reader's clock shows it.
LocalTime = Callable[[str], str]
_SHA, _DAY = 12, 10
_SPANS = {1: "day", 7: "week of"}
_ACTIVITY = ("completed", "stopped", "failed", "completed tasks")


class Section(NamedTuple):
    """A table with its title; without a head the first column is what the second is of."""

    title: str
    rows: Sequence[Sequence[str]]
    head: Sequence[str] = ()


def render_text(answer: PeriodReport, local: LocalTime) -> str:
    """Return the report for a terminal."""
    lines = [title(answer, local)]
    for section in sections(answer, local):
        rows = [section.head, *section.rows] if section.head else section.rows
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["", section.title]
        lines += [f"  {'  '.join(map(str.ljust, row, widths))}".rstrip() for row in rows]
    return "\n".join([*lines, *note(answer, "")])


def render_markdown(answer: PeriodReport, local: LocalTime) -> str:
    """Return the report as Markdown."""
    lines = [f"# {escape_markdown(title(answer, local))}"]
    for section in sections(answer, local):
        columns = len(section.rows[0])
        head = section.head or ("",) * columns
        lines += ["", f"## {section.title}", "", _row(head), _row(["---"] * columns)]
        lines += [_row(map(_cell, row)) for row in section.rows]
    return "\n".join([*lines, *note(answer, "\n")])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text if text == "-" else escape_markdown(text)


def title(answer: PeriodReport, local: LocalTime) -> str:
    """Return from when until when the report is, and of what."""
    limits = [f"tag {flat(tag)}" for tag in answer.tags]
    limits += [f"worker {flat(name)}" for name in answer.workers]
    only = f" ({join_limited(limits, 5)})" if limits else ""
    span = f"{local(answer.since)} to {local(answer.until)}{only}"
    return f"Job run {answer.job_run_id}, {span}" if answer.job_run_id else f"From {span}"


def note(answer: PeriodReport, gap: str) -> list[str]:
    """Return what is in no figure of the report, if there is something."""
    if not answer.unconfirmed_runs:
        return []
    return [f"{gap}Not counted: {answer.unconfirmed_runs} of other clones or damaged"]


def sections(answer: PeriodReport, local: LocalTime) -> list[Section]:
    """Return the sections that have something in them."""
    found = [
        Section("Summary", _summary(answer)),
        Section(
            "Activity",
            [_activity(part, local) for part in answer.activity.parts if _is_busy(part)],
            (_SPANS.get(answer.activity.days, f"{answer.activity.days} days"), *_ACTIVITY),
        ),
        Section("Completed", [_completion(each, local) for each in answer.completions]),
        Section("Stop reasons", _counted(answer.stop_reasons)),
        Section(
            "Workers",
            [_rates(each) for each in answer.rates],
            ("worker", "model", "runs", "attempts", "first pass", "cost", "input", "output"),
        ),
        Section(
            "Flaky checks",
            [
                (flat(each.command), f"passed {each.passed}", f"failed {each.failed}")
                for each in answer.flaky_checks
            ],
        ),
        Section("Waiting for a person", [_waiting(each) for each in answer.waiting]),
    ]
    return [section for section in found if section.rows]


def _summary(answer: PeriodReport) -> list[tuple[str, str]]:
    rows = [
        ("completed", _by(answer.completed_count, answer.completed_by_evidence)),
        ("reset since", str(answer.reset_since_count)),
        ("not on this branch", str(answer.unmerged_count)),
        ("stale since", _by(answer.stale_count, answer.stale_by_evidence)),
        ("stopped", str(answer.stopped_count)),
        ("failed", str(answer.failed_count)),
        ("reset", str(answer.reset_count)),
        ("landed", str(answer.landed_count)),
        ("lead time", _spread(answer.lead_seconds)),
        ("run time", _spread(answer.run_seconds)),
        ("passed at the first verification", _rate(answer.first_pass)),
        ("attempts", str(answer.attempt_count)),
        ("cost", "" if answer.cost_usd is None else f"${answer.cost_usd:.2f}"),
    ]
    return [row for row in rows if row[1] not in ("", "0") or row[0] == "completed"]


def _is_busy(part: ActivityPart) -> bool:
    return part.completed_count + part.stopped_count + part.failed_count > 0


def _activity(part: ActivityPart, local: LocalTime) -> tuple[str, ...]:
    counts = part.completed_count, part.stopped_count, part.failed_count
    return local(part.since)[:_DAY], *map(str, counts), _of(part)


def _of(part: ActivityPart) -> str:
    return f"{part.completed_task_count} of {part.task_count}"


def _by(count: int, parts: Mapping[str, int]) -> str:
    named = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in parts.items())
    return f"{count}: {named}" if named else str(count)


def _counted(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(name, str(number)) for name, number in counts.items()]


def _spread(spread: Spread) -> str:
    if spread.median is None or spread.p90 is None:
        return ""
    return f"median {format_duration(spread.median)}, 90% within {format_duration(spread.p90)}"


def _rate(rate: Rate) -> str:
    return "" if rate.share is None else f"{rate.count} of {rate.of} ({rate.share:.0%})"


def _rates(each: WorkerRates) -> tuple[str, ...]:
    counts = str(each.run_count), str(each.attempt_count), _rate(each.first_pass) or "-"
    cost = "-" if each.cost_usd is None else f"${each.cost_usd:.2f}"
    tokens = f"{each.input_tokens:,}", f"{each.output_tokens:,}"
    return (flat(each.worker) or "-", flat(each.model) or "-", *counts, cost, *tokens)


def _completion(each: Completion, local: LocalTime) -> tuple[str, ...]:
    evidence = (each.evidence or "no evidence").replace("_", " ")
    since = {
        "reset since": each.reset,
        "not on this branch": each.unmerged,
        "stale": each.stale and not (each.reset or each.unmerged),
    }
    shown = [evidence, *(name for name, holds in since.items() if holds)]
    return local(each.time), _name(each.task_path), ", ".join(shown), (each.commit_sha or "")[:_SHA]


def _waiting(each: Waiting) -> tuple[str, ...]:
    waited = "" if each.seconds is None else format_duration(each.seconds)
    return _name(each.task_path), each.why, waited


def _name(path: str) -> str:
    return flat(short_name(path))
