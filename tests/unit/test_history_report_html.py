"""The report as a page: what is escaped, what the policy allows, how large it is."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

from runr.history import report_html
from runr.history.activity import Activity, ActivityPart
from runr.history.figures import FlakyCheck, Rate, Spread, WorkerRates, WorkerUsage
from runr.history.period_report import Completion, PeriodReport, Waiting
from runr.history.period_rows import MOST

NASTY = "</style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x1b[31m"
LENGTH = 120


def report(name: str) -> PeriodReport:
    """Return the longest report there is, of tasks, workers and commands with this name."""
    time = "2025-01-06T08:00:00.000Z"
    part = ActivityPart(
        since=time,
        completed_count=7,
        stopped_count=2,
        failed_count=1,
        completed_task_count=70,
        task_count=140,
    )
    used = WorkerUsage(
        worker=name,
        model=name,
        runs=1,
        cost_usd=1.0,
        input_tokens=1,
        output_tokens=1,
        turns=1,
    )
    rates = WorkerRates(
        worker=name,
        model=name,
        run_count=1,
        attempt_count=1,
        first_pass=Rate(count=1, of=1, share=1.0),
        cost_usd=1.0,
        input_tokens=1,
        output_tokens=1,
    )
    done = Completion(
        task_path=name, time=time, evidence="verified", by=name, run_id="r", commit_sha="c" * 40
    )
    return PeriodReport(
        since=time,
        until=time,
        tags=[name],
        completed_count=1,
        completed_by_evidence={"verified": 1},
        stale_count=0,
        stale_by_evidence={},
        stopped_count=0,
        failed_count=0,
        reset_count=0,
        landed_count=0,
        stop_reasons={name: 1},
        lead_seconds=Spread(count=0),
        run_seconds=Spread(count=0),
        first_pass=Rate(count=0, of=0),
        attempt_count=0,
        cost_usd=1.0,
        usage=[used] * 20,
        flaky_checks=[FlakyCheck(command=name, passed=1, failed=1, tasks=[name])] * 10,
        activity=Activity(days=7, parts=[part] * 106),
        activity_by_day=Activity(days=1, parts=[part] * 367),
        rates=[rates] * 20,
        task_count=140,
        completions=[done] * MOST,
        waiting=[Waiting(task_path=name, since=time, seconds=1.0, why=name)] * MOST,
    )


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}


def page(name: str) -> str:
    return report_html.render_html(report(name), lambda time: time[:16])


def test_no_name_or_command_forms_markup() -> None:
    nasty, usual = Tags(page(NASTY)), Tags(page("plain"))
    assert nasty.names == usual.names
    assert nasty.attributes == usual.attributes
    assert not nasty.attributes & {"style", "src", "href", "onerror"}
    assert "\x1b" not in page(NASTY)


def test_the_policy_allows_one_style_sheet_and_nothing_else() -> None:
    shown = page("plain")
    style = re.findall(r"<style>(.*?)</style>", shown, re.DOTALL)
    assert len(style) == 1
    seal = b64encode(sha256(style[0].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{seal}';" in shown
    assert not re.search(r"url\(|@import", style[0])
    assert "script" not in Tags(shown).names


def test_the_largest_page_is_small() -> None:
    assert len(page("x" * LENGTH).encode()) < 300_000


def test_the_line_of_all_tasks_is_as_high_as_they_were_many() -> None:
    few = ActivityPart(
        since="2025-01-05T08:00:00.000Z",
        completed_count=0,
        stopped_count=1,
        failed_count=0,
        completed_task_count=0,
        task_count=35,
    )
    answer = report("plain")
    parts = [few, *answer.activity.parts]
    answer = replace(answer, activity=replace(answer.activity, parts=parts))
    shown = report_html.render_html(answer, str)
    assert shown.count('<tr role="row" class="g100">') == 1
    assert shown.count('<tr role="row" class="g400">') == 106
    assert ".g400{--goal:1}" in shown
    # The last part has half of the tasks.
    assert re.search(r'class="f200 t200"', shown)
    assert "70 of 140 tasks" in shown
    assert "0 of 35 tasks" in shown
    assert "Top of the chart: 140<" in shown
