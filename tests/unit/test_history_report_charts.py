"""Charts of a report: the sizes of bars, which labels are seen, and the rules for the sizes."""

import re

import pytest

from runr.history import report_charts
from runr.history.report_charts import STEPS, Bar, ChartRow


def row(label: str, *sizes: float, short: str = "") -> ChartRow:
    return ChartRow(label, [Bar(size, f"{size:g} tasks") for size in sizes], short)


def classes(html: str) -> list[str]:
    return re.findall(r'<td role="cell" class="([^"]*)">', html)


def seen(html: str) -> list[str]:
    return re.findall(r"<b(?: aria-hidden=\"true\")?>([^<]*)</b>", html)


def test_the_parts_of_a_column_are_sized_by_the_highest_column() -> None:
    html = report_charts.stacked_columns("Work", [row("Mon", 3, 1), row("Tue", 1, 0)], ["a", "b"])
    assert classes(html) == [f"s{STEPS * 3 // 4}", f"s{STEPS // 4}", f"s{STEPS // 4}", "s0"]
    assert '<table role="table" class="charts-css column multiple stacked ' in html
    assert "<caption>Work</caption>" in html
    assert re.findall(r'<th scope="col">(.)</th>', html) == ["a", "b"]
    assert '<span class="data">3 tasks</span>' in html


def test_what_there_is_little_of_is_still_seen() -> None:
    html = report_charts.bars(
        "Cost", [row("much", 10_000), row("little", 1), row("none", 0)], ["c"]
    )
    assert classes(html) == [f"s{STEPS}", "s1", "s0"]
    assert seen(html) == ["much", "little", "none"]


@pytest.mark.parametrize("draw", [report_charts.stacked_columns, report_charts.bars])
def test_a_small_fraction_of_one_fills_its_chart(draw: object) -> None:
    assert callable(draw)
    assert classes(draw("Cost", [row("a", 0.5), row("b", 0.25)], [])) == [
        f"s{STEPS}",
        f"s{STEPS // 2}",
    ]


def test_an_area_begins_at_zero_and_each_point_where_the_last_one_ended() -> None:
    html = report_charts.area(
        "Done", [row("1", 0.25), row("2", 0.5), row("3", 0.5)], ["n"], [0] * 3
    )
    assert classes(html) == [f"f0 t{STEPS // 2}", f"f{STEPS // 2} t{STEPS}", f"f{STEPS} t{STEPS}"]
    assert classes(report_charts.area("Done", [row("1", 0)], ["n"], [0])) == ["f0 t0"]


def test_at_most_six_labels_are_seen_and_all_are_read() -> None:
    rows = [row(f"day {number}", 1, short=f"{number}") for number in range(13)]
    html = report_charts.stacked_columns("Work", rows, ["n"])
    assert seen(html) == ["0", "3", "6", "9", "12"]
    assert re.findall(r'<span class="unseen">([^<]*)</span>', html) == [each.label for each in rows]
    few = report_charts.stacked_columns("Work", rows[:6], ["n"])
    assert seen(few) == ["0", "1", "2", "3", "4", "5"]
    long = report_charts.stacked_columns("Work", [each._replace(short="") for each in rows], ["n"])
    assert seen(long) == ["day 0", "day 3", "day 6", "day 9", "day 12"]
    assert seen(report_charts.stacked_columns("Work", [], ["n"])) == []


def test_a_page_has_the_rules_of_the_sizes_that_it_uses_and_no_others() -> None:
    html = '<td class="s0"><td class="s100"><td class="f10 t400">'
    rules = ".s0{--size:0}.s100{--size:0.25}.f10{--start:0.025}.t400{--end:1}"
    assert report_charts.size_rules(html) == rules
    assert report_charts.size_rules("<p>s1 f2 t3</p>") == ""


def test_text_of_users_is_no_markup() -> None:
    html = report_charts.bars("<i>", [row("<b>x</b>\x1b", 1)], ["&"])
    assert "<i>" not in html
    assert "<b>x" not in html
    assert "&lt;i&gt;" in html
    assert "\x1b" not in html
