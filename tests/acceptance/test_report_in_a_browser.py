"""The HTML report in a real browser: its charts are drawn, and it requests nothing."""

from datetime import timedelta
from pathlib import Path

import pytest

from cli.terminal import Place, Prepare
from fakes import chromium
from runr.storage.layout import Layout
from unit.journals_of_runs import Journals, completed, stopped

NASTY = "<script>alert(1)</script><img src=http://example.org/x>"

#: What of the page is where: no chart may be empty, or wider than the window.
DRAWN = """[...document.querySelectorAll('.charts-css')].map(chart => [
  [...chart.querySelectorAll('td')].filter(cell => {
    const box = cell.getBoundingClientRect(); return box.width > 0 && box.height > 0 }).length,
  chart.getBoundingClientRect().height > 50 || chart.classList.contains('bar'),
  getComputedStyle(chart.querySelector('td'), '::before').backgroundColor
    + getComputedStyle(chart.querySelector('td')).backgroundColor])"""


def week(place: Place) -> None:
    journals = Journals(Layout(place.root))
    names = [f"{day}-{NASTY.replace('/', ':')}" for day in range(10)]
    for name in names:
        place.task(f"{name}.md")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", "2025-01-01T00:00:00Z")
        place.commit("Tasks")
    for day, name in enumerate(names):
        begun = journals.now
        journals.run(name, completed(cost_usd=1.5), worker="codex")
        journals.run(f"{day}-stopped", stopped())
        journals.now = begun + timedelta(days=1)


@pytest.mark.long
def test_the_report_is_drawn_without_a_request_or_an_error(
    prepared: Prepare, tmp_path: Path
) -> None:
    place = prepared(week)
    report = place.root / "report.html"
    words = ("report", "--since", "2025-01-01", "--until", "2025-01-20", "--format", "html")
    place.runr(*words, "--output", "report.html", code=0)
    with chromium.page(tmp_path / "profile") as page:
        page.open(report.as_uri())
        asked = [each["request"]["url"] for each in page.seen("Network.requestWillBeSent")]
        assert asked == [report.as_uri()]
        assert page.seen("Log.entryAdded") == []
        assert page.seen("Runtime.consoleAPICalled") == []
        assert page.value("document.scripts.length + document.images.length") == 0
        areas, columns, costs = page.value(DRAWN)
        assert (areas[0] >= 10, columns[0] >= 20, costs[0]) == (True, True, 1)
        assert areas[1]
        assert columns[1]
        assert all("rgb(" in chart[2] for chart in (areas, columns, costs))
        _is_labelled(page)
        _is_read(page)
        _fits(page)
        _is_dark_where_wanted(page)


def _is_labelled(page: chromium.Page) -> None:
    """No label is cut off by a chart, and no chart is scrolled."""
    outside = """[...document.querySelectorAll('.chart')].filter(chart => {
      const box = chart.getBoundingClientRect()
      return getComputedStyle(chart).overflowY == 'auto'
        || [...chart.querySelectorAll('th b')].some(label => {
          const own = label.getBoundingClientRect()
          return own.height == 0 || own.bottom > box.bottom + 1 })}).length"""
    assert page.value(outside) == 0


def _is_read(page: chromium.Page) -> None:
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    said = {(node["role"]["value"], node.get("name", {}).get("value")) for node in nodes}
    assert ("table", "Completed tasks at the end of each day, below a line of all tasks") in said
    assert ("table", "Completions, stops and failures by day") in said
    assert ("rowheader", "2025-01-08") in said
    assert ("cell", "3 of 10 tasks") in said
    assert ("cell", "1 stopped") in said


def _fits(page: chromium.Page) -> None:
    page.send(
        "Emulation.setDeviceMetricsOverride",
        width=360,
        height=740,
        deviceScaleFactor=1,
        mobile=True,
    )
    assert page.value("document.documentElement.scrollWidth") <= 360


def _is_dark_where_wanted(page: chromium.Page) -> None:
    colors = []
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        page.send("Emulation.setEmulatedMedia", features=[feature])
        colors.append(page.value("getComputedStyle(document.body).backgroundColor"))
    assert colors == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]
