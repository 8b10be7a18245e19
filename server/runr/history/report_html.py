"""The report of a period as one HTML file that needs nothing else, with charts."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from runr.history import report_charts
from runr.history.activity import Activity, ActivityPart
from runr.history.period_report import PeriodReport
from runr.history.report_charts import Bar, ChartRow, text
from runr.history.report_page import LocalTime, Section, note, sections, title
from runr.text import pluralize

_ASSETS = Path(__file__).parent / "assets"
_YEAR = len("2025-")


def render_html(answer: PeriodReport, local: LocalTime) -> str:
    """Return the page; it runs no script and its policy lets it load nothing."""
    body = "\n".join(_body(answer, local))
    sheets = [(_ASSETS / name).read_text("utf-8") for name in ("charts.min.css", "report.css")]
    style = "\n".join([*sheets, report_charts.size_rules(body)])
    seal = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{seal}'; base-uri 'none'; form-action 'none'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{text(title(answer, local))}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _body(answer: PeriodReport, local: LocalTime) -> Iterator[str]:
    yield f"<h1>{text(title(answer, local))}</h1>"
    summary, *others = sections(answer, local)
    yield _section(summary)
    yield from _charts(answer)
    # The charts have what the section about activity has, row by row.
    yield from (_section(section) for section in others if section.title != "Activity")
    yield from (f"<p>{text(line.strip())}</p>" for line in note(answer, ""))


def _charts(answer: PeriodReport) -> Iterator[str]:
    if answer.activity.parts:
        yield _burn_ups(answer)
        yield _activities(answer.activity)
    if answer.activity_by_day:
        yield _activities(answer.activity_by_day)
    yield from _costs(answer)


def _burn_ups(answer: PeriodReport) -> str:
    parts, span = answer.activity.parts, _span(answer.activity)
    totals = [part.task_count for part in parts]
    return _figure(
        f"Completed tasks: {pluralize(parts[-1].completed_task_count, 'task')}",
        report_charts.area(
            f"Completed tasks at the end of each {span}, below a line of all tasks",
            [_burn_up(part) for part in parts],
            (span, "completed tasks"),
            totals,
        ),
        _scale(max((*totals, *(part.completed_task_count for part in parts)))),
    )


def _activities(activity: Activity) -> str:
    parts, span = activity.parts, _span(activity)
    return _figure(
        f"Activity by {span}",
        report_charts.stacked_columns(
            f"Completions, stops and failures by {span}",
            [_activity(part) for part in parts],
            (span, "completed", "stopped", "failed"),
        ),
        _scale(max(sum(counts) for counts in map(_counts, parts)))
        + '<ul class="legend"><li>completed</li><li>stopped</li><li>failed</li></ul>',
    )


def _costs(answer: PeriodReport) -> Iterator[str]:
    paid = [each for each in answer.usage if each.cost_usd is not None]
    if paid:
        rows = [
            ChartRow(
                " ".join(filter(None, (each.worker, each.model))),
                [Bar(each.cost_usd or 0, f"${each.cost_usd:.2f}")],
            )
            for each in paid
        ]
        yield _figure(
            "Cost by worker", report_charts.bars("Cost by worker", rows, ("worker", "cost")), ""
        )


def _span(activity: Activity) -> str:
    return {1: "day", 7: "week"}.get(activity.days, f"{activity.days} days")


def _burn_up(part: ActivityPart) -> ChartRow:
    count, day = part.completed_task_count, _day(part)
    said = f"{count} of {pluralize(part.task_count, 'task')}"
    return ChartRow(day, [Bar(count, said)], day[_YEAR:])


def _activity(part: ActivityPart) -> ChartRow:
    words = ("completed", "stopped", "failed")
    counts = zip(_counts(part), words, strict=True)
    day = _day(part)
    return ChartRow(day, [Bar(count, f"{count} {word}") for count, word in counts], day[_YEAR:])


def _counts(part: ActivityPart) -> tuple[int, int, int]:
    return part.completed_count, part.stopped_count, part.failed_count


def _day(part: ActivityPart) -> str:
    return f"{datetime.fromisoformat(part.since).astimezone():%Y-%m-%d}"


def _scale(most: int) -> str:
    return f'<p class="scale">Top of the chart: {most:,}</p>'


def _figure(heading: str, chart: str, below: str) -> str:
    return f'<section><h2>{text(heading)}</h2>\n<div class="chart">{chart}</div>{below}</section>'


def _section(section: Section) -> str:
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in section.head)
    rows = "".join(f"<tr>{_cells(row)}</tr>\n" for row in section.rows)
    shown = f"<thead><tr>{head}</tr></thead>" if head else ""
    return (
        f"<section><h2>{text(section.title)}</h2>\n"
        f'<div class="wide"><table class="rows">{shown}<tbody>{rows}</tbody></table></div>'
        "</section>"
    )


def _cells(row: Iterable[str]) -> str:
    first, *others = row
    return f'<th scope="row">{text(first)}</th>' + "".join(
        f"<td>{text(cell)}</td>" for cell in others
    )
